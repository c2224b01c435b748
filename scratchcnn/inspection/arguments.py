"""Validation of arguments that refer to a model: a built model, a layer, one image, a label, an index into an array."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.arguments import is_integer
from scratchcnn.layers import Layer
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import check_images


def built_model(model: object, what: str = "looking inside") -> Sequential:
    """Return `model` if it is a Sequential with known shapes.

    Parameters
    ----------
    model : Sequential
    what : str
        What it is required for, for the error message.

    Raises
    ------
    TypeError
        Not a Sequential.
    ValueError
        It has no layers, or their shapes are not known yet.
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"Expected a Sequential for {what}, received {type(model).__name__}; give the model itself.")
    model.expect_built(what)
    return model


def sample_shape(model: Sequential) -> Shape:
    """Return the shape of one input of a built model, without the batch axis: (28, 28, 1)."""
    return model.expect_built("the shape of its input")


def class_count(model: Sequential) -> int:
    """Return the number of classes of a built model; ValueError if its output has more than one axis."""
    shape = model.layers[-1].output_shape
    assert shape is not None
    if len(shape) != 1:
        raise ValueError(
            f"Expected a model with one axis of classes as output, received output shape {(None, *shape)}; end it with "
            f"Flatten() and Dense(classes, activation='softmax')."
        )
    return shape[0]


def layer_index(model: Sequential, layer: object) -> int:
    """Return the index of a layer in `model.layers`.

    Parameters
    ----------
    model : Sequential
    layer : str, int or Layer
        Its name, its index (-1 is the last), or the layer itself.

    Raises
    ------
    ValueError
        There is no such layer; for a name, the message suggests the most similar one.
    TypeError
        Neither a name nor an integer nor a layer.
    """
    if not isinstance(layer, Layer):
        return place_among([str(each.name) for each in model.layers], layer)
    for place, each in enumerate(model.layers):
        if each is layer:
            return place
    raise ValueError(f"Expected a layer of this model, received {layer.label} of another; give its name.")


def place_among(names: Sequence[str], layer: object) -> int:
    """Return the index of a layer, given by name or index, among layers of these names; errors as `layer_index`."""
    if isinstance(layer, str):
        return look_up("layer", layer, {name: place for place, name in enumerate(names)})
    if not is_integer(layer):
        raise TypeError(f"Expected layer as a name, as {names[0]!r}, or a number, received {layer!r}.")
    count = len(names)
    if not -count <= layer < count:
        raise ValueError(
            f"Expected layer as a number from 0 to {count - 1}, as the model has {count} layers, received {layer}; "
            "-1 is the last."
        )
    return int(layer) % count


def find_layer(model: Sequential, layer: object) -> Layer:
    """Return the layer with that name or index; errors as `layer_index`."""
    return model.layers[layer_index(model, layer)]


def one_image(model: Sequential, image: object, name: str = "image") -> Array:
    """Return one image as a batch of one, in its own dtype: (1, *input_shape).

    Parameters
    ----------
    model : Sequential
        Built.
    image : array-like of integers or floats
        One sample of the model, such as (H, W, C), with or without a batch axis of length 1. A grayscale image may be
        (H, W).
    name : str
        Name of the argument, for the error message.

    Raises
    ------
    TypeError
        Not integers or floats.
    ValueError
        Several images, another shape, or values that are not finite in the dtype of the model.
    """
    shape = sample_shape(model)
    pixels = np.asarray(image)
    if pixels.dtype.kind not in "iuf":
        raise TypeError(f"Expected {name} as integers or floats, received dtype {pixels.dtype}; use astype(float).")
    gray = len(shape) == 3 and shape[-1] == 1
    if pixels.shape == shape or (gray and pixels.shape == shape[:2]):
        pixels = pixels.reshape(1, *shape)
    if pixels.shape != (1, *shape):
        batch = pixels.shape[1:] == shape or (gray and pixels.shape[1:] == shape[:2])
        if batch and len(pixels) > 1:
            fix = f"that is a batch of {len(pixels)}: give one of them, as {name}[0]"
        elif pixels.size == math.prod(shape):
            fix = f"it has as many values: use {name}.reshape({', '.join(map(str, shape))})"
        else:
            fix = "give an image of the size that the model was built for"
        raise ValueError(f"Expected {name} as one image of shape {shape}, received shape {pixels.shape}; {fix}.")
    return check_images(pixels, shape, model.dtype, name)


def one_label(model: Sequential, label: object, name: str = "label") -> int:
    """Return `label`, an integer or an array of one integer, as a class of a built model.

    Raises
    ------
    TypeError
        Not an integer.
    ValueError
        Several labels, or a class that the model does not have.
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
    """Return `position` as the index of one element of an array.

    Parameters
    ----------
    position : int or sequence of int
        One index from 0 for each axis; an int for an array with one axis.
    shape : tuple of int
        Shape of the array, without the batch axis.
    name : str
        Name of the argument, for the error message.

    Raises
    ------
    TypeError
        Not integers.
    ValueError
        Another number of axes, or an index out of range.

    Examples
    --------
    >>> position_in([11, 0, 63], (12, 12, 64))
    (11, 0, 63)
    """
    given: Any = (position,) if isinstance(position, numbers.Integral) else position
    if isinstance(given, np.ndarray):
        given = given.tolist()
    example = tuple(length // 2 for length in shape)
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(map(is_integer, given)):
        raise TypeError(f"Expected {name} as whole numbers, as {example}, received {position!r}.")
    if len(given) != len(shape):
        raise ValueError(
            f"Expected {name} as {len(shape)} whole numbers, one for each axis of shape {shape}, as {example}, "
            f"received {tuple(given)}; omit the batch axis."
        )
    for axis, (place, length) in enumerate(zip(given, shape, strict=True)):
        if not 0 <= place < length:
            raise ValueError(
                f"Expected {name} inside shape {shape}, received {tuple(given)}; axis {axis} goes from 0 to "
                f"{length - 1}."
            )
    return tuple(int(place) for place in given)
