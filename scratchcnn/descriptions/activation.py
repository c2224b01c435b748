"""Description of the layer Activation, and of the layers ReLU, LeakyReLU and Softmax."""

from __future__ import annotations

from scratchcnn.descriptions.base import LayerDescription, OnnxGraph
from scratchcnn.descriptions.terms import Position, Terms, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.layers import Activation
from scratchcnn.operands import Array, Shape


class ActivationDescription(LayerDescription[Activation]):
    """The identity, followed by an activation function, which the tools add themselves."""

    def flops(self, input_shape: Shape) -> int:
        return 0

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        return mask

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        return weighted_sum(values, "input", position, 1.0, "z = x")

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        return weighted_sum(values, "d_preactivation", position, 1.0, "dx = dz")

    def words(self, values: LayerValues) -> tuple[str, str]:
        return (
            f"Applies the activation function {values.activation!r}.",
            "The gradient is backpropagated through the activation function.",
        )

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        graph.activate(self.layer)
