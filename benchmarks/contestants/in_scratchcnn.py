"""The article's network in scratchcnn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from article_network import scratchcnn_model

from scratchcnn import set_threads

Array = np.ndarray[Any, Any]


class Network:
    """See `contestants.Network`."""

    def __init__(self, threads: int, weights: Sequence[Array] | None, from_bytes: bool) -> None:
        set_threads(threads)
        self.model = scratchcnn_model(from_bytes=from_bytes)
        if weights is not None:
            self.model.set_weights(weights)

    def loss(self, x: Array, y: Array) -> float:
        """Return the mean loss of a batch without dropout."""
        return self.model.loss_and_gradients(x, y)[0]

    def step(self, x: Array, y: Array) -> None:
        """Take one training step with Adam and dropout."""
        self.model.train_on_batch(x, y)

    def predict(self, x: Array, batch_size: int) -> Array:
        """Return probabilities (N, 10)."""
        return self.model.predict(x, batch_size=batch_size)
