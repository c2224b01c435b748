"""Bias gradient: the sum of the output gradient over all positions to which the bias was added."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def bias_gradient(dy: Array) -> Array:
    """Compute the gradient of the loss with respect to a bias that was added along the last axis.

        dbias[f] = sum over all other axes of dy[..., f]

    Parameters
    ----------
    dy : (..., F), float32 or float64
        Gradient of the loss with respect to the output.

    Returns
    -------
    (F,), the dtype of dy

    Notes
    -----
    Cost: one addition per element of dy; reads dy once.

    Numerics: the sum is computed in float64 and rounded once, at the end.

    Raises
    ------
    TypeError
        dy is not a float array.

    Examples
    --------
    >>> bias_gradient(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.5.
    """
    expect(dy=(dy, dy.shape))
    dbias = np.sum(dy, axis=tuple(range(dy.ndim - 1)), dtype=np.float64)  # (F,)
    return dbias.astype(dy.dtype)
