"""The networks of the benchmarks, each as a list of layers from which every system builds its own model.

A layer is the name of a class and its arguments, which Keras and scratchcnn have in common; `contestants/in_torch.py`
translates them. Every network ends in a softmax over ten classes and is trained with Adam.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

Layer = tuple[str, dict[str, Any]]


class Architecture(NamedTuple):
    """A network: the shape of an input image (H, W, C), and its layers."""

    input_shape: tuple[int, int, int]
    layers: Sequence[Layer]


def _conv(filters: int, size: int = 3, activation: str | None = "relu", **arguments: Any) -> Layer:
    return "Conv2D", {"filters": filters, "kernel_size": size, "activation": activation, **arguments}


def _normalized_conv(filters: int) -> list[Layer]:
    conv = _conv(filters, activation=None, use_bias=False, padding="same")
    return [conv, ("BatchNormalization", {}), ("Activation", {"activation": "relu"})]


def _dense(units: int, activation: str = "relu") -> Layer:
    return "Dense", {"units": units, "activation": activation}


def _dropout(rate: float) -> Layer:
    return "Dropout", {"rate": rate}


_POOL: Layer = "MaxPooling2D", {"pool_size": 2}
_AVERAGE: Layer = "AveragePooling2D", {"pool_size": 2}
_FLATTEN: Layer = "Flatten", {}
_CLASSES = _dense(10, "softmax")

NETWORKS = {
    "article": Architecture(
        (28, 28, 1),
        [_conv(32), _conv(64), _POOL, _dropout(0.25), _FLATTEN, _dense(128), _dropout(0.5), _CLASSES],
    ),
    # Keras's example "Simple MNIST convnet"
    "mnist_convnet": Architecture(
        (28, 28, 1), [_conv(32), _POOL, _conv(64), _POOL, _FLATTEN, _dropout(0.5), _CLASSES]
    ),
    # LeNet-5 (LeCun et al. 1998) with ReLU and max pooling
    "lenet": Architecture(
        (28, 28, 1),
        [_conv(6, 5, padding="same"), _POOL, _conv(16, 5), _POOL, _FLATTEN, _dense(120), _dense(84), _CLASSES],
    ),
    "vgg": Architecture(
        (32, 32, 3),
        [
            *(layer for filters in (32, 64, 128) for layer in [*[_conv(filters, padding="same")] * 2, _POOL]),
            _FLATTEN, _dense(128), _CLASSES,
        ],
    ),
    "strided": Architecture(
        (32, 32, 3),
        [*(_conv(filters, strides=2, padding="same") for filters in (32, 64, 128)), _FLATTEN, _CLASSES],
    ),
    "bottleneck": Architecture(
        (32, 32, 16), [_conv(64, 1), _conv(64, padding="same"), _conv(16, 1), _POOL, _FLATTEN, _CLASSES]
    ),
    "mlp": Architecture((28, 28, 1), [_FLATTEN, *[_dense(512), _dropout(0.2)] * 2, _CLASSES]),
    "normalized": Architecture(
        (32, 32, 3),
        [
            *_normalized_conv(32), _AVERAGE, *_normalized_conv(64), _AVERAGE, *_normalized_conv(128),
            ("GlobalAveragePooling2D", {}), _CLASSES,
        ],
    ),
}  # fmt: skip

SUITE = [
    ("article", 32), ("article", 128), ("article", 512), ("mnist_convnet", 128), ("lenet", 64), ("vgg", 32),
    ("strided", 64), ("bottleneck", 64), ("mlp", 128), ("normalized", 64),
]  # fmt: skip
"""The networks and batch sizes of a run without options."""
