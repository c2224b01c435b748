"""Elementwise activation functions other than ReLU: for each a formula and a derivative, and a table of all of them.

A derivative is computed from the output y where that is cheaper and loses no accuracy, and otherwise from the input x;
the name of its first argument tells which. To add a function, write both here and in `kernels.elementwise`, add them to
the two tables, and add a class to `activations`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchcnn.names import look_up
from scratchcnn.operands import Array, expect


class Formulas(NamedTuple):
    """A function of x, and its derivative as a function of y or x; both have the parameter as second argument."""

    function: Callable[[Array, float], Array]
    derivative: Callable[[Array, float], Array]


def sigmoid(x: Array, _: float = 0) -> Array:
    """1 / (1 + exp(-x)), or the equal exp(x) / (1 + exp(x)) where x < 0: exp cannot overflow."""
    e = np.exp(-np.abs(x))
    y: Array = np.where(x < 0, e, 1) / (1 + e)
    return y


def sigmoid_derivative(y: Array, _: float) -> Array:
    """sigmoid' = y * (1 - y)."""
    return y * (1 - y)


def tanh(x: Array, _: float) -> Array:
    """Hyperbolic tangent."""
    y: Array = np.tanh(x)
    return y


def tanh_derivative(y: Array, _: float) -> Array:
    """tanh' = 1 - y^2, as a product that loses no digits where y is close to 1."""
    return (1 - y) * (1 + y)


def elu(x: Array, alpha: float) -> Array:
    """x where x > 0, else alpha * (exp(x) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_derivative(y: Array, alpha: float) -> Array:
    """1 where y > 0, else alpha * exp(x) = y + alpha."""
    return np.where(y > 0, 1, y + alpha)


def leaky_relu(x: Array, negative_slope: float) -> Array:
    """x where x >= 0, else negative_slope * x."""
    return np.where(x >= 0, x, negative_slope * x)


def leaky_relu_derivative(x: Array, negative_slope: float) -> Array:
    """1 where x >= 0, else negative_slope. At the kink, x = 0, it is 1, as in Keras on JAX."""
    return np.where(x >= 0, 1, negative_slope * np.ones_like(x))


def normal_distribution(x: Array) -> Array:
    """Cumulative distribution function of the standard normal distribution, erfc(-x / sqrt(2)) / 2."""
    return np.vectorize(math.erfc, otypes=[x.dtype])(-x / math.sqrt(2)) / 2


def gelu(x: Array, _: float) -> Array:
    """x * P(X <= x) for a normally distributed X. erfc loses no digits where P is small, unlike 1 + erf."""
    return x * normal_distribution(x)


def gelu_derivative(x: Array, _: float) -> Array:
    """P(X <= x) + x * exp(-x^2 / 2) / sqrt(2 * pi): by the product rule."""
    with np.errstate(over="ignore"):  # where x^2 is infinite, exp(-x^2 / 2) is 0
        density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return normal_distribution(x) + x * density


def silu(x: Array, _: float) -> Array:
    """x * sigmoid(x)."""
    return x * sigmoid(x)


def silu_derivative(x: Array, _: float) -> Array:
    """sigmoid(x) * (1 + x * (1 - sigmoid(x))): by the product rule. 1 - sigmoid(x) = sigmoid(-x) loses no digits."""
    return sigmoid(x) * (1 + x * sigmoid(-x))


def softplus(x: Array, _: float) -> Array:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)): exp cannot overflow."""
    y: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return y


def softplus_derivative(y: Array, _: float) -> Array:
    """sigmoid(x) = 1 - exp(-y)."""
    dx: Array = -np.expm1(-y)
    return dx


FORMULAS = {
    "sigmoid": Formulas(sigmoid, sigmoid_derivative),
    "tanh": Formulas(tanh, tanh_derivative),
    "elu": Formulas(elu, elu_derivative),
    "leaky_relu": Formulas(leaky_relu, leaky_relu_derivative),
    "gelu": Formulas(gelu, gelu_derivative),
    "silu": Formulas(silu, silu_derivative),
    "softplus": Formulas(softplus, softplus_derivative),
}


def elementwise(x: Array, name: str, parameter: float = 0.0) -> Array:
    """Apply an activation function to each element.

        y = f(x)

    for each element of x, where f is the function of that name in this module.

    Parameters
    ----------
    x : any shape, float32 or float64
    name : {'sigmoid', 'tanh', 'elu', 'leaky_relu', 'gelu', 'silu', 'softplus'}
    parameter : float, default 0
        alpha of elu and negative_slope of leaky_relu; the other functions have none.

    Returns
    -------
    The shape and dtype of x

    Notes
    -----
    Cost: a few FLOPs and an exponential, or a similar function, per element (leaky_relu: a comparison and a
    multiplication); reads x, writes y.

    Numerics: finite for every finite x, with a relative error of a few units in the last place; for gelu, whose erfc
    magnifies the rounding error of its argument, up to x^2 units where x < 0. NaN stays NaN. At -infinity gelu and silu
    are NaN, the product of -infinity and 0, as in Keras.

    Raises
    ------
    TypeError
        x is not a float array.
    ValueError
        There is no function of that name.

    Examples
    --------
    >>> elementwise(np.array([-1000.0, 0.0, 1000.0]), "sigmoid")
    array([0. , 0.5, 1. ])
    >>> elementwise(np.array([-1.0, 0.0, 2.0]), "leaky_relu", 0.25)
    array([-0.25,  0.  ,  2.  ])

    References
    ----------
    sigmoid, tanh, softplus: Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 3.10 and 6.3.2.
    elu: Clevert, Unterthiner & Hochreiter 2016, arXiv 1511.07289. leaky_relu: Maas, Hannun & Ng 2013, "Rectifier
    nonlinearities improve neural network acoustic models". gelu and silu: Hendrycks & Gimpel 2016, arXiv 1606.08415.
    """
    expect(x=(x, x.shape))
    f = look_up("name", name, FORMULAS).function
    y = f(x, parameter)
    return y.astype(x.dtype, copy=False)


def elementwise_gradient(dy: Array, kept: Array, name: str, parameter: float = 0.0) -> Array:
    """Compute the gradient of the loss with respect to the input of an elementwise activation function.

        dx = dy * derivative(kept)

    for each element.

    Parameters
    ----------
    dy : any shape, float32 or float64
        Gradient of the loss with respect to the output.
    kept : the shape and dtype of dy
        The input x of the forward pass for leaky_relu, gelu and silu; the output y for the other functions.
    name, parameter
        As for `elementwise`.

    Returns
    -------
    The shape and dtype of dy

    Notes
    -----
    Cost: a few FLOPs per element, and for softplus, gelu and silu an exponential or two; reads dy and kept, writes dx.

    Numerics: the derivative has an absolute error of a few units in the last place of 1 or of the parameter.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes differ, or there is no function of that name.

    Examples
    --------
    >>> elementwise_gradient(np.array([8.0, 8.0]), np.array([0.5, 1.0]), "sigmoid")
    array([2., 0.])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 6.3 and 6.5; see also `elementwise`.
    """
    expect(dy=(dy, kept.shape), kept=(kept, kept.shape))
    derivative = look_up("name", name, FORMULAS).derivative
    dx = dy * derivative(kept, parameter)
    return dx.astype(dy.dtype, copy=False)
