"""Export a model as an ONNX graph, for inference in other programs: one node or a few for each layer.

Inputs and outputs have the layout (N, H, W, C), as in this package. ONNX's convolution requires (N, C, H, W), so the
graph transposes images before the first layer that requires it, and back where the channels must be last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.activations import Linear, ReLU, Softmax
from scratchcnn.geometry import Windows, image_windows
from scratchcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D, Rescaling
from scratchcnn.operands import Array
from scratchcnn.storage.atomic import FilePath, atomic_write
from scratchcnn.storage.errors import StorageError, optional_package
from scratchcnn.training.model import Model

OPSET, IR_VERSION = 17, 8  # of 2022; newer programs read it as well


def export(model: Model, path: FilePath) -> None:
    """Write `predict` as an ONNX graph with one input, 'input', and one output, 'output', in float32.

    Raises
    ------
    StorageError
        A layer or an activation is not of this package; the message names the layer.
    """
    content = Graph(model).to_bytes()
    with atomic_write(path) as file:
        file.write(content)


class Graph:
    """The nodes and constants of a sequential graph, to which nodes are appended."""

    def __init__(self, model: Model) -> None:
        self.onnx = optional_package("onnx", "onnx")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.end = "input"  # name of the output of the last node
        self.channels_first = False
        self._shapes = [list(shape) for shape in (model.input_shape or (), model.output_shape or ())]
        for layer in model.layers:
            if type(layer) not in WRITERS:
                raise StorageError(f"Expected layers of scratchcnn for ONNX, received layer {layer.label}.")
            WRITERS[type(layer)](self, layer)
        self.set_channels(first=False)

    def to_bytes(self) -> bytes:
        """Return the complete model in ONNX's format, verified by ONNX's checker."""
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        self.nodes.append(helper.make_node("Identity", [self.end], ["output"]))
        first, last = ([None if n is None else int(n) for n in shape] for shape in self._shapes)
        graph = helper.make_graph(
            self.nodes, "scratchcnn",
            [helper.make_tensor_value_info("input", kind, ["N", *first[1:]])],
            [helper.make_tensor_value_info("output", kind, ["N", *last[1:]])],
            self.constants,
        )  # fmt: skip
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="scratchcnn")
        self.onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content

    def add(self, operation: str, *constants: Array, **attributes: Any) -> None:
        """Append a node: an operation on the output of the last node and on constants."""
        names = []
        for array in constants:
            names.append(f"constant_{len(self.constants)}")
            single = np.ascontiguousarray(array, np.float32)
            self.constants.append(self.onnx.numpy_helper.from_array(single, names[-1]))
        output = f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operation, [self.end, *names], [output], **attributes))
        self.end = output

    def set_channels(self, first: bool) -> None:
        """Transpose images to (N, C, H, W) or back to (N, H, W, C), unless they have that layout."""
        if self.channels_first != first:
            self.add("Transpose", perm=(0, 3, 1, 2) if first else (0, 2, 3, 1))
            self.channels_first = first

    def activate(self, layer: Any) -> None:
        """Append the activation of a layer."""
        kind = type(layer.activation)
        if kind not in (Linear, ReLU, Softmax):
            raise StorageError(
                f"Expected activations of scratchcnn for ONNX, received {kind.__name__} of layer {layer.label}."
            )
        if kind is ReLU:
            self.add("Relu")
        elif kind is Softmax:
            self.add("Softmax", axis=1 if self.channels_first else -1)


def _conv2d(graph: Graph, layer: Conv2D) -> None:
    graph.set_channels(first=True)
    kernel = layer.params["kernel"].transpose(3, 2, 0, 1)  # (KH, KW, C, F) to (F, C, KH, KW)
    bias = [layer.params["bias"]] if layer.use_bias else []
    windows = _windows(layer, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    graph.add("Conv", kernel, *bias, dilations=layer.dilation_rate, **_geometry(windows))
    graph.activate(layer)


def _max_pooling2d(graph: Graph, layer: MaxPooling2D) -> None:
    graph.set_channels(first=True)
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
    graph.set_channels(first=False)  # the order of the elements is that of channels last
    graph.add("Flatten")


def _rescaling(graph: Graph, layer: Rescaling) -> None:
    graph.add("Mul", np.array(layer.scale))
    graph.add("Add", np.array(layer.offset))


def _dropout(graph: Graph, layer: Dropout) -> None:
    """Append nothing: dropout is inactive in inference."""


WRITERS: dict[type[Layer], Callable[[Graph, Any], None]] = {
    Activation: Graph.activate, Conv2D: _conv2d, Dense: _dense, Dropout: _dropout, Flatten: _flatten,
    MaxPooling2D: _max_pooling2d, Rescaling: _rescaling,
}  # fmt: skip
