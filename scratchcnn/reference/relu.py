"""ReLU, the rectified linear unit: negative values become zero; and its gradient."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def relu(x: Array) -> Array:
    """Replace negative values by zero.

        y = max(x, 0)

    for each element of x.

    Parameters
    ----------
    x : any shape, float32 or float64

    Returns
    -------
    The shape and dtype of x

    Notes
    -----
    Cost: one comparison per element; reads x, writes y.

    Numerics: NaN stays NaN.

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
    y: Array = np.maximum(x, x.dtype.type(0))
    return y


def relu_gradient(dy: Array, y: Array) -> Array:
    """Compute the gradient of the loss with respect to the input.

        dx = dy if y > 0 else 0

    for each element. At the kink, x = 0, the derivative does not exist; the subgradient 0 is used, as in Keras.

    Parameters
    ----------
    dy : any shape, float32 or float64
        Gradient of the loss with respect to the output.
    y : the shape and dtype of dy
        Output of the forward pass. (The input is not needed: y > 0 exactly where x > 0.)

    Returns
    -------
    The shape and dtype of dy

    Notes
    -----
    Cost: one comparison per element; reads dy and y, writes dx.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes differ.

    Examples
    --------
    >>> relu_gradient(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, 4.0]))
    array([1., 0., 3.])

    References
    ----------
    Glorot, Bordes & Bengio 2011, "Deep sparse rectifier neural networks", section 3.
    """
    expect(dy=(dy, y.shape), y=(y, y.shape))
    dx: Array = np.where(y > 0, dy, dy.dtype.type(0))
    return dx
