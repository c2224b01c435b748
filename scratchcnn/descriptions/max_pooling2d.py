"""Descriptions of MaxPooling2D and GlobalMaxPooling2D."""

from __future__ import annotations

import numpy as np

from scratchcnn.descriptions.base import Code
from scratchcnn.descriptions.pooling2d import GlobalPoolingDescription, PoolingDescription
from scratchcnn.descriptions.terms import Position, Terms, take, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.descriptions.words import plural, times
from scratchcnn.operands import Shape


class MaxPooling2DDescription(PoolingDescription):
    """The largest input of a window: weight 1 for the maximum, 0 for the others."""

    onnx_node = "MaxPool"

    def flops(self, input_shape: Shape) -> int:
        rows, columns = self.windows(input_shape)
        return rows.kernel * columns.kernel - 1

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        assert values.winners is not None
        sources = self.window(values, position)
        window, inside = take(values.input, sources, outside=-np.inf)  # (KH, KW)
        largest = np.unravel_index(int(values.winners.reshape(values.output.shape)[position]), window.shape)
        weights = np.zeros_like(window)
        weights[largest] = 1
        equal, outside = np.count_nonzero((window == window[largest]) & inside), np.count_nonzero(~inside)
        _, row, column, _ = sources[largest]
        place = f"row {row}, column {column} of the input"
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
        sources, elements = self.uses(values, position)
        winners, inside = take(values.winners.reshape(values.output.shape).astype(np.int64), sources)
        weights = (winners == elements) & inside
        count, won = np.count_nonzero(inside), np.count_nonzero(weights)
        notes = (f"The input is in {plural(count, 'window')} and the maximum of {won}; the others do not contribute.",)
        return weighted_sum(
            values, "d_output", sources, weights.astype(values.dtype),
            "dx = sum of dy over the windows whose maximum is x", weight_name="1 if x is the maximum",
            axes=("window row", "window column"), notes=notes, selects=True,
        )  # fmt: skip

    def words(self, values: LayerValues) -> tuple[str, str]:
        shape = values.input.shape[1:]
        rows, columns = self.windows(shape)
        return (
            f"Only the maximum of each window of {times((rows.kernel, columns.kernel))} values is kept. The feature "
            f"maps shrink from {times(shape)} to {times(values.output.shape[1:])}, and a shift by one pixel often "
            "leaves the maximum unchanged.",
            "The gradient of each window goes to the position of its maximum. The other inputs did not affect the "
            "output, so their gradient is zero.",
        )

    def code(self, values: LayerValues) -> tuple[Code, Code]:
        loops = ("kernels.max_pool2d:_max_pool2d", "kernels.simd.window_maximum:_Maximum.keep_larger")
        gradient = Code(("reference.max_pool2d:max_pool2d_gradient",), ("kernels.max_pool2d:_max_pool2d_gradient",))
        return Code(("reference.max_pool2d:max_pool2d",), loops), gradient


class GlobalMaxPooling2DDescription(GlobalPoolingDescription, MaxPooling2DDescription):
    """The largest value of each feature map."""

    def words(self, values: LayerValues) -> tuple[str, str]:
        height, width, channels = values.input.shape[1:]
        return (
            f"Of the {height * width:,} values of each feature map only the maximum is kept. The "
            f"{plural(channels, 'value')} state how strongly each filter responds anywhere in the image.",
            "The gradient of each feature map goes to the position of its maximum. The other inputs did not affect the "
            "output, so their gradient is zero.",
        )
