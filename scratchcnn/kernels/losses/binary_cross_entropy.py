"""Binary cross-entropy, row by row, without intermediate arrays.

Cost: an exponential and a logarithm per element (sigmoid included), or two logarithms; reads both arrays, writes one.

Numerics: exponentials and logarithms are computed in the dtype of the arrays; sums with constants, and the sum of a
row, in float64.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.elementwise import sigmoid, softplus
from scratchcnn.kernels.losses.mean_squared_error import scaled_difference
from scratchcnn.kernels.runtime.loops import parallel_elements, parallel_jobs_if_large
from scratchcnn.operands import Array, expect

CLIP = 1e-7  # probabilities are clipped to [CLIP, 1 - CLIP], as in Keras


def sigmoid_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Losses and probabilities, from logits; `reference.sigmoid_cross_entropy` has the formula."""
    expect(logits=(logits, (None, None)), targets=(targets, logits.shape))
    losses, probabilities = np.empty(len(logits), logits.dtype), np.empty(logits.shape, logits.dtype)
    _sigmoid_cross_entropy(
        len(logits), np.ascontiguousarray(logits), np.ascontiguousarray(targets), losses, probabilities
    )
    return losses, probabilities


@parallel_jobs_if_large
def _sigmoid_cross_entropy(row, logits, targets, losses, probabilities):
    total = 0.0
    for j in range(logits.shape[1]):
        z = logits[row, j]
        total += softplus(z, z) - targets[row, j] * z
        probabilities[row, j] = sigmoid(z, z)
    losses[row] = total / logits.shape[1]


def sigmoid_cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Gradient of the loss w.r.t. the logits; `reference.sigmoid_cross_entropy_gradient` has the formula."""
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    dlogits = np.empty(probabilities.shape, probabilities.dtype)
    factor = dlogits.dtype.type(scale / targets.shape[1])
    scaled_difference(probabilities, targets, factor, dlogits)
    return dlogits


def binary_cross_entropy(probabilities: Array, targets: Array) -> Array:
    """Losses, from probabilities; `reference.binary_cross_entropy` has the formula."""
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    losses, real = np.empty(len(targets), targets.dtype), probabilities.dtype.type
    _binary_cross_entropy(
        len(losses), np.ascontiguousarray(probabilities), np.ascontiguousarray(targets), real(CLIP), real(1 - CLIP),
        losses,
    )  # fmt: skip
    return losses


@parallel_jobs_if_large
def _binary_cross_entropy(row, probabilities, targets, low, high, losses):
    one = probabilities.dtype.type(1)
    total = 0.0
    for j in range(targets.shape[1]):
        p, target = probabilities[row, j], targets[row, j]
        p = low if p < low else high if p > high else p
        total -= target * np.log(p) + (one - target) * np.log(one - p)
    losses[row] = total / targets.shape[1]


def binary_cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Gradient of the loss w.r.t. the probabilities; `reference.binary_cross_entropy_gradient` has the formula."""
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    gradient, real = np.empty(targets.shape, targets.dtype), probabilities.dtype.type
    _binary_cross_entropy_gradient(
        gradient.size, np.ascontiguousarray(probabilities).reshape(-1), np.ascontiguousarray(targets).reshape(-1),
        real(scale / targets.shape[1]), real(CLIP), real(1 - CLIP), gradient.reshape(-1),
    )  # fmt: skip
    return gradient


@parallel_elements
def _binary_cross_entropy_gradient(first, last, probabilities, targets, factor, low, high, gradient):
    zero, one = probabilities.dtype.type(0), probabilities.dtype.type(1)
    for i in range(first, last):
        p = probabilities[i]
        slope = (p - targets[i]) / (p * (one - p)) if low <= p <= high else zero
        gradient[i] = slope * factor
