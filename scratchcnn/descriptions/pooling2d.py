"""What the descriptions of the pooling layers share: windows, receptive fields, and the indices of terms."""

from __future__ import annotations

import numpy as np

from scratchcnn.descriptions.base import LayerDescription, OnnxGraph
from scratchcnn.descriptions.terms import Position, grid
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.descriptions.windows import inputs_of_window, onnx_attributes, union_of_windows, windows_of_input
from scratchcnn.geometry import Windows
from scratchcnn.layers.global_pooling2d import GlobalPooling2D
from scratchcnn.layers.pooling2d import Pooling2D
from scratchcnn.operands import Array, Shape


class PoolingDescription(LayerDescription[Pooling2D | GlobalPooling2D]):
    """Windows over each channel of an image."""

    onnx_node: str

    def windows(self, input_shape: Shape) -> Windows:
        return self.layer.windows(input_shape)

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        shape = values.input.shape[1:]
        windows = self.windows(shape)
        pooled = mask.reshape(windows.rows.output, windows.columns.output, shape[2])
        return union_of_windows(windows, pooled, shape)

    def window(self, values: LayerValues, position: Position) -> Array:
        """Return the index of each input in the window of an output: (KH, KW, 4)."""
        sample, *place, c = position
        oy, ox = place or (0, 0)
        windows = self.windows(values.input.shape[1:])
        return grid(sample, inputs_of_window(windows.rows, oy), inputs_of_window(windows.columns, ox), c)

    def uses(self, values: LayerValues, position: Position) -> tuple[Array, Array]:
        """Return the index of each output whose window contains an input, and which element of that window it is.

        The shapes are (KH, KW, rank) and (KH, KW): an output for each element of a window, outside if there is none.
        """
        sample, y, x, c = position
        windows = self.windows(values.input.shape[1:])
        sources = grid(sample, windows_of_input(windows.rows, y), windows_of_input(windows.columns, x), c)
        return sources, np.arange(sources[..., 0].size).reshape(sources.shape[:2])

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        assert self.layer.input_shape is not None
        graph.set_channels(first=True)
        graph.add(self.onnx_node, **onnx_attributes(self.windows(self.layer.input_shape)))


class GlobalPoolingDescription(PoolingDescription):
    """A single window, of the size of the image; the output may have no rows and columns."""

    def uses(self, values: LayerValues, position: Position) -> tuple[Array, Array]:
        sample, y, x, c = position
        output = (sample, *[0] * (values.output.ndim - 2), c)
        return np.array([[output]]), np.array([[y * values.input.shape[2] + x]])

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        assert isinstance(self.layer, GlobalPooling2D)
        graph.set_channels(first=True)
        graph.add(f"Global{self.onnx_node}")  # (N, C, 1, 1)
        if not self.layer.keepdims:
            graph.set_channels(first=False)
            graph.add("Flatten")
