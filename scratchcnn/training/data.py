"""What goes into a model: checks of whole data sets, and batches of the model's dtype, one at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scratchcnn.losses import Loss
from scratchcnn.operands import Array, Shape
from scratchcnn.training.weights import check_weights

ROWS_AT_ONCE = 4096  # samples looked at together, so that a check needs little memory


class Samples(NamedTuple):
    """A checked data set: images (N, *input_shape) of any number type, labels as the loss checked them.

    Weights, if there are any, are (N,), of the model's dtype.
    """

    x: Array
    y: Array
    weights: Array | None = None


class Fitting(NamedTuple):
    """What data must fit: the model, and the loss it is trained with."""

    input_shape: Shape
    classes: int
    dtype: np.dtype[np.floating]
    loss: Loss


def check_images(x: object, input_shape: Shape, dtype: np.dtype[np.floating], what: str = "x") -> Array:
    """Images as an array (N, *input_shape) of numbers that are finite in `dtype`.

    Raises
    ------
    TypeError
        No array of integers or floats.
    ValueError
        Empty, of another shape, or with NaN, infinity or a number beyond `dtype`, named by index.
    """
    images = np.asarray(x)
    if images.dtype.kind not in "iuf":
        raise TypeError(f"Expected {what} as integers or floats, received dtype {images.dtype}.")
    if images.shape[1:] != input_shape or images.ndim != len(input_shape) + 1:
        raise ValueError(
            f"Expected {what} of shape ({', '.join(map(str, ('samples', *input_shape)))}), received {images.shape}."
            f"{_shape_hint(images.shape, input_shape)}"
        )
    if len(images) == 0:
        raise ValueError(f"Expected {what} with at least one sample, received an empty array of shape {images.shape}.")
    low, high = value_range(images)
    largest = float(np.finfo(dtype).max)
    if not (low >= -largest and high <= largest):  # so that a NaN is found too
        raise ValueError(f"Expected {what} with finite numbers, received {_first_beyond(images, largest)}.")
    return images


def _shape_hint(shape: Shape, input_shape: Shape) -> str:
    if shape == input_shape:
        return " That is one sample without a batch axis: use x[None]."
    if int(np.prod(input_shape)) in (int(np.prod(shape)), int(np.prod(shape[1:]))):
        return f" It has as many numbers: use x.reshape({', '.join(map(str, (-1, *input_shape)))})."
    return ""


def value_range(images: Array) -> tuple[float, float]:
    """The smallest and the largest number; NaN if there is one."""
    parts = [images[i : i + ROWS_AT_ONCE] for i in range(0, len(images), ROWS_AT_ONCE)]
    return float(min(part.min() for part in parts)), float(np.max([part.max() for part in parts]))


def _first_beyond(images: Array, largest: float) -> str:
    for index, image in enumerate(images):
        inside = np.abs(image) <= largest
        if not inside.all():
            position = tuple(int(i) for i in np.argwhere(~inside)[0])
            return f"{image[position]} in sample {index} at position {position}"
    raise AssertionError("every number is finite")


def check_samples(x: object, y: object, fitting: Fitting, what: str = "", sample_weight: object = None) -> Samples:
    """Images, labels and weights that fit; errors as `check_images`, the loss's `check`, and `check_weights`."""
    images = check_images(x, fitting.input_shape, fitting.dtype, f"{what}x")
    labels = fitting.loss.check(np.asarray(y), len(images), fitting.classes)
    return Samples(images, labels, check_weights(sample_weight, len(images), fitting.dtype, what))


def warn_of_other_scale(training: Array, validation: Array) -> None:
    """Warn if the validation images are on another scale: a model that was shown 0 to 1 cannot read 0 to 255."""
    ranges = [value_range(images) for images in (training, validation)]
    sizes = [max(abs(low), abs(high)) for low, high in ranges]
    if max(sizes) > 10 * min(sizes):
        warnings.warn(
            f"Expected validation images on the scale of the training images, {ranges[0][0]:g} to {ranges[0][1]:g}, "
            f"received {ranges[1][0]:g} to {ranges[1][1]:g}; scale both alike.",
            UserWarning,
            stacklevel=4,
        )


def batches(samples: Samples, size: int, rng: np.random.Generator | None, first: int = 0) -> Iterator[Samples]:
    """The data set in batches of `size`, the last one shorter, from batch `first` on.

    Shuffled by `rng`, or in order for None.
    """
    x, y, weights = samples
    order = None if rng is None else rng.permutation(len(x))  # at once, even if no batch is asked for

    def batch(start: int) -> Samples:
        chosen = slice(start, start + size) if order is None else order[start : start + size]
        return Samples(x[chosen], y[chosen], None if weights is None else weights[chosen])

    return map(batch, range(first * size, len(x), size))


def as_input(images: Array, dtype: np.dtype[np.floating]) -> Array:
    """A batch as the kernels take it: contiguous, of the model's dtype."""
    return np.ascontiguousarray(images, dtype)
