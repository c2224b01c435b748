"""Checks of what a user asks about: a built model, one of its layers, one image, a label, a place in an array."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.layers import Layer
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import check_images


def built_model(model: object, what: str = "looking inside") -> Sequential:
    """Return `model` if it is a Sequential whose shapes are known.

    Parameters
    ----------
    model : Sequential
    what : str
        What it is required for; part of the message.

    Raises
    ------
    TypeError
        Not a Sequential.
    ValueError
        There are no layers, or their shapes are not known yet.
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"Expected a Sequential for {what}, received {type(model).__name__}; give the model itself.")
    model.expect_built(what)
    return model


def sample_shape(model: Sequential) -> Shape:
    """Return the shape of one input of a built model, without the batch axis: (28, 28, 1)."""
    return model.expect_built("the shape of its input")


def class_count(model: Sequential) -> int:
    """Return the number of classes of a built model.

    Raises
    ------
    ValueError
        The output of the model has more than one axis.
    """
    shape = model.layers[-1].output_shape
    assert shape is not None
    if len(shape) != 1:
        raise ValueError(
            f"Expected a model with one axis of classes as output, received output shape {(None, *shape)}; end it with "
            f"Flatten() and Dense(classes, activation='softmax')."
        )
    return shape[0]


def layer_index(model: Sequential, layer: object) -> int:
    """Where a layer stands in a model: its place in `model.layers`.

    Parameters
    ----------
    model : Sequential
    layer : str, int or Layer
        Its name, its place (-1 is the last), or the layer itself.

    Raises
    ------
    ValueError
        There is no such layer; for a name, the message tells the nearest.
    TypeError
        Neither a name nor a number nor a layer.
    """
    if isinstance(layer, Layer):
        places = [place for place, each in enumerate(model.layers) if each is layer]
        if not places:
            raise ValueError(f"Expected a layer of this model, received {layer.label} of another; give its name.")
        return places[0]
    return place_among([str(each.name) for each in model.layers], layer)


def place_among(names: Sequence[str], layer: object) -> int:
    """Where the layer of that name, or of that place, stands among layers of these names; raises as `layer_index`."""
    if isinstance(layer, str):
        return look_up("layer", layer, {name: place for place, name in enumerate(names)})
    if isinstance(layer, bool) or not isinstance(layer, numbers.Integral):
        raise TypeError(f"Expected layer as a name, as {names[0]!r}, or a number, received {layer!r}.")
    place, count = int(layer), len(names)
    if not -count <= place < count:
        raise ValueError(
            f"Expected layer as a number from 0 to {count - 1}, as the model has {count} layers, received {layer}; "
            "-1 is the last."
        )
    return place % count


def find_layer(model: Sequential, layer: object) -> Layer:
    """The layer of that name or place; raises as `layer_index` does."""
    return model.layers[layer_index(model, layer)]


def one_image(model: Sequential, image: object, name: str = "image") -> Array:
    """One image as a batch of one, in its own dtype: (1, *input_shape).

    Parameters
    ----------
    model : Sequential
        Built.
    image : array-like of integers or floats
        (H, W, C), (1, H, W, C), or (H, W) where the model takes one channel; for another model, whatever one sample of
        it is, with or without a batch axis of length 1.
    name : str
        What the caller calls it; part of the message.

    Raises
    ------
    TypeError
        No integers or floats.
    ValueError
        Several images, another shape, or numbers that are not finite in the model's dtype.
    """
    shape = sample_shape(model)
    pixels = np.asarray(image)
    if pixels.dtype.kind not in "iuf":
        raise TypeError(f"Expected {name} as integers or floats, received dtype {pixels.dtype}; use astype(float).")
    grey = len(shape) == 3 and shape[-1] == 1
    if pixels.shape == shape or (grey and pixels.shape == shape[:2]):
        pixels = pixels.reshape(1, *shape)
    if pixels.shape != (1, *shape):
        raise ValueError(
            f"Expected {name} as one image of shape {shape}, received shape {pixels.shape}; "
            f"{_mended(pixels.shape, shape, name)}."
        )
    return check_images(pixels, shape, model.dtype, name)


def _mended(received: Shape, shape: Shape, name: str) -> str:
    """What to do about an image of another shape."""
    batch = received[1:] == shape or (shape[-1:] == (1,) and received[1:] == shape[:-1])
    if batch and received[0] > 1:
        return f"that is a batch of {received[0]}: give one of them, as {name}[0]"
    if int(np.prod(received)) == int(np.prod(shape)):
        return f"it has as many numbers: use {name}.reshape({', '.join(map(str, shape))})"
    return "give an image of the size that the model was built for"


def one_label(model: Sequential, label: object, name: str = "label") -> int:
    """`label` as a class number of a built model, from 0.

    An array of one integer is taken too, as y[:1].

    Raises
    ------
    TypeError
        No integer.
    ValueError
        Several, or a class that the model does not have.
    """
    classes = class_count(model)
    given = np.asarray(label)
    if given.size != 1:
        hint = "use label.argmax()" if given.size == classes else "give that of one image, as y[0]"
        raise ValueError(f"Expected {name} as one class number, received shape {given.shape}; {hint}.")
    if given.dtype.kind not in "iu":
        raise TypeError(f"Expected {name} as a whole number, received {label!r}; give a class number, as 7.")
    number = int(given.reshape(()))
    if not 0 <= number < classes:
        raise ValueError(
            f"Expected {name} from 0 to {classes - 1}, as the model has {classes} classes, received {number}; number "
            "the classes from 0."
        )
    return number


def position_in(position: object, shape: Shape, name: str = "position") -> tuple[int, ...]:
    """`position` as the place of one number in an array of `shape`.

    Parameters
    ----------
    position : int or sequence of int
        One number for each axis, from 0; a bare int for one axis.
    shape : tuple of int
        Of one sample, without the batch.
    name : str
        What the caller calls it; part of the message.

    Raises
    ------
    TypeError
        No whole numbers.
    ValueError
        Another number of axes, or a place outside.

    Examples
    --------
    >>> position_in([11, 0, 63], (12, 12, 64))
    (11, 0, 63)
    """
    given: Any = (position,) if isinstance(position, numbers.Integral) else position
    if isinstance(given, np.ndarray):
        given = given.tolist()
    example = tuple(length // 2 for length in shape)
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(map(_is_whole, given)):
        raise TypeError(f"Expected {name} as whole numbers, as {example}, received {position!r}.")
    if len(given) != len(shape):
        raise ValueError(
            f"Expected {name} as {len(shape)} numbers, one for each axis of shape {shape}, as {example}, received "
            f"{tuple(given)}; leave the batch axis out."
        )
    for axis, (place, length) in enumerate(zip(given, shape, strict=True)):
        if not 0 <= place < length:
            raise ValueError(
                f"Expected {name} inside shape {shape}, received {tuple(given)}; axis {axis} goes from 0 to "
                f"{length - 1}."
            )
    return tuple(int(place) for place in given)


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
