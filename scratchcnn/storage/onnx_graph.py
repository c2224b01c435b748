"""Export a model as an ONNX graph, for inference in other programs: one node or a few for each layer.

The nodes of a layer are part of its description (`LayerDescription.add_to_onnx`).

Inputs and outputs have the layout (N, H, W, C), as in this package. ONNX's convolution requires (N, C, H, W), so the
graph transposes images before the first layer that requires it, and back where the channels must be last.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn import activations
from scratchcnn.atomic import FilePath, atomic_write
from scratchcnn.descriptions.registry import description_of
from scratchcnn.operands import Array
from scratchcnn.storage.errors import StorageError, optional_package
from scratchcnn.training.model import Model

OPSET, IR_VERSION = 17, 8  # of 2022; newer programs read it as well


def export(model: Model, path: FilePath) -> None:
    """Write `predict` as an ONNX graph with one input, 'input', and one output, 'output', in float32.

    Raises
    ------
    StorageError
        A layer or an activation has no ONNX equivalent; the message names the layer.
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
        for layer in model.leaf_layers:
            try:
                description_of(layer).add_to_onnx(self)
            except NotImplementedError:
                raise StorageError(
                    f"Expected layers with an ONNX equivalent, received layer {layer.label}; override add_to_onnx in a "
                    "LayerDescription and register it with `describe`."
                ) from None
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

    def add(self, operation: str, *operands: Array | str, **attributes: Any) -> None:
        """Append a node: an operation on the output of the last node, and on constants or named outputs of others."""
        names = []
        for array in operands:
            if isinstance(array, str):
                names.append(array)
                continue
            names.append(f"constant_{len(self.constants)}")
            dtype = np.int64 if array.dtype.kind == "i" else np.float32  # shapes and counts stay integers
            self.constants.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(array, dtype), names[-1]))
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
        if kind not in ACTIVATIONS:
            raise StorageError(
                f"Expected activations of scratchcnn for ONNX, received {kind.__name__} of layer {layer.label}."
            )
        ACTIVATIONS[kind](self, layer.activation)


def _softmax(graph: Graph, _: Any) -> None:
    graph.add("Softmax", axis=1 if graph.channels_first else -1)


def _gelu(graph: Graph, _: Any) -> None:
    x = graph.end
    graph.add("Mul", np.array(math.sqrt(0.5)))
    graph.add("Erf")
    graph.add("Add", np.array(1.0))
    graph.add("Mul", x)
    graph.add("Mul", np.array(0.5))


def _silu(graph: Graph, _: Any) -> None:
    x = graph.end
    graph.add("Sigmoid")
    graph.add("Mul", x)


ACTIVATIONS: dict[type[activations.ActivationFunction], Callable[[Graph, Any], None]] = {
    activations.Linear: lambda graph, _: None,
    activations.ReLU: lambda graph, _: graph.add("Relu"),
    activations.Softmax: _softmax,
    activations.Sigmoid: lambda graph, _: graph.add("Sigmoid"),
    activations.Tanh: lambda graph, _: graph.add("Tanh"),
    activations.ELU: lambda graph, elu: graph.add("Elu", alpha=elu.alpha),
    activations.LeakyReLU: lambda graph, leaky: graph.add("LeakyRelu", alpha=leaky.negative_slope),
    activations.GELU: _gelu,
    activations.SiLU: _silu,
    activations.Softplus: lambda graph, _: graph.add("Softplus"),
}
"""How each activation is appended to a graph; GELU is a single node only from opset 20 on, and SiLU never."""
