"""The operands of the fused kernels, from layers: all that describes a convolution or a pooling but the images."""

from __future__ import annotations

from scratchcnn.activations import ReLU
from scratchcnn.algorithms import Choice
from scratchcnn.layers import Conv2D, Dense, MaxPooling2D
from scratchcnn.layers.base import Gradients
from scratchcnn.operands import Array, Convolution, Pooling


def convolution_of(layer: Conv2D, choice: Choice) -> Convolution:
    """Return the convolution of a fused layer, with its current parameters."""
    params = (layer.params["kernel"], layer.params.get("bias"))
    relu = isinstance(layer.activation, ReLU)
    return Convolution(*params, layer.strides, layer.padding, layer.dilation_rate, relu, choice)


def pooling_of(layer: MaxPooling2D) -> Pooling:
    """Return the pooling of a layer."""
    return Pooling(layer.pool_size, layer.strides, layer.padding)


def named(layer: Conv2D | Dense, dkernel: Array, dbias: Array) -> Gradients:
    """Return the gradients of a layer under the names of its parameters."""
    return {"kernel": dkernel, "bias": dbias} if layer.use_bias else {"kernel": dkernel}
