"""Diagnosis of a loss that became NaN or infinite: names the first layer with a value that is not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.layers import Layer
from scratchcnn.operands import Array

FIX = "A lower learning rate usually fixes this; so do inputs scaled to [0, 1]."


class NonFiniteLossError(FloatingPointError):
    """The loss became NaN or infinite; `loss` is its value, and the message names the layer that caused it."""

    def __init__(self, message: str, loss: float) -> None:
        super().__init__(message)
        self.loss = loss


def expect_finite(losses: Array, x: Array, plan: Plan, outputs: Sequence[Array]) -> None:
    """Raise NonFiniteLossError if a loss is not finite.

    Parameters
    ----------
    losses : (N,)
    x : (N, *input_shape)
    plan : Plan
    outputs : sequence of arrays
        Output of each stage for x.
    """
    if math.isfinite(losses.sum(dtype=np.float64)):
        return
    of_layers = []
    for stage, output in zip(plan.stages, outputs, strict=True):
        for layer in stage.layers[:-1]:  # a fused stage does not keep them
            x = layer.forward(x, plan.ops, training=False, rng=None)[0]
            of_layers.append(x)
        of_layers.append(x := output)
    raise NonFiniteLossError(first_non_finite(plan.layers, of_layers, losses), float(losses.mean(dtype=np.float64)))


def first_non_finite(layers: Sequence[Layer], outputs: Sequence[Array], losses: Array) -> str:
    """Return a message that names the first layer, in forward order, with a value that is not finite.

    Parameters
    ----------
    layers : sequence of Layer
    outputs : sequence of arrays
        Output of each layer.
    losses : (N,)
        Losses of the samples.
    """
    loss = f"The loss became {losses.mean(dtype=np.float64)}."
    for layer, output in zip(layers, outputs, strict=True):
        for name, parameter in layer.params.items():
            if not np.isfinite(parameter).all():
                return f"{loss} First seen in the parameter {name!r} of layer {layer.label}, after an update. {FIX}"
        if not np.isfinite(output).all():
            sample = int(np.argwhere(~np.isfinite(output))[0, 0])
            return f"{loss} First seen in the output of layer {layer.label}, for sample {sample} of the batch. {FIX}"
    sample = int(np.flatnonzero(~np.isfinite(losses))[0])
    return (
        f"{loss} Every layer's output is finite, but the loss of sample {sample} of the batch is not: its outputs "
        f"are too far apart for {losses.dtype}, or are used as probabilities and sum to zero. {FIX}"
    )
