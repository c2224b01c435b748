"""Receptive fields: the inputs on which a value can depend, layer by layer, and their centers in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.activations import linear
from scratchcnn.descriptions.registry import description_of, kind_of
from scratchcnn.inspection.arguments import sample_shape
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.operands import Array, Shape
from scratchcnn.sequential import Sequential

Coordinates = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reach:
    """The part of one layer's input on which a value can depend.

    Attributes
    ----------
    layer : str    the layer; the input of the first layer is the model's input
    mask : bool    of one sample: the elements on which the value can depend; strides and dilation may leave gaps
    """

    layer: str
    mask: Array

    @property
    def count(self) -> int:
        """Number of elements on which the value can depend."""
        return int(np.count_nonzero(self.mask))

    @property
    def rows(self) -> Array:
        """Indices of the rows that contain such elements; of the units, if the input is a vector."""
        return self._indices(0)

    @property
    def columns(self) -> Array:
        """Indices of the columns that contain such elements; empty if the input is a vector."""
        return self._indices(1)

    def _indices(self, axis: int) -> Array:
        return np.unique(np.nonzero(self.mask)[axis]) if axis < self.mask.ndim else np.zeros(0, np.int64)

    def __str__(self) -> str:
        if self.mask.ndim == 1:
            return f"{_spans('unit', self.rows)} of {len(self.mask)}"
        height, width, *channels = self.mask.shape
        text = f"{_spans('row', self.rows)}, {_spans('column', self.columns)} of {height} x {width}"
        return f"{text}, {_spans('channel', self._indices(2))} of {channels[0]}" if channels not in ([], [1]) else text


def chain_of(layers: Sequence[LayerTrace], number: int, mask: Array) -> list[Reach]:
    """Trace a part of one sample's output of layer `number` back: to the layer's input, ..., to the model's input."""
    if number < 0:  # the mask concerns the model's input
        return [Reach(layers[0].name, mask)]
    found = []
    for layer in reversed(layers[: number + 1]):
        mask = reach_of(layer, mask)
        found.append(Reach(layer.name, mask))
    return found


def reach_of(layer: LayerTrace, mask: Array) -> Array:
    """Return the part of a layer's input on which that part of its output can depend: bool, the shape of one sample.

    For a layer without description, or an activation of unknown structure, that is all of it.
    """
    if not mask.any():
        return np.zeros(layer.shapes.input[1:], bool)
    activation: Any = getattr(layer.layer, "activation", linear)
    if kind_of(layer.layer) is not None and not activation.elementwise:
        mixed = -1 if activation.name == "softmax" else None
        mask = np.broadcast_to(mask.any(axis=mixed, keepdims=True), mask.shape)
    return description_of(layer.layer).receptive_field(layer, mask)


def _spans(word: str, indices: Array) -> str:
    """Return indices as ranges, 'rows 3-7, 9'; with regular gaps, 'rows 0-8 in steps of 2'."""
    if len(indices) < 2:
        return f"{word} {indices[0]}" if len(indices) else f"no {word}"
    steps = np.unique(np.diff(indices))
    if len(steps) == 1 and steps[0] > 1 and len(indices) > 2:
        return f"{word}s {indices[0]}-{indices[-1]} in steps of {steps[0]}"
    parts = np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1)
    return f"{word}s " + ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)


def field_centers(model: Sequential, place: int) -> tuple[Coordinates, Coordinates]:
    """Compute the pixel coordinates of the receptive-field center of each position in a layer's output.

    Position p of a convolution or pooling sees the positions stride * p - before + dilation * k of its input, with
    k = 0, ..., kernel - 1. Their center, computed from layer to layer for rows (OH,) and columns (OW,), is

        center(p) = stride * p - before + dilation * (kernel - 1) / 2

    The positions of other layers are taken as evenly distributed over their input. 0 is the center of the first pixel.

    >>> from scratchcnn.layers import Conv2D, MaxPooling2D
    >>> model = Sequential([Conv2D(4, 5, input_shape=(12, 9, 1)), MaxPooling2D(2)], seed=0)
    >>> field_centers(model, 1)  # the windows of pooling see the rows 0 to 5, 2 to 7, 4 to 9 and 6 to 11
    (array([2.5, 4.5, 6.5, 8.5]), array([2.5, 4.5]))
    """
    shapes: list[Shape] = [sample_shape(model), *(layer.output_shape or () for layer in model.leaf_layers[: place + 1])]
    if min(map(len, shapes)) < 2:
        raise ValueError(
            f"Expected a layer that is connected to the pixels by layers with rows and columns, received "
            f"{model.leaf_layers[place].label}; choose one before Flatten."
        )
    rows, columns = (np.arange(length, dtype=np.float64) for length in shapes[-1][:2])
    for layer, before, after in reversed(list(zip(model.leaf_layers, shapes[:-1], shapes[1:], strict=False))):
        windows = description_of(layer).windows(before)
        if windows is not None:
            rows, columns = (
                axis.stride * centers - axis.before + axis.dilation * (axis.kernel - 1) / 2
                for axis, centers in zip(windows, (rows, columns), strict=True)
            )
        else:  # the identity where the size stays the same
            rows = (rows + 0.5) * before[0] / after[0] - 0.5
            columns = (columns + 0.5) * before[1] / after[1] - 0.5
    return rows, columns


def convolutions(model: Sequential) -> list[int]:
    """Return the indices of the layers with sliding windows and parameters: Conv2D, and layers described like it."""
    shapes = [sample_shape(model), *(layer.output_shape or () for layer in model.leaf_layers)]
    return [
        place
        for place, (layer, shape) in enumerate(zip(model.leaf_layers, shapes, strict=False))
        if layer.params and description_of(layer).windows(shape) is not None
    ]


def interpolate(values: Array, rows: Coordinates, columns: Coordinates, height: int, width: int) -> Array:
    """Interpolate values (OH, OW) at given coordinates linearly to all pixels (H, W), constant beyond the outermost."""
    across = np.array([np.interp(np.arange(width), columns, row) for row in values])
    return np.array([np.interp(np.arange(height), rows, column) for column in across.T]).T
