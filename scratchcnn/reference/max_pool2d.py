"""Max pooling: keeps the maximum of each window; and its gradient, which reaches only the maximum."""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Padding, Pair, part_inside
from scratchcnn.operands import Array, Shape, expect, expect_winners, pool2d_windows, winner_dtype


def max_pool2d(
    x: Array, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = "valid"
) -> tuple[Array, Array]:
    """Compute the maximum of each window and its argmax index, separately for each channel.

        y[n, oy, ox, c] = max over ky, kx of x[n, oy * SH + ky - top, ox * SW + kx - left, c]
        winners[n, oy, ox, c] = ky * KW + kx of this maximum

    Positions outside the image count as minus infinity, not as zero, and are never the argmax.

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    pool_size : (KH, KW)
    strides : (SH, SW)
    padding : 'valid' or 'same'

    Returns
    -------
    y : (N, OH, OW, C), the dtype of x
    winners : (N, OH, OW, C), the smallest unsigned integer dtype that holds KH * KW - 1
        Argmax indices; they tell the backward pass which element of each window receives the gradient.

    Notes
    -----
    Cost: KH * KW comparisons per output; reads x once, writes y and the argmax indices.

    Numerics: of equal elements, the first one row by row is the argmax. NaN counts as larger than every number, so that
    it is propagated to the output.

    Raises
    ------
    ValueError, TypeError
        x is not of rank 4 or not a float array, or no window fits into the image.

    Examples
    --------
    >>> y, winners = max_pool2d(np.array([[1.0, 2.0, 9.0, 9.0], [4.0, 3.0, 9.0, 0.0]]).reshape(1, 2, 4, 1))
    >>> y.reshape(-1), winners.reshape(-1)
    (array([4., 9.]), array([2, 0], dtype=uint8))

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.3.
    """
    windows = pool2d_windows(x.shape, pool_size, strides, padding)
    expect(x=(x, x.shape))
    N, OH, OW, C = len(x), windows.rows.output, windows.columns.output, x.shape[3]
    y = np.zeros((N, OH, OW, C), x.dtype)
    winners = np.zeros((N, OH, OW, C), winner_dtype(pool_size))
    for oy, ox in np.ndindex(OH, OW):
        above, rows = part_inside(windows.rows, oy)
        left, columns = part_inside(windows.columns, ox)
        window = x[:, rows, columns]  # (N, at most KH, at most KW, C)
        flat = window.reshape(N, -1, C)
        argmax = np.argmax(flat, axis=1)  # (N, C); NumPy, too, takes the first of equal elements, and NaN first of all
        y[:, oy, ox] = np.take_along_axis(flat, argmax[:, None], axis=1)[:, 0]
        ky, kx = np.divmod(argmax, window.shape[2])  # (N, C) each; position in the visible part of the window
        winners[:, oy, ox] = (above + ky) * pool_size[1] + left + kx
    return y, winners


def max_pool2d_gradient(
    dy: Array,
    winners: Array,
    input_shape: Shape,
    pool_size: Pair = (2, 2),
    strides: Pair = (2, 2),
    padding: Padding = "valid",
) -> Array:
    """Compute the gradient of the loss with respect to the input.

        (ky, kx) = divmod(winners[n, oy, ox, c], KW)
        dx[n, oy * SH + ky - top, ox * SW + kx - left, c] += dy[n, oy, ox, c]

    for all n, oy, ox, c. The maximum of each window receives the gradient of its output; all other elements receive 0.

    Parameters
    ----------
    dy : (N, OH, OW, C), float32 or float64
        Gradient of the loss with respect to the output.
    winners : (N, OH, OW, C)
        Argmax indices, as returned by `max_pool2d`.
    input_shape : (N, H, W, C)
    pool_size, strides, padding
        As in the forward pass.

    Returns
    -------
    (N, H, W, C), the dtype of dy

    Notes
    -----
    Cost: one addition per element of dy; reads dy and the argmax indices, writes dx, which is mostly zeros.

    Raises
    ------
    ValueError, TypeError
        The shape of dy or winners is not that of the output, winners are not argmax indices of such windows, dy is not
        a float array, or no window fits into the image.

    Examples
    --------
    >>> y, winners = max_pool2d(np.array([[1.0, 2.0, 9.0, 9.0], [4.0, 3.0, 9.0, 0.0]]).reshape(1, 2, 4, 1))
    >>> max_pool2d_gradient(np.array([10.0, 20.0]).reshape(1, 1, 2, 1), winners, (1, 2, 4, 1))[0, :, :, 0]
    array([[ 0.,  0., 20.,  0.],
           [10.,  0.,  0.,  0.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.3.
    """
    windows = pool2d_windows(input_shape, pool_size, strides, padding)
    N, OH, OW, C = input_shape[0], windows.rows.output, windows.columns.output, input_shape[3]
    expect(dy=(dy, (N, OH, OW, C)))
    expect_winners(winners, (N, OH, OW, C), pool_size)
    dx = np.zeros(input_shape, dy.dtype)
    n, c = np.ogrid[:N, :C]  # (N, 1) and (1, C)
    for oy, ox in np.ndindex(OH, OW):
        ky, kx = np.divmod(winners[:, oy, ox].astype(np.int64), pool_size[1])  # (N, C) each
        row = oy * strides[0] + ky - windows.rows.before
        column = ox * strides[1] + kx - windows.columns.before
        dx[n, row, column, c] += dy[:, oy, ox]  # one pixel per image and channel
    return dx
