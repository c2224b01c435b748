"""What every layer is: parameters, and a forward and a backward function that keep nothing on the layer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.arguments import image_shape
from scratchcnn.configs import Config, Configured
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations

Cache = Any
Gradients = dict[str, Array]


class Layer(Configured):
    """Base of all layers.

    A layer holds its parameters and nothing else that changes. What the backward pass needs of the forward pass is
    returned as the cache and given back, so that any number of passes may be under way at once. To write a layer of
    your own, override `compute_output_shape`, `forward` and `backward`, and `initial_params` if it has parameters; and
    `get_config` if its constructor takes arguments, so that a model with it can be saved.

    Parameters
    ----------
    input_shape : tuple of int, optional
        Shape of one sample, without the batch; wanted of the first layer of a model.
    name : str, optional
        Default: the class's name in snake case, numbered within the model.

    Attributes
    ----------
    params : dict of str to array
        The parameters, in Keras's order; empty before `build`.
    input_shape, output_shape : tuple of int or None
        Shapes of one sample; `output_shape` is None before `build`.
    """

    takes_pooled_gradient = False  # whether `backward` can be handed a PooledGradient

    def __init__(self, *, input_shape: int | Sequence[int] | None = None, name: str | None = None) -> None:
        self.name = name
        self.params: dict[str, Array] = {}
        self.input_shape: Shape | None = None if input_shape is None else image_shape("input_shape", input_shape)
        self.output_shape: Shape | None = None

    def get_config(self) -> Config:
        """The arguments of the constructor, by name, without input_shape, which belongs to the model."""
        return {"name": self.name}

    @property
    def default_name(self) -> str:
        """The class's name in snake case: `MaxPooling2D` is 'max_pooling2d'."""
        words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(self).__name__)
        return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()

    @property
    def label(self) -> str:
        """The name and class for messages: "'conv2d' (Conv2D)"."""
        return f"{self.name or self.default_name!r} ({type(self).__name__})"

    @property
    def parameter_count(self) -> int:
        """How many numbers the parameters have in all."""
        return sum(array.size for array in self.params.values())

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Shape:
        """Make the parameters for samples of `input_shape`, drawn from `rng`; return the shape of one output.

        Raises
        ------
        ValueError
            The layer cannot take samples of that shape; the layer is unchanged.
        """
        if self.input_shape is not None and self.input_shape != tuple(input_shape):
            raise ValueError(
                f"Layer {self.label} was given input_shape={self.input_shape}, but receives samples of shape "
                f"{tuple(input_shape)}; leave input_shape out, or make it fit."
            )
        output_shape = self.compute_output_shape(input_shape)
        self.params = self.initial_params(input_shape, rng, dtype)
        self.input_shape, self.output_shape = tuple(input_shape), output_shape
        return output_shape

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one output for samples of `input_shape`.

        Raises
        ------
        ValueError
            The layer cannot take samples of that shape.
        """
        return input_shape

    def initial_params(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]
    ) -> dict[str, Array]:
        """New parameters for samples of `input_shape`."""
        return {}

    def param_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters for samples of `input_shape`.

        Known without making them where a layer says so, as those here do: a file that claims a gigantic layer is
        refused before anything is allocated.
        """
        params = self.initial_params(input_shape, np.random.default_rng(0), np.dtype(np.float32))
        return {name: array.shape for name, array in params.items()}

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Cache]:
        """The outputs for a batch, and what `backward` will need.

        Parameters
        ----------
        x : (N, *input_shape)
        ops : the `kernels` or the `reference` package
        training : bool
            Whether the layer behaves as in training (dropout drops).
        rng : numpy.random.Generator or None
            Where chance comes from; None is an error for a layer that needs it.

        Returns
        -------
        y : (N, *output_shape), the dtype of x
        cache
        """
        raise NotImplementedError

    def backward(
        self, dy: Array, cache: Cache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """The gradients of the loss by the input and by each parameter.

        Parameters
        ----------
        dy : (N, *output_shape), gradient of the loss by the output
        cache : as `forward` gave it
        ops : the `kernels` or the `reference` package
        input_gradient : bool
            False: the gradient by the input is not wanted (the first layer of a model), and None is returned for it.

        Returns
        -------
        dx : (N, *input_shape) or None
        gradients : dict, the keys and shapes of `params`
        """
        raise NotImplementedError

    def expect_rank(self, input_shape: Shape, axes: str) -> None:
        """Refuse samples that do not have the axes named, as 'height, width, channels'."""
        if len(input_shape) != len(axes.split(", ")):
            hint = " Add Flatten() before it." if axes == "units" else ""
            raise ValueError(f"Layer {self.label} expected samples of shape ({axes}), received {input_shape}.{hint}")

    def __repr__(self) -> str:
        return f"<{self.label}, {self.input_shape} to {self.output_shape}>"
