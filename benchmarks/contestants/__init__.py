"""The systems under comparison: each module builds a network in one of them, for training and prediction.

Only the module of a system imports it, so that a process loads nothing but the system it runs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from architectures import Architecture

    Array = np.ndarray[Any, Any]


class Network(Protocol):
    """A network in one system, trained with Keras's Adam and with dropout.

    Parameters
    ----------
    architecture : Architecture
    threads : int
    weights : sequence of arrays, or None
        Initial weights in the order of scratchcnn's `Sequential.get_weights`; None: the system's own initialization.
    from_bytes : bool
        True: images are uint8, and each batch is divided by 255. False: images are float32 in [0, 1].
    setting : str
        One of `settings`.
    """

    def __init__(
        self,
        architecture: Architecture,
        threads: int,
        weights: Sequence[Array] | None,
        from_bytes: bool,
        setting: str,
    ) -> None: ...

    @staticmethod
    def settings(architecture: Architecture) -> Sequence[str]:
        """Return the ways in which the system can take a training step, its ordinary one first."""

    def loss(self, x: Array, y: Array) -> float:
        """Return the mean loss of a batch without dropout, which must be equal for all systems."""

    def batch(self, x: Array, y: Array) -> Any:
        """Return a batch as the system's own tensors."""

    def step(self, batch: Any) -> None:
        """Take one training step with Adam; return when the computation has finished."""

    def fit(self, x: Array, y: Array, batch_size: int) -> None:
        """Train one epoch in the ordinary way of the system, in random order."""

    def predict(self, x: Array, batch_size: int) -> Array:
        """Return probabilities (N, 10), without dropout."""


def build_layers(architecture: Architecture, layers: ModuleType, from_bytes: bool) -> list[Any]:
    """Return the layers of a network, as objects of the classes in the module `layers` of Keras or scratchcnn."""
    rescaling = [("Rescaling", {"scale": 1 / 255})] if from_bytes else []
    return [getattr(layers, name)(**arguments) for name, arguments in [*rescaling, *architecture.layers]]


class System(NamedTuple):
    """Module and requirements of a system."""

    module: str
    packages: tuple[str, ...] = ()  # required packages, which may not be installed
    environment: Mapping[str, str] = {}  # variables that the system reads when it is imported
    hidden: tuple[str, ...] = ()  # optional packages that it would import if they were installed


SYSTEMS = {
    "scratchcnn": System("in_scratchcnn"),
    "torch": System("in_torch", ("torch",)),
    "keras-tensorflow": System("in_keras", ("keras", "tensorflow"), {"KERAS_BACKEND": "tensorflow"}, hidden=("jax",)),
    "keras-jax": System("in_keras", ("keras", "jax"), {"KERAS_BACKEND": "jax"}, hidden=("tensorflow",)),
}
PEERS = [name for name in SYSTEMS if name != "scratchcnn"]


def missing_packages(name: str) -> list[str]:
    """Return the required packages of a system that are not installed."""
    return [package for package in SYSTEMS[name].packages if importlib.util.find_spec(package) is None]
