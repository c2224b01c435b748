"""A network in scratchcnn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from architectures import Architecture

from contestants import build_layers
from scratchcnn import Sequential, layers, set_threads

Array = np.ndarray[Any, Any]
Batch = tuple[Array, Array]


def build_model(architecture: Architecture, seed: int = 0, from_bytes: bool = False) -> Sequential:
    """Build a network and compile it as in the article.

    Parameters
    ----------
    architecture : Architecture
    seed : int
        Seed of the initial weights, dropout and shuffling. The weights of seed 0 initialize every system under test.
    from_bytes : bool
        Whether the network takes uint8 images, which a first layer divides by 255.
    """
    of_images = layers.Input(architecture.input_shape)
    model = Sequential([of_images, *build_layers(architecture, layers, from_bytes)], seed=seed)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Network:
    """See `contestants.Network`."""

    def __init__(
        self,
        architecture: Architecture,
        threads: int,
        weights: Sequence[Array] | None,
        from_bytes: bool,
        setting: str,
    ) -> None:
        set_threads(threads)
        self.model = build_model(architecture, from_bytes=from_bytes)
        if weights is not None:
            self.model.set_weights(weights)

    @staticmethod
    def settings(architecture: Architecture) -> Sequence[str]:
        """Return the only way to take a step."""
        return ["train_on_batch"]

    def loss(self, x: Array, y: Array) -> float:
        """Return the mean loss of a batch without dropout."""
        return self.model.evaluate(x, y, batch_size=len(x), verbose=0)[0]

    def batch(self, x: Array, y: Array) -> Batch:
        """Return the arrays."""
        return x, y

    def step(self, batch: Batch) -> None:
        """Take one training step with Adam and dropout."""
        self.model.train_on_batch(*batch)

    def fit(self, x: Array, y: Array, batch_size: int) -> None:
        """Train one epoch with `fit`."""
        self.model.fit(x, y, batch_size=batch_size, verbose=0)

    def predict(self, x: Array, batch_size: int) -> Array:
        """Return probabilities (N, 10)."""
        return self.model.predict(x, batch_size=batch_size)
