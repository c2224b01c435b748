"""Description of Conv2D."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from scratchcnn.algorithms import Choice, Problem, choose
from scratchcnn.configs import Config
from scratchcnn.descriptions.base import Code, LayerDescription, OnnxGraph
from scratchcnn.descriptions.rounding import winograd_bound, winograd_kernel_bound
from scratchcnn.descriptions.terms import Position, Terms, bias_gradient_terms, grid, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.descriptions.windows import inputs_of_window, onnx_attributes, union_of_windows, windows_of_input
from scratchcnn.descriptions.words import plural, times
from scratchcnn.geometry import Pair, Windows
from scratchcnn.layers import Conv2D
from scratchcnn.operands import Array, Shape

MICRO_KERNEL = "kernels.gemm.micro_kernel:_MicroKernel.add_products"
FORWARD_LOOPS = {
    "loops": ("kernels.conv2d.loops:_conv2d",),
    "im2col": ("kernels.conv2d.explicit_gemm:conv2d", MICRO_KERNEL),
    "tile": ("kernels.conv2d.implicit_gemm:correlate_image", MICRO_KERNEL),
    "interleaved": (
        "kernels.conv2d.interleaved:correlate_band",
        "kernels.simd.interleaved_products:_SumWindows.emit_tile",
    ),
    "winograd_2x2": ("kernels.conv2d.winograd:_convolve_share", MICRO_KERNEL),
    "winograd_4x4": ("kernels.conv2d.winograd:_convolve_share", MICRO_KERNEL),
}
KERNEL_LOOPS = {
    "loops": ("kernels.conv2d.loops:_kernel_gradient",),
    "im2col": ("kernels.conv2d.explicit_gemm:conv2d_kernel_gradient", MICRO_KERNEL),
    "tile": ("kernels.conv2d.implicit_gemm:_sum_outer_products", MICRO_KERNEL),
    "interleaved": (
        "kernels.conv2d.interleaved_kernel_gradient:add_band",
        "kernels.simd.interleaved_products:_AddProducts.emit_tile",
    ),
    "winograd_2x2": ("kernels.conv2d.winograd_kernel_gradient:_sum_products", MICRO_KERNEL),
    "winograd_4x4": ("kernels.conv2d.winograd_kernel_gradient:_sum_products", MICRO_KERNEL),
    "winners": tuple(f"kernels.conv2d.sparse_gradients:{name}" for name in ("_add_kernel_gradient", "_input_gradient")),
}


class Conv2DDescription(LayerDescription[Conv2D]):
    """A weighted sum of the inputs in a window, with the same weights for every window."""

    def flops(self, input_shape: Shape) -> int:
        return 2 * math.prod(self.layer.kernel_size) * input_shape[-1]

    def windows(self, input_shape: Shape) -> Windows:
        return self.layer.windows(input_shape)

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        shape = values.input.shape[1:]
        every_channel = np.repeat(mask.any(axis=2, keepdims=True), shape[2], axis=2)
        return union_of_windows(self.windows(shape), every_channel, shape)

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        sample, oy, ox, f = position
        windows, weights = self.windows(values.input.shape[1:]), values.params["kernel"][..., f]
        rows, columns = inputs_of_window(windows.rows, oy), inputs_of_window(windows.columns, ox)
        terms = weighted_sum(
            values, "input", grid(sample, rows, columns, np.arange(values.input.shape[3])), weights,
            "z = bias + sum over the window of x * kernel", weight_name=f"kernel[:, :, :, {f}]",
            axes=("row", "column", "channel"), bias=float(values.params["bias"][f]) if "bias" in values.params else 0.0,
        )  # fmt: skip
        padded = np.count_nonzero(~terms.inside[..., 0])
        note = f"{plural(padded, 'position')} of the window outside the image (padding): zeros."
        algorithm, before = values.algorithm.forward if values.algorithm else "", _padding(windows)
        bound = terms.bound
        if algorithm.startswith("winograd"):
            image = values.input[sample]
            bound = max(bound, winograd_bound(algorithm, image, weights, (oy, ox), before, terms.bias, values.dtype))
        return replace(terms, bound=bound, notes=(note,) if padded else ())

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        assert values.d_preactivation is not None
        sample, y, x, c = position
        windows, weights = self.windows(values.input.shape[1:]), values.params["kernel"][:, :, c]
        rows, columns = windows_of_input(windows.rows, y), windows_of_input(windows.columns, x)
        terms = weighted_sum(
            values, "d_preactivation", grid(sample, rows, columns, np.arange(self.layer.filters)), weights,
            "dx = sum over the windows that contain x of dz * kernel", weight_name=f"kernel[:, :, {c}, :]",
            axes=("kernel row", "kernel column", "filter"),
        )  # fmt: skip
        used = plural(np.count_nonzero(terms.inside[..., 0]), "window")
        note = f"The input is in {used} of each of the {plural(self.layer.filters, 'filter')}."
        algorithm, (above, left) = values.algorithm.input_gradient if values.algorithm else "", _padding(windows)
        bound = terms.bound
        if algorithm.startswith("winograd"):
            dz, flipped, before = values.d_preactivation[sample], weights[::-1, ::-1], (2 - above, 2 - left)
            bound += winograd_bound(algorithm, dz, flipped, (y, x), before, 0.0, values.dtype)
        return replace(terms, bound=bound, notes=(note,))

    def parameter_gradient_terms(self, values: LayerValues, parameter: str, position: Position) -> Terms:
        if parameter == "bias":
            return bias_gradient_terms(values, position)
        assert values.d_preactivation is not None
        ky, kx, c, f = position
        windows, dz = self.windows(values.input.shape[1:]), values.d_preactivation[..., f]  # (N, OH, OW)
        rows, columns = (
            np.arange(axis.output) * axis.stride - axis.before + k * axis.dilation
            for axis, k in zip(windows, (ky, kx), strict=True)
        )
        terms = weighted_sum(
            values, "input", grid(np.arange(len(values.input)), rows, columns, c), dz,
            "dkernel = sum over the samples and positions of x * dz", weight_name=f"d_preactivation[..., {f}]",
            axes=("sample", "output row", "output column"),
            notes=(f"This weight is used {dz.size:,} times: once for each output position of each sample.",),
        )  # fmt: skip
        algorithm = values.algorithm.kernel_gradient if values.algorithm else ""
        if not algorithm.startswith("winograd"):
            return terms
        of_tiles = winograd_kernel_bound(algorithm, values.input[..., c], dz, (ky, kx), _padding(windows))
        return replace(terms, bound=terms.bound + of_tiles)

    def algorithm(self) -> Choice:
        assert self.layer.input_shape is not None
        kernel = self.layer.params["kernel"]
        channels, filters = kernel.shape[2:]
        problem = Problem(self.layer.windows(self.layer.input_shape), channels, filters, kernel.dtype)
        return choose(self.layer.algorithm, problem)

    def words(self, values: LayerValues) -> tuple[str, str]:
        channels = values.input.shape[-1]
        depth = f" in all {channels} channels" if channels > 1 else ""
        return (
            f"Each of {plural(self.layer.filters, 'filter')} slides over the image. At every position, the pixels of a "
            f"window of {times(self.layer.kernel_size)}{depth} are multiplied by the filter's weights and added up, "
            "with a bias: the sum is large where the image resembles the filter. The sums of one filter form a feature "
            f"map; together they have the shape {times(values.output.shape[1:])}.",
            "Each weight is used at every position, so its gradient is the sum over all positions of the pixel that it "
            "was multiplied by, times the gradient w.r.t. that output. The gradient w.r.t. a pixel is the sum over all "
            "outputs whose window contains it of their gradient times the weight that connects them.",
        )

    def code(self, values: LayerValues) -> tuple[Code, Code]:
        forward = FORWARD_LOOPS[values.algorithm.forward] if values.algorithm else ()
        backward = KERNEL_LOOPS[values.algorithm.kernel_gradient] if values.algorithm else ()
        gradients = ("reference.conv2d:conv2d_kernel_gradient", "reference.conv2d:conv2d_input_gradient")
        return Code(("reference.conv2d:conv2d",), forward), Code(gradients, backward)

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        assert self.layer.input_shape is not None
        params, windows = self.layer.params, self.windows(self.layer.input_shape)
        graph.set_channels(first=True)
        constants = [params["kernel"].transpose(3, 2, 0, 1), *([params["bias"]] if self.layer.use_bias else [])]
        graph.add("Conv", *constants, dilations=self.layer.dilation_rate, **onnx_attributes(windows))
        graph.activate(self.layer)

    def keras_config(self, config: Config) -> Config:
        if max(self.layer.strides) > 1 and max(self.layer.dilation_rate) > 1:
            raise ValueError(
                f"Expected strides or dilation_rate above 1, but not both, for Keras; received both for layer "
                f"{self.layer.label}."
            )
        return {option: value for option, value in config.items() if option != "algorithm"}


def _padding(windows: Windows) -> Pair:
    """Return the rows and columns of padding above and to the left."""
    return windows.rows.before, windows.columns.before
