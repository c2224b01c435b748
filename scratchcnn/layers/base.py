"""Layer: parameters and shapes, with a forward and a backward pass that store nothing on the layer."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from scratchcnn import regularizers
from scratchcnn.arguments import boolean, channels_last, image_shape
from scratchcnn.configs import Config, Configured, is_strict
from scratchcnn.layers.calling import call
from scratchcnn.layers.parameters import put
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations

Cache = Any
Gradients = dict[str, Array]


class Layer(Configured):
    """Base class of all layers.

    A layer holds its parameters and no other state. What the backward pass needs from the forward pass is returned as
    the cache and passed back in, so several passes may be in progress at the same time. To write your own layer,
    override `compute_output_shape`, `forward` and `backward`; `initial_params` if it has parameters; and `get_config`
    if its constructor takes arguments, so that a model that contains it can be saved. A layer that keeps statistics of
    the batches, such as a moving mean, lists their names in `statistics` and overrides `next_statistics`. A penalty on
    a parameter, such as 'kernel', is an attribute that is named after it, `kernel_regularizer`.

    Parameters
    ----------
    input_shape : tuple of int, optional
        Shape of one sample, without the batch axis; required for the first layer of a model.
    name : str, optional
        Default: the class name in snake case, numbered within the model.

    Attributes
    ----------
    params : dict of str to array
        The parameters, in Keras's order; empty before `build`. They include the statistics.
    trainable : bool
        False freezes the parameters: training leaves them unchanged, the statistics, too, and keeps no optimizer state
        for them. The gradient w.r.t. the input is still passed on to the layers below.
    input_shape, output_shape : tuple of int or None
        Shapes of one sample; `output_shape` is None before `build`.

    Raises
    ------
    AttributeError
        When an attribute is set that would have no effect: one that a layer of this package does not have, or, once
        the layer is built, an argument of the constructor that has already determined the parameters or the shapes.
    """

    mutable: tuple[str, ...] = ()
    """Constructor arguments that still take effect when they are changed on a built layer."""

    statistics: tuple[str, ...] = ()
    """Names of the parameters that no optimizer updates, but each training step by `next_statistics`."""

    _further_attributes = frozenset({"params", "output_shape", "trainable"})

    def __init__(self, *, input_shape: int | Sequence[int] | None = None, name: str | None = None) -> None:
        self.name = name
        self.params: dict[str, Array] = {}
        self.input_shape: Shape | None = None if input_shape is None else image_shape("input_shape", input_shape)
        self.output_shape: Shape | None = None
        self._trainable = True

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, unless that would have no effect."""
        fixed = name in self._arguments and name not in {*self.mutable, "name", "input_shape"}
        if fixed and is_strict(type(self)) and vars(self).get("output_shape") is not None:
            raise AttributeError(
                f"Expected {name!r} of layer {self.label} to stay as it was built, received {value!r}, which would "
                f"not change its parameters and shapes; make a new layer with {name}={value!r}."
            )
        super().__setattr__(name, value)

    @property
    def trainable(self) -> bool:
        """Whether training updates the parameters."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = boolean("trainable", value)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, without input_shape, which belongs to the model."""
        return {"name": self.name}

    @property
    def default_name(self) -> str:
        """The class name in snake case: `MaxPooling2D` is 'max_pooling2d'."""
        words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(self).__name__)
        return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()

    @property
    def label(self) -> str:
        """The name and class for messages: "'conv2d' (Conv2D)"."""
        return f"{vars(self).get('name') or self.default_name!r} ({type(self).__name__})"

    @property
    def weights(self) -> list[Array]:
        """The parameters themselves, not copies, in Keras's order; empty before `build`."""
        return list(self.params.values())

    @property
    def learned_params(self) -> dict[str, Array]:
        """The parameters that have a gradient: `params` without the statistics."""
        params = self.params.copy()
        for name in self.statistics:
            params.pop(name, None)
        return params

    @property
    def trainable_params(self) -> dict[str, Array]:
        """The parameters that the optimizer updates: `learned_params`, or none if the layer is frozen."""
        return self.learned_params if self.trainable else {}

    @property
    def trainable_weights(self) -> list[Array]:
        """The parameters that the optimizer updates: all but the statistics, or none if the layer is frozen."""
        return list(self.trainable_params.values())

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The parameters that the optimizer leaves unchanged: the statistics, or all if the layer is frozen."""
        trained = self.trainable_params
        return [array for name, array in self.params.items() if name not in trained]

    def get_weights(self) -> list[Array]:
        """Return copies of the parameters, in Keras's order: kernel, bias."""
        return [array.copy() for array in self.weights]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set the parameters; the counterpart of `get_weights`.

        Raises
        ------
        ValueError
            Another number of arrays, or an array of another shape. Nothing is changed.

        Examples
        --------
        >>> from scratchcnn import Sequential
        >>> from scratchcnn.layers import Dense, Input
        >>> layer = Dense(2)
        >>> model = Sequential([Input((3,)), layer])
        >>> layer.set_weights([np.ones((3, 2)), np.zeros(2)])
        >>> model.predict(np.array([[1, 2, 3]]))
        array([[6., 6.]], dtype=float32)
        """
        put([self], weights)

    @property
    def regularizers(self) -> dict[str, regularizers.Regularizer]:
        """The regularizer of each parameter that has one, by its name: `kernel_regularizer` is that of 'kernel'."""
        learned = (name for name in self.params if name not in self.statistics)
        given = {name: regularizers.get(getattr(self, f"{name}_regularizer", None)) for name in learned}
        return {name: regularizer for name, regularizer in given.items() if regularizer is not None}

    @property
    def parameter_count(self) -> int:
        """Total number of elements of the parameters."""
        return sum(array.size for array in self.params.values())

    def count_params(self) -> int:
        """Return `parameter_count`; Keras's name for it."""
        return self.parameter_count

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Shape:
        """Create the parameters for samples of `input_shape`, drawn from `rng`; return the shape of one output.

        Raises
        ------
        ValueError
            The layer does not accept samples of that shape; the layer is unchanged.
        """
        if self.input_shape is not None and self.input_shape != tuple(input_shape):
            raise ValueError(
                f"Layer {self.label} was given input_shape={self.input_shape}, but receives samples of shape "
                f"{tuple(input_shape)}; omit input_shape, or make it match."
            )
        output_shape = self.compute_output_shape(input_shape)
        self.params = self.initial_params(input_shape, rng, dtype)
        self.input_shape, self.output_shape = tuple(input_shape), output_shape
        return output_shape

    def unbuilt(self) -> Self:
        """Return a copy of the layer without parameters and shapes, as it was before `build`."""
        layer = copy.deepcopy(self)
        layer.params, layer.input_shape, layer.output_shape = {}, None, None
        return layer

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one output for samples of `input_shape`.

        Raises
        ------
        ValueError
            The layer does not accept samples of that shape.
        """
        return input_shape

    def initial_params(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]
    ) -> dict[str, Array]:
        """Return new parameters for samples of `input_shape`."""
        return {}

    def param_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of the parameters for samples of `input_shape`.

        The layers of this package compute them without allocating the parameters, so a file that claims a gigantic
        layer is refused before any memory is allocated.
        """
        params = self.initial_params(input_shape, np.random.default_rng(0), np.dtype(np.float32))
        return {name: array.shape for name, array in params.items()}

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Cache]:
        """Compute the output for a batch, and the cache for `backward`.

        Parameters
        ----------
        x : (N, *input_shape)
        ops : Operations
            The primitive operations: those of the package `kernels`, or of `reference`.
        training : bool
            Whether the layer behaves as in training (dropout is active). Its statistics do not change in this pass.
        rng : numpy.random.Generator or None
            Source of randomness; None is an error for a layer that needs it.

        Returns
        -------
        y : (N, *output_shape), dtype of x
        cache

        Raises
        ------
        NotImplementedError
            The class does not override it.
        """
        raise NotImplementedError(self._missing("forward(x, ops, training, rng)"))

    def backward(
        self, dy: Array, cache: Cache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Compute the gradients of the loss with respect to the input and each parameter.

        Parameters
        ----------
        dy : (N, *output_shape)
            Gradient of the loss with respect to the output.
        cache
            As returned by `forward`.
        ops : Operations
            As for `forward`.
        input_gradient : bool
            False: the gradient with respect to the input is not needed, and None is returned for it.

        Returns
        -------
        dx : (N, *input_shape) or None
        gradients : dict, with the keys and shapes of `learned_params`

        Raises
        ------
        NotImplementedError
            The class does not override it.
        """
        raise NotImplementedError(self._missing("backward(dy, cache, ops, input_gradient)"))

    def next_statistics(self, cache: Cache) -> dict[str, Array]:
        """Return the values of the statistics after a training step, which puts them into `params` at its end.

        Not called in inference, nor for a frozen layer.

        Parameters
        ----------
        cache
            As returned by `forward` in training.

        Returns
        -------
        dict, with the names in `statistics`, and the shapes of the arrays in `params`
        """
        return {}

    def __call__(self, x: object, training: bool = False) -> Array:
        """Return the output for a batch (N, ...), without a model; a layer that is not built yet is built for it.

        Raises
        ------
        TypeError
            Not an array of numbers: an Input or another layer, for example. Layers are connected by `Sequential`.
        ValueError
            The layer does not accept samples of that shape.

        Examples
        --------
        >>> from scratchcnn.layers import Flatten
        >>> Flatten()(np.zeros((5, 2, 3))).shape
        (5, 6)
        """
        return call(self, x, boolean("training", training))

    def _missing(self, method: str) -> str:
        """Return the message about a method that the class of a user's layer does not have."""
        received = "one with call, Keras's method" if hasattr(type(self), "call") else "one without it"
        return (
            f"Expected the class of layer {self.label} to override {method}, received {received}; there is no "
            f"automatic differentiation here, so write both forward and backward as described at help(Layer)."
        )

    def expect_rank(self, input_shape: Shape, axes: str) -> None:
        """Raise ValueError unless samples have the axes named, for example 'height, width, channels'."""
        if len(input_shape) != len(axes.split(", ")):
            hint = " Add Flatten() before it." if axes == "units" else ""
            raise ValueError(f"Layer {self.label} expected samples of shape ({axes}), received {input_shape}.{hint}")

    def __repr__(self) -> str:
        return f"<{self.label}, {self.input_shape} to {self.output_shape}>"


class ImageLayer(Layer):
    """Base class of the layers that accept Keras's argument data_format, which has one value only here."""

    def __init__(
        self, data_format: str | None, *, input_shape: int | Sequence[int] | None = None, name: str | None = None
    ) -> None:
        channels_last(data_format, input_shape)
        super().__init__(input_shape=input_shape, name=name)

    @property
    def data_format(self) -> str:
        """'channels_last': the axes of a batch of images are (N, H, W, C)."""
        return "channels_last"
