"""Elementwise activation functions in one pass: a formula and a derivative of one number each, compiled into a loop.

The formulas are those of `reference.elementwise`, under the same names. exp and tanh of a float32 number are computed
in float32. A product or sum with one of the constants is float64, so it adds almost no rounding error of its own.

Cost: an exponential or a similar function per element (leaky_relu: a multiplication); reads and writes each element
once.
"""

from __future__ import annotations

import math
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.names import look_up
from scratchcnn.operands import Array, expect

SQRT_HALF = math.sqrt(0.5)
DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)


@serial
def sigmoid(x, _):
    """1 / (1 + exp(-x)), where exp cannot overflow."""
    e = np.exp(-abs(x))
    return (e if x < 0 else 1.0) / (1.0 + e)


@serial
def sigmoid_derivative(y, _):
    """y * (1 - y)."""
    return y * (1.0 - y)


@serial
def tanh(x, _):
    """Hyperbolic tangent."""
    return np.tanh(x)


@serial
def tanh_derivative(y, _):
    """1 - y^2."""
    return (1.0 - y) * (1.0 + y)


@serial
def elu(x, alpha):
    """x where x > 0, else alpha * (exp(x) - 1)."""
    return x if x > 0 else alpha * np.expm1(x)


@serial
def elu_derivative(y, alpha):
    """1 where y > 0, else y + alpha."""
    return 1.0 if y > 0 else y + alpha


@serial
def leaky_relu(x, negative_slope):
    """x where x >= 0, else negative_slope * x."""
    return x if x >= 0 else negative_slope * x


@serial
def leaky_relu_derivative(x, negative_slope):
    """1 where x >= 0, else negative_slope."""
    return 1.0 if x >= 0 else negative_slope


@serial
def gelu(x, _):
    """x * P(X <= x) for a normally distributed X."""
    return x * (0.5 * math.erfc(-x * SQRT_HALF))


@serial
def gelu_derivative(x, _):
    """P(X <= x) + x * exp(-x^2 / 2) / sqrt(2 * pi)."""
    return 0.5 * math.erfc(-x * SQRT_HALF) + x * (DENSITY_AT_0 * np.exp(-0.5 * x * x))


@serial
def silu(x, _):
    """x * sigmoid(x)."""
    return x * sigmoid(x, _)


@serial
def silu_derivative(x, _):
    """sigmoid(x) * (1 + x * sigmoid(-x))."""
    return sigmoid(x, _) * (1.0 + x * sigmoid(-x, _))


@serial
def softplus(x, _):
    """max(x, 0) + log(1 + exp(-|x|)), where NaN stays NaN."""
    return (0.0 if x < 0 else x) + np.log1p(np.exp(-abs(x)))


@serial
def softplus_derivative(y, _):
    """1 - exp(-y)."""
    return -np.expm1(-y)


_formula = sigmoid  # in each compiled copy of these loops, this name stands for another formula


def _function_loop(first, last, x, parameter, y):
    for i in range(first, last):
        y[i] = _formula(x[i], parameter)


def _gradient_loop(first, last, dy, kept, parameter, dx):
    for i in range(first, last):
        dx[i] = dy[i] * _formula(kept[i], parameter)


class Loops(NamedTuple):
    """The compiled loops of a function and of its gradient."""

    function: Any
    gradient: Any


def _loop_with(template: Any, formula: Any) -> Any:
    """Compile a copy of a loop in which the global name `_formula` is that function."""
    name = f"{template.__name__}_of_{formula.__name__}"
    loop = FunctionType(template.__code__, {**template.__globals__, "_formula": formula}, name)
    loop.__qualname__ = name
    return parallel_elements(loop)


def _loops(function: Any, derivative: Any) -> Loops:
    return Loops(_loop_with(_function_loop, function), _loop_with(_gradient_loop, derivative))


LOOPS = {
    "sigmoid": _loops(sigmoid, sigmoid_derivative),
    "tanh": _loops(tanh, tanh_derivative),
    "elu": _loops(elu, elu_derivative),
    "leaky_relu": _loops(leaky_relu, leaky_relu_derivative),
    "gelu": _loops(gelu, gelu_derivative),
    "silu": _loops(silu, silu_derivative),
    "softplus": _loops(softplus, softplus_derivative),
}


def elementwise(x: Array, name: str, parameter: float = 0.0) -> Array:
    """Apply the activation function of that name; `reference.elementwise` has the formula."""
    expect(x=(x, x.shape))
    loop = look_up("name", name, LOOPS).function
    y = empty(x.shape, x.dtype)
    loop(x.size, np.ascontiguousarray(x).reshape(-1), x.dtype.type(parameter), y.reshape(-1))
    return y


def elementwise_gradient(dy: Array, kept: Array, name: str, parameter: float = 0.0) -> Array:
    """Gradient of the loss w.r.t. the input; `reference.elementwise_gradient` has the formula."""
    expect(dy=(dy, kept.shape), kept=(kept, kept.shape))
    loop = look_up("name", name, LOOPS).gradient
    dx = empty(dy.shape, dy.dtype)
    flat = np.ascontiguousarray(dy).reshape(-1), np.ascontiguousarray(kept).reshape(-1)
    loop(dy.size, *flat, dy.dtype.type(parameter), dx.reshape(-1))
    return dx
