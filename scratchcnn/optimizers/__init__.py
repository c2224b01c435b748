"""Optimizers: Adam, AdamW, SGD with momentum, RMSprop, Adagrad, Adadelta, and the base class of all optimizers.

An optimizer holds its settings only; its state (step count and moment estimates) is a separate value, so that one
optimizer can train several models. A learning rate is a number or one of `schedules`, for example
optimizers.schedules.CosineDecay(0.001, decay_steps=1000).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scratchcnn import schedules
from scratchcnn.names import look_up, names_of_module
from scratchcnn.optimizers.adadelta import Adadelta
from scratchcnn.optimizers.adagrad import Adagrad
from scratchcnn.optimizers.adam import Adam, AdamW
from scratchcnn.optimizers.base import Optimizer, State
from scratchcnn.optimizers.rmsprop import RMSprop
from scratchcnn.optimizers.sgd import SGD

__all__ = [
    "KNOWN", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "State", "get", "schedules",
]  # fmt: skip

KNOWN: dict[str, type[Optimizer]] = {
    "adam": Adam, "sgd": SGD, "rmsprop": RMSprop, "adamw": AdamW, "adagrad": Adagrad, "adadelta": Adadelta,
}  # fmt: skip


def get(identifier: str | Optimizer) -> Optimizer:
    """Return the optimizer of that name with Keras's defaults, or `identifier` itself if it is one.

    Raises
    ------
    ValueError
        There is no optimizer of that name.
    """
    if not isinstance(identifier, str) and hasattr(identifier, "step") and not isinstance(identifier, type):
        return identifier
    return look_up("optimizer", identifier.lower() if isinstance(identifier, str) else identifier, KNOWN)()


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
