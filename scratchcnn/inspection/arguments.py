"""Checks of what the tools for looking inside are given: a built model, a layer by its name, one image."""

from __future__ import annotations

from collections.abc import Sequence

from scratchcnn.names import look_up
from scratchcnn.operands import Shape
from scratchcnn.sequential import Sequential


def expect_model(model: object, what: str) -> Shape:
    """Shape of one sample of a built model.

    Raises
    ------
    TypeError
        Not a Sequential.
    ValueError
        It has no layers yet, or does not know the shape of its input.
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"Expected a Sequential for {what}, received {type(model).__name__}; give the model first.")
    return model._expect_built(what)


def expect_layer(layer: object, names: Sequence[str]) -> int:
    """The number of the layer that is called so, or has that number; −1 is the last.

    Raises
    ------
    ValueError
        There is none of that name, and the message has the nearest; or a number out of range.
    TypeError
        Neither a name nor a number.
    """
    if isinstance(layer, str):
        return look_up("layer", layer, {name: number for number, name in enumerate(names)})
    if not isinstance(layer, int) or isinstance(layer, bool):
        raise TypeError(f"Expected a layer by its name, as {names[0]!r}, or its number, received {layer!r}.")
    if not -len(names) <= layer < len(names):
        raise ValueError(
            f"Expected a layer from 0 to {len(names) - 1}, received {layer}; the names are {', '.join(names)}."
        )
    return layer % len(names)
