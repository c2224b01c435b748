"""Explanation: the terms of one value of a trace, their sum, and the activation of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.descriptions.terms import Position, Terms
from scratchcnn.display.blocks import Block, Facts, Group, Indented, Lines, Paragraph, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.attribution.receptive_field import Reach, chain_of
from scratchcnn.inspection.explaining.text import SoftmaxRow, chain_block, softmax_block, symbols_of, term_blocks
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.passes import has_activation
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.operands import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INDENT = "  "


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Displayed):
    """One value of a trace as a weighted sum; `print` shows the computation.

    The value is the activation of a weighted sum of inputs,

        inputs * weights = products,   sum + bias = preactivation,   activation(preactivation) = output

    computed here in float64 from the values of the trace; `stored` is what the model computed, which differs by
    rounding.

    Attributes
    ----------
    trace : Trace
    layer : LayerTrace
    position : tuple of int  the sample first; for the gradient of a parameter, the index in the parameter
    what : str  'output', 'preactivation', 'd_output', 'd_preactivation', 'd_input' or 'gradient'
    parameter : str or None  'kernel' or 'bias' for what='gradient'
    terms : Terms  the terms before they are added up, the origin of each, and notes
    output : float
        activation(preactivation), or the preactivation itself if no activation follows. A softmax is computed from the
        stored logits of its row.
    stored : float  the value in the trace
    bound : float
        Bound on the rounding error of `stored`, derived from the number of operations (`descriptions.rounding`);
        infinite if the formula is not known.
    row : SoftmaxRow or None  the exponentials, if the activation is a softmax
    """

    trace: Trace
    layer: LayerTrace
    position: Position
    what: str
    parameter: str | None
    terms: Terms
    output: float
    stored: float
    bound: float
    row: SoftmaxRow | None = None

    @property
    def inputs(self) -> Array:
        """The inputs of the weighted sum: a window (KH, KW, C) for a convolution, (I,) for a dense layer."""
        return self.terms.inputs

    @property
    def weights(self) -> Array:
        """The weight of each input; same shape as `inputs`."""
        return self.terms.weights

    @property
    def products(self) -> Array:
        """inputs * weights in float64, in which the product of two float32 values is exact."""
        return self.terms.products

    @property
    def sum(self) -> float:
        """The sum of all products, rounded once."""
        return self.terms.sum

    @property
    def bias(self) -> float:
        """The bias that is added to the sum."""
        return self.terms.bias

    @property
    def preactivation(self) -> float:
        """Sum + bias."""
        return self.terms.total

    @property
    def stored_preactivation(self) -> float:
        """The preactivation in the trace; `stored` itself if no activation follows."""
        return float(self.layer.preactivation[self.position]) if self._activated else self.stored

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
        """Whether the terms reproduce the stored values within the rounding bound; None if no formula is known."""
        if not self.known:
            return None
        before = _agree(self.preactivation, self.stored_preactivation, self.terms.bound)
        return before and _agree(self.output, self.stored, self.bound)

    def chain(self) -> list[Reach]:
        """Return the part of each layer's input on which the value depends, from this layer back to the first.

        The last is the part of the model's input: the receptive field. For a gradient, that of its unit. ValueError for
        the gradient of a parameter, which has no position in a feature map.
        """
        if self.parameter is not None:
            raise ValueError(
                "Expected the explanation of a unit, received that of a parameter, which is used at all positions and "
                "has no receptive field; use `terms.sources` for the positions of its terms."
            )
        number = self.trace.layers.index(self.layer)
        if self.what == "d_input":
            number -= 1
        shape = self.trace.layers[number].shapes.output if number >= 0 else self.trace.x.shape
        mask = np.zeros(shape[1:], bool)
        mask[self.position[1:]] = True
        return chain_of(self.trace.layers, number, mask)

    @property
    def receptive_field(self) -> Reach:
        """The part of the model's input on which the value depends: the last element of `chain()`."""
        return self.chain()[-1]

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the receptive field on the input, the terms, and their sum; write it to a file if a path is given.

        Of a window with several channels, the channel with the largest sum is drawn, and the products summed over all
        channels. Of a long row of terms, the largest are drawn as bars. ValueError and OSError as `plots.save`.
        """
        from scratchcnn.inspection.explaining.figure import plot_terms

        of, image = self.what, None
        if self.parameter is not None:
            of = f"{self.parameter} gradient"
        elif self.trace.x.ndim == 4:
            image = self.trace.x[self.position[0]], self.receptive_field
        title = f"{self.layer.name} ({self.layer.kind}): {of} at {list(self.position)} is {self.stored:.5g}"
        total = ", ".join(f"{name}: {value:.5g}" for name, value in self._steps())
        return plot_terms(self.terms, title, total, image, to_file)

    def blocks(self) -> list[Block]:
        """Return the formula, the terms, their sum, the softmax if there is one, and the receptive field."""
        formula = self.terms.formula
        title = Title(f"{self._name} = {self.stored:.6g}    ({self.layer.kind})")
        blocks: list[Block] = [
            *term_blocks(self.terms, self.parameter is None),
            Group(self._arithmetic(), *map(Paragraph, self.terms.notes)),
        ]
        if self.row is not None:
            blocks.append(softmax_block(self.row, self.position[-1]))
        if self.parameter is None:  # for a gradient, the value that the loss is differentiated with respect to
            blocks.append(chain_block(self.chain(), self.what[2:] if self.what.startswith("d_") else "value"))
        meaning = Group(Lines([formula]), Paragraph(f"({symbols_of(formula)})"))
        return [Group(title, Indented(meaning, INDENT)), *(Indented(block, INDENT) for block in blocks)]

    def __repr__(self) -> str:
        return f"<Explanation of {self._name} = {self.stored:.6g}>"

    @property
    def _name(self) -> str:
        of = self.what if self.parameter is None else f"gradients[{self.parameter!r}]"
        return f"{self.layer.name}.{of}{list(self.position)}"

    @property
    def _activated(self) -> bool:
        """Whether an activation follows the weighted sum."""
        return self.what == "output" and has_activation(self.layer.layer)

    def _steps(self) -> list[tuple[str, float]]:
        """Return the sum, the bias, the activation and the stored value, each with its name."""
        count, steps = self.inputs.size, []
        if count > 1 or self.bias:
            steps.append((f"sum of {count:,} products" if count > 1 else "product", self.sum))
        if self.bias:
            steps.append((self.terms.bias_name, self.bias))
        steps.append(("z" if self._activated else "total", self.preactivation))
        if self._activated:
            steps.append((f"{self.layer.activation}(z)", self.output))
        return [*steps, ("stored", self.stored)]

    def _arithmetic(self) -> Block:
        """Return the steps, one below the other, and whether the last two agree."""
        digits = 9 if self.layer.dtype == np.float32 else 15
        *steps, (name, stored) = [(name, f"{value: .{digits}g}") for name, value in self._steps()]
        verdict = f"difference {self.difference:.2g}"
        if not self.known:
            verdict += "; the slopes are approximations, so there is no bound"
        elif self.difference == 0 and self.adds_up:
            verdict = "equal"
        else:
            verdict += f": {'rounding error' if self.adds_up else 'MORE THAN ROUNDING'} (bound {self.bound:.2g})"
        return Facts([*steps, (name, f"{stored}   {verdict}")])


def _agree(one: float, other: float, bound: float) -> bool:
    """Whether two values differ by at most the bound; non-finite values must be equal if the bound is finite."""
    if not (math.isfinite(one) and math.isfinite(other)):
        return one == other or (math.isnan(one) and math.isnan(other)) or not math.isfinite(bound)
    return abs(one - other) <= bound
