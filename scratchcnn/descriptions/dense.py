"""Description of Dense."""

from __future__ import annotations

import numpy as np

from scratchcnn.descriptions.base import Code, LayerDescription, OnnxGraph
from scratchcnn.descriptions.conv2d import MICRO_KERNEL
from scratchcnn.descriptions.terms import Position, Terms, bias_gradient_terms, grid, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.descriptions.words import plural
from scratchcnn.layers import Dense
from scratchcnn.operands import Array, Shape


class DenseDescription(LayerDescription[Dense]):
    """A weighted sum of all inputs."""

    def flops(self, input_shape: Shape) -> int:
        return 2 * input_shape[-1]

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        return np.full(values.input.shape[1:], mask.any())

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        sample, j = position
        bias = float(values.params["bias"][j]) if "bias" in values.params else 0.0
        return weighted_sum(
            values, "input", grid(sample, np.arange(values.input.shape[1])), values.params["kernel"][:, j],
            "z[j] = bias[j] + sum over i of x[i] * kernel[i, j]", weight_name=f"kernel[:, {j}]", axes=("unit",),
            bias=bias,
        )  # fmt: skip

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        sample, i = position
        return weighted_sum(
            values, "d_preactivation", grid(sample, np.arange(self.layer.units)), values.params["kernel"][i],
            "dx[i] = sum over j of dz[j] * kernel[i, j]", weight_name=f"kernel[{i}, :]", axes=("unit",),
        )  # fmt: skip

    def parameter_gradient_terms(self, values: LayerValues, parameter: str, position: Position) -> Terms:
        if parameter == "bias":
            return bias_gradient_terms(values, position)
        assert values.d_preactivation is not None
        i, j = position
        return weighted_sum(
            values, "input", grid(np.arange(len(values.input)), i), values.d_preactivation[:, j],
            "dkernel[i, j] = sum over the samples of x[i] * dz[j]", weight_name=f"d_preactivation[:, {j}]",
            axes=("sample",),
        )  # fmt: skip

    def words(self, values: LayerValues) -> tuple[str, str]:
        return (
            f"Each of {plural(self.layer.units, 'unit')} has one weight for each of the "
            f"{plural(values.input.shape[-1], 'input')}. It multiplies each input by its weight and adds the products "
            "and a bias.",
            "The gradient w.r.t. a weight is its input times the gradient w.r.t. its unit's sum. The gradient w.r.t. "
            "an input is the sum over the units of their gradient times the weight that connects them.",
        )

    def code(self, values: LayerValues) -> tuple[Code, Code]:
        names = ("dense_kernel_gradient", "dense_input_gradient")
        gradients = Code(tuple(f"reference.dense:{n}" for n in names), tuple(f"kernels.dense:_{n}" for n in names))
        return Code(("reference.dense:dense",), ("kernels.dense:_dense", MICRO_KERNEL)), gradients

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        params = self.layer.params
        graph.add("Gemm", params["kernel"], *([params["bias"]] if self.layer.use_bias else []))
        graph.activate(self.layer)
