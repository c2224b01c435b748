"""Descriptions of the layers that copy values to another index: Flatten, Reshape and ZeroPadding2D."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from scratchcnn.descriptions.base import Code, LayerDescription, OnnxGraph
from scratchcnn.descriptions.terms import Position, Terms, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.descriptions.windows import union_of_windows
from scratchcnn.descriptions.words import plural, times
from scratchcnn.geometry import Axis, Windows
from scratchcnn.layers import Flatten, Layer, Reshape, ZeroPadding2D
from scratchcnn.operands import Array, Shape

AnyReshape = TypeVar("AnyReshape", bound=Layer)


class _Reordering(LayerDescription[AnyReshape]):
    """Each input at another index."""

    def flops(self, input_shape: Shape) -> int:
        return 0

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        return mask.reshape(values.input.shape[1:])

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        source = _same_element(position[1:], values.output.shape[1:], values.input.shape[1:])
        notes = (f"{values.kind} only reorders values: y{list(position[1:])} is x{list(source)}.",)
        return weighted_sum(values, "input", (position[0], *source), 1.0, "y = x", notes=notes)

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        output = _same_element(position[1:], values.input.shape[1:], values.output.shape[1:])
        notes = (f"{values.kind} only reorders values: x{list(position[1:])} is y{list(output)}.",)
        return weighted_sum(values, "d_output", (position[0], *output), 1.0, "dx = dy", notes=notes)


class ReshapeDescription(_Reordering[Reshape]):
    """Values in another shape."""

    def words(self, values: LayerValues) -> tuple[str, str]:
        return (
            f"The {times(values.input.shape[1:])} values are arranged in the shape {times(values.output.shape[1:])}, "
            "in the same order.",
            f"The gradient is reshaped back to {times(values.input.shape[1:])}.",
        )

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        assert self.layer.output_shape is not None
        graph.set_channels(first=False)
        graph.add("Reshape", np.array([0, *self.layer.output_shape]))  # 0: the length of the batch axis is kept


class FlattenDescription(_Reordering[Flatten]):
    """Values as a vector."""

    def words(self, values: LayerValues) -> tuple[str, str]:
        return (
            f"The {times(values.input.shape[1:])} values are reordered into a vector of {values.output.shape[-1]:,}, "
            "with all channels of a position next to each other. The dense layer that follows requires vectors.",
            "The gradient is reshaped to the shape of the feature maps.",
        )

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        graph.set_channels(first=False)
        graph.add("Flatten")


class ZeroPadding2DDescription(LayerDescription[ZeroPadding2D]):
    """Each input at another position, and zeros around them."""

    def flops(self, input_shape: Shape) -> int:
        return 0

    def windows(self, input_shape: Shape) -> Windows:
        """Return windows of one element: position p of the output is position p - before of the input."""
        rows, columns = (
            Axis(size, 1, 1, 1, before, after, before + size + after)
            for size, (before, after) in zip(input_shape[:2], self.layer.padding, strict=True)
        )
        return Windows(rows, columns)

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        shape = values.input.shape[1:]
        return union_of_windows(self.windows(shape), mask, shape)

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        sample, row, column, c = position
        (top, _), (left, _) = self.layer.padding
        source = (sample, row - top, column - left, c)
        inside = all(0 <= place < length for place, length in zip(source[1:3], values.input.shape[1:3], strict=True))
        notes = () if inside else ("One of the zeros that were added around the image.",)
        return weighted_sum(values, "input", source, 1.0, "y = x, or 0 in the padding", notes=notes)

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        sample, row, column, c = position
        (top, _), (left, _) = self.layer.padding
        return weighted_sum(values, "d_output", (sample, row + top, column + left, c), 1.0, "dx = dy")

    def words(self, values: LayerValues) -> tuple[str, str]:
        (top, bottom), (left, right) = self.layer.padding
        return (
            f"Zeros are added around each feature map: {plural(top, 'row')} above, {plural(bottom, 'row')} below, "
            f"{plural(left, 'column')} to the left and {plural(right, 'column')} to the right. The shape changes from "
            f"{times(values.input.shape[1:])} to {times(values.output.shape[1:])}.",
            "The gradient w.r.t. the zeros is dropped; the rest is returned unchanged.",
        )

    def code(self, values: LayerValues) -> tuple[Code, Code]:
        return (
            Code(("reference.zero_pad2d:zero_pad2d",), ("kernels.zero_pad2d:_zero_pad2d",)),
            Code(("reference.zero_pad2d:zero_pad2d_gradient",), ("kernels.zero_pad2d:_zero_pad2d_gradient",)),
        )

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        (top, bottom), (left, right) = self.layer.padding
        graph.set_channels(first=True)
        graph.add("Pad", np.array([0, 0, top, left, 0, 0, bottom, right]))


def _same_element(place: Position, shape: Shape, other: Shape) -> Position:
    """Return the index in an array of the shape `other` of the element that has the index `place` in `shape`."""
    return tuple(map(int, np.unravel_index(np.ravel_multi_index(place, shape), other)))
