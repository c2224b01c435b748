"""im2col: every window of an image as one row of a matrix; col2im, its adjoint."""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Axis, Padding, Pair, Windows
from scratchcnn.operands import Array, Shape, expect, expect_windows


def im2col(
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Every window of every image as one row.

        columns[(n, oy, ox), (ky, kx, c)] = x[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c]

    and zero where that lies outside the image.

    Parameters
    ----------
    x : (N, H, W, C)
    kernel_size : (KH, KW)
    strides : (SH, SW)
    padding : 'valid' or 'same'
    dilation_rate : (DH, DW)

    Returns
    -------
    (N * OH * OW, KH * KW * C), the dtype of x

    Notes
    -----
    Cost: no arithmetic; writes KH * KW numbers for each output pixel and channel.

    Raises
    ------
    ValueError, TypeError
        x is not of rank 4 or not a float array; no window fits.

    Examples
    --------
    >>> im2col(np.arange(9.0).reshape(1, 3, 3, 1), (2, 2))
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])

    References
    ----------
    Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for document processing",
    section 2.
    """
    expect(x=(x, (None, None, None, None)))
    windows = expect_windows(x.shape[1:3], kernel_size, strides, padding, dilation_rate)
    padded = pad(x, windows)
    patches = [padded[:, y, x] for y, x in window_slices(windows)]  # each (N, KH, KW, C)
    return np.stack(patches, axis=1).reshape(len(x) * len(patches), -1)


def col2im(
    columns: Array,
    input_shape: Shape,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """The adjoint of `im2col`: every number is added where it was copied from.

    For all x and columns, sum(im2col(x) * columns) = sum(x * col2im(columns)).

    Parameters
    ----------
    columns : (N * OH * OW, KH * KW * C)
    input_shape : (N, H, W, C)
    kernel_size, strides, padding, dilation_rate
        As for `im2col`.

    Returns
    -------
    (N, H, W, C), the dtype of columns

    Notes
    -----
    Cost: one addition for each number of columns; reads them once, and adds to the images in memory.

    Raises
    ------
    ValueError, TypeError
        columns do not fit input_shape, or are not a float array; no window fits.

    Examples
    --------
    >>> col2im(np.ones((4, 4)), (1, 3, 3, 1), (2, 2))[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])

    References
    ----------
    Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for document processing", section
    2.
    """
    images, height, width, channels = input_shape
    windows = expect_windows((height, width), kernel_size, strides, padding, dilation_rate)
    outputs = windows.rows.output * windows.columns.output
    expect(columns=(columns, (images * outputs, kernel_size[0] * kernel_size[1] * channels)))
    patches = columns.reshape(images, outputs, *kernel_size, channels)
    padded = pad(np.zeros(input_shape, columns.dtype), windows)
    for number, (y, x) in enumerate(window_slices(windows)):
        padded[:, y, x] += patches[:, number]
    return unpad(padded, windows)


def pad(x: Array, windows: Windows) -> Array:
    """The images with the zeros around them that their windows need."""
    rows, columns = windows
    return np.pad(x, ((0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0)))


def unpad(padded: Array, windows: Windows) -> Array:
    """The images without the zeros around them."""
    rows, columns = windows
    return padded[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size]


def window_slices(windows: Windows) -> list[tuple[slice, slice]]:
    """Rows and columns of the padded image that each window covers, window after window in reading order."""
    return [(rows, columns) for rows in _axis_slices(windows.rows) for columns in _axis_slices(windows.columns)]


def _axis_slices(axis: Axis) -> list[slice]:
    span = (axis.kernel - 1) * axis.dilation + 1
    return [slice(o * axis.stride, o * axis.stride + span, axis.dilation) for o in range(axis.output)]
