"""The part of a model that can have a bug: find it, compute its input, and replace it in a copy of a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from scratchcnn.activations import ReLU
from scratchcnn.inspection.bug_zoo.case import Case
from scratchcnn.layers import Layer
from scratchcnn.layers.base import Gradients
from scratchcnn.losses import Loss
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

FEW = 6  # images for a gradient check
Rng = np.random.Generator | None
Backward = tuple[Array | None, Gradients]  # input gradient, parameter gradients


def position(model: Sequential, kind: type[Layer], where: Callable[[Layer], bool] = lambda layer: True) -> int:
    """Return the index of the last layer of a class; ValueError if there is none."""
    found = [i for i, layer in enumerate(model.leaf_layers) if isinstance(layer, kind) and where(layer)]
    if not found:
        raise ValueError(f"Expected a model with a {kind.__name__} that can have this bug, received none.")
    return found[-1]


def has_relu(layer: Layer) -> bool:
    """Return whether the activation of a layer is ReLU."""
    return isinstance(getattr(layer, "activation", None), ReLU)


def is_hidden(layer: Layer) -> bool:
    """Return whether a layer is not an output layer with softmax."""
    return getattr(getattr(layer, "activation", None), "name", "") != "softmax"


def input_of(case: Case, place: int, images: int = FEW) -> Array:
    """Return the input of the layer at `place` in inference, for the first training images."""
    x = case.x[:images].astype(case.model.dtype)
    for layer in case.model.leaf_layers[:place]:
        x = layer.forward(x, case.model.ops, training=False, rng=None)[0]
    return x


def in_model(faulty: Any, where: Callable[[Layer], bool] = lambda layer: True) -> Callable[[Case], Case]:
    """Plant a class instead of the last layer, the loss or the optimizer of its base class, with the same arguments."""
    correct = faulty.__base__

    def plant(case: Case) -> Case:
        model = case.model
        if issubclass(faulty, Layer):
            place = position(model, correct, where)
            layer = faulty.from_config(model.leaf_layers[place].get_config())
            return replace(case, model=model.clone({place: layer}))
        part = "loss" if issubclass(faulty, Loss) else "optimizer"
        own = getattr(model.expect_compiled("this bug"), part)
        if not isinstance(own, correct):
            raise ValueError(f"Expected {correct.__name__} as {part} of the model, received {type(own).__name__}.")
        options: dict[str, Any] = {part: faulty(**own.get_config())}
        return replace(case, model=model.clone(**options))

    return plant
