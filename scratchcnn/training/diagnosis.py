"""Says where a number stopped being finite, once a loss has become NaN or infinite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.layers import Layer
from scratchcnn.operands import Array

MEND = "A lower learning rate usually mends it; so do inputs scaled to [0, 1]."


class NonFiniteLossError(FloatingPointError):
    """The loss became NaN or infinite; `loss` is that number, and the message names the layer at fault."""

    def __init__(self, message: str, loss: float) -> None:
        super().__init__(message)
        self.loss = loss


def first_non_finite(layers: Sequence[Layer], outputs: Sequence[Array], losses: Array) -> str:
    """A message that names the first layer, in the order of the forward pass, with a number that is not finite.

    Parameters
    ----------
    layers : the layers
    outputs : what each gave in the pass at fault
    losses : (N,), the losses of the samples
    """
    loss = f"The loss became {losses.mean(dtype=np.float64)}."
    for layer, output in zip(layers, outputs, strict=True):
        for name, parameter in layer.params.items():
            if not np.isfinite(parameter).all():
                return f"{loss} First seen in the parameter {name!r} of layer {layer.label}: a step made it so. {MEND}"
        if not np.isfinite(output).all():
            sample = int(np.argwhere(~np.isfinite(output))[0, 0])
            return f"{loss} First seen in the output of layer {layer.label}, for sample {sample} of the batch. {MEND}"
    sample = int(np.flatnonzero(~np.isfinite(losses))[0])
    return (
        f"{loss} Every layer's output is finite, but the loss of sample {sample} of the batch is not: its outputs "
        f"are too far apart for {losses.dtype}, or are taken for probabilities and sum to nothing. {MEND}"
    )
