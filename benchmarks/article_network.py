"""The article's network in scratchcnn and its input images, shared by the benchmarks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scratchcnn import Sequential
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D, Rescaling

Array = np.ndarray[Any, Any]


def scratchcnn_model(seed: int = 0, from_bytes: bool = False) -> Sequential:
    """Build the network and compile it as in the article.

    Parameters
    ----------
    seed : int
        Seed of the initial weights, dropout and shuffling. The weights of seed 0 initialize every system under test.
    from_bytes : bool
        Whether the network takes uint8 images, which a first layer divides by 255.
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
    """Scale images (N, 28, 28) from [0, 255] to the input of the network, float32 (N, 28, 28, 1) in [0, 1]."""
    return images[..., None] / np.float32(255)


def training_flops(model: Sequential, batch_size: int) -> int:
    """Count the FLOPs of one training step with direct convolutions: forward pass, kernel and input gradients.

    The first layer has no input gradient, since the gradient with respect to the images is not needed.
    """
    total = 0
    for number, layer in enumerate(layer for layer in model.layers if layer.params):
        outputs = math.prod((layer.output_shape or ())[:-1])  # output pixels of a convolution, 1 for a dense layer
        forward = 2 * batch_size * outputs * layer.params["kernel"].size
        total += forward * (3 if number else 2)
    return total
