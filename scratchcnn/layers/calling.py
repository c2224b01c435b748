"""Calls of a single layer on an array, without a model: `Dense(3)(x)`."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from scratchcnn.layers.input import Input
from scratchcnn.operands import FLOAT_DTYPES, Array, Shape
from scratchcnn.operations import Operations, engine


class Called(Protocol):
    """A layer, as far as calls are concerned."""

    params: dict[str, Array]
    input_shape: Shape | None
    output_shape: Shape | None

    @property
    def label(self) -> str:
        """The name and class for messages."""

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Shape:
        """See `Layer.build`."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None) -> tuple[Array, Any]:
        """See `Layer.forward`."""


def expect_array(label: str, x: object) -> None:
    """Raise TypeError if the argument of a call is an Input, a layer or a model, as in Keras's functional models."""
    if isinstance(x, Input) or hasattr(x, "forward") or hasattr(x, "leaf_layers"):
        raise TypeError(
            f"Expected an array for a call of {label}, received an object of class {type(x).__name__}; connect layers "
            f"and models in a list: Sequential([Input((28, 28, 1)), Flatten(), Dense(10)])."
        )


def call(layer: Called, x: object, training: bool) -> Array:
    """Return the output of a layer for a batch; documented at `Layer.__call__`."""
    expect_array(f"layer {layer.label}", x)
    batch = np.asarray(x)
    if batch.dtype.kind not in "iufb":
        raise TypeError(f"Expected numbers for a call of layer {layer.label}, received dtype {batch.dtype}.")
    if batch.ndim < 2 or 0 in batch.shape:
        hint = "; of one sample, give x[None]" if batch.ndim else ""
        raise ValueError(f"Expected a batch (N, ...) for layer {layer.label}, received shape {batch.shape}{hint}.")
    if layer.output_shape is None:
        layer.build(batch.shape[1:], np.random.default_rng(), np.dtype(np.float32))
    if batch.shape[1:] != layer.input_shape:
        raise ValueError(
            f"Expected a batch of shape {('N', *(layer.input_shape or ()))} for layer {layer.label}, received "
            f"{batch.shape}; make a new layer for samples of another shape."
        )
    own = next((array.dtype for array in layer.params.values()), None)
    dtype = own or (batch.dtype if batch.dtype in FLOAT_DTYPES else np.dtype(np.float32))
    rng = np.random.default_rng() if training else None
    return layer.forward(np.ascontiguousarray(batch, dtype), engine("kernels"), training, rng)[0]
