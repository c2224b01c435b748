"""Input data: checks of whole data sets, and their batches in the model's dtype."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scratchcnn.losses import Loss
from scratchcnn.operands import Array, Shape
from scratchcnn.training.shapes import shape_hint
from scratchcnn.training.warning import warn
from scratchcnn.training.weights import check_weights

ROWS_AT_ONCE = 4096  # samples checked at a time, to limit memory


class Samples(NamedTuple):
    """A checked data set."""

    x: Array  # (N, *input_shape), integers or floats
    y: Array  # targets as returned by `Loss.check`
    weights: Array | None = None  # (N,), the model's dtype


class Fitting(NamedTuple):
    """What data must fit: the model, and the loss it is trained with."""

    input_shape: Shape
    output_shape: Shape
    dtype: np.dtype[np.floating]
    loss: Loss


def check_images(x: object, input_shape: Shape, dtype: np.dtype[np.floating], what: str = "x") -> Array:
    """Return images as an array (N, *input_shape) of values that are finite in `dtype`.

    Raises
    ------
    TypeError
        Not an array of integers or floats.
    ValueError
        Empty, of another shape, or containing NaN, infinity or a value out of the range of `dtype`, named by index.
    """
    images = np.asarray(x)
    if images.dtype.kind not in "iuf":
        raise TypeError(f"Expected {what} as integers or floats, received dtype {images.dtype}.")
    if images.shape[1:] != input_shape or images.ndim != len(input_shape) + 1:
        expected = ", ".join(map(str, ("samples", *input_shape)))
        hint = shape_hint(images.shape, input_shape)
        raise ValueError(f"Expected {what} of shape ({expected}), received {images.shape}.{' ' + hint if hint else ''}")
    if len(images) == 0:
        raise ValueError(f"Expected {what} with at least one sample, received an empty array of shape {images.shape}.")
    low, high = value_range(images)
    largest = float(np.finfo(dtype).max)
    if not (low >= -largest and high <= largest):  # so that a NaN is found too
        raise ValueError(f"Expected {what} with finite values, received {_first_beyond(images, largest)}.")
    return images


def value_range(images: Array) -> tuple[float, float]:
    """Return the minimum and the maximum; NaN if the images contain NaN."""
    if len(images) <= ROWS_AT_ONCE:
        return float(images.min()), float(images.max())
    parts = [images[i : i + ROWS_AT_ONCE] for i in range(0, len(images), ROWS_AT_ONCE)]
    return float(min(part.min() for part in parts)), float(np.max([part.max() for part in parts]))


def _first_beyond(images: Array, largest: float) -> str:
    for index, image in enumerate(images):
        inside = np.abs(image) <= largest
        if not inside.all():
            position = tuple(int(i) for i in np.argwhere(~inside)[0])
            return f"{image[position]} in sample {index} at position {position}"
    raise AssertionError("every value is finite")


def check_samples(x: object, y: object, fitting: Fitting, what: str = "", sample_weight: object = None) -> Samples:
    """Return checked images, targets and weights; errors as for `check_images`, `Loss.check` and `check_weights`."""
    images = check_images(x, fitting.input_shape, fitting.dtype, f"{what}x")
    targets = fitting.loss.check(np.asarray(y), len(images), fitting.output_shape)
    return Samples(images, targets, check_weights(sample_weight, len(images), fitting.dtype, what))


def warn_of_other_scale(training: Array, validation: Array) -> None:
    """Warn if validation and training images differ in scale: a model trained on [0, 1] fails on [0, 255]."""
    ranges = [value_range(images) for images in (training, validation)]
    sizes = [max(abs(low), abs(high)) for low, high in ranges]
    if max(sizes) > 10 * min(sizes):
        warn(
            f"Expected validation images on the scale of the training images, {ranges[0][0]:g} to {ranges[0][1]:g}, "
            f"received {ranges[1][0]:g} to {ranges[1][1]:g}; scale both in the same way."
        )


def batches(samples: Samples, size: int, rng: np.random.Generator | None, first: int = 0) -> Iterator[Samples]:
    """Iterate over the data set in batches of `size` (the last one may be shorter), starting at batch `first`.

    Shuffled with `rng`; in order if it is None.
    """
    x, y, weights = samples
    order = None if rng is None else rng.permutation(len(x))  # drawn now, even if no batch is requested

    def batch(start: int) -> Samples:
        chosen = slice(start, start + size) if order is None else order[start : start + size]
        return Samples(x[chosen], y[chosen], None if weights is None else weights[chosen])

    return map(batch, range(first * size, len(x), size))


def as_input(images: Array, dtype: np.dtype[np.floating]) -> Array:
    """Return a batch as the kernels require it: C-contiguous, in the model's dtype."""
    return np.ascontiguousarray(images, dtype)
