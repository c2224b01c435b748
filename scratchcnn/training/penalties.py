"""The penalties of the regularizers, which are part of the loss. As in Keras, those of frozen layers are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.regularizers import Regularizer


class Penalized(NamedTuple):
    """A parameter with a regularizer."""

    parameter: Array
    regularizer: Regularizer


def penalized(layers: Sequence[Layer]) -> list[Penalized]:
    """Return the parameters of the trainable layers that have a regularizer."""
    return [
        Penalized(layer.params[name], regularizer)
        for layer in layers
        if layer.trainable
        for name, regularizer in layer.regularizers.items()
    ]


def total_penalty(found: Sequence[Penalized], ops: Operations) -> float:
    """Return the sum of the penalties of these parameters."""
    return sum((each.regularizer.penalty(each.parameter, ops) for each in found), 0.0)


def with_penalty_gradients(
    found: Sequence[Penalized], parameters: Sequence[Array], gradients: Sequence[Array], ops: Operations
) -> list[Array]:
    """Return the gradients w.r.t. `parameters`, each plus the gradient of its penalty."""
    total, places = list(gradients), {id(parameter): place for place, parameter in enumerate(parameters)}
    for parameter, regularizer in found:
        place = places[id(parameter)]
        total[place] = regularizer.add_gradient(total[place], parameter, ops)
    return total
