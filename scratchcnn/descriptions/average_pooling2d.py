"""Descriptions of AveragePooling2D and GlobalAveragePooling2D."""

from __future__ import annotations

import numpy as np

from scratchcnn.descriptions.base import Code
from scratchcnn.descriptions.pooling2d import GlobalPoolingDescription, PoolingDescription
from scratchcnn.descriptions.terms import Position, Terms, take, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.descriptions.words import plural, times
from scratchcnn.geometry import Axis, part_inside
from scratchcnn.operands import Array, Shape


class AveragePooling2DDescription(PoolingDescription):
    """The mean of the inputs of a window: weight 1 / count for each."""

    onnx_node = "AveragePool"

    def flops(self, input_shape: Shape) -> int:
        rows, columns = self.windows(input_shape)
        return rows.kernel * columns.kernel

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        sources = self.window(values, position)
        inside = take(values.input, sources)[1]  # (KH, KW)
        count, outside = np.count_nonzero(inside), np.count_nonzero(~inside)
        left_out = f"{plural(outside, 'position')} of the window outside the image: not counted."
        return weighted_sum(
            values, "input", sources, 1 / count, "y = sum over the window of x / count",
            weight_name=f"1 / {count}", axes=("row", "column"), notes=(left_out,) if outside else (),
        )  # fmt: skip

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        sources, _ = self.uses(values, position)
        windows = self.windows(values.input.shape[1:])
        counts = np.multiply.outer(_sizes(windows.rows), _sizes(windows.columns))  # (OH, OW)
        every = np.broadcast_to(counts[..., None], (*counts.shape, values.output.shape[-1]))
        of_output, inside = take(every.reshape(values.output.shape[1:]), sources[..., 1:], outside=1)
        used = plural(np.count_nonzero(inside), "window")
        notes = (f"The input is in {used} and receives 1 / count of the gradient of each.",)
        return weighted_sum(
            values, "d_output", sources, inside / of_output, "dx = sum of dy / count over the windows that contain x",
            weight_name="1 / count", axes=("window row", "window column"), notes=notes,
        )  # fmt: skip

    def words(self, values: LayerValues) -> tuple[str, str]:
        shape = values.input.shape[1:]
        rows, columns = self.windows(shape)
        padded = any(axis.before + axis.after for axis in (rows, columns))
        border = " Positions outside the image are not counted." if padded else ""
        return (
            f"Each output is the mean of a window of {times((rows.kernel, columns.kernel))} values.{border} The "
            f"feature maps shrink from {times(shape)} to {times(values.output.shape[1:])}, and fine detail is smoothed "
            "away.",
            "All inputs of a window contributed equally, so each receives an equal share of the gradient w.r.t. the "
            "mean.",
        )

    def code(self, values: LayerValues) -> tuple[Code, Code]:
        formula, loop = "reference.average_pool2d:average_pool2d", "kernels.average_pool2d"
        add_pixels = f"{loop}:_AddPixels.emit"
        return (
            Code((formula,), (f"{loop}:pool_image", add_pixels)),
            Code((f"{formula}_gradient",), (f"{loop}:distribute_gradient", add_pixels)),
        )


class GlobalAveragePooling2DDescription(GlobalPoolingDescription, AveragePooling2DDescription):
    """The mean of each feature map."""

    def words(self, values: LayerValues) -> tuple[str, str]:
        height, width, channels = values.input.shape[1:]
        return (
            f"Each output is the mean of one feature map of {times((height, width))} values. The "
            f"{plural(channels, 'mean')} state how strongly each filter responds on average, regardless of the place.",
            f"All inputs of a feature map contributed equally, so each receives 1 / {height * width:,} of the gradient "
            "w.r.t. the mean.",
        )


def _sizes(axis: Axis) -> Array:
    """Return how many inputs each window along an axis contains, without the padding: (output,)."""
    parts = [part_inside(axis, output)[1] for output in range(axis.output)]
    return np.array([part.stop - part.start for part in parts])
