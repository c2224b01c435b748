"""Small models of many kinds, for tools that must work on any model: grey, colour, strides, 'same', no convolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn import Sequential
from scratchcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Rescaling


def grey(**options: Any) -> Sequential:
    """Model of images (9, 8, 1), with all common kinds of layers."""
    return Sequential(
        [
            Conv2D(4, 3, activation="relu", input_shape=(9, 8, 1)),
            MaxPooling2D(2),
            Dropout(0.25),
            Flatten(),
            Dense(6, activation="relu"),
            Dense(5, activation="softmax"),
        ],
        seed=0,
        **options,
    )


def colour(**options: Any) -> Sequential:
    """Model of uint8 images (6, 9, 3): strides, 'same', two convolutions, ReLU and softmax as separate layers."""
    return Sequential(
        [
            Rescaling(1 / 127.5, -1, input_shape=(6, 9, 3)),
            Conv2D(3, (3, 2), strides=(1, 2), padding="same", activation="relu"),
            Conv2D(4, 2, padding="same"),
            Activation("relu"),
            MaxPooling2D(3, strides=2, padding="same"),
            Flatten(),
            Dense(4),
            Activation("softmax"),
        ],
        seed=3,
        **options,
    )


def logits(**options: Any) -> Sequential:
    """Model of images (5, 7, 2) without pooling, whose outputs are logits."""
    layers = [Conv2D(3, 3, activation="relu", use_bias=False, input_shape=(5, 7, 2)), Flatten(), Dense(3)]
    return Sequential(layers, seed=5, **options)


def dense(**options: Any) -> Sequential:
    """Model of images (6, 5) without convolution."""
    layers = [Flatten(input_shape=(6, 5)), Dense(7, activation="relu"), Dense(3, activation="softmax")]
    return Sequential(layers, seed=1, **options)


def rows(**options: Any) -> Sequential:
    """Model of vectors of 6 values instead of images."""
    return Sequential(
        [Dense(5, activation="relu", input_shape=(6,)), Dense(3, activation="softmax")], seed=2, **options
    )


def randomized(model: Sequential, seed: int = 0) -> Sequential:
    """Return the model with random biases, since zero biases would hide errors in them."""
    rng = np.random.default_rng(seed)
    model.set_weights([w if w.ndim > 1 else rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


def images(model: Sequential, count: int = 1, seed: int = 0) -> Any:
    """Return random images for a model: uint8 if it starts with Rescaling, else floats."""
    rng = np.random.default_rng(seed)
    assert model.input_shape is not None
    shape = (count, *model.input_shape[1:])
    if isinstance(model.layers[0], Rescaling):
        return rng.integers(0, 256, shape).astype(np.uint8)
    return rng.random(shape).astype(model.dtype)


ALL = [grey, colour, logits, dense, rows]
OF_IMAGES = [grey, colour, logits, dense]
CONVOLUTIONAL = [grey, colour, logits]
