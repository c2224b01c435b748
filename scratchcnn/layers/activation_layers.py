"""Activation functions as layers of their own: ReLU, LeakyReLU and Softmax, as in Keras."""

from __future__ import annotations

from collections.abc import Sequence

from scratchcnn import activations
from scratchcnn.configs import Config
from scratchcnn.layers.activation import Activation


class _OfOneFunction(Activation):
    """An Activation whose function belongs to the class, and is no argument of the constructor."""

    _further_attributes = Activation._further_attributes | {"activation"}
    _function: activations.ActivationFunction

    def __init__(self, *, input_shape: int | Sequence[int] | None = None, name: str | None = None) -> None:
        super().__init__(self._function, input_shape=input_shape, name=name)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, unless it is another activation, which would be lost in the config."""
        if name == "activation" and value is not self._function:
            raise AttributeError(
                f"Expected 'activation' of {type(self).__name__} to stay as it is, received {value!r}; use the layer "
                f"Activation."
            )
        super().__setattr__(name, value)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        config = super().get_config()
        del config["activation"]
        return config


class ReLU(_OfOneFunction):
    """Rectified linear unit: replaces negative values by zero. The same as `Activation("relu")`.

        y = max(x, 0)

    Notation: x is the input and y the output.

    Parameters
    ----------
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input and output have the same shape, float32 or float64 like the model; no parameters. Backward:
    `reference.relu_gradient`.

    Cost: a comparison per element; reads x and writes y once. Directly after a convolution, `Conv2D(activation="relu")`
    computes the same values faster.
    Numerics: exact; see `reference.relu`.

    Differs from Keras: max_value, negative_slope and threshold do not exist.

    Raises
    ------
    ValueError
        input_shape is not the shape of one sample.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import reference
    >>> ReLU().forward(np.array([[-1.0, 2.0]]), reference, training=False, rng=None)[0]
    array([[0., 2.]])

    References
    ----------
    Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann machines".
    """

    _function = activations.relu


class LeakyReLU(_OfOneFunction):
    """Leaky rectified linear unit: multiplies negative values by a small number.

        y = x if x >= 0 else negative_slope * x

    Notation: x is the input and y the output.

    Parameters
    ----------
    negative_slope : float, default 0.3
        At least 0. As in Keras, the default differs from that of the activation 'leaky_relu', which is 0.2.
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input and output have the same shape, float32 or float64 like the model; no parameters. Backward:
    `reference.elementwise_gradient`; at x = 0 the derivative 1 is used.

    Cost: a comparison and a multiplication per element; reads x and writes y once.
    Numerics: one rounding; see `reference.elementwise`.

    Raises
    ------
    ValueError
        negative_slope is not a finite number of at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import reference
    >>> LeakyReLU().forward(np.array([[-1.0, 2.0]]), reference, training=False, rng=None)[0]
    array([[-0.3,  2. ]])

    References
    ----------
    Maas, Hannun & Ng 2013, "Rectifier nonlinearities improve neural network acoustic models".
    """

    _function: activations.LeakyReLU

    def __init__(
        self,
        negative_slope: float = 0.3,
        *,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        self._function = activations.LeakyReLU(negative_slope)
        super().__init__(input_shape=input_shape, name=name)

    @property
    def negative_slope(self) -> float:
        """The argument of the constructor, which is that of the activation function."""
        return self._function.negative_slope

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {**super().get_config(), "negative_slope": self.negative_slope}


class Softmax(_OfOneFunction):
    """Softmax along the last axis: turns logits into probabilities. The same as `Activation("softmax")`.

        y[j] = exp(x[j]) / sum over i of exp(x[i])

    Notation: x is the input and y the output; i and j count the elements of the last axis.

    Parameters
    ----------
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input and output have the same shape, float32 or float64 like the model; no parameters. Backward:
    `reference.softmax_gradient`. In `fit`, a last softmax layer is computed together with the cross-entropy.

    Cost: an exponential and 4 FLOPs per element; reads x and writes y once.
    Numerics: exp cannot overflow; see `reference.softmax`.

    Differs from Keras: the axis is always the last one, and there is no mask.

    Raises
    ------
    ValueError
        input_shape is not the shape of one sample.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import reference
    >>> Softmax().forward(np.array([[1000.0, 1000.0]]), reference, training=False, rng=None)[0]
    array([[0.5, 0.5]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.3.
    """

    _function = activations.softmax
