"""Description of Rescaling."""

from __future__ import annotations

import numpy as np

from scratchcnn.descriptions.base import LayerDescription, OnnxGraph
from scratchcnn.descriptions.terms import Position, Terms, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.layers import Rescaling
from scratchcnn.operands import Array, Shape


class RescalingDescription(LayerDescription[Rescaling]):
    """Each input times a scale, plus an offset."""

    def flops(self, input_shape: Shape) -> int:
        return 2

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        return mask

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        scale, offset = (float(values.dtype.type(each)) for each in (self.layer.scale, self.layer.offset))
        return weighted_sum(
            values, "input", position, scale, "y = x * scale + offset", weight_name="scale", bias=offset,
            bias_name="offset",
        )  # fmt: skip

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        scale = float(values.dtype.type(self.layer.scale))
        return weighted_sum(values, "d_output", position, scale, "dx = dy * scale", weight_name="scale")

    def words(self, values: LayerValues) -> tuple[str, str]:
        return (
            f"Every value is multiplied by {self.layer.scale:.6g}, and {self.layer.offset:.6g} is added. The network "
            "accepts pixels from 0 to 255 and computes with small values.",
            f"The gradient is multiplied by the same scale, {self.layer.scale:.6g}.",
        )

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        graph.add("Mul", np.array(self.layer.scale))
        graph.add("Add", np.array(self.layer.offset))
