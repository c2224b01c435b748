"""Description of Flatten."""

from __future__ import annotations

import numpy as np

from scratchcnn.descriptions.base import LayerDescription, OnnxGraph
from scratchcnn.descriptions.terms import Position, Terms, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.descriptions.words import times
from scratchcnn.layers import Flatten
from scratchcnn.operands import Array, Shape


class FlattenDescription(LayerDescription[Flatten]):
    """Each input at another index."""

    def flops(self, input_shape: Shape) -> int:
        return 0

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        return mask.reshape(values.input.shape[1:])

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        source = tuple(map(int, np.unravel_index(position[1], values.input.shape[1:])))
        notes = (f"Flatten only reorders values: element {position[1]} is x[{', '.join(map(str, source))}].",)
        return weighted_sum(values, "input", (position[0], *source), 1.0, "y[i] = x[row, column, ...]", notes=notes)

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        i = int(np.ravel_multi_index(position[1:], values.input.shape[1:]))
        notes = (f"Flatten only reorders values: this input is element {i} of the vector.",)
        return weighted_sum(values, "d_output", (position[0], i), 1.0, "dx[row, column, ...] = dy[i]", notes=notes)

    def words(self, values: LayerValues) -> tuple[str, str]:
        return (
            f"The {times(values.input.shape[1:])} values are reordered into a vector of {values.output.shape[-1]:,}, "
            "with all channels of a position next to each other. The dense layer that follows requires vectors.",
            "The gradient is reshaped to the shape of the feature maps.",
        )

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        graph.set_channels(first=False)
        graph.add("Flatten")
