"""Cross-entropy, row by row, without intermediate arrays.

Cost: one exponential per element and one logarithm per row (softmax included), or one logarithm per element; reads both
arrays, writes one. The rows of a batch are short (10 classes), so a single thread computes them all.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.softmax import softmax_row
from scratchcnn.operands import Array, expect

CLIP = 1e-7  # probabilities are clipped to [CLIP, 1 - CLIP], as in Keras


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Losses and probabilities, from logits; `reference.softmax_cross_entropy` has the formula."""
    expect(logits=(logits, (None, None)), targets=(targets, logits.shape))
    losses, probabilities = np.empty(len(logits), logits.dtype), np.empty(logits.shape, logits.dtype)
    _softmax_cross_entropy(np.ascontiguousarray(logits), np.ascontiguousarray(targets), losses, probabilities)
    return losses, probabilities


@serial
def _softmax_cross_entropy(logits, targets, losses, probabilities):
    zero = logits.dtype.type(0)
    for row in range(len(logits)):
        largest, total = softmax_row(logits[row], probabilities[row])
        log_total = np.log(total)
        loss = zero
        for j in range(logits.shape[1]):
            if targets[row, j] != zero:
                loss += targets[row, j] * (log_total - (logits[row, j] - largest))
        losses[row] = loss


def softmax_cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Gradient of the loss w.r.t. the logits; `reference.softmax_cross_entropy_gradient` has the formula."""
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    dlogits = np.empty(probabilities.shape, probabilities.dtype)
    _softmax_cross_entropy_gradient(
        np.ascontiguousarray(probabilities), np.ascontiguousarray(targets), dlogits.dtype.type(scale), dlogits
    )
    return dlogits


@serial
def _softmax_cross_entropy_gradient(probabilities, targets, scale, dlogits):
    for row in range(len(targets)):
        total = targets.dtype.type(0)
        for j in range(targets.shape[1]):
            total += targets[row, j]
        for j in range(targets.shape[1]):
            dlogits[row, j] = (probabilities[row, j] * total - targets[row, j]) * scale


def cross_entropy(probabilities: Array, targets: Array) -> Array:
    """Losses, from probabilities; `reference.cross_entropy` has the formula."""
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    losses = np.empty(len(targets), targets.dtype)
    real = probabilities.dtype.type
    _cross_entropy(
        np.ascontiguousarray(probabilities), np.ascontiguousarray(targets), real(CLIP), real(1 - CLIP), losses
    )
    return losses


@serial
def _cross_entropy(probabilities, targets, low, high, losses):
    zero = targets.dtype.type(0)
    for row in range(len(targets)):
        total, loss = zero, zero
        for j in range(targets.shape[1]):
            total += probabilities[row, j]
        for j in range(targets.shape[1]):
            share = probabilities[row, j] / total
            clipped = low if share < low else high if share > high else share
            loss -= targets[row, j] * np.log(clipped)
        losses[row] = loss


def cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Gradient of the loss w.r.t. the probabilities; `reference.cross_entropy_gradient` has the formula."""
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    gradient = np.empty(targets.shape, targets.dtype)
    real = probabilities.dtype.type
    _cross_entropy_gradient(
        np.ascontiguousarray(probabilities), np.ascontiguousarray(targets),
        real(scale), real(CLIP), real(1 - CLIP), gradient,
    )  # fmt: skip
    return gradient


@serial
def _cross_entropy_gradient(probabilities, targets, scale, low, high, gradient):
    zero = targets.dtype.type(0)
    for row in range(len(targets)):
        total, mean = zero, zero
        for j in range(targets.shape[1]):
            total += probabilities[row, j]
        for j in range(targets.shape[1]):
            share = probabilities[row, j] / total
            gradient[row, j] = -scale * targets[row, j] / share if low <= share <= high else zero
        for j in range(targets.shape[1]):  # a loop of its own, as in `softmax_row`
            mean += gradient[row, j] * probabilities[row, j] / total
        for j in range(targets.shape[1]):
            gradient[row, j] = (gradient[row, j] - mean) / total
