"""Advice for inputs of a wrong shape: an expression that rearranges an array and keeps every image intact."""

from __future__ import annotations

import math
from itertools import combinations, permutations
from typing import NamedTuple

from scratchcnn.operands import Shape

MAX_AXES = 5  # arrays of more axes are not searched for another order: 5 axes have 120 orders


class _Form(NamedTuple):
    """The axes of an array before the insertion of others, and the indexing that inserts them."""

    shape: tuple[int | None, ...]  # None: the number of samples
    indexing: str
    rows: int  # the axis of the rows of an image; the columns follow

    @property
    def has_samples(self) -> bool:
        return self.shape[0] is None


class _Order(NamedTuple):
    """An order of the axes of an array in which they have a form."""

    form: _Form
    axes: tuple[int, ...]

    @property
    def pixels_are_adjacent(self) -> bool:
        """Whether the columns follow the rows in the array as well, as in every common order of the axes of images."""
        pixels = self.axes[self.form.rows :][:2]
        return len(pixels) < 2 or pixels[1] == pixels[0] + 1

    @property
    def channels_come_first(self) -> bool:
        channel = self.form.rows  # in the array, the channel is where the form has the rows
        return self.form.indexing in ("", "[None]") and self.axes[channel:] == (channel + 1, channel + 2, channel)

    @property
    def inversions(self) -> int:
        return sum(a > b for a, b in combinations(self.axes, 2))


def shape_hint(shape: Shape, input_shape: Shape, name: str = "x") -> str:
    """Return advice how to turn an array into a batch (N, *input_shape): a sentence with an expression, or ''.

    The expression transposes axes that are in another order, as in channels-first images. It reshapes only where this
    preserves every image: to insert or remove axes of length 1, to flatten images, and to restore flattened ones.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array; not (N, *input_shape).
    input_shape : tuple of int
        Shape of one sample.
    name : str
        Name of the array in the expression.

    Examples
    --------
    >>> shape_hint((60000, 1, 28, 28), (28, 28, 1))
    'The channels come first, as in PyTorch: use x.transpose(0, 2, 3, 1).'
    >>> shape_hint((60000, 784), (28, 28, 1))
    'The images are flattened: use x.reshape(-1, 28, 28, 1).'
    >>> shape_hint((60000, 14, 56, 1), (28, 28, 1))
    ''
    """
    if shape == input_shape:
        return f"That is one sample without a batch axis: use {name}[None]."
    order = _find_order(shape, input_shape)
    if order is not None and order.inversions:
        return _transpose_hint(order, name)
    if order is not None or _without_ones(shape[1:]) == _without_ones(input_shape):
        return _reshape_hint(input_shape, name)
    return _flatten_hint(shape, input_shape, name) if len(input_shape) == 1 else _restore_hint(shape, input_shape, name)


def _find_order(shape: Shape, input_shape: Shape) -> _Order | None:
    """Return the order of the axes that leads to a batch, or to one up to axes of length 1, with the fewest changes."""
    forms = [_Form((None, *input_shape), "", 1), _Form(input_shape, "[None]", 0)]
    if len(input_shape) > 1 and input_shape[-1] == 1:
        forms += [_Form((None, *input_shape[:-1]), "[..., None]", 1), _Form(input_shape[:-1], "[None, ..., None]", 0)]
    if not 0 < len(shape) <= MAX_AXES:
        return None
    orders = [
        _Order(form, axes)
        for form in forms
        if len(form.shape) == len(shape)
        for axes in permutations(range(len(shape)))
        if all(length in (None, shape[axis]) for length, axis in zip(form.shape, axes, strict=True))
    ]
    return min(orders, key=lambda order: (not order.pixels_are_adjacent, order.inversions), default=None)


def _transpose_hint(order: _Order, name: str) -> str:
    expression = f"{name}.transpose({', '.join(map(str, order.axes))}){order.form.indexing}"
    if order.form.has_samples and order.axes[0] == len(order.axes) - 1:
        return f"If the last axis is that of the samples, use {expression}."
    if order.channels_come_first:
        return f"The channels come first, as in PyTorch: use {expression}."
    return f"The axes are in another order: use {expression}."


def _reshape_hint(input_shape: Shape, name: str) -> str:
    return f"It has as many elements: use {_reshape(name, input_shape)}."


def _flatten_hint(shape: Shape, input_shape: Shape, name: str) -> str:
    """Return how to flatten the samples of an array."""
    (size,) = input_shape
    if size in (math.prod(shape[1:]), math.prod(shape)):
        return _reshape_hint(input_shape, name)
    if size == math.prod(shape[:-1]):
        return f"If the last axis is that of the samples, use {name}.reshape({size}, -1).T."
    return ""


def _restore_hint(shape: Shape, input_shape: Shape, name: str) -> str:
    """Return how to restore images from flattened ones, one in each row or column."""
    size = (math.prod(input_shape),)
    if size in (_without_ones(shape[1:]), _without_ones(shape)):
        start, array = "The images are flattened: use", name
    elif size == shape[:-1]:
        start, array = "If each column is a flattened image, use", f"{name}.T"
    else:
        return ""
    if len(input_shape) != 3 or input_shape[-1] == 1:
        return f"{start} {_reshape(array, input_shape)}."
    height, width, channels = input_shape
    planes = f"{_reshape(array, (channels, height, width))}.transpose(0, 2, 3, 1)"
    return (
        f"{start} {planes} if all red values come first, as in the files of CIFAR-10, and "
        f"{_reshape(array, input_shape)} if the channels of each pixel are adjacent."
    )


def _reshape(name: str, shape: Shape) -> str:
    return f"{name}.reshape({', '.join(map(str, (-1, *shape)))})"


def _without_ones(shape: Shape) -> Shape:
    return tuple(length for length in shape if length != 1)
