"""LayerRow: layers in a row, each of which accepts the output of the previous one; the first part of `Sequential`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from scratchcnn.arguments import boolean, image_shape
from scratchcnn.layers.base import Layer
from scratchcnn.layers.parameters import put
from scratchcnn.names import Named
from scratchcnn.operands import Array, Shape


def _of_all_layers(name: str, doc: str) -> property:
    """Return a property: the arrays that an attribute of the layers lists, layer by layer."""
    of_layer = attrgetter(name)
    return property(lambda row: [array for layer in row.leaf_layers for array in of_layer(layer)], doc=doc)


class LayerRow(Named, methods=True):
    """Layers in a row, with their shapes and parameters; a row may be a part of another one.

    Parameters
    ----------
    name : str
    dtype : float32 or float64
        Of the parameters.
    rng : numpy.random.Generator
        Source of the initial parameters.
    """

    default_name = "sequential"

    def __init__(self, name: str, dtype: np.dtype[np.floating], rng: np.random.Generator) -> None:
        self.name = name
        self._dtype, self._rng = dtype, rng
        self._parts: list[Layer | LayerRow] = []
        self._input_shape: Shape | None = None  # of one sample

    @property
    def layers(self) -> list[Layer | LayerRow]:
        """A new list of the layers and inner models, as they were added. To change the row, use `add` and `pop`."""
        return list(self._parts)

    @property
    def leaf_layers(self) -> list[Layer]:
        """The layers in the order of computation, with those of each inner model in its place."""
        return [layer for part in self._parts for layer in ([part] if isinstance(part, Layer) else part.leaf_layers)]

    @property
    def leaf_paths(self) -> list[str]:
        """The name of each of the `leaf_layers` after those of the inner models it is in: 'base/conv2d'."""
        paths: list[str] = []
        for part in self._parts:
            inner = [f"/{path}" for path in part.leaf_paths] if isinstance(part, LayerRow) else [""]
            paths += [f"{part.name}{path}" for path in inner]
        return paths

    @property
    def leaf_names(self) -> list[str]:
        """A unique name of each of the `leaf_layers`: its own or, if another has the same, with those of its models.

        Examples
        --------
        >>> from scratchcnn import Sequential
        >>> from scratchcnn.layers import Dense, Input
        >>> halves = [Sequential([Dense(4), Dense(3, name=last)], name=name) for name, last in ("ax", "by")]
        >>> Sequential([Input((2,)), *halves]).leaf_names
        ['a/dense', 'x', 'b/dense', 'y']
        """
        names = [str(layer.name) for layer in self.leaf_layers]
        count = Counter(names)
        return [name if count[name] == 1 else path for name, path in zip(names, self.leaf_paths, strict=True)]

    @property
    def label(self) -> str:
        """The name and class for messages: "'base' (Sequential)"."""
        return f"{self.name!r} ({type(self).__name__})"

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Of the parameters and of all computations."""
        return self._dtype

    @property
    def trainable(self) -> bool:
        """Whether any layer is trainable. Setting it freezes or unfreezes every layer; see `Layer.trainable`."""
        return any(layer.trainable for layer in self._parts) or not self._parts

    @trainable.setter
    def trainable(self, value: bool) -> None:
        """Freeze or unfreeze every layer, those of inner models too."""
        value = boolean("trainable", value)
        for layer in self._parts:
            layer.trainable = value

    def _exchange(self, old: Layer, new: Layer) -> None:
        """Put a built layer in the place of another one, at any depth."""
        for number, part in enumerate(self._parts):
            if part is old:
                self._parts[number] = new
            elif isinstance(part, LayerRow):
                part._exchange(old, new)

    # Shapes

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
        self._build_parts(shape, self._rng)

    def _build_parts(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Build the parts that are not built yet, for samples of `input_shape`; return the shape of one output."""
        following = input_shape
        for part in self._parts:
            following = shapes_of(part)[1] or build(part, following, rng, self._dtype)
        self._input_shape = input_shape
        return following

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
        return shapes_of(self._parts[-1])[1] if self._parts else self._input_shape

    def _output_for(self, input_shape: Shape) -> Shape:
        """Return the shape of one output for samples of `input_shape`, of layers that need not be built yet."""
        if self._input_shape not in (None, input_shape):
            raise ValueError(
                f"Expected samples of shape {self._input_shape} for model {self.label}, received {input_shape}; place "
                f"it after a layer with such outputs, or omit its input_shape if it has no parameters yet."
            )
        for part in self._parts:
            input_shape = _output_for(part, input_shape)
        return input_shape

    def expect_built(self, what: str) -> Shape:
        """Return the shape of one sample; ValueError if it is not known or there are no layers."""
        if not self._parts or self._input_shape is None or self._output_shape is None:
            missing = "has no layers yet: add some" if not self._parts else (
                "does not know the shape of its input: give input_shape to its first layer, or call "
                "model.build((None, 28, 28, 1)) or fit"
            )  # fmt: skip
            raise ValueError(f"Expected a model of known shape for {what}; this one {missing}.")
        return self._input_shape

    # Parameters

    weights = _of_all_layers("weights", "The parameters themselves, not copies, in the order of `get_weights`.")
    trainable_weights = _of_all_layers(
        "trainable_weights",
        "The parameters that the optimizer updates: those of the layers that are not frozen, without statistics.",
    )
    non_trainable_weights = _of_all_layers(
        "non_trainable_weights",
        "The parameters that the optimizer leaves unchanged: statistics, and those of the frozen layers.",
    )

    def get_weights(self) -> list[Array]:
        """Return copies of all parameters, in Keras's order and layout: kernel, bias, kernel, bias, ...

        They include statistics, such as the moving mean of a BatchNormalization.

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
        put(self.leaf_layers, weights)

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
        return sum(layer.parameter_count for layer in self.leaf_layers)


def shapes_of(part: Layer | LayerRow) -> tuple[Shape | None, Shape | None]:
    """The shapes of one input and one output; None if they are not known yet."""
    return (part.input_shape, part.output_shape) if isinstance(part, Layer) else (part._input_shape, part._output_shape)


def _output_for(part: Layer | LayerRow, input_shape: Shape) -> Shape:
    """Return the shape of one output for samples of `input_shape`; ValueError if the part does not accept them."""
    if not isinstance(part, Layer):
        return part._output_for(input_shape)
    if part.output_shape is not None and part.input_shape != input_shape:
        raise ValueError(
            f"Layer {part.label} was built for samples of shape {part.input_shape}, but receives {input_shape}; make a "
            f"new layer."
        )
    return part.compute_output_shape(input_shape)


def build(part: Layer | LayerRow, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Shape:
    """Create the parameters, or check that a built part accepts such samples; return the shape of one output."""
    if isinstance(part, Layer):
        return _output_for(part, input_shape) if part.output_shape else part.build(input_shape, rng, dtype)
    part._output_for(input_shape)  # raises before any layer is built
    return part._build_parts(input_shape, rng)
