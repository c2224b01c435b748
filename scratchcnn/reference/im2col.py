"""im2col: all windows of the images as the rows of a matrix; and col2im, its adjoint.

The functions at the end of this file, which pad images and locate windows, are also used by `conv2d`.
"""

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
    """Copy every window of every image into one row of a matrix.

        columns[(n, oy, ox), (ky, kx, c)] = x[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c]

    where x is zero outside the image. With this matrix, a convolution is a matrix product:
    columns @ kernel.reshape(KH * KW * C, F).

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    kernel_size : (KH, KW)
    strides : (SH, SW)
    padding : 'valid' or 'same'
    dilation_rate : (DH, DW)

    Returns
    -------
    (N * OH * OW, KH * KW * C), the dtype of x

    Notes
    -----
    Cost: no arithmetic; writes KH * KW values per output position and channel.

    Raises
    ------
    ValueError, TypeError
        x is not of rank 4 or not a float array, or no window fits into the image.

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
    padded = pad(x, windows)  # (N, top + H + bottom, left + W + right, C)
    patches = [padded[:, ys, xs] for ys, xs in window_slices(windows)]  # OH * OW of (N, KH, KW, C)
    columns = np.stack(patches, axis=1)  # (N, OH * OW, KH, KW, C)
    return columns.reshape(len(x) * len(patches), -1)


def col2im(
    columns: Array,
    input_shape: Shape,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Add every element of the matrix to the pixel from which `im2col` copies it.

        x[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c] += columns[(n, oy, ox), (ky, kx, c)]

    for all oy, ox, ky, kx. Positions outside the image are dropped. This is the adjoint (the transpose) of the linear
    map `im2col`: for all x and columns, sum(im2col(x) * columns) equals sum(x * col2im(columns)).

    Parameters
    ----------
    columns : (N * OH * OW, KH * KW * C), float32 or float64
    input_shape : (N, H, W, C)
    kernel_size, strides, padding, dilation_rate
        As for `im2col`.

    Returns
    -------
    (N, H, W, C), the dtype of columns

    Notes
    -----
    Cost: one addition per element of columns; reads them once, and updates the images in memory.

    Raises
    ------
    ValueError, TypeError
        columns do not match input_shape or are not a float array, or no window fits into the image.

    Examples
    --------
    >>> col2im(np.ones((4, 4)), (1, 3, 3, 1), (2, 2))[0, :, :, 0]  # number of windows that contain each pixel
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])

    References
    ----------
    Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for document processing",
    section 2.
    """
    N, H, W, C = input_shape
    windows = expect_windows((H, W), kernel_size, strides, padding, dilation_rate)
    OH, OW = windows.rows.output, windows.columns.output
    expect(columns=(columns, (N * OH * OW, kernel_size[0] * kernel_size[1] * C)))
    patches = columns.reshape(N, OH, OW, *kernel_size, C)
    x = pad(np.zeros(input_shape, columns.dtype), windows)  # (N, top + H + bottom, left + W + right, C)
    for oy, ox in np.ndindex(OH, OW):
        ys, xs = window_slice(windows, oy, ox)
        x[:, ys, xs] += patches[:, oy, ox]  # (N, KH, KW, C)
    return unpad(x, windows)


def pad(x: Array, windows: Windows) -> Array:
    """Surround images (N, H, W, C) with the zeros that their windows need."""
    rows, columns = windows
    return np.pad(x, ((0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0)))


def unpad(padded: Array, windows: Windows) -> Array:
    """Remove what `pad` added."""
    rows, columns = windows
    return padded[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size]


def window_slice(windows: Windows, oy: int, ox: int) -> tuple[slice, slice]:
    """Slices of the rows and columns of the padded image that form the window of output (oy, ox).

    The rows are oy * SH + ky * DH for ky = 0 ... KH - 1, the columns ox * SW + kx * DW for kx = 0 ... KW - 1; the
    formulas subtract top and left because they count from the corner of the image without padding.
    """
    return _axis_slice(windows.rows, oy), _axis_slice(windows.columns, ox)


def window_slices(windows: Windows) -> list[tuple[slice, slice]]:
    """`window_slice` for all outputs, row by row: the order of the rows of `im2col`."""
    return [window_slice(windows, oy, ox) for oy, ox in np.ndindex(windows.rows.output, windows.columns.output)]


def _axis_slice(axis: Axis, output: int) -> slice:
    start, span = output * axis.stride, (axis.kernel - 1) * axis.dilation + 1
    return slice(start, start + span, axis.dilation)
