"""Description of MaxPooling2D."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.descriptions.base import Code, LayerDescription, OnnxGraph
from scratchcnn.descriptions.terms import Position, Terms, grid, take, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.descriptions.windows import inputs_of_window, onnx_attributes, union_of_windows, windows_of_input
from scratchcnn.descriptions.words import plural, times
from scratchcnn.geometry import Windows, image_windows
from scratchcnn.layers import MaxPooling2D
from scratchcnn.operands import Array, Shape


class MaxPooling2DDescription(LayerDescription[MaxPooling2D]):
    """The largest input of a window: weight 1 for the maximum, 0 for the others."""

    def flops(self, input_shape: Shape) -> int:
        return math.prod(self.layer.pool_size) - 1

    def windows(self, input_shape: Shape) -> Windows:
        height, width, _ = input_shape
        return image_windows((height, width), self.layer.pool_size, self.layer.strides, self.layer.padding)

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        shape = values.input.shape[1:]
        return union_of_windows(self.windows(shape), mask, shape)

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        assert values.winners is not None
        sample, oy, ox, c = position
        windows = self.windows(values.input.shape[1:])
        rows, columns = inputs_of_window(windows.rows, oy), inputs_of_window(windows.columns, ox)
        sources = grid(sample, rows, columns, c)
        window, inside = take(values.input, sources, outside=-np.inf)  # (KH, KW)
        largest = divmod(int(values.winners[position]), self.layer.pool_size[1])
        weights = np.zeros_like(window)
        weights[largest] = 1
        equal, outside = np.count_nonzero((window == window[largest]) & inside), np.count_nonzero(~inside)
        place = f"row {rows[largest[0]]}, column {columns[largest[1]]} of the input"
        notes = [f"The maximum of the {plural(np.count_nonzero(inside), 'element')} is at {place}."]
        if equal > 1:
            notes.append(f"{equal} elements are equal to the maximum; the first in row-major order gets the gradient.")
        if outside:
            notes.append(f"{plural(outside, 'position')} of the window outside the image: minus infinity.")
        return weighted_sum(
            values, "input", sources, weights, "y = maximum over the window of x",
            weight_name="1 at the maximum", axes=("row", "column"), bound=0.0, notes=tuple(notes), outside=-np.inf,
            selects=True,
        )  # fmt: skip

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        assert values.winners is not None
        sample, y, x, c = position
        windows = self.windows(values.input.shape[1:])
        sources = grid(sample, windows_of_input(windows.rows, y), windows_of_input(windows.columns, x), c)
        winners, inside = take(values.winners.astype(np.int64), sources)  # (KH, KW)
        weights = (winners == np.arange(winners.size).reshape(winners.shape)) & inside
        count, won = np.count_nonzero(inside), np.count_nonzero(weights)
        notes = (f"The input is in {plural(count, 'window')} and the maximum of {won}; the others do not contribute.",)
        return weighted_sum(
            values, "d_output", sources, weights.astype(values.dtype),
            "dx = sum of dy over the windows whose maximum is x", weight_name="1 if x is the maximum",
            axes=("window row", "window column"), notes=notes, selects=True,
        )  # fmt: skip

    def words(self, values: LayerValues) -> tuple[str, str]:
        return (
            f"Only the maximum of each window of {times(self.layer.pool_size)} values is kept. The feature maps shrink "
            f"from {times(values.input.shape[1:])} to {times(values.output.shape[1:])}, and a shift by one pixel often "
            "leaves the maximum unchanged.",
            "The gradient of each window goes to the position of its maximum. The other inputs did not affect the "
            "output, so their gradient is zero.",
        )

    def code(self, values: LayerValues) -> tuple[Code, Code]:
        loops = ("kernels.max_pool2d:_max_pool2d", "kernels.max_pool2d:_Maximum.keep_larger")
        gradient = Code(("reference.max_pool2d:max_pool2d_gradient",), ("kernels.max_pool2d:_max_pool2d_gradient",))
        return Code(("reference.max_pool2d:max_pool2d",), loops), gradient

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        assert self.layer.input_shape is not None
        graph.set_channels(first=True)
        graph.add("MaxPool", **onnx_attributes(self.windows(self.layer.input_shape)))
