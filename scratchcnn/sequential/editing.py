"""EditableRow: add, remove and find layers and inner models; the second part of `Sequential`."""

from __future__ import annotations

from scratchcnn.arguments import is_integer
from scratchcnn.layers import Input, Layer
from scratchcnn.layers.row import LayerRow, build, shapes_of
from scratchcnn.names import class_hint, nearest


class EditableRow(LayerRow, methods=True):
    """A row of layers that is made and changed layer by layer."""

    def add(self, layer: Layer | LayerRow | Input) -> None:
        """Append a layer or a model. If the shape of its input is known, its parameters are created at once.

        A layer or model that already has parameters keeps them and shares them with the models it is in: training one
        of them changes all. To append a model with parameters of its own, use `inner.clone()`. An inner model is
        computed with the engine and the random generators of this one.

        Parameters
        ----------
        layer : Layer, Sequential or Input

        Raises
        ------
        TypeError
            Not a layer.
        ValueError
            The layer or model does not accept the output of the previous one, is already a part of this model, has the
            name of another one or other dtype, or is a model without layers. This model is unchanged.
        """
        if isinstance(layer, Input):
            if self._parts or self._input_shape is not None:
                raise ValueError(f"Expected Input first and once, received it after {len(self._parts)} layers.")
            self._input_shape = layer.shape
            return
        if not isinstance(layer, Layer | LayerRow):
            raise TypeError(f"Expected a layer, for example Dense(10), received {layer!r}{class_hint(layer)}.")
        self._expect_new(layer)
        is_unnamed = not layer.name or (isinstance(layer, LayerRow) and layer.name == layer.default_name)
        name = self._free_name(layer.default_name) if is_unnamed else layer.name
        if any(name == other.name for other in self._parts):
            raise ValueError(f"Expected a unique name for every layer, received {name!r} twice.")
        input_shape = self._output_shape if self._parts else self._input_shape or shapes_of(layer)[0]
        if input_shape is not None:
            build(layer, input_shape, self._rng, self._dtype)
        layer.name = name
        self._parts.append(layer)
        self._input_shape = self._input_shape or (input_shape if len(self._parts) == 1 else None)
        self._layers_changed()

    def pop(self) -> Layer | LayerRow:
        """Remove the last layer or inner model and return it. The optimizer state is reset, as by `add`.

        Raises
        ------
        ValueError
            There are no layers.
        """
        if not self._parts:
            raise ValueError("Expected a model with a layer to remove, received one without layers; add some first.")
        layer = self._parts.pop()
        self._layers_changed()
        return layer

    def _layers_changed(self) -> None:
        """Discard what depends on which layers there are; a subclass that keeps such things overrides it."""

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer | LayerRow:
        """Return the layer or inner model with this name, or at this index of `layers`.

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
        names = [str(layer.name) for layer in self._parts]
        if (name is None) == (index is None):
            raise ValueError(f"Expected either name or index, received name={name!r} and index={index!r}.")
        if name is not None:
            if name not in names:
                raise ValueError(
                    f"Expected the name of a layer, {', '.join(map(repr, names)) or 'of which there are none'}, "
                    f"received {name!r}.{nearest(name, names)}"
                )
            return self._parts[names.index(name)]
        if not is_integer(index) or not -len(names) <= index < len(names):
            raise ValueError(f"Expected index as the number of one of {len(names)} layers, received {index!r}.")
        return self._parts[index]

    def _expect_new(self, part: Layer | LayerRow) -> None:
        """Raise ValueError unless a layer or a model may become a part of this one."""
        leaves = [part] if isinstance(part, Layer) else part.leaf_layers
        if part is self or (isinstance(part, LayerRow) and _contains(part, self)):
            raise ValueError(
                f"Expected another model, received {part.label}, which contains this one; add its clone()."
            )
        if not leaves:
            raise ValueError(f"Expected an inner model with layers, received {part.label}, which has none; add some.")
        if any(mine is other for mine in self.leaf_layers for other in leaves):
            fix = "make a new layer object" if isinstance(part, Layer) else "add a copy of it, made by clone()"
            raise ValueError(
                f"Expected layers that this model does not have, received {part.label}, which already belongs to it; "
                f"{fix}."
            )
        other = next((array.dtype for array in part.weights if array.dtype != self._dtype), None)
        if isinstance(part, LayerRow) and part.dtype != self._dtype:
            other = part.dtype
        if other is not None:
            raise ValueError(
                f"Expected parameters of dtype {self._dtype}, as in this model, received {part.label} of {other}; make "
                f"both with the same dtype."
            )

    def _free_name(self, name: str) -> str:
        """The name or, if a part at any depth has it, the name with the first number that none has."""
        taken = {name for path in self.leaf_paths for name in path.split("/")}
        numbered = (f"{name}_{number}" if number else name for number in range(len(taken) + 1))
        return next(candidate for candidate in numbered if candidate not in taken)


def _contains(outer: LayerRow, row: LayerRow) -> bool:
    """Whether a row is a part of another one, at any depth."""
    return any(part is row or _contains(part, row) for part in outer.layers if isinstance(part, LayerRow))
