"""The gradient of a bias: every place that the bias was added to sends its gradient."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def bias_gradient(dy: Array) -> Array:
    """Gradient of the loss by a bias that was added along the last axis.

        dbias[f] = sum over all other axes of dy[..., f]

    Parameters
    ----------
    dy : (..., F), float32 or float64

    Returns
    -------
    (F,), the dtype of dy; summed in float64

    Notes
    -----
    Cost: one addition for each number of dy; reads dy once.

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
    return np.sum(dy, axis=tuple(range(dy.ndim - 1)), dtype=np.float64).astype(dy.dtype)
