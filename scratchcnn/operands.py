"""The operands of an operation, checked in the same way by `reference` and `kernels`: shapes that fit, one float dtype.

The named tuples group the operands of the fused operations (`kernels.fused`).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchcnn.algorithms import Choice, Problem
from scratchcnn.geometry import Padding, Pair, Windows, image_windows

Array = NDArray[Any]
Shape = tuple[int, ...]

FLOAT_DTYPES = {np.dtype(np.float32), np.dtype(np.float64)}
PIXEL_DTYPES = {np.dtype(np.uint8), *FLOAT_DTYPES}


def expect(**operands: tuple[Array, tuple[int | None, ...]]) -> None:
    """Check that every operand has its shape, and that all have the same dtype, float32 or float64.

    Parameters
    ----------
    **operands
        For each name the array and its expected shape, where `None` matches any length.

    Raises
    ------
    TypeError
        An operand is not an array, or the dtypes differ or are neither float32 nor float64.
    ValueError
        An operand has another shape.
    """
    one_dtype, dtype = True, None
    for name, (array, shape) in operands.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(f"Expected {name} as a NumPy array, received {type(array).__name__}; use np.asarray.")
        if array.shape != shape and not _fits(array.shape, shape):
            wanted_text = ", ".join("any" if length is None else str(length) for length in shape)
            raise ValueError(f"Expected {name} of shape ({wanted_text}), received {array.shape}.")
        if dtype is None:
            dtype = array.dtype
        one_dtype = one_dtype and array.dtype == dtype
    if not one_dtype or dtype not in FLOAT_DTYPES:
        received = ", ".join(f"{name} {array.dtype}" for name, (array, _) in operands.items())
        raise TypeError(f"Expected one dtype, float32 or float64, for all, received {received}; use .astype.")


@functools.lru_cache(maxsize=1024)  # every training step checks the same few shapes
def _fits(found: Shape, wanted: tuple[int | None, ...]) -> bool:
    return len(found) == len(wanted) and all(w in (None, f) for w, f in zip(wanted, found, strict=True))


def expect_windows(
    image_size: Pair, kernel_size: Pair, strides: Pair, padding: Padding, dilation_rate: Pair = (1, 1)
) -> Windows:
    """Windows over an image, after checking that every option is valid and that a window fits.

    Raises
    ------
    ValueError
        A size, stride or dilation below 1, an unknown padding, or no window fits into the image.
    """
    for name, pair in (("kernel_size", kernel_size), ("strides", strides), ("dilation_rate", dilation_rate)):
        if len(pair) != 2 or min(pair) < 1:
            raise ValueError(f"Expected {name} as two integers of at least 1, received {pair}.")
    if padding not in ("valid", "same"):
        raise ValueError(f"Expected padding 'valid' or 'same', received {padding!r}.")
    windows = image_windows(image_size, kernel_size, strides, padding, dilation_rate)
    if min(windows.rows.output, windows.columns.output) < 1:
        raise ValueError(
            f"Expected an image that holds at least one window, received an image of {image_size} for a window of "
            f"{kernel_size} with dilation {dilation_rate}; use padding='same', a smaller window or a larger image."
        )
    return windows


def conv2d_windows(
    input_shape: Shape, kernel_shape: Shape, strides: Pair, padding: Padding, dilation_rate: Pair
) -> Windows:
    """Windows of a convolution, after checking that image (N, H, W, C) and kernel (KH, KW, C, F) fit each other.

    Raises
    ------
    ValueError
        A shape is not of rank 4, the channels differ, an option is invalid, or no window fits.
    """
    if len(input_shape) != 4 or len(kernel_shape) != 4:
        raise ValueError(
            f"Expected images (N, H, W, C) and a kernel (KH, KW, C, F), received shapes {input_shape} and "
            f"{kernel_shape}."
        )
    if input_shape[3] != kernel_shape[2]:
        raise ValueError(
            f"Expected as many channels in the images as in the kernel, received {input_shape[3]} in images of shape "
            f"{input_shape} and {kernel_shape[2]} in a kernel of shape {kernel_shape}."
        )
    height, width = input_shape[1:3]
    return expect_windows((height, width), (kernel_shape[0], kernel_shape[1]), strides, padding, dilation_rate)


def pool2d_windows(input_shape: Shape, pool_size: Pair, strides: Pair, padding: Padding) -> Windows:
    """Windows of a pooling over images (N, H, W, C).

    Raises
    ------
    ValueError
        The shape is not of rank 4, an option is invalid, or no window fits.
    """
    if len(input_shape) != 4:
        raise ValueError(f"Expected images (N, H, W, C), received shape {input_shape}.")
    return expect_windows((input_shape[1], input_shape[2]), pool_size, strides, padding)


def expect_margins(padding: tuple[Pair, Pair], shape: Shape = ()) -> None:
    """Check the rows and columns that `zero_pad2d` adds, and that images of that shape, if given, contain them.

    Raises
    ------
    ValueError
        A number below 0, or images with fewer rows or columns.
    """
    if [len(pair) for pair in padding] != [2, 2] or min(map(min, padding)) < 0:
        raise ValueError(f"Expected padding as ((top, bottom), (left, right)) of at least 0, received {padding}.")
    if shape and (sum(padding[0]) > shape[1] or sum(padding[1]) > shape[2]):
        raise ValueError(f"Expected images that contain the padding {padding}, received shape {shape}.")


# Every training step asks for the windows of the same few operations, several times.
_conv2d_windows = functools.lru_cache(maxsize=256)(conv2d_windows)
_pool2d_windows = functools.lru_cache(maxsize=256)(pool2d_windows)


class Convolution(NamedTuple):
    """A convolution, optionally with a ReLU: everything but the images.

    Attributes
    ----------
    kernel : (KH, KW, C, F)
    bias : (F,) or None
    strides, padding, dilation_rate
        As for `conv2d`.
    relu : bool
        Whether a ReLU follows.
    choice : Choice
        The algorithms that compute it.
    """

    kernel: Array
    bias: Array | None
    strides: Pair
    padding: Padding
    dilation_rate: Pair
    relu: bool
    choice: Choice

    @property
    def kernel_size(self) -> Pair:
        """(KH, KW)."""
        return self.kernel.shape[0], self.kernel.shape[1]

    @property
    def geometry(self) -> tuple[Pair, Padding, Pair]:
        """Strides, padding and dilation rate, as the primitive operations take them."""
        return self.strides, self.padding, self.dilation_rate

    def windows(self, input_shape: Shape) -> Windows:
        """The windows over images (N, H, W, C), checked as by `conv2d_windows`."""
        return _conv2d_windows(input_shape, self.kernel.shape, *self.geometry)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(N, OH, OW, F) for images (N, H, W, C)."""
        rows, columns = self.windows(input_shape)
        return input_shape[0], rows.output, columns.output, self.kernel.shape[3]

    def problem(self, input_shape: Shape, pool: Windows | None = None) -> Problem:
        """What the choice of algorithms depends on, for images (N, H, W, C)."""
        _, _, channels, filters = self.kernel.shape
        return Problem(self.windows(input_shape), channels, filters, self.kernel.dtype, pool)


class Pooling(NamedTuple):
    """The options of `max_pool2d`.

    Attributes
    ----------
    pool_size, strides : (int, int)
    padding : 'valid' or 'same'
    """

    pool_size: Pair
    strides: Pair
    padding: Padding

    def windows(self, input_shape: Shape) -> Windows:
        """The windows over images (N, H, W, C), checked as by `pool2d_windows`."""
        return _pool2d_windows(input_shape, *self)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(N, PH, PW, C) for images (N, H, W, C)."""
        rows, columns = self.windows(input_shape)
        return input_shape[0], rows.output, columns.output, input_shape[3]


class PooledGradient(NamedTuple):
    """Gradient of the loss w.r.t. the output of a max pooling, with what is needed to backpropagate it.

    Attributes
    ----------
    values : (N, PH, PW, F)
        Gradient with respect to the output of the pooling.
    winners : (N, PH, PW, F)
        Argmax indices: the element of each window that is its maximum, as `max_pool2d` returns them.
    outputs : (N, PH, PW, F)
        Output of the pooling.
    """

    values: Array
    winners: Array
    outputs: Array

    def check(self, shape: Shape, pool_size: Pair) -> None:
        """Check the shapes, the dtypes and the argmax indices."""
        expect(values=(self.values, shape), outputs=(self.outputs, shape))
        expect_winners(self.winners, shape, pool_size)


def winner_dtype(pool_size: Pair) -> np.dtype[np.unsignedinteger]:
    """The dtype of argmax indices: the smallest unsigned integer type that can index the elements of a window."""
    return np.min_scalar_type(pool_size[0] * pool_size[1] - 1)


def expect_winners(winners: Array, shape: Shape, pool_size: Pair) -> None:
    """Check that argmax indices have the shape, dtype and range of those that `max_pool2d` returns."""
    if winners.shape != shape or winners.dtype != winner_dtype(pool_size):
        raise ValueError(
            f"Expected winners of shape {shape} and dtype {winner_dtype(pool_size)}, as max_pool2d gives them, "
            f"received {winners.shape} and {winners.dtype}."
        )
    elements = pool_size[0] * pool_size[1]
    if winners.size and winners.max() >= elements:
        raise ValueError(
            f"Expected winners from 0 to {elements - 1}, the elements of a window of {pool_size}, "
            f"received {winners.max()}."
        )


def expect_normalization(x: Array, mean: Array, variance: Array, gamma: Array | None, beta: Array | None) -> None:
    """Check the operands of a batch normalization of x (..., C): statistics (C,) of float64, parameters of its dtype.

    Raises
    ------
    TypeError, ValueError
        Another dtype or shape, or an x without a channel axis.
    """
    channels = x.shape[-1:] or (None,)
    given = {name: array for name, array in (("gamma", gamma), ("beta", beta)) if array is not None}
    expect(x=(x, (*x.shape[:-1], *channels)), **{name: (array, channels) for name, array in given.items()})
    expect(mean=(mean, channels), variance=(variance, channels))
    if mean.dtype != np.float64:
        raise TypeError(f"Expected mean and variance of dtype float64, received {mean.dtype}; use .astype.")


def expect_noise(keys: Array, size: Pair, weights: Array) -> None:
    """Check the operands of `smooth_noise`.

    Raises
    ------
    TypeError, ValueError
        Keys that are not a one-dimensional uint64 array, a size below 1, or weights that are not an odd number of
        float64 values.
    """
    if keys.dtype != np.uint64 or keys.ndim != 1:
        raise TypeError(f"Expected keys as uint64 (M,), received {keys.dtype} {keys.shape}.")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"Expected size as two integers of at least 1, received {size}.")
    expect(weights=(weights, (None,)))
    if weights.dtype != np.float64 or len(weights) % 2 == 0:
        raise ValueError(f"Expected weights as an odd number of float64, received {len(weights)} of {weights.dtype}.")


def expect_warp(images: Array, chosen: Array, maps: Array, field: Array | None) -> None:
    """Check the operands of `warp`.

    Raises
    ------
    TypeError
        Images that are not uint8, float32 or float64; or indices, maps or displacements of another dtype.
    ValueError
        Shapes that do not fit each other, or an index out of range.
    """
    if images.dtype not in PIXEL_DTYPES:
        raise TypeError(f"Expected images of dtype uint8, float32 or float64, received {images.dtype}; use .astype.")
    if images.ndim != 4:
        raise ValueError(f"Expected images (N, H, W, C), received shape {images.shape}.")
    if chosen.dtype != np.int64 or chosen.ndim != 1:
        raise TypeError(f"Expected indices of images as int64 (M,), received {chosen.dtype} {chosen.shape}.")
    if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(images):
        raise ValueError(f"Expected indices from 0 to {len(images) - 1}, received {chosen.min()} to {chosen.max()}.")
    expect(maps=(maps, (len(chosen), 2, 3)))
    if maps.dtype != np.float64:
        raise TypeError(f"Expected maps of dtype float64, received {maps.dtype}; use .astype.")
    if field is not None:
        expect(field=(field, (len(chosen), *images.shape[1:3], 2)))
        if field.dtype != np.float32:
            raise TypeError(f"Expected displacements of dtype float32, received {field.dtype}; use .astype.")
