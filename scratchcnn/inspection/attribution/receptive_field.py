"""Receptive fields: the inputs on which a value can depend, traced back exactly, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scratchcnn.activations import linear
from scratchcnn.descriptions.registry import description_of, kind_of
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.operands import Array, Shape


@dataclass(frozen=True, eq=False)
class Reach:
    """The part of one layer's input on which a value can depend.

    Attributes
    ----------
    layer : str
        The layer; the input of the first layer is the model's input.
    mask : bool, the shape of one sample of that input
        True for the elements on which the value can depend. Strides and dilation may leave gaps.
    """

    layer: str
    mask: Array

    @cached_property
    def rows(self) -> Array:
        """Indices of the rows that contain such elements; of the units, if the input is a vector."""
        return self._indices(0)

    @cached_property
    def columns(self) -> Array:
        """Indices of the columns that contain such elements; empty if the input is a vector."""
        return self._indices(1)

    @property
    def count(self) -> int:
        """Number of elements on which the value can depend."""
        return int(np.count_nonzero(self.mask))

    def _indices(self, axis: int) -> Array:
        if axis >= self.mask.ndim:
            return np.zeros(0, np.int64)
        others = tuple(other for other in range(self.mask.ndim) if other != axis)
        return np.flatnonzero(self.mask.any(axis=others))

    def __str__(self) -> str:
        if self.mask.ndim == 1:
            return f"{_spans('unit', self.rows)} of {len(self.mask)}"
        height, width, *channels = self.mask.shape
        text = f"{_spans('row', self.rows)}, {_spans('column', self.columns)} of {height} x {width}"
        return f"{text}, {_spans('channel', self._indices(2))} of {channels[0]}" if channels not in ([], [1]) else text


def chain_of(layers: Sequence[LayerTrace], number: int, mask: Array) -> list[Reach]:
    """Trace a part of the output of layer `number` back to the model's input.

    Parameters
    ----------
    layers : sequence of LayerTrace
    number : int
        −1: the mask concerns the model's input.
    mask : bool, the shape of one sample of that output

    Returns
    -------
    list of Reach
        The input of layer `number`, of the layer before it, and so on; the last is the model's input.
    """
    if number < 0:
        return [Reach(layers[0].name, mask)]
    found = []
    for layer in reversed(layers[: number + 1]):
        mask = reach_of(layer, mask)
        found.append(Reach(layer.name, mask))
    return found


def single(shape: Shape, place: Shape) -> Array:
    """Return a mask with a single True."""
    mask = np.zeros(shape, bool)
    mask[place] = True
    return mask


def reach_of(layer: LayerTrace, mask: Array) -> Array:
    """Return the part of a layer's input on which that part of its output can depend: bool, the shape of one sample.

    For a layer without description, or an activation of unknown structure, that is all of it.
    """
    if not mask.any():
        return np.zeros(layer.shapes.input[1:], bool)
    if kind_of(layer.layer) is not None:
        mask = _through_activation(layer, mask)
    return description_of(layer.layer).receptive_field(layer, mask)


def _through_activation(layer: LayerTrace, mask: Array) -> Array:
    activation: Any = getattr(layer.layer, "activation", linear)
    if activation.elementwise:
        return mask
    if activation.name == "softmax":
        return np.broadcast_to(mask.any(axis=-1, keepdims=True), mask.shape)
    return np.full(mask.shape, mask.any())


def _spans(word: str, indices: Array) -> str:
    """Return indices as ranges, 'rows 3-7, 9'; with regular gaps, 'rows 0-8 in steps of 2'."""
    if len(indices) < 2:
        return f"{word} {indices[0]}" if len(indices) else f"no {word}"
    steps = np.unique(np.diff(indices))
    if len(steps) == 1 and steps[0] > 1 and len(indices) > 2:
        return f"{word}s {indices[0]}-{indices[-1]} in steps of {steps[0]}"
    parts = np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1)
    return f"{word}s " + ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)
