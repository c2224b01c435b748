"""The article's network in scratchcnn, and images for it: what the benchmarks share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scratchcnn import Sequential
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D, Rescaling

Array = np.ndarray[Any, Any]


def scratchcnn_model(seed: int = 0, from_bytes: bool = False) -> Sequential:
    """The network, compiled as in the article; with seed 0, the weights that every system begins with.

    Parameters
    ----------
    seed : int
    from_bytes : bool
        A layer before the first one divides uint8 images by 255.
    """
    first: list[Layer] = [Rescaling(1 / 255, input_shape=(28, 28, 1))] if from_bytes else []
    model = Sequential(
        [
            *first,
            Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)),
            Conv2D(64, (3, 3), activation="relu"),
            MaxPooling2D((2, 2)),
            Dropout(0.25),
            Flatten(),
            Dense(128, activation="relu"),
            Dropout(0.5),
            Dense(10, activation="softmax"),
        ],
        seed=seed,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def floats(images: Array) -> Array:
    """Images (N, 28, 28), 0 to 255, as the network takes them: float32 (N, 28, 28, 1) in [0, 1]."""
    return images[..., None] / np.float32(255)


def training_flops(model: Sequential, batch_size: int) -> int:
    """FLOPs of one training step if every convolution is multiplied out: forward and both gradients, but for the first
    layer's gradient by the images, which nobody needs.
    """
    total = 0
    for number, layer in enumerate(layer for layer in model.layers if layer.params):
        outputs = math.prod((layer.output_shape or ())[:-1])  # pixels of a convolution, 1 for a dense layer
        forward = 2 * batch_size * outputs * layer.params["kernel"].size
        total += forward * (3 if number else 2)
    return total
