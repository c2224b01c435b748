"""The systems that are compared: each file here builds the article's network in one of them, to train and to predict.

A system is imported where its file is, and nowhere else, so that a process pays for the one that it runs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Network(Protocol):
    """The article's network in one system, with Keras's Adam and dropout on in training.

    Parameters
    ----------
    threads : int
    weights : sequence of arrays, or None
        As `Sequential.get_weights` of scratchcnn gives them; None: the system's own initial weights.
    from_bytes : bool
        Images are uint8 and divided by 255 a batch at a time; otherwise they are float32 in [0, 1].
    """

    def __init__(self, threads: int, weights: Sequence[Array] | None, from_bytes: bool) -> None: ...

    def loss(self, x: Array, y: Array) -> float:
        """Mean loss of a batch with dropout off: tells whether all systems compute the same."""

    def step(self, x: Array, y: Array) -> None:
        """One step of Adam on a batch; returns when all of it is done."""

    def predict(self, x: Array, batch_size: int) -> Array:
        """Probabilities (N, 10), dropout off."""


class System(NamedTuple):
    """Where a system's `Network` is, and what it needs."""

    module: str
    packages: tuple[str, ...] = ()  # which it imports, and a reader of this may not have
    environment: Mapping[str, str] = {}  # read when it is imported
    hidden: tuple[str, ...] = ()  # packages that it would import if they were there, and does not need


SYSTEMS = {
    "scratchcnn": System("in_scratchcnn"),
    "torch": System("in_torch", ("torch",)),
    "keras-tensorflow": System("in_keras", ("keras", "tensorflow"), {"KERAS_BACKEND": "tensorflow"}, hidden=("jax",)),
    "keras-jax": System("in_keras", ("keras", "jax"), {"KERAS_BACKEND": "jax"}, hidden=("tensorflow",)),
}
PEERS = [name for name in SYSTEMS if name != "scratchcnn"]


def missing_packages(name: str) -> list[str]:
    """The packages of a system that are not installed."""
    return [package for package in SYSTEMS[name].packages if importlib.util.find_spec(package) is None]
