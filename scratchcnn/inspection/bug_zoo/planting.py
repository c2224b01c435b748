"""Ways to plant an error: in a layer, the loss or the optimizer of a copy of a case's model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scratchcnn.inspection.bug_zoo.case import Case, position
from scratchcnn.layers import Layer
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.optimizers import Adam

Sicken = Callable[[Case], Case]


def anywhere(layer: Layer) -> bool:
    """Accept every layer."""
    return True


def in_layer(sick: type[Layer], kind: type[Layer], where: Callable[[Layer], bool] = anywhere) -> Sicken:
    """Replace the last layer of a class by a faulty one with the same arguments and weights."""

    def sicken(case: Case) -> Case:
        place = position(case.model, kind, where)
        return replace(case, model=case.model.clone({place: sick.from_config(case.model.layers[place].get_config())}))

    return sicken


def in_loss(sick: type[SparseCategoricalCrossentropy]) -> Sicken:
    """Compile with a faulty loss."""

    def sicken(case: Case) -> Case:
        loss = case.model.expect_compiled("this error").loss
        if not isinstance(loss, SparseCategoricalCrossentropy):
            raise ValueError(f"Expected a model with the loss {sick.name!r}, received {loss.name!r}.")
        return replace(case, model=case.model.clone(loss=sick(**loss.get_config())))

    return sicken


def in_optimizer(sick: type[Adam]) -> Sicken:
    """Compile with a faulty Adam."""

    def sicken(case: Case) -> Case:
        optimizer = case.model.expect_compiled("this error").optimizer
        if not isinstance(optimizer, Adam):
            raise ValueError(f"Expected a model that is trained by Adam, received {type(optimizer).__name__}.")
        return replace(case, model=case.model.clone(optimizer=sick(**optimizer.get_config())))

    return sicken
