"""Data of an explanation: the terms of one value of a trace, their sum, and the stored result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scratchcnn.inspection.attribution.receptive_field import Reach, chain_of, single
from scratchcnn.inspection.explaining.matrices import number_cells
from scratchcnn.inspection.explaining.rounding import exact_sum
from scratchcnn.inspection.explaining.terms import SoftmaxRow, Terms
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.operands import Array


@dataclass(frozen=True, eq=False)
class ExplanationData:
    """Fields of `Explanation`, where they are documented, and quantities derived from them."""

    trace: Trace
    layer: LayerTrace
    position: tuple[int, ...]
    what: str
    parameter: str | None
    terms: Terms
    preactivation: float
    output: float
    stored: float
    stored_preactivation: float
    bound: float
    row: SoftmaxRow | None = None

    @property
    def inputs(self) -> Array:
        """The inputs of the weighted sum: the patch (KH, KW, C), the row (I,), the window (KH, KW), ..."""
        return self.terms.inputs

    @property
    def weights(self) -> Array:
        """The factor of each input; same shape as `inputs`."""
        return self.terms.weights

    @cached_property
    def products(self) -> Array:
        """inputs * weights in float64, where the product of two float32 is exact."""
        return products_of(self.terms)

    @cached_property
    def sum(self) -> float:
        """The sum of all products, rounded once."""
        return exact_sum(self.products)

    @property
    def bias(self) -> float:
        """The bias added to the sum."""
        return self.terms.bias

    @property
    def known(self) -> bool:
        """Whether the formula is known; otherwise the weights are slopes measured by finite differences."""
        return self.terms.known

    @property
    def difference(self) -> float:
        """stored - output."""
        return self.stored - self.output

    @property
    def adds_up(self) -> bool | None:
        """Whether the terms reproduce the stored values within the rounding bound; None where no formula is known."""
        if not self.known:
            return None
        before = _agree(self.preactivation, self.stored_preactivation, self.terms.bound)
        return before and _agree(self.output, self.stored, self.bound)

    def chain(self) -> list[Reach]:
        """The part of each layer's input that the value can depend on, from this layer back to the first.

        Returns
        -------
        list of Reach
            The last is on the model's input: the receptive field. For a gradient, the receptive field of its unit.

        Raises
        ------
        ValueError
            For the gradient of a parameter, which has no position in a feature map.
        """
        if self.parameter is not None:
            raise ValueError(
                "Expected a unit, which has a place and a receptive field, received a parameter, which is used "
                "everywhere; its terms have their places in `terms.sources`."
            )
        number = self.trace.layers.index(self.layer)
        if self.what == "d_input":
            number -= 1
        shape = self.trace.layers[number].shapes.output if number >= 0 else self.trace.x.shape
        return chain_of(self.trace.layers, number, single(shape[1:], self.position[1:]))

    @property
    def receptive_field(self) -> Reach:
        """The part of the model's input that the value can depend on: the last element of `chain()`."""
        return self.chain()[-1]

    def texts_of(self, numbers: Array, inside: Array | None = None) -> list[list[str]]:
        """The elements of a matrix formatted with a common number of decimals; '.' where not inside."""
        return number_cells(numbers, inside)


def products_of(terms: Terms) -> Array:
    """Each input times its weight, in float64; zero for inputs in the padding and for those not selected."""
    with np.errstate(all="ignore"):
        products = terms.inputs.astype(np.float64) * terms.weights.astype(np.float64)
    absent = ~terms.inside | (terms.weights == 0) if terms.selects else ~terms.inside
    return np.where(absent, 0.0, products)


def _agree(one: float, other: float, bound: float) -> bool:
    """Whether two values differ by at most the bound; non-finite values must be equal if the bound is finite."""
    if not (math.isfinite(one) and math.isfinite(other)):
        return one == other or (math.isnan(one) and math.isnan(other)) or not math.isfinite(bound)
    return abs(one - other) <= bound
