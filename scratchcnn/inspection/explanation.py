"""An explanation: the terms of one number, their sum, and what became of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.inspection.explanation_text import explanation_lines
from scratchcnn.inspection.layer_trace import LayerTrace
from scratchcnn.inspection.matrices import number_cells
from scratchcnn.inspection.receptive_field import Reach, chain_of, single
from scratchcnn.inspection.rounding import exact_sum
from scratchcnn.inspection.terms import SoftmaxRow, Terms
from scratchcnn.operands import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scratchcnn.inspection.tracing import Trace

FORWARD = ("output", "preactivation")
BACKWARD = ("d_output", "d_preactivation", "d_input")


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where one number of a trace came from; `print` tells it.

    The number is a weighted sum, `sum(inputs * weights) + bias`, and an activation of it:

        inputs * weights = products,   sum + bias = preactivation,   activation(preactivation) = output

    computed here in float64 from the numbers of the trace; `stored` is what the model computed, which differs by
    rounding.

    Attributes
    ----------
    trace : Trace
    layer : LayerTrace
    position : tuple of int
        With the sample first; for a gradient, the index in the parameter.
    what : str
        'output', 'preactivation', 'd_output', 'd_preactivation', 'd_input' or 'gradient'.
    parameter : str or None
        Of a 'gradient': 'kernel' or 'bias'.
    terms : Terms
        The terms before they are added up, where each was taken from, and notes in words.
    preactivation : float
        sum + bias, in float64.
    output : float
        The activation of it; the same where none follows. A softmax is taken of the stored logits of its row.
    stored : float
        The number of the trace.
    stored_preactivation : float
        That before the activation.
    bound : float
        How far rounding may have moved the stored number from the exact one: derived, not measured (`rounding`).
        Infinite where the formula is not known.
    row : SoftmaxRow or None
        The exponentials, where a softmax makes the output.
    """

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
        """The numbers that meet in this one: the patch (KH, KW, C), the row (I,), the window (KH, KW), ..."""
        return self.terms.inputs

    @property
    def weights(self) -> Array:
        """What each is multiplied with: the shape of inputs."""
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
        """What is added to the sum."""
        return self.terms.bias

    @property
    def known(self) -> bool:
        """Whether the formula is known; otherwise the weights are slopes that were measured."""
        return self.terms.known

    @property
    def difference(self) -> float:
        """stored - output."""
        return self.stored - self.output

    @property
    def adds_up(self) -> bool | None:
        """Whether the arithmetic shown gives the stored numbers, up to rounding; None where no formula is known."""
        if not self.known:
            return None
        before = _agree(self.preactivation, self.stored_preactivation, self.terms.bound)
        return before and _agree(self.output, self.stored, self.bound)

    def chain(self) -> list[Reach]:
        """Back to the pixels: what part of each layer's input the number can depend on, from here to the first.

        Returns
        -------
        list of Reach
            The last is on the model's input: the receptive field. Of a gradient, that of the unit it belongs to.

        Raises
        ------
        ValueError
            For the gradient of a parameter, which belongs to no place.
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
        """What part of the model's input the number can depend on: the end of `chain()`."""
        return self.chain()[-1]

    def texts_of(self, numbers: Array, inside: Array | None = None) -> list[list[str]]:
        """The numbers of a matrix as texts of one number of decimals; '.' where not inside."""
        return number_cells(numbers, inside)

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the receptive field on the input, the terms, and their sum; write it to a file if one is named.

        Raises
        ------
        ValueError, OSError
            As `plots.save`.
        """
        from scratchcnn.plots.explanation import plot_explanation

        return plot_explanation(self, to_file)

    def __str__(self) -> str:
        return "\n".join(explanation_lines(self))

    def __repr__(self) -> str:
        index = ", ".join(map(str, self.position))
        of = self.what if self.parameter is None else f"gradients[{self.parameter!r}]"
        return f"<Explanation of {self.layer.name}.{of}[{index}] = {self.stored:.6g}>"


def products_of(terms: Terms) -> Array:
    """Each input times its weight, in float64; what lies outside or is not taken counts as zero."""
    with np.errstate(all="ignore"):
        products = terms.inputs.astype(np.float64) * terms.weights.astype(np.float64)
    absent = ~terms.inside | (terms.weights == 0) if terms.selects else ~terms.inside
    return np.where(absent, 0.0, products)


def _agree(one: float, other: float, bound: float) -> bool:
    if not (math.isfinite(one) and math.isfinite(other)):
        return one == other or (math.isnan(one) and math.isnan(other)) or not math.isfinite(bound)
    return abs(one - other) <= bound
