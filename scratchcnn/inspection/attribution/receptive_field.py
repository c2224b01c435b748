"""Receptive fields: which pixels a number can depend on, followed back layer by layer, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scratchcnn.activations import linear
from scratchcnn.inspection.explaining.windows import seen_by, windows_of
from scratchcnn.inspection.tracing.kinds import kind_of
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.layers import Conv2D, Dense, Flatten, MaxPooling2D
from scratchcnn.operands import Array, Shape


@dataclass(frozen=True, eq=False)
class Reach:
    """The part of one layer's input that a number can depend on.

    Attributes
    ----------
    layer : str
        The layer whose input it is; that of the first layer is the model's input.
    mask : bool, the shape of one sample of that input
        What belongs to it. With strides or dilation there may be gaps.
    """

    layer: str
    mask: Array

    @cached_property
    def rows(self) -> Array:
        """Numbers of the rows that belong to it; of the units, if the input has one axis."""
        return np.flatnonzero(self.mask.any(axis=tuple(range(1, self.mask.ndim))))

    @cached_property
    def columns(self) -> Array:
        """Numbers of the columns that belong to it; empty if the input has one axis."""
        if self.mask.ndim < 2:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self.mask.any(axis=(0, *range(2, self.mask.ndim))))

    @property
    def _channels(self) -> Array:
        return np.flatnonzero(self.mask.any(axis=(0, 1)))

    @property
    def count(self) -> int:
        """How many numbers belong to it."""
        return int(np.count_nonzero(self.mask))

    def __str__(self) -> str:
        if self.mask.ndim == 1:
            return f"{_spans('unit', self.rows)} of {len(self.mask)}"
        height, width = self.mask.shape[:2]
        channels = "" if self.mask.ndim < 3 else f", {_spans('channel', self._channels)} of {self.mask.shape[2]}"
        of = f"{_spans('row', self.rows)}, {_spans('column', self.columns)} of {height} x {width}"
        return of + ("" if channels == ", channel 0 of 1" else channels)


def chain_of(layers: Sequence[LayerTrace], number: int, mask: Array) -> list[Reach]:
    """From a part of the output of layer `number` back to the model's input.

    Parameters
    ----------
    layers : the layers of a trace
    number : int
        −1: the mask is one of the model's input already.
    mask : bool, the shape of one sample of that output

    Returns
    -------
    list of Reach
        The input of layer `number`, of the one before it, and so on; the last is the model's input.
    """
    if number < 0:
        return [Reach(layers[0].name, mask)]
    found = []
    for layer in reversed(layers[: number + 1]):
        mask = reach_of(layer, mask)
        found.append(Reach(layer.name, mask))
    return found


def single(shape: Shape, place: Shape) -> Array:
    """A mask with one place in it."""
    mask = np.zeros(shape, bool)
    mask[place] = True
    return mask


def reach_of(layer: LayerTrace, mask: Array) -> Array:
    """What part of a layer's input can move that part of its output: bool, of one sample.

    For a layer or an activation of a user's own, that is all of it.
    """
    kind, shape = kind_of(layer.layer), layer.shapes.input[1:]
    if kind is None:
        return np.full(shape, mask.any())
    mask = _through_activation(layer, mask)
    if kind is Dense:
        return np.full(shape, mask.any())
    if kind is Flatten:
        return mask.reshape(shape)
    if kind is Conv2D:
        return _through_windows(layer, np.repeat(mask.any(axis=2, keepdims=True), shape[2], axis=2), shape)
    return _through_windows(layer, mask, shape) if kind is MaxPooling2D else mask


def _through_activation(layer: LayerTrace, mask: Array) -> Array:
    activation: Any = getattr(layer.layer, "activation", linear)
    if activation.elementwise:
        return mask
    if activation.name == "softmax":
        return np.broadcast_to(mask.any(axis=-1, keepdims=True), mask.shape)
    return np.full(mask.shape, mask.any())


def _through_windows(layer: LayerTrace, mask: Array, shape: Shape) -> Array:
    """The union of the windows of every output in the mask, channel by channel: (H, W, C) for (OH, OW, C)."""
    assert isinstance(layer.layer, Conv2D | MaxPooling2D)
    rows, columns = windows_of(layer.layer, layer.shapes.input)
    whole = np.zeros((rows.before + shape[0] + rows.after, columns.before + shape[1] + columns.after, shape[2]), bool)
    for oy, ox in np.argwhere(mask.any(axis=2)):
        window = np.ix_(seen_by(rows, oy) + rows.before, seen_by(columns, ox) + columns.before)
        whole[window] |= mask[oy, ox]
    return whole[rows.before : rows.before + shape[0], columns.before : columns.before + shape[1]]


def _spans(word: str, numbers: Array) -> str:
    """Numbers as spans: 'rows 3-7, 9'; a regular row of gaps by its step: 'rows 0-8 in steps of 2'."""
    if len(numbers) < 2:
        return f"{word} {numbers[0]}" if len(numbers) else f"no {word}"
    steps = np.unique(np.diff(numbers))
    if len(steps) == 1 and steps[0] > 1 and len(numbers) > 2:
        return f"{word}s {numbers[0]}-{numbers[-1]} in steps of {steps[0]}"
    parts = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return f"{word}s " + ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)
