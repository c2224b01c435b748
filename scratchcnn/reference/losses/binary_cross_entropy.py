"""Binary cross-entropy: the loss of independent yes-or-no outputs, from logits or probabilities; and its gradients."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect

CLIP = 1e-7  # probabilities are clipped to [CLIP, 1 - CLIP], as in Keras


def sigmoid_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Compute sigmoid and binary cross-entropy together, without overflow or log(0).

        probabilities[n, j] = 1 / (1 + exp(-logits[n, j]))
        losses[n] = -(sum over j of targets[n, j] * log(probabilities[n, j])
                                    + (1 - targets[n, j]) * log(1 - probabilities[n, j])) / J
                  = (sum over j of max(z, 0) - targets[n, j] * z + log(1 + exp(-|z|))) / J,   z = logits[n, j]

    Parameters
    ----------
    logits : (N, J), float32 or float64
    targets : (N, J), the dtype of logits
        Probabilities; usually 0 or 1.

    Returns
    -------
    losses : (N,), the dtype of logits, in nats
    probabilities : (N, J), the sigmoid of the logits

    Notes
    -----
    Cost: an exponential, a logarithm and about 8 FLOPs per element; reads both arrays, writes one.

    Numerics: the last formula is computed. It is finite for all finite logits, since exp(-|z|) cannot overflow. If the
    sigmoid were computed first and its logarithm taken afterwards, a logit of 17 would give log(0) in float32.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> losses, probabilities = sigmoid_cross_entropy(np.array([[0.0, -2000.0]]), np.array([[1.0, 1.0]]))
    >>> losses.round(6), probabilities  # (log(2) + 2000) / 2
    (array([1000.346574]), array([[0.5, 0. ]]))

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.2.
    """
    expect(logits=(logits, (None, None)), targets=(targets, logits.shape))
    exponentials = np.exp(-np.abs(logits))  # (N, J)
    losses: Array = (np.maximum(logits, 0) - targets * logits + np.log1p(exponentials)).mean(axis=1)  # (N,)
    probabilities = np.where(logits < 0, exponentials, 1) / (1 + exponentials)  # (N, J)
    return losses, probabilities


def sigmoid_cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Compute the gradient of scale * sum(losses) with respect to the logits.

        dlogits[n, j] = scale * (probabilities[n, j] - targets[n, j]) / J

    Parameters
    ----------
    probabilities : (N, J), float32 or float64
        As returned by `sigmoid_cross_entropy`.
    targets : (N, J), the dtype of probabilities
    scale : float
        1 / N if the objective is the mean over the batch.

    Returns
    -------
    (N, J), the dtype of probabilities

    Notes
    -----
    Cost: 2 FLOPs per element; reads both arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> sigmoid_cross_entropy_gradient(np.array([[0.25, 0.75]]), np.array([[0.0, 1.0]]), 1.0)
    array([[ 0.125, -0.125]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.2.
    """
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    dlogits: Array = (probabilities - targets) * probabilities.dtype.type(scale / targets.shape[1])  # (N, J)
    return dlogits


def binary_cross_entropy(probabilities: Array, targets: Array) -> Array:
    """Compute the binary cross-entropy of predicted probabilities.

        p[n, j] = clip(probabilities[n, j], 1e-7, 1 - 1e-7)
        losses[n] = -(sum over j of targets[n, j] * log(p[n, j]) + (1 - targets[n, j]) * log(1 - p[n, j])) / J

    Probabilities are clipped as in Keras, so that the loss is finite.

    Parameters
    ----------
    probabilities : (N, J), float32 or float64
    targets : (N, J), the dtype of probabilities
        Probabilities; usually 0 or 1.

    Returns
    -------
    (N,), the dtype of probabilities, in nats

    Notes
    -----
    Cost: two logarithms and about 8 FLOPs per element; reads both arrays.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> binary_cross_entropy(np.array([[0.5, 0.75]]), np.array([[1.0, 0.0]])).round(6)  # (log(2) + log(4)) / 2
    array([1.039721])

    References
    ----------
    Keras's loss BinaryCrossentropy, including its clipping; Goodfellow, Bengio & Courville 2016, "Deep Learning",
    section 6.2.2.2.
    """
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    real = probabilities.dtype.type
    p = np.clip(probabilities, real(CLIP), real(1 - CLIP))  # (N, J)
    losses: Array = -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean(axis=1)  # (N,)
    return losses


def binary_cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Compute the gradient of scale * sum(losses) with respect to the probabilities.

        p = probabilities[n, j]
        dprobabilities[n, j] = scale * (p - targets[n, j]) / (p * (1 - p)) / J if 1e-7 <= p <= 1 - 1e-7, else 0

    Where the loss clips a probability, it does not depend on it, and the gradient is zero.

    Parameters
    ----------
    probabilities : (N, J), float32 or float64
    targets : (N, J), the dtype of probabilities
    scale : float
        1 / N if the objective is the mean over the batch.

    Returns
    -------
    (N, J), the dtype of probabilities

    Notes
    -----
    Cost: about 5 FLOPs per element; reads both arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> binary_cross_entropy_gradient(np.array([[0.5, 0.75]]), np.array([[1.0, 0.0]]), 1.0)
    array([[-1.,  2.]])

    References
    ----------
    Keras's loss BinaryCrossentropy, including its clipping.
    """
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    real = probabilities.dtype.type
    inside = (probabilities >= real(CLIP)) & (probabilities <= real(1 - CLIP))  # (N, J), bool
    p = np.where(inside, probabilities, real(0.5))  # 0.5 where it was clipped, so that nothing is divided by zero
    slopes = np.where(inside, (p - targets) / (p * (1 - p)), real(0))  # (N, J)
    dprobabilities: Array = slopes * real(scale / targets.shape[1])
    return dprobabilities
