"""Average pooling: the mean of each window; and its gradient, which is divided equally among the window's elements."""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Padding, Pair, part_inside
from scratchcnn.operands import Array, Shape, expect, pool2d_windows


def average_pool2d(x: Array, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = "valid") -> Array:
    """Compute the mean of each window, separately for each channel.

        y[n, oy, ox, c] = sum over ky, kx of x[n, oy * SH + ky - top, ox * SW + kx - left, c] / count[oy, ox]

    Only positions inside the image are summed and counted: count[oy, ox] is KH * KW, or less at the border of an image
    with padding. A window as large as the image computes the mean of each feature map (global average pooling).

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    pool_size : (KH, KW)
    strides : (SH, SW)
    padding : 'valid' or 'same'

    Returns
    -------
    (N, OH, OW, C), the dtype of x

    Notes
    -----
    Cost: KH * KW - 1 additions and one division per output; reads x once, writes y.

    Numerics: summed in the dtype of x. NaN and infinities reach the outputs of the windows that contain them.

    Raises
    ------
    ValueError, TypeError
        x is not of rank 4 or not a float array, or no window fits into the image.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 9.0], [4.0, 3.0, 6.0]]).reshape(1, 2, 3, 1)
    >>> average_pool2d(x, (2, 2), (2, 2), "same")[0, :, :, 0]  # the second window is half outside of the image
    array([[2.5, 7.5]])

    References
    ----------
    LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B.
    """
    windows = pool2d_windows(x.shape, pool_size, strides, padding)
    expect(x=(x, x.shape))
    y = np.zeros((len(x), windows.rows.output, windows.columns.output, x.shape[3]), x.dtype)
    for oy, ox in np.ndindex(y.shape[1:3]):
        (_, rows), (_, columns) = part_inside(windows.rows, oy), part_inside(windows.columns, ox)
        y[:, oy, ox] = x[:, rows, columns].mean(axis=(1, 2), dtype=x.dtype)  # (N, C)
    return y


def average_pool2d_gradient(
    dy: Array, input_shape: Shape, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = "valid"
) -> Array:
    """Compute the gradient of the loss with respect to the input.

        dx[n, oy * SH + ky - top, ox * SW + kx - left, c] += dy[n, oy, ox, c] / count[oy, ox]

    for all n, oy, ox, c and all ky, kx inside the image. An element in several windows receives the sum of their
    shares, an element in no window receives 0.

    Parameters
    ----------
    dy : (N, OH, OW, C), float32 or float64
        Gradient of the loss with respect to the output.
    input_shape : (N, H, W, C)
    pool_size, strides, padding
        As in the forward pass.

    Returns
    -------
    (N, H, W, C), the dtype of dy

    Notes
    -----
    Cost: KH * KW additions and one division per element of dy; reads dy, writes dx.

    Raises
    ------
    ValueError, TypeError
        The shape of dy is not that of the output, dy is not a float array, or no window fits into the image.

    Examples
    --------
    >>> average_pool2d_gradient(np.array([8.0, 6.0]).reshape(1, 1, 2, 1), (1, 2, 3, 1), padding="same")[0, :, :, 0]
    array([[2., 2., 3.],
           [2., 2., 3.]])

    References
    ----------
    LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B.
    """
    windows = pool2d_windows(input_shape, pool_size, strides, padding)
    expect(dy=(dy, (input_shape[0], windows.rows.output, windows.columns.output, input_shape[3])))
    dx = np.zeros(input_shape, dy.dtype)
    for oy, ox in np.ndindex(dy.shape[1:3]):
        (_, rows), (_, columns) = part_inside(windows.rows, oy), part_inside(windows.columns, ox)
        window = dx[:, rows, columns]  # (N, at most KH, at most KW, C), a view
        window += dy[:, oy, ox][:, None, None] / dy.dtype.type(window.shape[1] * window.shape[2])  # (N, 1, 1, C)
    return dx
