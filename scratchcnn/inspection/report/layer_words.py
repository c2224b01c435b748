"""Sentences about the passes of a layer, the formula in its docstring, and the settings that occur in it."""

from __future__ import annotations

import inspect
import textwrap

from scratchcnn.descriptions.registry import description_of, kind_of
from scratchcnn.descriptions.words import times
from scratchcnn.inspection.tracing.layer_trace import LayerTrace

__all__ = ["backward_words", "formula_of", "forward_words", "settings_of", "times"]

ACTIVATIONS = {
    "relu": "ReLU then replaces every negative value by zero.",
    "softmax": "Softmax then turns the values into probabilities, which are positive and add up to 1.",
}
GRADIENTS = {"relu": "Before that, ReLU sets the gradient to zero where its output is zero."}
NOTATION = "Notation: "
SETTINGS = ("kernel_size", "pool_size", "strides", "padding", "dilation_rate", "rate", "scale", "offset")


def formula_of(layer: LayerTrace) -> tuple[str, str]:
    """Return the formula in the docstring of the layer's class, and the definition of its symbols; or empty strings.

    The formula is the first indented paragraph, the symbols are defined in the paragraph that begins with 'Notation:'.
    """
    text = inspect.cleandoc(type(layer.layer).__doc__ or "").split("\n\nParameters\n---")[0]
    paragraphs = text.split("\n\n")
    formula = next((each for each in paragraphs if all(line.startswith("    ") for line in each.splitlines())), "")
    notation = next((each for each in paragraphs if each.startswith(NOTATION)), "")
    return textwrap.dedent(formula), " ".join(notation.removeprefix(NOTATION).split()) if formula else ""


def settings_of(layer: LayerTrace) -> str:
    """Return the shapes of the parameters and the settings of a layer, which its formula depends on."""
    settings: dict[str, object] = {name: array.shape for name, array in layer.params.items()}
    settings |= {name: value for name in SETTINGS if (value := getattr(layer.layer, name, None)) is not None}
    settings |= {"activation": layer.activation} if layer.activation else {}
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def forward_words(layer: LayerTrace) -> str:
    """Return sentences about the forward pass of a layer and its activation."""
    return _joined(description_of(layer.layer).words(layer)[0], layer, ACTIVATIONS)


def backward_words(layer: LayerTrace) -> str:
    """Return sentences about the backward pass of a layer and its activation."""
    return _joined(description_of(layer.layer).words(layer)[1], layer, GRADIENTS)


def _joined(words: str, layer: LayerTrace, of_activation: dict[str, str]) -> str:
    described = kind_of(layer.layer) is not None
    return " ".join(filter(None, [words, of_activation.get(layer.activation or "", "") if described else ""]))
