"""The article's network in scratchcnn and in PyTorch: the same weights, the same step, for side-by-side timing."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from scratchcnn import Sequential, set_threads
from scratchcnn.datasets import mnist
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D

Array = np.ndarray[Any, Any]


class Contestant(Protocol):
    """A system that trains the network."""

    def loss(self, x: Array, y: Array) -> float:
        """Mean loss of a batch with dropout off: tells whether all contestants compute the same."""

    def step(self, x: Array, y: Array) -> None:
        """One step of Adam, dropout on; returns when it is done."""


def data() -> tuple[Array, Array]:
    """Images (4000, 28, 28, 1) in [0, 1] and labels: the embedded sample."""
    (x, y), _ = mnist.load_sample()
    return x.reshape(-1, 28, 28, 1) / np.float32(255), y.astype(np.int64)


def scratchcnn_model(seed: int = 0) -> Sequential:
    """The network, compiled as in the article; with seed 0, the weights that every contestant begins with."""
    model = Sequential(
        [
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


class Scratchcnn:
    """The network in scratchcnn."""

    def __init__(self, threads: int) -> None:
        set_threads(threads)
        self.model = scratchcnn_model()

    def loss(self, x: Array, y: Array) -> float:
        """Mean loss of a batch with dropout off."""
        return self.model.loss_and_gradients(x, y)[0]

    def step(self, x: Array, y: Array) -> None:
        """One step of Adam, dropout on."""
        self.model.train_on_batch(x, y)


class Torch:
    """The network in PyTorch, eager, as its own MNIST example trains it."""

    def __init__(self, threads: int) -> None:
        import torch
        from torch import nn

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.torch = torch
        self.net = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
            nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
        )  # fmt: skip
        k1, b1, k2, b2, w1, c1, w2, c2 = scratchcnn_model().get_weights()
        in_torch_order = w1.reshape(12, 12, 64, 128).transpose(3, 2, 0, 1).reshape(128, 9216)  # channels before pixels
        weights = [k1.transpose(3, 2, 0, 1), b1, k2.transpose(3, 2, 0, 1), b2, in_torch_order, c1, w2.T, c2]
        with torch.no_grad():
            for parameter, weight in zip(self.net.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.001, eps=1e-7)

    def _batch(self, x: Array, y: Array) -> tuple[Any, Any]:
        return self.torch.from_numpy(x.reshape(-1, 1, 28, 28)), self.torch.from_numpy(y)

    def loss(self, x: Array, y: Array) -> float:
        """Mean loss of a batch with dropout off."""
        images, labels = self._batch(x, y)
        self.net.eval()
        with self.torch.no_grad():
            value = self.criterion(self.net(images), labels).item()
        self.net.train()
        return float(value)

    def step(self, x: Array, y: Array) -> None:
        """One step of Adam, dropout on."""
        images, labels = self._batch(x, y)
        self.optimizer.zero_grad()
        self.criterion(self.net(images), labels).backward()
        self.optimizer.step()


CONTESTANTS: dict[str, type[Scratchcnn] | type[Torch]] = {"scratchcnn": Scratchcnn, "torch": Torch}
