"""Batch normalization, limited by memory bandwidth: two passes over the images forward, two backward.

The images are a matrix with one row per pixel and one column per channel, and are summed in blocks of rows that stay in
the cache. Mean and variance of a block are computed in two passes, of which only the first reads from memory; those of
all blocks are then combined (Chan, Golub & LeVeque 1983). So x is read from memory once for its statistics, without the
cancellation of the mean of the squares minus the square of the mean.

Cost: forward 7 FLOPs per element; reads x twice and writes y. Backward 10 FLOPs; reads dy and x twice and writes dx.

Numerics: computed in float64 and rounded once, at the end. The blocks depend only on the shape, so results do not
depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.kernels.runtime.copying import copy
from scratchcnn.kernels.runtime.jit import parallel_if_large
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, expect, expect_normalization

BLOCK = 16_384  # elements of a block, which stay in the second-level cache ...
LEAST_ROWS = 32  # ... with at least this many rows, so that the sums of the blocks are much smaller than the images


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """Mean and variance of each channel; `reference.batch_statistics` has the formula."""
    expect(x=(x, x.shape))
    if x[..., :1].size == 0:
        raise ValueError(f"Expected at least one value of each channel, received shape {x.shape}; pass a sample.")
    rows = _rows(x)  # (M, C)
    means, squares = np.empty((2, _block_count(rows), rows.shape[1]), np.float64)  # of each block, and channel
    _statistics_of_blocks(rows, _block_rows(rows), means, squares)
    counts = np.minimum(_block_rows(rows), len(rows) - _block_rows(rows) * np.arange(len(means)))[:, None]
    mean = (counts * means).sum(axis=0) / len(rows)
    squares += counts * (means - mean) ** 2
    return mean, squares.sum(axis=0) / len(rows)


@parallel_if_large
def _statistics_of_blocks(x, block_rows, means, squares):
    """The mean of each block and channel, and the sum of the squared deviations from it."""
    for block in prange(len(means)):
        first, last = block * block_rows, min((block + 1) * block_rows, len(x))
        sums, deviations = np.zeros(x.shape[1], np.float64), np.zeros(x.shape[1], np.float64)
        for row in range(first, last):
            for c in range(sums.size):
                sums[c] += x[row, c]
        for c in range(sums.size):
            sums[c] /= last - first
        for row in range(first, last):
            for c in range(sums.size):
                deviation = x[row, c] - sums[c]
                deviations[c] += deviation * deviation
        copy(sums, 0, means[block], 0, sums.size)
        copy(deviations, 0, squares[block], 0, sums.size)


def batch_normalization(
    x: Array, mean: Array, variance: Array, gamma: Array | None, beta: Array | None, epsilon: float
) -> Array:
    """Normalize, scale and shift each channel; `reference.batch_normalization` has the formula."""
    expect_normalization(x, mean, variance, gamma, beta)
    y, offset = empty(x.shape, x.dtype), np.zeros(mean.shape) if beta is None else beta.astype(np.float64)
    _normalize(_rows(x), mean, _scale(variance, gamma, epsilon), offset, y.reshape(-1, mean.size))
    return y


@parallel_if_large
def _normalize(x, mean, scale, offset, y):
    for row in prange(len(x)):
        for c in range(mean.size):
            y[row, c] = (x[row, c] - mean[c]) * scale[c] + offset[c]


def batch_normalization_parameter_gradients(
    dy: Array, x: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Array]:
    """Gradients w.r.t. gamma and beta; `reference.batch_normalization_parameter_gradients` has the formula."""
    expect_normalization(x, mean, variance, None, None)
    expect(x=(x, x.shape), dy=(dy, x.shape))
    rows = _rows(x)
    products, sums = np.empty((2, _block_count(rows), rows.shape[1]), np.float64)
    _sums_of_blocks(_rows(dy), rows, _block_rows(rows), mean, products, sums)
    dgamma = products.sum(axis=0) * _scale(variance, None, epsilon)
    return dgamma.astype(dy.dtype), sums.sum(axis=0).astype(dy.dtype)


@parallel_if_large
def _sums_of_blocks(dy, x, block_rows, mean, products, sums):
    """For each block and channel, the sum of dy * (x - mean), and that of dy."""
    for block in prange(len(sums)):
        first, last = block * block_rows, min((block + 1) * block_rows, len(x))
        of_products, of_dy = np.zeros(mean.size, np.float64), np.zeros(mean.size, np.float64)
        for row in range(first, last):
            for c in range(mean.size):
                of_products[c] += dy[row, c] * (x[row, c] - mean[c])
                of_dy[c] += dy[row, c]
        copy(of_products, 0, products[block], 0, mean.size)
        copy(of_dy, 0, sums[block], 0, mean.size)


def batch_normalization_input_gradient(
    dy: Array,
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None,
    epsilon: float,
    dgamma: Array,
    dbeta: Array,
) -> Array:
    """Gradient of the loss w.r.t. the input; `reference.batch_normalization_input_gradient` has the formula."""
    expect_normalization(x, mean, variance, gamma, None)
    expect(x=(x, x.shape), dy=(dy, x.shape), dgamma=(dgamma, mean.shape), dbeta=(dbeta, mean.shape))
    dx, rows = empty(dy.shape, dy.dtype), _rows(x)
    through_mean = dbeta.astype(np.float64) / len(rows)
    through_variance = dgamma.astype(np.float64) / len(rows) * _scale(variance, None, epsilon)
    scale = _scale(variance, gamma, epsilon)
    _input_gradient(_rows(dy), rows, mean, through_mean, through_variance, scale, dx.reshape(-1, mean.size))
    return dx


@parallel_if_large
def _input_gradient(dy, x, mean, through_mean, through_variance, scale, dx):
    for row in prange(len(x)):
        for c in range(mean.size):
            through_statistics = through_mean[c] + (x[row, c] - mean[c]) * through_variance[c]
            dx[row, c] = (dy[row, c] - through_statistics) * scale[c]


def _rows(images: Array) -> Array:
    """The pixels of images (..., C) as the rows of a matrix."""
    return np.ascontiguousarray(images).reshape(-1, images.shape[-1])


def _scale(variance: Array, gamma: Array | None, epsilon: float) -> Array:
    """gamma / sqrt(variance + epsilon), in float64."""
    return (1.0 if gamma is None else gamma.astype(np.float64)) / np.sqrt(variance + epsilon)


def _block_rows(rows: Array) -> int:
    return max(LEAST_ROWS, BLOCK // rows.shape[1])


def _block_count(rows: Array) -> int:
    return -(-len(rows) // _block_rows(rows))
