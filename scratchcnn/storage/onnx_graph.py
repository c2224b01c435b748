"""A model as an ONNX graph, to predict with in other programs: one node or a few for each layer.

Images come in and go out as everywhere here, (N, H, W, C). ONNX's convolution wants (N, C, H, W), so the graph turns
images round before the first layer that needs it, and back where the channels must be last again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.activations import Linear, ReLU, Softmax
from scratchcnn.geometry import Windows, image_windows
from scratchcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D, Rescaling
from scratchcnn.operands import Array
from scratchcnn.storage.atomic import FilePath, written_whole
from scratchcnn.storage.errors import StorageError, optional_package

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential

OPSET, IR_VERSION = 17, 8  # of 2022: newer programs read it too


def export(model: Sequential, path: FilePath) -> None:
    """Write what `predict` computes as an ONNX graph with one input, 'input', and one output, 'output', in float32.

    Raises
    ------
    StorageError
        A layer or an activation of a user's own; the message names it.
    """
    content = Graph(model).to_bytes()
    with written_whole(path) as file:
        file.write(content)


class Graph:
    """The nodes and constants of a graph that grows at its end."""

    def __init__(self, model: Sequential) -> None:
        self.onnx = optional_package("onnx", "onnx")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.end = "input"  # what the last node gave
        self.channels_first = False
        self._ends = [list(shape) for shape in (model.input_shape or (), model.output_shape or ())]
        for layer in model.layers:
            if type(layer) not in WRITERS:
                raise StorageError(f"Expected layers of scratchcnn for ONNX, received layer {layer.label}.")
            WRITERS[type(layer)](self, layer)
        self.put_channels(first=False)

    def to_bytes(self) -> bytes:
        """The whole model, checked by ONNX itself."""
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        self.nodes.append(helper.make_node("Identity", [self.end], ["output"]))
        first, last = ([None if n is None else int(n) for n in shape] for shape in self._ends)
        graph = helper.make_graph(
            self.nodes, "scratchcnn",
            [helper.make_tensor_value_info("input", kind, ["N", *first[1:]])],
            [helper.make_tensor_value_info("output", kind, ["N", *last[1:]])],
            self.constants,
        )  # fmt: skip
        opsets = [helper.make_opsetid("", OPSET)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="scratchcnn")
        self.onnx.checker.check_model(made, full_check=True)
        content: bytes = made.SerializeToString()
        return content

    def add(self, operation: str, *constants: Array, **attributes: Any) -> None:
        """Put a node at the end: an operation on what the last one gave, and on constants."""
        names = []
        for array in constants:
            names.append(f"constant_{len(self.constants)}")
            single = np.ascontiguousarray(array, np.float32)
            self.constants.append(self.onnx.numpy_helper.from_array(single, names[-1]))
        given = f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operation, [self.end, *names], [given], **attributes))
        self.end = given

    def put_channels(self, first: bool) -> None:
        """Have images as (N, C, H, W), or as (N, H, W, C) again."""
        if self.channels_first != first:
            self.add("Transpose", perm=(0, 3, 1, 2) if first else (0, 2, 3, 1))
            self.channels_first = first

    def activate(self, layer: Any) -> None:
        """The activation of a layer."""
        kind = type(layer.activation)
        if kind not in (Linear, ReLU, Softmax):
            raise StorageError(
                f"Expected activations of scratchcnn for ONNX, received {kind.__name__} of {layer.label}."
            )
        if kind is ReLU:
            self.add("Relu")
        elif kind is Softmax:
            self.add("Softmax", axis=1 if self.channels_first else -1)


def _conv2d(graph: Graph, layer: Conv2D) -> None:
    graph.put_channels(first=True)
    kernel = layer.params["kernel"].transpose(3, 2, 0, 1)  # (KH, KW, C, F) to (F, C, KH, KW)
    bias = [layer.params["bias"]] if layer.use_bias else []
    windows = _windows(layer, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    graph.add("Conv", kernel, *bias, dilations=layer.dilation_rate, **_geometry(windows))
    graph.activate(layer)


def _max_pooling2d(graph: Graph, layer: MaxPooling2D) -> None:
    graph.put_channels(first=True)
    windows = _windows(layer, layer.pool_size, layer.strides, layer.padding)
    graph.add("MaxPool", **_geometry(windows))


def _windows(layer: Layer, *geometry: Any) -> Windows:
    assert layer.input_shape is not None
    return image_windows((layer.input_shape[0], layer.input_shape[1]), *geometry)


def _geometry(windows: Windows) -> dict[str, Any]:
    rows, columns = windows
    return {
        "kernel_shape": (rows.kernel, columns.kernel),
        "strides": (rows.stride, columns.stride),
        "pads": (rows.before, columns.before, rows.after, columns.after),
    }


def _dense(graph: Graph, layer: Dense) -> None:
    bias = [layer.params["bias"]] if layer.use_bias else []
    graph.add("Gemm", layer.params["kernel"], *bias)
    graph.activate(layer)


def _flatten(graph: Graph, layer: Flatten) -> None:
    graph.put_channels(first=False)  # the order of the numbers is that of the channels last
    graph.add("Flatten")


def _rescaling(graph: Graph, layer: Rescaling) -> None:
    graph.add("Mul", np.array(layer.scale))
    graph.add("Add", np.array(layer.offset))


def _dropout(graph: Graph, layer: Dropout) -> None:
    """Nothing: it only acts in training."""


WRITERS: dict[type[Layer], Callable[[Graph, Any], None]] = {
    Activation: Graph.activate, Conv2D: _conv2d, Dense: _dense, Dropout: _dropout, Flatten: _flatten,
    MaxPooling2D: _max_pooling2d, Rescaling: _rescaling,
}  # fmt: skip
