"""Zero padding: adds rows and columns of zeros around images; and its gradient, which is cut out of the images."""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Pair
from scratchcnn.operands import Array, expect, expect_margins


def zero_pad2d(x: Array, padding: tuple[Pair, Pair] = ((1, 1), (1, 1))) -> Array:
    """Add rows and columns of zeros around each image.

        y[n, top + h, left + w, c] = x[n, h, w, c], and 0 elsewhere

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    padding : ((top, bottom), (left, right))
        Rows and columns on each side, at least 0.

    Returns
    -------
    (N, top + H + bottom, left + W + right, C), the dtype of x

    Notes
    -----
    Cost: no arithmetic; reads x, writes y.

    Raises
    ------
    ValueError, TypeError
        x is not of rank 4 or not a float array, or a number of rows or columns is negative.

    Examples
    --------
    >>> zero_pad2d(np.array([[1.0, 2.0]]).reshape(1, 1, 2, 1), ((0, 1), (2, 0)))[0, :, :, 0]
    array([[0., 0., 1., 2.],
           [0., 0., 0., 0.]])

    References
    ----------
    Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 2.2.
    """
    expect(x=(x, (None, None, None, None)))
    expect_margins(padding)
    (top, bottom), (left, right) = padding
    N, H, W, C = x.shape
    y = np.zeros((N, top + H + bottom, left + W + right, C), x.dtype)
    y[:, top : top + H, left : left + W] = x
    return y


def zero_pad2d_gradient(dy: Array, padding: tuple[Pair, Pair] = ((1, 1), (1, 1))) -> Array:
    """Compute the gradient of the loss with respect to the input.

        dx[n, h, w, c] = dy[n, top + h, left + w, c]

    Parameters
    ----------
    dy : (N, top + H + bottom, left + W + right, C), float32 or float64
        Gradient of the loss with respect to the output.
    padding
        As in the forward pass.

    Returns
    -------
    (N, H, W, C), the dtype of dy

    Notes
    -----
    Cost: no arithmetic; reads the inner part of dy, writes dx.

    Raises
    ------
    ValueError, TypeError
        dy is not of rank 4, has fewer rows or columns than the padding, or is not a float array; or a number of rows
        or columns is negative.

    Examples
    --------
    >>> zero_pad2d_gradient(np.arange(8.0).reshape(1, 2, 4, 1), ((0, 1), (2, 0)))[0, :, :, 0]
    array([[2., 3.]])

    References
    ----------
    Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 2.2.
    """
    expect(dy=(dy, (None, None, None, None)))
    expect_margins(padding, dy.shape)
    (top, bottom), (left, right) = padding
    H, W = dy.shape[1] - top - bottom, dy.shape[2] - left - right
    dx = np.zeros((len(dy), H, W, dy.shape[3]), dy.dtype)
    dx[...] = dy[:, top : top + H, left : left + W]
    return dx
