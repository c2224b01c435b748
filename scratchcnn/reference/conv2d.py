"""Convolution: each output is the weighted sum of one window of the image, and its gradients."""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Padding, Pair
from scratchcnn.operands import Array, Shape, conv2d_windows, expect
from scratchcnn.reference.im2col import pad, unpad, window_slice


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Convolve images with the filters of a kernel and add a bias.

        y[n, oy, ox, f] = bias[f] + sum over ky, kx, c of
                          x[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c] * kernel[ky, kx, c, f]

    where x is zero outside the image. The kernel is not flipped: strictly speaking this is a cross-correlation, which
    deep learning calls convolution.

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    kernel : (KH, KW, C, F), the dtype of x
    bias : (F,), the dtype of x, or None
    strides : (SH, SW)
    padding : 'valid' or 'same'
        As `scratchcnn.geometry` defines it.
    dilation_rate : (DH, DW)

    Returns
    -------
    (N, OH, OW, F), the dtype of x

    Notes
    -----
    Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs; reads x and the kernel, writes y, and copies every window once.

    Numerics: sums are computed in the dtype of x. A window that contains only zeros returns exactly the bias, provided
    that the kernel is finite.

    Raises
    ------
    ValueError
        The shapes do not match, or no window fits into the image.
    TypeError
        The dtypes differ or are not floating.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> conv2d(x, np.ones((2, 2, 1, 1)), np.array([100.0]))[0, :, :, 0]
    array([[108., 112.],
           [120., 124.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", equation 9.6; Dumoulin & Visin 2016, arXiv 1603.07285.
    """
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    N, OH, OW, F = len(x), windows.rows.output, windows.columns.output, kernel.shape[3]
    padded = pad(x, windows)  # (N, top + H + bottom, left + W + right, C)
    matrix = kernel.reshape(-1, F)  # (KH * KW * C, F)
    y = np.zeros((N, OH, OW, F), x.dtype)
    for oy, ox in np.ndindex(OH, OW):
        ys, xs = window_slice(windows, oy, ox)
        window = padded[:, ys, xs]  # (N, KH, KW, C)
        # Not np.dot or np.tensordot: they skip a factor that is a single zero, and return 0 for 0 * NaN.
        y[:, oy, ox] = window.reshape(N, -1) @ matrix  # sum over ky, kx, c: (N, F)
    if bias is not None:
        expect(x=(x, x.shape), bias=(bias, (F,)))
        y += bias
    return y


def conv2d_kernel_gradient(
    dy: Array,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Compute the gradient of the loss with respect to the kernel.

        dkernel[ky, kx, c, f] = sum over n, oy, ox of
                                x[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c] * dy[n, oy, ox, f]

    Each weight collects, over all windows, the pixel it was multiplied with times the gradient of that output.

    Parameters
    ----------
    dy : (N, OH, OW, F), float32 or float64
        Gradient of the loss with respect to the output.
    x : (N, H, W, C), the dtype of dy
        Input of the forward pass.
    kernel_size : (KH, KW)
    strides, padding, dilation_rate
        As in the forward pass.

    Returns
    -------
    (KH, KW, C, F), the dtype of x

    Notes
    -----
    Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs; reads x and dy, and copies every window once.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> conv2d_kernel_gradient(np.ones((1, 2, 2, 1)), x, (2, 2))[:, :, 0, 0]  # sum of the pixels under each weight
    array([[ 8., 12.],
           [20., 24.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.5.
    """
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    windows = conv2d_windows(x.shape, kernel_shape, strides, padding, dilation_rate)
    N, OH, OW, F = len(x), windows.rows.output, windows.columns.output, dy.shape[-1]
    expect(x=(x, x.shape), dy=(dy, (N, OH, OW, F)))
    padded = pad(x, windows)  # (N, top + H + bottom, left + W + right, C)
    dkernel = np.zeros((np.prod(kernel_shape[:3]), F), x.dtype)  # (KH * KW * C, F)
    for oy, ox in np.ndindex(OH, OW):
        ys, xs = window_slice(windows, oy, ox)
        window = padded[:, ys, xs]  # (N, KH, KW, C)
        dkernel += window.reshape(N, -1).T @ dy[:, oy, ox]  # sum over n: (KH * KW * C, F)
    return dkernel.reshape(kernel_shape)


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Compute the gradient of the loss with respect to the input.

        dx[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c] += sum over f of
                                                                       dy[n, oy, ox, f] * kernel[ky, kx, c, f]

    for all oy, ox, ky, kx. Each pixel collects, over all windows that contain it, the gradient of that output times the
    weight it was multiplied with. Positions outside the image are dropped.

    Parameters
    ----------
    dy : (N, OH, OW, F), float32 or float64
        Gradient of the loss with respect to the output.
    kernel : (KH, KW, C, F), the dtype of dy
    input_shape : (N, H, W, C)
    strides, padding, dilation_rate
        As in the forward pass.

    Returns
    -------
    (N, H, W, C), the dtype of dy

    Notes
    -----
    Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs; reads dy and the kernel, and updates dx in memory once per window.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`.

    Examples
    --------
    >>> kernel = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 2, 1, 1)
    >>> conv2d_input_gradient(np.ones((1, 1, 2, 1)), kernel, (1, 2, 3, 1))[0, :, :, 0]  # the windows overlap
    array([[1., 3., 2.],
           [3., 7., 4.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.5.
    """
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    N, OH, OW, F = input_shape[0], windows.rows.output, windows.columns.output, kernel.shape[3]
    expect(kernel=(kernel, kernel.shape), dy=(dy, (N, OH, OW, F)))
    matrix = kernel.reshape(-1, F)  # (KH * KW * C, F)
    dx = pad(np.zeros(input_shape, dy.dtype), windows)  # (N, top + H + bottom, left + W + right, C)
    for oy, ox in np.ndindex(OH, OW):
        dwindow = dy[:, oy, ox] @ matrix.T  # sum over f: (N, KH * KW * C)
        ys, xs = window_slice(windows, oy, ox)
        dx[:, ys, xs] += dwindow.reshape(N, *kernel.shape[:3])  # (N, KH, KW, C)
    return unpad(dx, windows)
