"""LayerRow: the layers of a model, each of which accepts the output of the previous one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np

from scratchcnn.arguments import image_shape, is_integer
from scratchcnn.layers.base import Layer
from scratchcnn.layers.input import Input
from scratchcnn.layers.parameters import put
from scratchcnn.names import class_hint, nearest
from scratchcnn.operands import Shape


class LayerRow:
    """The layers of a model, in order.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the initial parameters.
    dtype : float32 or float64
        Of the parameters.

    Attributes
    ----------
    layers : list of Layer
    input_shape : tuple of int or None
        Shape of one sample; None if it is not known yet.
    """

    def __init__(self, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> None:
        self.rng, self.dtype = rng, dtype
        self.layers: list[Layer] = []
        self.input_shape: Shape | None = None

    @property
    def output_shape(self) -> Shape | None:
        """Shape of one output of the last layer; None if it is not known yet."""
        return self.layers[-1].output_shape if self.layers else self.input_shape

    def add(self, layer: Layer | Input) -> None:
        """Append a layer; documented at `Sequential.add`."""
        if isinstance(layer, Input):
            if self.layers or self.input_shape is not None:
                raise ValueError(f"Expected Input first and once, received it after {len(self.layers)} layers.")
            self.input_shape = layer.shape
            return
        if not isinstance(layer, Layer):
            raise TypeError(f"Expected a layer, for example Dense(10), received {layer!r}{class_hint(layer)}.")
        if layer.output_shape is not None or any(layer is other for other in self.layers):
            raise ValueError(
                f"Layer {layer.label} already belongs to a model and holds its parameters; make a new layer object."
            )
        input_shape = self.layers[-1].output_shape if self.layers else self.input_shape or layer.input_shape
        name = layer.name or self._free_name(layer.default_name)
        if any(name == other.name for other in self.layers):
            raise ValueError(f"Expected a unique name for every layer, received {name!r} twice.")
        if input_shape is not None:
            layer.build(input_shape, self.rng, self.dtype)
        layer.name = name
        self.layers.append(layer)
        self.input_shape = self.input_shape or (input_shape if len(self.layers) == 1 else None)

    def pop(self) -> Layer:
        """Remove the last layer and return it; documented at `Sequential.pop`."""
        if not self.layers:
            raise ValueError("Expected a model with a layer to remove, received one without layers; add some first.")
        return self.layers.pop()

    def get(self, name: str | None, index: int | None) -> Layer:
        """Return the layer with this name or index; documented at `Sequential.get_layer`."""
        names = [str(layer.name) for layer in self.layers]
        if (name is None) == (index is None):
            raise ValueError(f"Expected either name or index, received name={name!r} and index={index!r}.")
        if name is not None:
            if name not in names:
                raise ValueError(
                    f"Expected the name of a layer, {', '.join(map(repr, names)) or 'of which there are none'}, "
                    f"received {name!r}.{nearest(name, names)}"
                )
            return self.layers[names.index(name)]
        if not is_integer(index) or not -len(names) <= index < len(names):
            raise ValueError(f"Expected index as the number of one of {len(names)} layers, received {index!r}.")
        return self.layers[index]

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the parameters of all layers; documented at `Sequential.build`."""
        shape = image_shape("input_shape after the batch axis", tuple(input_shape)[1:])
        if self.input_shape not in (None, shape):
            raise ValueError(
                f"Expected batches of shape {(None, *(self.input_shape or ()))}, for which the model is built, "
                f"received {tuple(input_shape)}; make a new model."
            )
        self.shapes(shape)  # raises before any layer is built
        following = shape
        for layer in self.layers:
            following = layer.output_shape or layer.build(following, self.rng, self.dtype)
        self.input_shape = shape

    def shapes(self, input_shape: Shape) -> tuple[Shape, Shape]:
        """Return the shapes of one input and one output of layers that need not be built yet."""
        following = input_shape
        for layer in self.layers:
            following = layer.compute_output_shape(following)
        return input_shape, following

    def copy(self, rng: np.random.Generator, replacements: Mapping[int, Layer]) -> LayerRow:
        """Return a row of copies of the layers; documented at `Sequential.clone`."""
        new = LayerRow(rng, self.dtype)
        new.layers, new.input_shape = [copy.deepcopy(layer) for layer in self.layers], self.input_shape
        for number, layer in replacements.items():
            replaced = self.layers[number]
            assert replaced.input_shape is not None
            layer.build(replaced.input_shape, np.random.default_rng(0), self.dtype)
            layer.name, layer.trainable = replaced.name, replaced.trainable
            new.layers[number] = layer
        put(new.layers, [array for layer in self.layers for array in layer.params.values()])
        return new

    def _free_name(self, name: str) -> str:
        taken = {layer.name for layer in self.layers}
        numbered = (f"{name}_{number}" if number else name for number in range(len(taken) + 1))
        return next(candidate for candidate in numbered if candidate not in taken)
