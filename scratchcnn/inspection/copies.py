"""A copy of a model to experiment with: what is trained here leaves the user's own model as it was."""

from __future__ import annotations

import copy

from scratchcnn.layers import Dropout, Layer
from scratchcnn.sequential import Sequential


def copy_of(model: Sequential, *, dropout: bool = True) -> Sequential:
    """A model with the same layers, numbers, way of compiling and state of chance, which shares nothing that changes.

    Its optimizer begins anew: no steps taken, no memory.

    Parameters
    ----------
    model : Sequential
        Built.
    dropout : bool, default True
        False: every Dropout of the copy has rate 0, and so does nothing.
    """
    twin = copy.copy(model)
    twin.layers = [_copied(layer, dropout) for layer in model.layers]
    for name in ("_init_rng", "_shuffle_rng", "_dropout_rng"):
        setattr(twin, name, copy.deepcopy(getattr(model, name)))
    if model._compiled is not None:
        loss, optimizer, metrics = model._compiled
        twin._compiled = loss, copy.copy(optimizer), metrics
    twin._trainer = twin._position = twin.history = None
    return twin


def _copied(layer: Layer, dropout: bool) -> Layer:
    twin = copy.copy(layer)
    twin.params = {name: array.copy() for name, array in layer.params.items()}
    if isinstance(twin, Dropout) and not dropout:
        twin.rate = 0.0
    return twin
