"""Cross-entropy: the loss of a classifier, computed from logits or from probabilities; and its gradients."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect

CLIP = 1e-7  # probabilities are clipped to [CLIP, 1 - CLIP], as in Keras


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Compute softmax and cross-entropy together, without overflow or log(0).

        z[n, j] = logits[n, j] - max over i of logits[n, i]
        total[n] = sum over i of exp(z[n, i])
        losses[n] = sum over j of targets[n, j] * (log(total[n]) - z[n, j])
        probabilities[n, j] = exp(z[n, j]) / total[n]

    Parameters
    ----------
    logits : (N, J), float32 or float64
    targets : (N, J), the dtype of logits
        Probabilities; usually one-hot.

    Returns
    -------
    losses : (N,), the dtype of logits, in nats
    probabilities : (N, J), the softmax of the logits

    Notes
    -----
    Cost: an exponential and about 7 FLOPs per element, a logarithm per row; reads logits and targets, writes the
    probabilities.

    Numerics: finite for all finite logits. If the softmax were computed first and its logarithm taken afterwards, a
    logit that is 104 below the maximum would give log(0) in float32. Elements whose target is 0 contribute nothing,
    even if the logit is infinite.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> losses, probabilities = softmax_cross_entropy(np.array([[0.0, 2000.0]]), np.array([[1.0, 0.0]]))
    >>> losses, probabilities
    (array([2000.]), array([[0., 1.]]))

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.3.
    """
    expect(logits=(logits, (None, None)), targets=(targets, logits.shape))
    z = logits - logits.max(axis=1, keepdims=True)  # (N, J)
    exponentials = np.exp(z)  # (N, J)
    total = exponentials.sum(axis=1, keepdims=True)  # (N, 1)
    terms = np.zeros_like(logits)  # (N, J); stays 0 where the target is 0, because 0 * infinity would be NaN
    np.multiply(targets, np.log(total) - z, out=terms, where=targets != 0)
    losses = terms.sum(axis=1)  # (N,)
    probabilities = exponentials / total  # (N, J)
    return losses, probabilities


def softmax_cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Compute the gradient of scale * sum(losses) with respect to the logits.

        total[n] = sum over i of targets[n, i]
        dlogits[n, j] = scale * (probabilities[n, j] * total[n] - targets[n, j])

    For one-hot targets total[n] is 1: the gradient is the probability minus the target.

    Parameters
    ----------
    probabilities : (N, J), float32 or float64
        As returned by `softmax_cross_entropy`.
    targets : (N, J), the dtype of probabilities
    scale : float
        1 / N if the objective is the mean over the batch.

    Returns
    -------
    (N, J), the dtype of probabilities

    Notes
    -----
    Cost: 4 FLOPs per element; reads both arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> softmax_cross_entropy_gradient(np.array([[0.25, 0.75]]), np.array([[0.0, 1.0]]), 1.0)
    array([[ 0.25, -0.25]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.3.
    """
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    total = targets.sum(axis=1, keepdims=True)  # (N, 1)
    dlogits: Array = (probabilities * total - targets) * probabilities.dtype.type(scale)  # (N, J)
    return dlogits


def cross_entropy(probabilities: Array, targets: Array) -> Array:
    """Compute the cross-entropy of predicted probabilities.

        q[n, j] = probabilities[n, j] / sum over i of probabilities[n, i]
        losses[n] = -sum over j of targets[n, j] * log(clip(q[n, j], 1e-7, 1 - 1e-7))

    Rows are normalized and clipped as in Keras, so that the loss is finite.

    Parameters
    ----------
    probabilities : (N, J), float32 or float64
    targets : (N, J), the dtype of probabilities
        Probabilities; usually one-hot.

    Returns
    -------
    (N,), the dtype of probabilities, in nats

    Notes
    -----
    Cost: a logarithm and about 6 FLOPs per element; reads both arrays.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> cross_entropy(np.array([[1.0, 3.0]]), np.array([[0.0, 1.0]])).round(6)  # -log(0.75)
    array([0.287682])

    References
    ----------
    Keras's loss CategoricalCrossentropy, including its clipping; Goodfellow, Bengio & Courville 2016, "Deep Learning",
    section 6.2.2.3.
    """
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    q = probabilities / probabilities.sum(axis=1, keepdims=True)  # (N, J)
    losses: Array = -(targets * np.log(np.clip(q, CLIP, 1 - CLIP))).sum(axis=1)  # (N,)
    return losses


def cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Compute the gradient of scale * sum(losses) with respect to the probabilities.

        total[n] = sum over i of probabilities[n, i]
        q[n, j] = probabilities[n, j] / total[n]
        dq[n, j] = -scale * targets[n, j] / q[n, j] if 1e-7 <= q[n, j] <= 1 - 1e-7, else 0
        dprobabilities[n, j] = (dq[n, j] - sum over i of dq[n, i] * q[n, i]) / total[n]

    Where the loss clips q, it does not depend on q, and the gradient is zero.

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
    Cost: about 10 FLOPs per element; reads both arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> cross_entropy_gradient(np.array([[0.25, 0.75]]), np.array([[0.0, 1.0]]), 0.75)
    array([[ 0.75, -0.25]])

    References
    ----------
    Keras's loss CategoricalCrossentropy, including its clipping.
    """
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    total = probabilities.sum(axis=1, keepdims=True)  # (N, 1)
    q = probabilities / total  # (N, J)
    inside = (q >= CLIP) & (q <= 1 - CLIP)  # (N, J), bool
    divisor = np.where(inside, q, 1)  # 1 where q was clipped, so that nothing is divided by zero
    dq = np.where(inside, targets / divisor * -scale, 0).astype(probabilities.dtype)  # (N, J)
    dprobabilities: Array = (dq - (dq * q).sum(axis=1, keepdims=True)) / total  # (N, J)
    return dprobabilities
