"""LayerRow: layers in a row, each of which accepts the output of the previous one; the lowest part of `Sequential`."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from scratchcnn.arguments import boolean, image_shape, is_integer
from scratchcnn.layers.base import Layer
from scratchcnn.layers.input import Input
from scratchcnn.layers.parameters import put
from scratchcnn.names import Named, class_hint, nearest
from scratchcnn.operands import Array, Shape


def _of_all_layers(name: str, doc: str) -> property:
    """Return a property: the arrays that an attribute of the layers lists, layer by layer."""
    of_layer = attrgetter(name)
    return property(lambda row: [array for layer in row.layers for array in of_layer(layer)], doc=doc)


class LayerRow(Named, methods=True):
    """Layers in a row, with their shapes and parameters.

    Parameters
    ----------
    name : str
    dtype : float32 or float64
        Of the parameters.
    rng : numpy.random.Generator
        Source of the initial parameters.
    """

    def __init__(self, name: str, dtype: np.dtype[np.floating], rng: np.random.Generator) -> None:
        self.name = name
        self._dtype, self._rng = dtype, rng
        self._layers: list[Layer] = []
        self._input_shape: Shape | None = None  # of one sample

    @property
    def layers(self) -> list[Layer]:
        """A new list of the layers. To change the row, use `add`, or make a new model."""
        return list(self._layers)

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Of the parameters and of all computations."""
        return self._dtype

    @property
    def trainable(self) -> bool:
        """Whether any layer is trainable. Setting it freezes or unfreezes every layer; see `Layer.trainable`."""
        return any(layer.trainable for layer in self._layers) or not self._layers

    @trainable.setter
    def trainable(self, value: bool) -> None:
        """Freeze or unfreeze every layer."""
        value = boolean("trainable", value)
        for layer in self._layers:
            layer.trainable = value

    # Layers and shapes

    def add(self, layer: Layer | Input) -> None:
        """Append a layer. If the shape of its input is known, its parameters are created at once.

        Raises
        ------
        TypeError
            Not a layer.
        ValueError
            The layer does not accept the output of the previous one, already belongs to a model, or has the name of
            another layer. The model is unchanged.
        """
        if isinstance(layer, Input):
            if self._layers or self._input_shape is not None:
                raise ValueError(f"Expected Input first and once, received it after {len(self._layers)} layers.")
            self._input_shape = layer.shape
            return
        if not isinstance(layer, Layer):
            raise TypeError(f"Expected a layer, for example Dense(10), received {layer!r}{class_hint(layer)}.")
        if layer.output_shape is not None or any(layer is other for other in self._layers):
            raise ValueError(
                f"Layer {layer.label} already belongs to a model and holds its parameters; make a new layer object."
            )
        input_shape = self._layers[-1].output_shape if self._layers else self._input_shape or layer.input_shape
        name = layer.name or self._free_name(layer.default_name)
        if any(name == other.name for other in self._layers):
            raise ValueError(f"Expected a unique name for every layer, received {name!r} twice.")
        if input_shape is not None:
            layer.build(input_shape, self._rng, self._dtype)
        layer.name = name
        self._layers.append(layer)
        self._input_shape = self._input_shape or (input_shape if len(self._layers) == 1 else None)
        self._layers_changed()

    def pop(self) -> Layer:
        """Remove the last layer and return it. The optimizer state is reset, as by `add`.

        Raises
        ------
        ValueError
            There are no layers.
        """
        if not self._layers:
            raise ValueError("Expected a model with a layer to remove, received one without layers; add some first.")
        layer = self._layers.pop()
        self._layers_changed()
        return layer

    def _layers_changed(self) -> None:
        """Discard what depends on which layers there are; a subclass that keeps such things overrides it."""

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the layer with this name, or at this index.

        Raises
        ------
        ValueError
            There is no such layer, or not exactly one of name and index is given.

        Examples
        --------
        >>> from scratchcnn import Sequential
        >>> from scratchcnn.layers import Dense
        >>> Sequential([Dense(3, input_shape=(4,))]).get_layer("dense")
        <'dense' (Dense), (4,) to (3,)>
        """
        names = [str(layer.name) for layer in self._layers]
        if (name is None) == (index is None):
            raise ValueError(f"Expected either name or index, received name={name!r} and index={index!r}.")
        if name is not None:
            if name not in names:
                raise ValueError(
                    f"Expected the name of a layer, {', '.join(map(repr, names)) or 'of which there are none'}, "
                    f"received {name!r}.{nearest(name, names)}"
                )
            return self._layers[names.index(name)]
        if not is_integer(index) or not -len(names) <= index < len(names):
            raise ValueError(f"Expected index as the number of one of {len(names)} layers, received {index!r}.")
        return self._layers[index]

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the parameters of all layers for batches of `input_shape`, for example (None, 28, 28, 1).

        Raises
        ------
        ValueError
            A layer does not accept the output of the previous one, or the model was built for another shape.
        """
        shape = image_shape("input_shape after the batch axis", tuple(input_shape)[1:])
        if self._input_shape not in (None, shape):
            raise ValueError(
                f"Expected batches of shape {(None, *(self._input_shape or ()))}, for which the model is built, "
                f"received {tuple(input_shape)}; make a new model."
            )
        self._output_for(shape)  # raises before any layer is built
        following = shape
        for layer in self._layers:
            following = layer.output_shape or layer.build(following, self._rng, self._dtype)
        self._input_shape = shape

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """Shape of a batch of inputs, with None for the batch axis; None if it is not known yet."""
        return None if self._input_shape is None else (None, *self._input_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """Shape of a batch of outputs, with None for the batch axis; None if it is not known yet."""
        shape = self._output_shape
        return None if shape is None else (None, *shape)

    @property
    def _output_shape(self) -> Shape | None:
        """Shape of one output; None if it is not known yet."""
        return self._layers[-1].output_shape if self._layers else self._input_shape

    def _output_for(self, input_shape: Shape) -> Shape:
        """Return the shape of one output for samples of `input_shape`, of layers that need not be built yet."""
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def expect_built(self, what: str) -> Shape:
        """Return the shape of one sample; ValueError if it is not known or there are no layers."""
        if not self._layers or self._input_shape is None or self._output_shape is None:
            missing = "has no layers yet: add some" if not self._layers else (
                "does not know the shape of its input: give input_shape to its first layer, or call "
                "model.build((None, 28, 28, 1)) or fit"
            )  # fmt: skip
            raise ValueError(f"Expected a model of known shape for {what}; this one {missing}.")
        return self._input_shape

    # Parameters

    weights = _of_all_layers("weights", "The parameters themselves, not copies, in the order of `get_weights`.")
    trainable_weights = _of_all_layers(
        "trainable_weights", "The parameters that training updates: those of the layers that are not frozen."
    )
    non_trainable_weights = _of_all_layers("non_trainable_weights", "The parameters of the frozen layers.")

    def get_weights(self) -> list[Array]:
        """Return copies of all parameters, in Keras's order and layout: kernel, bias, kernel, bias, ...

        Raises
        ------
        ValueError
            The shapes are not known yet.
        """
        self.expect_built("get_weights")
        return [array.copy() for array in self.weights]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set all parameters; the counterpart of `get_weights`.

        Raises
        ------
        ValueError
            Another number of arrays, or an array of another shape. Nothing is changed.
        """
        self.expect_built("set_weights")
        put(self._layers, weights)

    def count_params(self) -> int:
        """Return the total number of elements of all parameters.

        Raises
        ------
        ValueError
            The shapes are not known yet.

        Examples
        --------
        >>> from scratchcnn import Sequential
        >>> from scratchcnn.layers import Dense
        >>> Sequential([Dense(3, input_shape=(4,))]).count_params()
        15
        """
        self.expect_built("count_params")
        return sum(layer.count_params() for layer in self._layers)

    def _free_name(self, name: str) -> str:
        taken = {layer.name for layer in self._layers}
        numbered = (f"{name}_{number}" if number else name for number in range(len(taken) + 1))
        return next(candidate for candidate in numbered if candidate not in taken)
