"""Cross-entropy: how surprised the model is by the right answer; of logits (softmax included) or of probabilities."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect

CLIP = 1e-7  # probabilities are kept this far from 0 and 1, as in Keras


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Softmax and cross-entropy in one, finite for all finite logits.

        loss[n] = sum over j of targets[n, j] * (log(sum over i of exp(z[n, i])) - z[n, j])
        z[n, j] = logits[n, j] - max over i of logits[n, i]

    Taking the logarithm of a softmax that was computed first would meet log(0) as soon as a logit lies 104 below the
    largest (float32).

    Parameters
    ----------
    logits : (N, J), float32 or float64
    targets : (N, J), the dtype of logits; probabilities, usually a one in each row

    Returns
    -------
    losses : (N,), the dtype of logits, in nats
    probabilities : (N, J), softmax of the logits

    Notes
    -----
    Cost: an exponential and about 7 FLOPs a number, a logarithm a row; reads logits and targets, writes the
    probabilities.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

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
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True)
    surprise = np.zeros_like(logits)  # where the target is 0 nothing is added, even if the logit is infinite
    np.multiply(targets, np.log(total) - shifted, out=surprise, where=targets != 0)
    return surprise.sum(axis=1), exponentials / total


def softmax_cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Gradient of `scale` times the sum of the losses by the logits.

        dlogits[n, j] = scale * (probabilities[n, j] * sum over i of targets[n, i] - targets[n, j])

    Parameters
    ----------
    probabilities : (N, J), as `softmax_cross_entropy` gave them
    targets : (N, J)
    scale : float
        1 / N for the mean over a batch.

    Returns
    -------
    (N, J), the dtype of probabilities

    Notes
    -----
    Cost: 4 FLOPs a number; reads both arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> softmax_cross_entropy_gradient(np.array([[0.25, 0.75]]), np.array([[0.0, 1.0]]), 1.0)
    array([[ 0.25, -0.25]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.3.
    """
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    total = targets.sum(axis=1, keepdims=True)
    dlogits: Array = (probabilities * total - targets) * probabilities.dtype.type(scale)
    return dlogits


def cross_entropy(probabilities: Array, targets: Array) -> Array:
    """Cross-entropy of numbers that are taken for probabilities.

        loss[n] = - sum over j of targets[n, j] * log(clip(q[n, j])),   q = probabilities / sum of the row

    with q clipped to [1e-7, 1 - 1e-7], as Keras does.

    Parameters
    ----------
    probabilities : (N, J), float32 or float64
    targets : (N, J), the dtype of probabilities

    Returns
    -------
    (N,), the dtype of probabilities, in nats

    Notes
    -----
    Cost: a logarithm and about 6 FLOPs a number; reads both arrays.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> cross_entropy(np.array([[1.0, 3.0]]), np.array([[0.0, 1.0]])).round(6)  # -log(0.75)
    array([0.287682])

    References
    ----------
    Keras's loss CategoricalCrossentropy, its clipping included; Goodfellow, Bengio & Courville 2016, "Deep Learning",
    section 6.2.2.3.
    """
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    share = probabilities / probabilities.sum(axis=1, keepdims=True)
    losses: Array = -(targets * np.log(np.clip(share, CLIP, 1 - CLIP))).sum(axis=1)
    return losses


def cross_entropy_gradient(probabilities: Array, targets: Array, scale: float) -> Array:
    """Gradient of `scale` times the sum of the losses by the probabilities.

        dq[n, j] = - scale * targets[n, j] / q[n, j] where q was not clipped, else 0
        dprobabilities[n, j] = (dq[n, j] - sum over i of dq[n, i] * q[n, i]) / sum of the row

    Parameters
    ----------
    probabilities : (N, J)
    targets : (N, J)
    scale : float
        1 / N for the mean over a batch.

    Returns
    -------
    (N, J), the dtype of probabilities

    Notes
    -----
    Cost: about 10 FLOPs a number; reads both arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> cross_entropy_gradient(np.array([[0.25, 0.75]]), np.array([[0.0, 1.0]]), 0.75)
    array([[ 0.75, -0.25]])

    References
    ----------
    Keras's loss CategoricalCrossentropy, its clipping included.
    """
    expect(probabilities=(probabilities, (None, None)), targets=(targets, probabilities.shape))
    total = probabilities.sum(axis=1, keepdims=True)
    share = probabilities / total
    inside = (share >= CLIP) & (share <= 1 - CLIP)
    dshare = np.where(inside, targets / np.where(inside, share, 1) * -scale, 0).astype(probabilities.dtype)
    gradient: Array = (dshare - (dshare * share).sum(axis=1, keepdims=True)) / total
    return gradient
