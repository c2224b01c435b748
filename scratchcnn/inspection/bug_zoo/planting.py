"""Plant a bug in a copy of a case: in a layer, the loss or the optimizer of its model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from scratchcnn.activations import ReLU
from scratchcnn.inspection.bug_zoo.case import Case, position
from scratchcnn.layers import Layer
from scratchcnn.layers.base import Gradients
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.optimizers import Adam

Plant = Callable[[Case], Case]
Rng = np.random.Generator | None
Backward = tuple[Array | None, Gradients]  # input gradient, parameter gradients


def has_relu(layer: Layer) -> bool:
    """Return whether the activation of a layer is ReLU."""
    return isinstance(getattr(layer, "activation", None), ReLU)


def is_hidden(layer: Layer) -> bool:
    """Return whether a layer is not an output layer with softmax."""
    return getattr(getattr(layer, "activation", None), "name", "") != "softmax"


def in_layer(faulty: type[Layer], kind: type[Layer], where: Callable[[Layer], bool] = lambda layer: True) -> Plant:
    """Replace the last layer of a class by a faulty one with the same arguments and weights."""

    def plant(case: Case) -> Case:
        place = position(case.model, kind, where)
        layer = faulty.from_config(case.model.layers[place].get_config())
        return replace(case, model=case.model.clone({place: layer}))

    return plant


def in_loss(faulty: type[SparseCategoricalCrossentropy]) -> Plant:
    """Replace the sparse cross-entropy by a faulty one."""

    def plant(case: Case) -> Case:
        loss = case.model.expect_compiled("this bug").loss
        if not isinstance(loss, SparseCategoricalCrossentropy):
            raise ValueError(f"Expected a model with the loss {faulty.name!r}, received {loss.name!r}.")
        return replace(case, model=case.model.clone(loss=faulty(**loss.get_config())))

    return plant


def in_optimizer(faulty: type[Adam]) -> Plant:
    """Replace Adam by a faulty one."""

    def plant(case: Case) -> Case:
        optimizer = case.model.expect_compiled("this bug").optimizer
        if not isinstance(optimizer, Adam):
            raise ValueError(f"Expected a model with the optimizer Adam, received {type(optimizer).__name__}.")
        return replace(case, model=case.model.clone(optimizer=faulty(**optimizer.get_config())))

    return plant
