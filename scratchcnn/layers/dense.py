"""Dense: a fully connected layer with kernel, bias and activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn import activations, initializers, regularizers
from scratchcnn.arguments import boolean, image_shape, positive_integer
from scratchcnn.configs import Config
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.layers.parameters import Parameter
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class DenseCache(NamedTuple):
    """What the backward pass needs: the input, and what the activation keeps (by default, the output)."""

    x: Array  # (N, I)
    kept: Array  # (N, J)


class Dense(Layer):
    """Fully connected layer: an affine map, followed by an activation.

        z[n, j] = bias[j] + sum over i of x[n, i] * kernel[i, j]
        y = activation(z)

    Notation: x is the input, z the preactivation and y the output; n counts the N samples, i the I inputs, j the J
    units.

    Parameters
    ----------
    units : int
        J, the number of outputs of one sample; at least 1.
    activation : str or ActivationFunction or None, default None
        A name, such as 'relu', 'softmax', 'linear' (None) or another of `scratchcnn.activations`.
    use_bias : bool, default True
    kernel_initializer, bias_initializer : str or callable, defaults 'glorot_uniform' and 'zeros'
    kernel_regularizer, bias_regularizer : str or Regularizer, optional
        'l1', 'l2', 'l1_l2', or one of `scratchcnn.regularizers`: a penalty that is added to the loss.
    input_dim : int, optional
        I; short for input_shape=(I,).
    input_shape, name
        As for every `Layer`.

    Attributes
    ----------
    params : dict
        'kernel' (I, J), 'bias' (J,) if there is one.

    Notes
    -----
    Input (N, I), output (N, J), float32 or float64 like the model.

    Backward, with dz the gradient of the loss with respect to z: dkernel = x^T dz, of shape (I, J); dbias[j] = sum over
    n of dz[n, j], of shape (J,); dx = dz kernel^T, of shape (N, I).

    Cost: 2 * N * I * J FLOPs forward, twice as many backward; each pass reads the kernel from memory once.

    Numerics: sums are accumulated in the dtype of x (the bias gradient in float64).

    Differs from Keras: Dense raises an error for inputs with more than one axis per sample (usually a missing Flatten);
    Keras would multiply the last axis only, and train a different model.

    Raises
    ------
    ValueError
        An option is out of range or unknown; at `build`, samples with more than one axis.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> layer = Dense(1, kernel_initializer=lambda shape, rng, dtype: np.ones(shape, dtype))
    >>> layer.build((3,), np.random.default_rng(0), np.dtype("float64"))
    (1,)
    >>> layer.forward(np.array([[1.0, 2.0, 3.0]]), reference, training=False, rng=None)[0]
    array([[6.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.1.
    """

    mutable = ("activation", "kernel_regularizer", "bias_regularizer")
    kernel = Parameter()
    bias = Parameter()

    def __init__(
        self,
        units: int,
        activation: str | activations.ActivationFunction | None = None,
        *,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        kernel_regularizer: str | regularizers.Regularizer | None = None,
        bias_regularizer: str | regularizers.Regularizer | None = None,
        input_dim: int | None = None,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        if input_dim is not None:
            shape = (positive_integer("input_dim", input_dim),)
            if input_shape is not None and image_shape("input_shape", input_shape) != shape:
                raise ValueError(f"Expected input_dim or input_shape, received {input_dim} and {input_shape}.")
            input_shape = shape
        super().__init__(input_shape=input_shape, name=name)
        self.units = positive_integer("units", units)
        self.activation = activations.get(activation)
        self.use_bias = boolean("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    @property
    def input_dim(self) -> int | None:
        """I, the number of inputs of one sample; None if it is not known yet."""
        return None if self.input_shape is None else self.input_shape[-1]

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
        }

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (J,) for samples of (I,)."""
        self.expect_rank(input_shape, "units")
        return (self.units,)

    def initial_params(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]
    ) -> dict[str, Array]:
        """Return kernel (I, J) and bias (J,)."""
        initial = {"kernel": self.kernel_initializer, "bias": self.bias_initializer}
        return {name: initial[name](shape, rng, dtype) for name, shape in self.param_shapes(input_shape).items()}

    def param_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes (I, J) of the kernel and (J,) of the bias."""
        kernel: dict[str, Shape] = {"kernel": (input_shape[0], self.units)}
        return {**kernel, "bias": (self.units,)} if self.use_bias else kernel

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, DenseCache]:
        """Return the output (N, J) for samples (N, I)."""
        z = ops.dense(x, self.params["kernel"], self.params.get("bias"))
        y = self.activation.forward(z, ops)
        return y, DenseCache(x, self.activation.kept(z, y))

    def backward(
        self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradients with respect to the samples (N, I), the kernel and the bias."""
        x, kept = cache
        dz = self.activation.backward(dy, kept, ops)  # (N, J)
        gradients = {"kernel": ops.dense_kernel_gradient(dz, x)}
        if self.use_bias:
            gradients["bias"] = ops.bias_gradient(dz)
        return ops.dense_input_gradient(dz, self.params["kernel"]) if input_gradient else None, gradients
