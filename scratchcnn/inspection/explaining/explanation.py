"""An explanation: the terms of one number, their sum, and what became of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scratchcnn.inspection.explaining.data import ExplanationData
from scratchcnn.inspection.explaining.text import explanation_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FORWARD = ("output", "preactivation")
BACKWARD = ("d_output", "d_preactivation", "d_input")


@dataclass(frozen=True, eq=False)
class Explanation(ExplanationData):
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

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the receptive field on the input, the terms, and their sum; write it to a file if one is named.

        Raises
        ------
        ValueError, OSError
            As `plots.save`.
        """
        from scratchcnn.inspection.explaining.figure import plot_explanation

        return plot_explanation(self, to_file)

    def __str__(self) -> str:
        return "\n".join(explanation_lines(self))

    def __repr__(self) -> str:
        index = ", ".join(map(str, self.position))
        of = self.what if self.parameter is None else f"gradients[{self.parameter!r}]"
        return f"<Explanation of {self.layer.name}.{of}[{index}] = {self.stored:.6g}>"
