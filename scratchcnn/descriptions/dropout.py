"""Description of Dropout."""

from __future__ import annotations

from scratchcnn.descriptions.base import Code, LayerDescription, OnnxGraph
from scratchcnn.descriptions.terms import Position, Terms, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.layers import Dropout
from scratchcnn.operands import Array, Shape


class DropoutDescription(LayerDescription[Dropout]):
    """Each input times 0 or 1 / (1 - rate) in training, unchanged otherwise."""

    def flops(self, input_shape: Shape) -> int:
        return 0

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        return mask

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        return self._scaled(values, position, "input", "y", "x")

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        return self._scaled(values, position, "d_output", "dx", "dy")

    def _scaled(self, values: LayerValues, position: Position, source: str, result: str, operand: str) -> Terms:
        rate = self.layer.rate
        if values.mask is None:
            notes = ("Dropout is inactive outside of training: the identity.",)
            return weighted_sum(values, source, position, 1.0, f"{result} = {operand}", notes=notes)
        kept = bool(values.mask[position])
        scale = float(values.dtype.type(1 / (1 - rate))) if kept else 0.0
        note = (
            f"Kept, and scaled by 1 / (1 - {rate:g}) = {scale:.6g}." if kept else f"Zeroed at random (rate {rate:g})."
        )
        return weighted_sum(
            values, source, position, scale, f"{result} = {operand} / (1 - rate) if kept, else 0", weight_name="scale",
            notes=(note,), selects=not kept,
        )  # fmt: skip

    def words(self, values: LayerValues) -> tuple[str, str]:
        inactive = values.mask is None
        now = "is inactive: its output is its input" if inactive else "is active"
        return (
            f"During training, dropout zeroes {self.layer.rate:.0%} of the values at random and scales the others by "
            f"1 / (1 − rate), so that no unit can rely on a single other one. In this pass it {now}.",
            "Dropout is inactive in this pass, so the gradient is unchanged." if inactive
            else "The gradient is zeroed where the value was zeroed, and scaled by the same factor elsewhere.",
        )  # fmt: skip

    def code(self, values: LayerValues) -> tuple[Code, Code]:
        return (
            Code(("reference.dropout:dropout",), ("kernels.dropout:_dropout",)),
            Code(("reference.dropout:dropout_gradient",), ("kernels.dropout:_dropout_gradient",)),
        )

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        """Append nothing: dropout is the identity in inference."""
