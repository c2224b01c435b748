"""Activation functions that are defined by a formula and its derivative: sigmoid, tanh, elu, leaky_relu, ..."""

from __future__ import annotations

from scratchcnn.activations.base import ActivationFunction
from scratchcnn.arguments import non_negative
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class Elementwise(ActivationFunction):
    """Base class of the activations whose formula and derivative are in `reference.elementwise`, under their name.

    Attributes
    ----------
    formula, derivative : str
        As text: y in terms of x, and dy/dx in terms of x or y, where x is written {x}, to be replaced by its symbol.
    keeps_input : bool
        Whether the derivative is a function of the input x; otherwise it is one of the output y.
    """

    elementwise = True
    formula = derivative = ""
    keeps_input = False
    _parameter = 0.0

    @property
    def parameter(self) -> float:
        """The second argument of the formula; 0 if it has none."""
        return self._parameter

    def forward(self, x: Array, ops: Operations) -> Array:
        """Return the output, with the shape of x."""
        return ops.elementwise(x, self.name, self.parameter)

    def kept(self, x: Array, y: Array) -> Array:
        """Return the array that the derivative is a function of."""
        return x if self.keeps_input else y

    def backward(self, dy: Array, y: Array, ops: Operations) -> Array:
        """Return the gradient of the loss w.r.t. the input, given that w.r.t. the output, and what `kept` returned."""
        return ops.elementwise_gradient(dy, y, self.name, self.parameter)


class Sigmoid(Elementwise):
    """Logistic sigmoid, from 0 to 1.

        y = 1 / (1 + exp(-x))
        dy/dx = y * (1 - y)

    Examples
    --------
    >>> from scratchcnn import reference
    >>> Sigmoid().forward(np.array([0.0, 1000.0]), reference)
    array([0.5, 1. ])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 3.10.
    """

    name = "sigmoid"
    formula = "1 / (1 + exp(-{x}))"
    derivative = "y * (1 - y)"
    flops = 4  # sign, exponential, addition, division


class Tanh(Elementwise):
    """Hyperbolic tangent, from -1 to 1.

        y = (exp(x) - exp(-x)) / (exp(x) + exp(-x))
        dy/dx = 1 - y^2

    Examples
    --------
    >>> from scratchcnn import reference
    >>> Tanh().forward(np.array([-1000.0, 0.0]), reference)
    array([-1.,  0.])

    References
    ----------
    LeCun, Bottou, Orr & Müller 1998, "Efficient backprop", section 4.4.
    """

    name = "tanh"
    formula = "tanh({x})"
    derivative = "1 - y^2"
    flops = 1


class ELU(Elementwise):
    """Exponential linear unit.

        y = x if x > 0 else alpha * (exp(x) - 1)
        dy/dx = 1 if y > 0 else y + alpha

    At x = 0 the derivative is alpha, as in Keras.

    Parameters
    ----------
    alpha : float, default 1.0
        -alpha is the limit for x towards minus infinity; at least 0. Only with 1 the derivative is continuous.

    Raises
    ------
    ValueError
        alpha is not a finite number of at least 0.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> ELU(alpha=2.0).forward(np.array([-1000.0, 3.0]), reference)
    array([-2.,  3.])

    References
    ----------
    Clevert, Unterthiner & Hochreiter 2016, "Fast and accurate deep network learning by exponential
    linear units (ELUs)", arXiv 1511.07289.
    """

    name = "elu"
    formula = "{x} if {x} > 0 else alpha * (exp({x}) - 1)"
    derivative = "1 if y > 0 else y + alpha"
    flops = 4  # comparison, exponential, subtraction, multiplication

    def __init__(self, alpha: float = 1.0) -> None:
        self._parameter = non_negative("alpha", alpha)

    @property
    def alpha(self) -> float:
        """The argument of the constructor; it is fixed, since layers may share an activation."""
        return self._parameter


class LeakyReLU(Elementwise):
    """Leaky rectified linear unit.

        y = x if x >= 0 else negative_slope * x
        dy/dx = 1 if x >= 0 else negative_slope

    At the kink, x = 0, the derivative 1 is used, as in Keras on JAX (on TensorFlow and PyTorch: negative_slope).

    Parameters
    ----------
    negative_slope : float, default 0.2
        At least 0.

    Raises
    ------
    ValueError
        negative_slope is not a finite number of at least 0.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> LeakyReLU().forward(np.array([-1.0, 3.0]), reference)
    array([-0.2,  3. ])

    References
    ----------
    Maas, Hannun & Ng 2013, "Rectifier nonlinearities improve neural network acoustic models".
    """

    name = "leaky_relu"
    formula = "{x} if {x} >= 0 else negative_slope * {x}"
    derivative = "1 if {x} >= 0 else negative_slope"
    keeps_input = True
    flops = 2  # comparison, multiplication

    def __init__(self, negative_slope: float = 0.2) -> None:
        self._parameter = non_negative("negative_slope", negative_slope)

    @property
    def negative_slope(self) -> float:
        """The argument of the constructor; it is fixed, since layers may share an activation."""
        return self._parameter


class GELU(Elementwise):
    """Gaussian error linear unit: the input times the probability that a normally distributed number is smaller.

        y = x * P(x),   P(x) = (1 + erf(x / sqrt(2))) / 2
        dy/dx = P(x) + x * exp(-x^2 / 2) / sqrt(2 * pi)

    This is Keras's default, `approximate=False`.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> GELU().forward(np.array([-1000.0, 0.0, 1.0]), reference).round(4)
    array([-0.    ,  0.    ,  0.8413])

    References
    ----------
    Hendrycks & Gimpel 2016, "Gaussian error linear units (GELUs)", arXiv 1606.08415.
    """

    name = "gelu"
    formula = "{x} * (1 + erf({x} / sqrt(2))) / 2"
    derivative = "(1 + erf({x} / sqrt(2))) / 2 + {x} * exp(-{x}^2 / 2) / sqrt(2 * pi)"
    keeps_input = True
    flops = 4  # erf and three multiplications; the addition is part of erfc


class SiLU(Elementwise):
    """Sigmoid linear unit, also called swish.

        y = x * sigmoid(x)
        dy/dx = sigmoid(x) * (1 + x * (1 - sigmoid(x)))

    Examples
    --------
    >>> from scratchcnn import reference
    >>> SiLU().forward(np.array([-1000.0, 0.0, 1.0]), reference).round(4)
    array([-0.    ,  0.    ,  0.7311])

    References
    ----------
    Ramachandran, Zoph & Le 2017, "Searching for activation functions", arXiv 1710.05941.
    """

    name = "silu"
    formula = "{x} * sigmoid({x})"
    derivative = "sigmoid({x}) * (1 + {x} * (1 - sigmoid({x})))"
    keeps_input = True
    flops = 5  # as sigmoid, and a multiplication


class Softplus(Elementwise):
    """Softplus, a smooth ReLU.

        y = log(1 + exp(x))
        dy/dx = 1 - exp(-y)

    Examples
    --------
    >>> from scratchcnn import reference
    >>> Softplus().forward(np.array([-1000.0, 0.0, 1000.0]), reference).round(4)
    array([0.000e+00, 6.931e-01, 1.000e+03])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 3.10.
    """

    name = "softplus"
    formula = "log(1 + exp({x}))"
    derivative = "1 - exp(-y)"
    flops = 5  # sign, exponential, logarithm, maximum, addition
