"""Convolution: every output is the sum of one window of the image times the kernel. START HERE.

Notation, in this file and everywhere: N images, H x W pixels, C channels; F filters of KH x KW; OH x OW outputs;
strides SH, SW; dilation DH, DW. Images are (N, H, W, C), kernels (KH, KW, C, F).
"""

from __future__ import annotations

import numpy as np

from scratchcnn.algorithms import Algorithm
from scratchcnn.geometry import Padding, Pair
from scratchcnn.operands import Array, Shape, conv2d_windows, expect
from scratchcnn.reference.bias import bias_gradient
from scratchcnn.reference.im2col import pad, unpad, window_slices
from scratchcnn.reference.relu import relu as rectified
from scratchcnn.reference.relu import relu_gradient


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    relu: bool = False,
    algorithm: Algorithm = "auto",
) -> Array:
    """Slide the kernel over the images; at each place, multiply, sum, and add the bias.

        y[n, oy, ox, f] = bias[f] + sum over ky, kx, c of
                          x[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c] * kernel[ky, kx, c, f]

    where x is zero outside the image. The kernel is not turned round: this is cross-correlation, which the field calls
    convolution.

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    kernel : (KH, KW, C, F), the dtype of x
    bias : (F,) or None
    strides : (SH, SW)
    padding : 'valid' or 'same'
    dilation_rate : (DH, DW)
    relu : bool
        Whether negative results become zero, as `relu` does.
    algorithm : str
        How the kernels compute it; here there is one way, the formula. The same for those below.

    Returns
    -------
    (N, OH, OW, F), the dtype of x

    Notes
    -----
    Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs; reads x and the kernel, writes y, and copies every window once.

    Raises
    ------
    ValueError
        Shapes do not fit each other, or no window fits into the image.
    TypeError
        The dtypes differ.

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
    images, filters = len(x), kernel.shape[3]
    padded = pad(x, windows)
    matrix = kernel.reshape(-1, filters)  # (KH * KW * C, F)
    y: Array = np.zeros((images, windows.rows.output * windows.columns.output, filters), x.dtype)
    for output, (rows, columns) in enumerate(window_slices(windows)):
        patch = padded[:, rows, columns]  # (N, KH, KW, C)
        y[:, output] = patch.reshape(images, -1) @ matrix  # (N, F)
    if bias is not None:
        expect(x=(x, x.shape), bias=(bias, (filters,)))
        y += bias
    y = y.reshape(images, windows.rows.output, windows.columns.output, filters)
    return rectified(y) if relu else y


def conv2d_kernel_gradient(
    dy: Array,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
) -> Array:
    """Gradient of the loss by the kernel: each output sends its window, times its own gradient.

        dkernel[ky, kx, c, f] = sum over n, oy, ox of
                                x[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c] * dy[n, oy, ox, f]

    Parameters
    ----------
    dy : (N, OH, OW, F), gradient of the loss by the output
    x : (N, H, W, C), what the forward pass was given
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
    >>> conv2d_kernel_gradient(np.ones((1, 2, 2, 1)), x, (2, 2))[:, :, 0, 0]  # sums of what each weight met
    array([[ 8., 12.],
           [20., 24.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.5.
    """
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    windows = conv2d_windows(x.shape, kernel_shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), dy=(dy, (len(x), windows.rows.output, windows.columns.output, dy.shape[-1])))
    padded = pad(x, windows)
    gradient = np.zeros((np.prod(kernel_shape[:3]), kernel_shape[3]), x.dtype)  # (KH * KW * C, F)
    dy_of_outputs = dy.reshape(len(x), -1, dy.shape[-1])
    for output, (rows, columns) in enumerate(window_slices(windows)):
        patch = padded[:, rows, columns]  # (N, KH, KW, C)
        gradient += patch.reshape(len(x), -1).T @ dy_of_outputs[:, output]
    return gradient.reshape(kernel_shape)


def conv2d_parameter_gradients(
    dy: Array,
    y: Array | None,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
) -> tuple[Array, Array]:
    """Gradients of the loss by the kernel and the bias, where a ReLU may follow the convolution.

    With dz = relu_gradient(dy, y), or dz = dy if y is None,

        dkernel = conv2d_kernel_gradient(dz, x),   dbias = bias_gradient(dz)

    Parameters
    ----------
    dy : (N, OH, OW, F), gradient of the loss by the output
    y : (N, OH, OW, F), the output of the ReLU, or None if there was none
    x : (N, H, W, C), what the forward pass was given
    kernel_size : (KH, KW)
    strides, padding, dilation_rate, algorithm
        As in the forward pass.

    Returns
    -------
    dkernel : (KH, KW, C, F), the dtype of x
    dbias : (F,), the dtype of dy

    Notes
    -----
    Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs and one addition for each number of dy; reads x, dy and y.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`; y is not of the shape of dy.

    Examples
    --------
    >>> x, dy = np.arange(4.0).reshape(1, 2, 2, 1), np.full((1, 2, 2, 1), 10.0)
    >>> open_or_shut = np.array([1.0, 0.0, 1.0, 1.0]).reshape(1, 2, 2, 1)
    >>> dkernel, dbias = conv2d_parameter_gradients(dy, open_or_shut, x, (1, 1))
    >>> dkernel.item(), dbias.item()
    (50.0, 30.0)

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.5.
    """
    dz = dy if y is None else relu_gradient(dy, y)
    return conv2d_kernel_gradient(dz, x, kernel_size, strides, padding, dilation_rate), bias_gradient(dz)


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
) -> Array:
    """Gradient of the loss by the input: each output sends the kernel, times its own gradient, to its window.

        dx[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c] +=
                                sum over f of dy[n, oy, ox, f] * kernel[ky, kx, c, f]

    Parameters
    ----------
    dy : (N, OH, OW, F), gradient of the loss by the output
    kernel : (KH, KW, C, F)
    input_shape : (N, H, W, C)
    strides, padding, dilation_rate
        As in the forward pass.

    Returns
    -------
    (N, H, W, C), the dtype of dy

    Notes
    -----
    Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs; reads dy and the kernel, and adds to dx in memory once for each
    window.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`.

    Examples
    --------
    >>> kernel = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 2, 1, 1)
    >>> conv2d_input_gradient(np.ones((1, 1, 2, 1)), kernel, (1, 2, 3, 1))[0, :, :, 0]  # two windows overlap
    array([[1., 3., 2.],
           [3., 7., 4.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.5.
    """
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    images, filters = input_shape[0], kernel.shape[3]
    expect(kernel=(kernel, kernel.shape), dy=(dy, (images, windows.rows.output, windows.columns.output, filters)))
    matrix = kernel.reshape(-1, filters)  # (KH * KW * C, F)
    padded = pad(np.zeros(input_shape, dy.dtype), windows)
    dy_of_outputs = dy.reshape(images, -1, filters)
    for output, (rows, columns) in enumerate(window_slices(windows)):
        patch = dy_of_outputs[:, output] @ matrix.T  # (N, KH * KW * C)
        padded[:, rows, columns] += patch.reshape(images, *kernel.shape[:3])
    return unpad(padded, windows)
