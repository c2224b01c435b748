"""Losses: cross-entropy of classes and of yes-or-no outputs, mean squared error, and the base class of all losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scratchcnn.losses.base import Loss
from scratchcnn.losses.binary_cross_entropy import BinaryCrossentropy
from scratchcnn.losses.cross_entropy import CategoricalCrossentropy, SparseCategoricalCrossentropy
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.names import look_up, names_of_module

__all__ = [
    "KNOWN", "BinaryCrossentropy", "CategoricalCrossentropy", "Loss", "MeanSquaredError",
    "SparseCategoricalCrossentropy", "get",
]  # fmt: skip

KNOWN: dict[str, type[Loss]] = {
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy, "bce": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError, "mse": MeanSquaredError,
}  # fmt: skip


def get(identifier: str | Loss) -> Loss:
    """Return the loss of that name, or `identifier` itself if it is a loss.

    Raises
    ------
    ValueError
        There is no loss of that name.
    """
    if isinstance(identifier, Loss):
        return identifier
    return look_up("loss", identifier.lower() if isinstance(identifier, str) else identifier, KNOWN)()


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
