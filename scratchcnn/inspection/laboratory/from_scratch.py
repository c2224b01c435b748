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
    "optimizer": {"name": "adam", "learningRate": 0.003},
    "augmentation": {"shift": 2, "degrees": 10, "zoom": 0.1},
}
"""The settings, for the request 'train'."""
