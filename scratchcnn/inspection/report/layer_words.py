"""What each layer does, forward and backward, in two plain sentences; and its formula, from its docstring."""

from __future__ import annotations

import inspect
import textwrap

from scratchcnn.inspection.tracing.kinds import kind_of
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Rescaling
from scratchcnn.operands import Shape

ACTIVATIONS = {
    "relu": "ReLU then sets every negative number to zero and lets the others pass.",
    "softmax": "Softmax then turns the numbers into probabilities: all above zero, and 1 together.",
}


def times(shape: Shape) -> str:
    """A shape as it is read, '26 × 26 × 32', in one line."""
    return "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(map(str, shape)) or "one number"


def formula_of(layer: LayerTrace) -> str:
    """The formula in the docstring of the layer's class: its first indented block; empty if there is none."""
    for part in inspect.cleandoc(type(layer.layer).__doc__ or "").split("\n\n")[1:]:
        if all(line.startswith("    ") for line in part.splitlines()):
            return textwrap.dedent(part)
        if set(part.split("\n")[1:2]) & {"-" * 10, "-" * 5}:
            break  # the sections begin
    return ""


def forward_words(layer: LayerTrace) -> str:
    """What it does to its input."""
    own, kind = layer.layer, kind_of(layer.layer)
    made, given = times(layer.shapes.output[1:]), times(layer.shapes.input[1:])
    after = f" {ACTIVATIONS[layer.activation]}" if layer.activation in ACTIVATIONS and kind is not None else ""
    if kind is Conv2D:
        assert isinstance(own, Conv2D)
        window = times(own.kernel_size)
        channels = layer.shapes.input[-1]
        deep = f", across all {channels} channels" if channels > 1 else ""
        return (
            f"Each of {own.filters} filters looks at the image through a window of {window} numbers{deep}, multiplies "
            f"what it sees by its weights and adds the products up: the sum is large where the image looks like the "
            f"filter. Sliding over every place, each filter makes one feature map, {made} numbers in all.{after}"
        )
    if kind is MaxPooling2D:
        assert isinstance(own, MaxPooling2D)
        return (
            f"Of every window of {times(own.pool_size)} numbers only the largest goes on. The maps shrink from {given} "
            f"to {made}, and a shape that moves by a pixel often leaves the same maximum."
        )
    if kind is Dense:
        inputs = layer.shapes.input[-1]
        return (
            f"Every one of the {layer.shapes.output[-1]} units takes all {inputs:,} inputs, multiplies each by a "
            "weight of its own and adds them up with a bias. What decides is which inputs are large where the weights "
            f"are.{after}"
        )
    if kind is Dropout:
        assert isinstance(own, Dropout)
        return (
            f"In training, {own.rate:.0%} of the numbers are set to zero by chance, and the others made larger to make "
            "up for it, so that no unit can rely on a single other one. Here the network answers instead of learning: "
            "every number passes as it is."
        )
    if kind is Flatten:
        return (
            f"The {given} numbers are laid out as one row of {made}, the channels of a place side by side. Nothing is "
            "computed; the dense layer that follows takes rows."
        )
    if kind is Rescaling:
        assert isinstance(own, Rescaling)
        return (
            f"Every number is multiplied by {own.scale:.6g} and {own.offset:.6g} is added. So the network can be given "
            "pixels from 0 to 255 and still compute with small numbers."
        )
    if kind is Activation:
        return after.strip().replace(" then", "", 1) or f"Applies {layer.activation!r} to what it is given."
    return (
        f"This layer is of a class of the model's own, {layer.kind}. The page shows its numbers, but knows no formula "
        "by which to explain them."
    )


def backward_words(layer: LayerTrace) -> str:
    """What it does to the gradient."""
    own, kind = layer.layer, kind_of(layer.layer)
    gate = (
        " First ReLU stops the gradient of every number that it had set to zero." if layer.activation == "relu" else ""
    )
    if kind is Conv2D:
        return (
            "Each weight was used at every place, so its gradient is the sum over all places of what it was multiplied "
            "with times the gradient that comes back there. Each input number gets a share of the gradient of every "
            f"output whose window held it, times the weight between them.{gate}"
        )
    if kind is MaxPooling2D:
        return (
            "Each window sends its whole gradient to the number that won. The losers had no say in the answer, and get "
            "nothing."
        )
    if kind is Dense:
        return (
            "The gradient of a weight is its input times the gradient of its unit; the gradient of an input is the sum "
            f"over the units of their gradients times the weights between them.{gate}"
        )
    if kind is Dropout:
        assert isinstance(own, Dropout)
        return "Dropout was off in this pass, so the gradient passes as it is."
    if kind is Flatten:
        return "The row of gradients is put back into the shape of the maps. Nothing is computed."
    if kind is Rescaling:
        return f"The gradient is multiplied by the same scale, {own.scale:.6g}."  # type: ignore[attr-defined]
    if kind is Activation:
        return gate.replace(" First", "").strip() or "The gradient passes back through the activation."
    return "A class of the model's own: what came back is shown, without how it came about."
