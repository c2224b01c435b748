"""The network that a page trains from scratch on the digits that it contains, and how: requests of the engine."""

from __future__ import annotations

from typing import Any

LAYERS: list[dict[str, Any]] = [
    {"type": "Conv2D", "config": {"filters": 8, "kernel_size": [5, 5], "activation": "relu"}},
    {"type": "MaxPooling2D"},
    {"type": "Conv2D", "config": {"filters": 16, "activation": "relu"}},
    {"type": "MaxPooling2D"},
    {"type": "Flatten"},
    {"type": "Dense", "config": {"units": 10, "activation": "softmax"}},
]
"""The layers, for the request 'create'. The kernels of 5 × 5 show more of what a filter has learned than 3 × 3 do."""

TRAINING: dict[str, Any] = {
    "epochs": 8,
    "batchSize": 16,
    "optimizer": {"name": "adam", "learningRate": 0.01},
    "augmentation": {"shift": 2, "degrees": 10, "zoom": 0.1},
    "decay": True,
}
"""The settings, for the request 'train'.

With 600 digits of the MNIST sample, the network classifies 93 % to 96 % of 500 held-out digits correctly (five seeds);
without augmentation, 92 % to 93 %. On a computer with two cores that takes about 5 s.
"""
