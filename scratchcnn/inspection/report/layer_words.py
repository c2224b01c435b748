"""Sentences about the passes of a layer, and the formula in its docstring."""

from __future__ import annotations

import inspect
import textwrap

from scratchcnn.descriptions.registry import description_of, kind_of
from scratchcnn.descriptions.words import times
from scratchcnn.inspection.tracing.layer_trace import LayerTrace

__all__ = ["backward_words", "formula_of", "forward_words", "times"]

ACTIVATIONS = {
    "relu": "ReLU then replaces every negative value by zero.",
    "softmax": "Softmax then turns the values into probabilities, which are positive and add up to 1.",
}
GRADIENTS = {"relu": "Before that, ReLU sets the gradient to zero where its output is zero."}
NOTATION = "Notation: "


def formula_of(layer: LayerTrace) -> str:
    """Return the formula in the docstring of the layer's class and the definition of its symbols; or an empty string.

    The formula is the first indented paragraph, the symbols are defined in the paragraph that begins with 'Notation:'.
    """
    text = inspect.cleandoc(type(layer.layer).__doc__ or "").split("\n\nParameters\n---")[0]
    paragraphs = text.split("\n\n")
    formula = next((each for each in paragraphs if all(line.startswith("    ") for line in each.splitlines())), "")
    notation = next((each for each in paragraphs if each.startswith(NOTATION)), "")
    lines = textwrap.wrap(notation.removeprefix(NOTATION), 90)
    return "\n\n".join(part for part in (textwrap.dedent(formula), "\n".join(lines)) if part) if formula else ""


def forward_words(layer: LayerTrace) -> str:
    """Return sentences about the forward pass of a layer and its activation."""
    return _joined(description_of(layer.layer).words(layer)[0], layer, ACTIVATIONS)


def backward_words(layer: LayerTrace) -> str:
    """Return sentences about the backward pass of a layer and its activation."""
    return _joined(description_of(layer.layer).words(layer)[1], layer, GRADIENTS)


def _joined(words: str, layer: LayerTrace, of_activation: dict[str, str]) -> str:
    described = kind_of(layer.layer) is not None
    return " ".join(filter(None, [words, of_activation.get(layer.activation or "", "") if described else ""]))
