"""Gradient clipping, by norm and by value."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def clip_by_norm(gradient: Array, norm: float, limit: float) -> Array:
    """Scale a gradient so that its norm is at most `limit`; its direction stays the same.

        clipped = gradient * limit / max(norm, limit)

    Parameters
    ----------
    gradient : any shape, float32 or float64
    norm : float
        sqrt(squared_sum(gradient)); or the norm of the gradients of several parameters together, each of which is then
        scaled by the same factor.
    limit : float, above 0

    Returns
    -------
    An array like gradient; gradient itself if the norm is not above the limit

    Notes
    -----
    Cost: 1 FLOP per element; reads one array, writes one.

    Numerics: the factor is computed in float64 and rounded to the dtype of the gradient. A norm that is NaN gives NaN.

    Raises
    ------
    TypeError
        gradient is neither float32 nor float64.

    Examples
    --------
    >>> clip_by_norm(np.array([3.0, -4.0]), 5.0, 1.0)
    array([ 0.6, -0.8])

    References
    ----------
    Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", algorithm 1.
    """
    expect(gradient=(gradient, gradient.shape))
    clipped: Array = gradient if norm <= limit else gradient * gradient.dtype.type(limit / norm)
    return clipped


def clip_by_value(gradient: Array, limit: float) -> Array:
    """Limit every element of a gradient to [-limit, limit]; its direction may change.

        clipped[i] = min(max(gradient[i], -limit), limit)

    Parameters
    ----------
    gradient : any shape, float32 or float64
    limit : float, above 0

    Returns
    -------
    A new array like gradient; NaN stays NaN

    Notes
    -----
    Cost: 2 FLOPs per element; reads one array, writes one.

    Raises
    ------
    TypeError
        gradient is neither float32 nor float64.

    Examples
    --------
    >>> clip_by_value(np.array([3.0, -0.5]), 1.0)
    array([ 1. , -0.5])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 10.11.1.
    """
    expect(gradient=(gradient, gradient.shape))
    real = gradient.dtype.type
    clipped: Array = np.clip(gradient, real(-limit), real(limit))
    return clipped
