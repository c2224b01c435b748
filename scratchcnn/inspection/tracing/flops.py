"""What a layer's forward pass costs, counted as its formula is written, whatever algorithm computes it."""

from __future__ import annotations

import math

from scratchcnn.activations import ReLU, Softmax
from scratchcnn.inspection.tracing.kinds import kind_of
from scratchcnn.layers import Conv2D, Dense, Layer, MaxPooling2D, Rescaling
from scratchcnn.operands import Shape

OF_SOFTMAX = 5  # for each number: a comparison, a subtraction, an exponential, an addition, a division


def forward_flops(layer: Layer, input_shape: Shape, output_shape: Shape, drops: bool) -> int | None:
    """Operations of the forward pass of a batch; None for a layer of a user's own.

    A product and the sum it goes into are two, zeros of the padding included; a comparison is one, as is a scaling.
    Winograd's algorithm needs fewer than the formula that is counted here.

    Parameters
    ----------
    layer : Layer
    input_shape, output_shape : (N, ...)
    drops : bool
        Whether a dropout dropped anything.

    Examples
    --------
    >>> forward_flops(Dense(10), (1, 128), (1, 10), drops=False)
    2560
    """
    kind, outputs = kind_of(layer), math.prod(output_shape)
    if kind is None:
        return None
    cost = 0
    if isinstance(layer, Conv2D):
        cost = 2 * math.prod(layer.kernel_size) * input_shape[-1]
    elif isinstance(layer, Dense):
        cost = 2 * input_shape[-1]
    elif isinstance(layer, MaxPooling2D):
        cost = math.prod(layer.pool_size) - 1
    elif isinstance(layer, Rescaling):
        cost = 2
    activation = getattr(layer, "activation", None)
    cost += OF_SOFTMAX if isinstance(activation, Softmax) else isinstance(activation, ReLU)
    return outputs * (cost + drops)
