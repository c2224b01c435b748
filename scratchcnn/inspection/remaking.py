"""A model made again: the same layers, weights and settings, with some parts exchanged."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from scratchcnn.inspection.arguments import built_model, sample_shape
from scratchcnn.layers import Input, Layer
from scratchcnn.losses import Loss
from scratchcnn.optimizers import Optimizer
from scratchcnn.sequential import Sequential


def copied(
    model: Sequential,
    layers: Mapping[int, Layer] | None = None,
    *,
    optimizer: Optimizer | None = None,
    loss: Loss | None = None,
    seed: int = 0,
) -> Sequential:
    """A new model with the weights of a built one; compiled as it, if it is.

    Parameters
    ----------
    model : Sequential
        Stays as it is.
    layers : dict of int to Layer, optional
        New, unbuilt layers for those at these positions; they get the weights of the old ones.
    optimizer, loss : optional
        Instead of the model's.
    seed : int
        Of the order of samples and of dropped units.

    Raises
    ------
    ValueError
        The model is not built.
    """
    built_model(model, "a copy")
    twin = Sequential([Input(sample_shape(model))], engine=model.engine, dtype=model.dtype.name, seed=seed)
    for number, layer in enumerate(model.layers):
        exchanged = (layers or {}).get(number)
        new = unbuilt(layer) if exchanged is None else exchanged
        new.name = layer.name
        twin.add(new)
    twin.set_weights(model.get_weights())
    if model._compiled is not None:
        old_loss, old_optimizer, metrics = model._compiled
        twin.compile(optimizer or copy.deepcopy(old_optimizer), loss or copy.deepcopy(old_loss), list(metrics))
    return twin


def unbuilt(layer: Layer) -> Layer:
    """A copy of a layer as it was before it was built; a user's own needs no config for that."""
    new = copy.deepcopy(layer)
    new.params, new.input_shape, new.output_shape = {}, None, None
    return new
