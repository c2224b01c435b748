"""Softmax, row by row: the maximum, the exponentials, their sum, the quotients.

Cost: one exponential per element; reads x, writes y. The rows of a batch are short (10 classes), so a single thread
computes them all.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.operands import Array, expect


def softmax(x: Array) -> Array:
    """Probabilities along the last axis; `reference.softmax` has the formula."""
    expect(x=(x, (None, None)))
    y = np.empty(x.shape, x.dtype)
    _softmax(np.ascontiguousarray(x), y)
    return y


@serial
def _softmax(x, y):
    for row in range(len(x)):
        softmax_row(x[row], y[row])


@serial
def softmax_row(x, y):
    """Softmax of one row; returns the maximum of x and the sum of the exponentials."""
    largest, total = x[0], x.dtype.type(0)
    for j in range(x.size):
        if x[j] > largest or x[j] != x[j]:  # a NaN stays the maximum, and makes the whole row NaN
            largest = x[j]
    for j in range(x.size):
        y[j] = np.exp(x[j] - largest)
    for j in range(x.size):  # a loop of its own: with a store in it, the order of the sum would depend on the addresses
        total += y[j]
    for j in range(x.size):
        y[j] /= total
    return largest, total


def softmax_gradient(dy: Array, y: Array) -> Array:
    """Gradient of the loss w.r.t. the input; `reference.softmax_gradient` has the formula."""
    expect(dy=(dy, y.shape), y=(y, (None, None)))
    dx = np.empty(dy.shape, dy.dtype)
    _softmax_gradient(np.ascontiguousarray(dy), np.ascontiguousarray(y), dx)
    return dx


@serial
def _softmax_gradient(dy, y, dx):
    for row in range(len(y)):
        mean = dy.dtype.type(0)
        for j in range(y.shape[1]):
            mean += dy[row, j] * y[row, j]
        for j in range(y.shape[1]):
            dx[row, j] = y[row, j] * (dy[row, j] - mean)
