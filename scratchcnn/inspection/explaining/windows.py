"""Which numbers a window sees, and which windows see a number: the index arithmetic of convolution and pooling."""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Axis, Windows, image_windows
from scratchcnn.layers import Conv2D, MaxPooling2D
from scratchcnn.operands import Array, Shape


def windows_of(layer: Conv2D | MaxPooling2D, input_shape: Shape) -> Windows:
    """The windows of a layer over images (N, H, W, C)."""
    size = (input_shape[1], input_shape[2])
    if isinstance(layer, Conv2D):
        return image_windows(size, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    return image_windows(size, layer.pool_size, layer.strides, layer.padding)


def seen_by(axis: Axis, output: int) -> Array:
    """Where the elements of window number `output` lie: (kernel,); outside the image, below 0 or from its size on.

    >>> seen_by(image_windows((5, 5), (3, 3), (1, 1), "same").rows, 0)
    array([-1,  0,  1])
    """
    return output * axis.stride - axis.before + np.arange(axis.kernel) * axis.dilation


def seers_of(axis: Axis, position: int) -> Array:
    """Number of the window whose element k lies at `position`, for each k: (kernel,); −1 where there is none.

    >>> seers_of(image_windows((5, 5), (3, 3), (2, 2), "valid").rows, 2)
    array([ 1, -1,  0])
    """
    offsets = position + axis.before - np.arange(axis.kernel) * axis.dilation
    windows = offsets // axis.stride
    exists = (offsets % axis.stride == 0) & (windows >= 0) & (windows < axis.output)
    return np.where(exists, windows, -1)


def gather(image: Array, rows: Array, columns: Array, outside: float = 0.0) -> tuple[Array, Array]:
    """The numbers at rows and columns of an image (H, W, C), and which of them lie inside.

    Returns
    -------
    numbers : (rows, columns, C), `outside` where there is none
    inside : bool (rows, columns, C)
    """
    height, width, channels = image.shape
    inside_2d = np.logical_and.outer((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    found = image[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)]
    inside = np.repeat(inside_2d[..., None], channels, axis=2)
    return np.where(inside, found, image.dtype.type(outside)), inside


def positions(sample: int, rows: Array, columns: Array, channels: Array) -> Array:
    """(sample, row, column, channel) of every combination: (rows, columns, channels, 4)."""
    grid = np.meshgrid(rows, columns, channels, indexing="ij")
    return np.stack([np.full_like(grid[0], sample), *grid], axis=-1)
