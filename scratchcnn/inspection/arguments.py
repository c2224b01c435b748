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
from scratchcnn.training.shapes import shape_hint

AXES = {2: ("sample", "unit"), 4: ("sample", "row", "column", "channel")}  # of a batch of vectors, and of images


def built_model(model: object, what: str = "looking inside") -> Sequential:
    """Return `model`; TypeError if it is no Sequential, ValueError if its shapes, required for `what`, are unknown."""
    if not isinstance(model, Sequential):
        raise TypeError(f"Expected a Sequential for {what}, received {type(model).__name__}; give the model itself.")
    model.expect_built(what)
    return model


def sample_shape(model: Sequential) -> Shape:
    """Return the shape of one input of a built model, without the batch axis: (28, 28, 1)."""
    return model.expect_built("the shape of its input")


def class_count(model: Sequential) -> int:
    """Return the number of classes of a built model; ValueError if its output has more than one axis."""
    shape = model.leaf_layers[-1].output_shape
    assert shape is not None
    if len(shape) != 1:
        raise ValueError(
            f"Expected a model with one axis of classes as output, received output shape {(None, *shape)}; end it with "
            f"Flatten() and Dense(classes, activation='softmax')."
        )
    return shape[0]


def layer_index(model: Sequential, layer: object) -> int:
    """Return the index in `model.leaf_layers` of a layer, given by name, by index (-1 is the last), or as itself.

    ValueError if there is no such layer, TypeError if `layer` is none of the three.
    """
    if not isinstance(layer, Layer):
        return place_among(model.leaf_names, layer)
    for place, each in enumerate(model.leaf_layers):
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


def one_image(model: Sequential, image: object) -> Array:
    """Return one image as a batch of one, in its own dtype: (1, *input_shape).

    It may have a batch axis of length 1, and a grayscale image may be (H, W). TypeError if the pixels are not integers
    or floats, ValueError for several images, another shape, or values that are not finite in the model's dtype.
    """
    shape = sample_shape(model)
    pixels = np.asarray(image)
    if pixels.dtype.kind not in "iuf":
        raise TypeError(f"Expected image as integers or floats, received dtype {pixels.dtype}; use astype(float).")
    gray = len(shape) == 3 and shape[-1] == 1
    if pixels.shape == shape or (gray and pixels.shape == shape[:2]):
        pixels = pixels.reshape(1, *shape)
    if pixels.shape != (1, *shape):
        batch = pixels.shape[1:] == shape or (gray and pixels.shape[1:] == shape[:2])
        fix = "Give an image of the size that the model was built for."
        if batch and len(pixels) > 1:
            fix = f"That is a batch of {len(pixels)}: give one of them, as image[0]."
        elif pixels.size == math.prod(shape):
            fix = shape_hint(pixels.shape, shape, "image") or fix
        raise ValueError(f"Expected image as one image of shape {shape}, received shape {pixels.shape}. {fix}")
    return check_images(pixels, shape, model.dtype, "image")


def one_label(model: Sequential, label: object) -> int:
    """Return `label`, an integer or an array of one integer, as a class of a built model.

    TypeError if it is not an integer, ValueError for several labels, or a class that the model does not have.
    """
    classes = class_count(model)
    given = np.asarray(label)
    if given.size != 1:
        hint = "use label.argmax()" if given.size == classes else "give that of one image, as y[0]"
        raise ValueError(f"Expected label as one class number, received shape {given.shape}; {hint}.")
    if given.dtype.kind not in "iu":
        raise TypeError(f"Expected label as a whole number, received {label!r}; give a class number, as 7.")
    number = int(given.reshape(()))
    if not 0 <= number < classes:
        raise ValueError(
            f"Expected label from 0 to {classes - 1}, as the model has {classes} classes, received {number}; number "
            "the classes from 0."
        )
    return number


def index_of(place: int | np.integer[Any], array: Array) -> Shape:
    """Return the index of an element of an array, given its place in C order."""
    return tuple(int(i) for i in np.unravel_index(int(place), array.shape))


def position_in(position: object, shape: Shape, name: str = "position", batch: bool = False) -> Shape:
    """Return `position`, one index from 0 for each axis, as the index of one element of an array.

    An int is the position in an array of one axis. With `batch`, the first axis is that of the samples; its index may
    be omitted if there is only one. TypeError if the indices are not integers, ValueError for another number of
    them, or one that is out of range.

    >>> position_in([11, 0, 63], (12, 12, 64)), position_in((3, 3, 0), (1, 26, 26, 32), batch=True)
    ((11, 0, 63), (0, 3, 3, 0))
    """
    axes = tuple(f"axis {axis}" for axis in range(len(shape)))
    if batch:
        axes = AXES.get(len(shape), ("sample", *axes[1:]))
    forms = [(axes, shape)]
    if batch and shape[0] == 1:
        forms.insert(0, (axes[1:], shape[1:]))
    given: Any = position.tolist() if isinstance(position, np.ndarray) else position
    given = (given,) if isinstance(given, numbers.Integral) else given
    expected = " or ".join(f"({', '.join(names)})" for names, _ in forms)
    example = tuple(length // 2 for length in forms[0][1])
    advice = f"for example {example[0] if len(example) == 1 else example}."
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(map(is_integer, given)):
        raise TypeError(f"Expected {name} as integers {expected}, received {position!r}; {advice}")
    for names, lengths in forms:
        if len(given) == len(lengths):
            for axis, index, length in zip(names, given, lengths, strict=True):
                if not 0 <= index < length:
                    raise ValueError(
                        f"Expected {name} as {expected} with {axis} from 0 to {length - 1}, received {tuple(given)}; "
                        f"{advice}"
                    )
            return (*[0] * (len(shape) - len(given)), *map(int, given))
    raise ValueError(f"Expected {name} as {expected}, received {tuple(given)}; {advice}")
