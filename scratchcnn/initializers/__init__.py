"""Initializers: initial values of kernels and biases. Names and formulas are those of Keras.

An initializer is called with a shape, a random generator and a dtype, and returns an array. It keeps no random state:
the generator is that of the model, which `Sequential(seed=...)` determines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scratchcnn.configs import name_or_self
from scratchcnn.initializers.base import Initializer
from scratchcnn.initializers.constant import Constant, Identity, Ones, Zeros
from scratchcnn.initializers.random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from scratchcnn.initializers.variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    fans,
)
from scratchcnn.names import look_up, names_of_module

__all__ = [
    "CLASSES", "KNOWN", "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "Initializer",
    "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal",
    "VarianceScaling", "Zeros", "constant", "fans", "get", "glorot_normal", "glorot_uniform", "he_normal",
    "he_uniform", "identity", "lecun_normal", "lecun_uniform", "ones", "orthogonal", "random_normal",
    "random_uniform", "serialize", "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip

# Keras's other names of the classes
constant, identity, ones, zeros = Constant, Identity, Ones, Zeros
orthogonal, random_normal, random_uniform, truncated_normal = Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, variance_scaling = LecunNormal, LecunUniform, VarianceScaling

KNOWN: dict[str, Initializer] = {
    "glorot_uniform": GlorotUniform(), "glorot_normal": GlorotNormal(),
    "he_normal": HeNormal(), "he_uniform": HeUniform(), "lecun_normal": LecunNormal(), "lecun_uniform": LecunUniform(),
    "zeros": Zeros(), "ones": Ones(), "constant": Constant(), "identity": Identity(), "orthogonal": Orthogonal(),
    "random_normal": RandomNormal(), "random_uniform": RandomUniform(), "truncated_normal": TruncatedNormal(),
    "variance_scaling": VarianceScaling(),
}  # fmt: skip

CLASSES = (
    Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform, Ones, Orthogonal,
    RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling, Zeros,
)  # fmt: skip

ALIASES = {"zero": "zeros", "one": "ones", "normal": "random_normal", "uniform": "random_uniform"}
"""Further names of Keras."""


def get(identifier: str | Initializer) -> Initializer:
    """Return the initializer with this name, or `identifier` itself if it is an object that can be called.

    Raises
    ------
    ValueError
        There is no initializer with this name.
    """
    if callable(identifier) and not isinstance(identifier, type):
        return identifier
    name = ALIASES.get(identifier, identifier) if isinstance(identifier, str) else identifier
    return look_up("initializer", name, KNOWN)


def serialize(initializer: Initializer) -> str | Initializer:
    """Return the name of a built-in initializer, for a config; any other initializer is returned unchanged."""
    return name_or_self(initializer, KNOWN)


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
