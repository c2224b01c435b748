"""The rectified linear unit: negative numbers become zero."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def relu(x: Array) -> Array:
    """y = max(x, 0); a NaN stays NaN.

    Parameters
    ----------
    x : any shape, float32 or float64

    Returns
    -------
    The shape and dtype of x

    Notes
    -----
    Cost: one comparison a number; reads and writes each once.

    Raises
    ------
    TypeError
        x is not a float array.

    Examples
    --------
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])

    References
    ----------
    Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann machines".
    """
    expect(x=(x, x.shape))
    return np.maximum(x, x.dtype.type(0))


def relu_gradient(dy: Array, y: Array) -> Array:
    """dx = dy where y > 0, else 0. At the kink, x = 0, the gradient is taken as 0.

    Parameters
    ----------
    dy : gradient of the loss by the output
    y : what the forward pass gave, the shape of dy

    Returns
    -------
    The shape and dtype of dy

    Notes
    -----
    Cost: one comparison a number; reads both arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> relu_gradient(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, 4.0]))
    array([1., 0., 3.])

    References
    ----------
    Glorot, Bordes & Bengio 2011, "Deep sparse rectifier neural networks", section 3.
    """
    expect(dy=(dy, y.shape), y=(y, y.shape))
    return np.where(y > 0, dy, dy.dtype.type(0))
