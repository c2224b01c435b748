"""Max pooling: of every window only the largest number goes on, and only it gets the gradient."""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.operands import Array, Shape, expect, expect_winners, pool2d_windows, winner_dtype


def max_pool2d(
    x: Array, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = "valid"
) -> tuple[Array, Array]:
    """The largest number of every window, for each channel by itself.

        y[n, oy, ox, c] = max over ky, kx of x[n, oy * SH + ky - top, ox * SW + kx - left, c]

    Positions outside the image never win (they count as −infinity, not as zero). Of equal numbers the first in reading
    order wins. A NaN wins over every number, so that it is not lost.

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    pool_size : (KH, KW)
    strides : (SH, SW)
    padding : 'valid' or 'same'

    Returns
    -------
    y : (N, OH, OW, C), the dtype of x
    winners : (N, OH, OW, C), the smallest unsigned integer type that holds KH * KW - 1
        Which element won: ky * KW + kx.

    Notes
    -----
    Cost: KH * KW comparisons for each output; reads x once, writes y and the winners.

    Raises
    ------
    ValueError, TypeError
        x is not of rank 4 or not a float array; no window fits.

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
    images, channels = x.shape[0], x.shape[3]
    shape = (images, windows.rows.output, windows.columns.output, channels)
    y, winners = np.zeros(shape, x.dtype), np.zeros(shape, winner_dtype(pool_size))
    for oy, ox in np.ndindex(shape[1:3]):
        top, left, rows, columns = _inside(windows, oy, ox)
        window = x[:, rows, columns]  # (N, up to KH, up to KW, C)
        flat = window.reshape(images, -1, channels)
        place = np.argmax(flat, axis=1)  # (N, C); NumPy's argmax also takes the first of equals, and NaN over numbers
        y[:, oy, ox] = np.take_along_axis(flat, place[:, None], axis=1)[:, 0]
        ky, kx = np.divmod(place, window.shape[2])
        winners[:, oy, ox] = (ky + top) * pool_size[1] + kx + left
    return y, winners


def max_pool2d_gradient(
    dy: Array,
    winners: Array,
    input_shape: Shape,
    pool_size: Pair = (2, 2),
    strides: Pair = (2, 2),
    padding: Padding = "valid",
) -> Array:
    """Gradient of the loss by the input: each window sends its gradient to its winner.

    Parameters
    ----------
    dy : (N, OH, OW, C), gradient of the loss by the output
    winners : (N, OH, OW, C), as `max_pool2d` gave them
    input_shape : (N, H, W, C)
    pool_size, strides, padding
        As in the forward pass.

    Returns
    -------
    (N, H, W, C), the dtype of dy

    Notes
    -----
    Cost: one addition for each number of dy; reads dy and the winners, writes dx, which is mostly zeros.

    Raises
    ------
    ValueError, TypeError
        dy or winners are not of the output's shape, or no winners; dy is not a float array; no window fits.

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
    images, channels = input_shape[0], input_shape[3]
    shape = (images, windows.rows.output, windows.columns.output, channels)
    expect(dy=(dy, shape))
    expect_winners(winners, shape, pool_size)
    dx = np.zeros(input_shape, dy.dtype)
    image, channel = np.ogrid[:images, :channels]
    for oy, ox in np.ndindex(dy.shape[1:3]):
        ky, kx = np.divmod(winners[:, oy, ox].astype(np.int64), pool_size[1])  # (N, C)
        y = oy * strides[0] - windows.rows.before + ky
        x = ox * strides[1] - windows.columns.before + kx
        dx[image, y, x, channel] += dy[:, oy, ox]
    return dx


def _inside(windows: Windows, oy: int, ox: int) -> tuple[int, int, slice, slice]:
    """How many rows and columns of a window lie above and left of the image, and the slices of what lies inside."""
    rows, columns = windows
    y, x = oy * rows.stride - rows.before, ox * columns.stride - columns.before
    return max(0, -y), max(0, -x), slice(max(0, y), y + rows.kernel), slice(max(0, x), x + columns.kernel)
