"""The parameters of layers as attributes (`layer.kernel`), and all of them set at once after checking every array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, overload

import numpy as np

from scratchcnn.operands import Array


class Parametrized(Protocol):
    """A layer, as far as its parameters are concerned."""

    params: dict[str, Array]
    statistics: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name and class for messages."""


def put(layers: Sequence[Parametrized], weights: Sequence[Array]) -> None:
    """Set all parameters of the layers to `weights`, in the order of `Sequential.get_weights`.

    Raises
    ------
    ValueError
        Another number of arrays, or an array of another shape or not of numbers. Nothing is changed.
    """
    places = [(layer, name) for layer in layers for name in layer.params]
    if not isinstance(weights, Sequence) or len(weights) != len(places):
        described = f"{len(weights)} of them" if isinstance(weights, Sequence) else type(weights).__name__
        raise ValueError(f"Expected {len(places)} arrays, as returned by get_weights, received {described}.")
    arrays = [_checked(layer, name, weight) for (layer, name), weight in zip(places, weights, strict=True)]
    for (layer, name), array in zip(places, arrays, strict=True):
        layer.params[name][...] = array


def checked_statistics(layer: Parametrized, found: object) -> list[tuple[Array, Array]]:
    """Return each of the statistics of a layer with its next value, as `Layer.next_statistics` returned it.

    Raises
    ------
    ValueError
        Values for other names than those of the statistics, of another shape, or not of numbers.
    """
    names = set(layer.statistics)
    if not isinstance(found, Mapping) or found.keys() != names or not names <= layer.params.keys():
        described = sorted(found) if isinstance(found, Mapping) else type(found).__name__
        raise ValueError(
            f"Expected next_statistics of layer {layer.label} to return a dict of {sorted(names)}, its statistics, "
            f"which are among its parameters {sorted(layer.params)}, received {described}; return a value for each."
        )
    return [(layer.params[name], _checked(layer, name, found[name])) for name in layer.statistics]


def _checked(layer: Parametrized, name: str, value: object) -> Array:
    array = np.asarray(value)
    if array.shape != layer.params[name].shape:
        raise ValueError(
            f"Expected shape {layer.params[name].shape} for the {name} of layer {layer.label}, "
            f"received {array.shape}; nothing was changed."
        )
    if array.dtype.kind not in "iuf":
        raise ValueError(f"Expected numbers for the {name} of layer {layer.label}, received dtype {array.dtype}.")
    return array


class Parameter:
    """A parameter of a layer as its attribute: `layer.kernel` is `layer.params['kernel']`.

    Setting the attribute copies the values into the parameter. It is None if the layer was made without it (use_bias),
    and an AttributeError before the layer is built.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    if TYPE_CHECKING:

        @overload
        def __get__(self, layer: None, owner: type) -> Self: ...
        @overload
        def __get__(self, layer: Parametrized, owner: type) -> Array: ...

    def __get__(self, layer: Any, owner: type) -> Any:
        """Return the array itself, so that it can be changed in place."""
        if layer is None:
            return self
        params: Mapping[str, Array] = layer.params
        if not params:
            raise AttributeError(
                f"Expected a built layer for its {self.name}, received layer {layer.label}, which has no parameters "
                f"yet; give it an input_shape, or add it to a model of known shape."
            )
        return params.get(self.name)

    def __set__(self, layer: Parametrized, value: object) -> None:
        """Copy the values into the parameter.

        Raises
        ------
        AttributeError
            The layer is not built, or has no such parameter.
        ValueError
            Another shape, or not numbers. Nothing is changed.
        """
        if self.name not in layer.params:
            raise AttributeError(f"Expected a built layer with a {self.name} to set, received layer {layer.label}.")
        layer.params[self.name][...] = _checked(layer, self.name, value)
