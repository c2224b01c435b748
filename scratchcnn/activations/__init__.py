"""Activation functions: linear, relu, softmax, sigmoid, tanh, elu, leaky_relu, gelu, silu (swish) and softplus."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from scratchcnn.activations.base import ActivationFunction, Linear, ReLU, Softmax
from scratchcnn.activations.elementwise import ELU, GELU, Elementwise, LeakyReLU, Sigmoid, SiLU, Softplus, Tanh
from scratchcnn.configs import name_or_self
from scratchcnn.names import look_up, names_of_module

__all__ = [
    "ELU", "GELU", "KNOWN", "ActivationFunction", "Elementwise", "LeakyReLU", "Linear", "ReLU", "SiLU", "Sigmoid",
    "Softmax", "Softplus", "Tanh", "elu", "gelu", "get", "has_formula", "leaky_relu", "linear", "relu", "serialize",
    "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip

linear, relu, softmax = Linear(), ReLU(), Softmax()
sigmoid, tanh, elu, leaky_relu = Sigmoid(), Tanh(), ELU(), LeakyReLU()
gelu, silu, softplus = GELU(), SiLU(), Softplus()

KNOWN: dict[str, ActivationFunction] = {
    **{
        function.name: function
        for function in (linear, relu, softmax, sigmoid, tanh, elu, leaky_relu, gelu, silu, softplus)
    },
    "swish": silu,
}


def get(identifier: str | ActivationFunction | None) -> ActivationFunction:
    """Return the activation of that name, or `identifier` itself if it is one; None means linear.

    Raises
    ------
    ValueError
        There is no activation of that name.
    """
    if isinstance(identifier, ActivationFunction):
        return identifier
    return look_up("activation", "linear" if identifier is None else identifier, KNOWN)


def serialize(activation: ActivationFunction) -> str | ActivationFunction:
    """Return the name of an activation, for a config; a user's own, or one with other arguments, is returned itself."""
    return name_or_self(activation, KNOWN)


def has_formula(activation: object) -> TypeGuard[Elementwise]:
    """Whether an activation is exactly one of those that `reference.elementwise` defines; a subclass may differ."""
    return isinstance(activation, Elementwise) and any(type(each) is type(activation) for each in KNOWN.values())


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
