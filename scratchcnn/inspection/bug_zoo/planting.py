"""Ways to plant a mistake: in a layer, in the loss, in the optimizer of a copy of a case's model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from scratchcnn.inspection.bug_zoo.case import Case, position
from scratchcnn.inspection.remaking import copied
from scratchcnn.layers import Layer
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.optimizers import Adam

Sicken = Callable[[Case], Case]


def anywhere(layer: Layer) -> bool:
    """Every layer will do."""
    return True


def in_layer(sick: type[Layer], kind: type[Layer], where: Callable[[Layer], bool] = anywhere) -> Sicken:
    """Exchange the last layer of a kind for a sick one with the same arguments and weights."""

    def sicken(case: Case) -> Case:
        place = position(case.model, kind, where)
        return replace(case, model=copied(case.model, {place: sick.from_config(case.model.layers[place].get_config())}))

    return sicken


def in_loss(sick: type[SparseCategoricalCrossentropy]) -> Sicken:
    """Compile with a sick loss."""

    def sicken(case: Case) -> Case:
        loss = _compiled(case)[0]
        if not isinstance(loss, SparseCategoricalCrossentropy):
            raise ValueError(f"Expected a model with the loss {sick.name!r}, received {loss.name!r}.")
        return replace(case, model=copied(case.model, loss=sick(**loss.get_config())))

    return sicken


def in_optimizer(sick: type[Adam]) -> Sicken:
    """Compile with a sick Adam."""

    def sicken(case: Case) -> Case:
        optimizer = _compiled(case)[1]
        if not isinstance(optimizer, Adam):
            raise ValueError(f"Expected a model that is trained by Adam, received {type(optimizer).__name__}.")
        return replace(case, model=copied(case.model, optimizer=sick(**optimizer.get_config())))

    return sicken


def _compiled(case: Case) -> tuple[Any, ...]:
    return case.model._expect_compiled("this mistake")
