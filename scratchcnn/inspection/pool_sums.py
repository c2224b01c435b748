"""How large the numbers are that a pooling with overlapping windows sends back, before they are added up.

`fit` does not add them up: a convolution below a pooling is handed one number for each window. So where an element won
several windows, its gradient as it is shown was rounded, and the sums of `fit` were not rounded there; the bound on the
difference needs the sizes of what was added.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scratchcnn.activations import linear
from scratchcnn.inspection.kinds import kind_of
from scratchcnn.layers import MaxPooling2D
from scratchcnn.operands import Array

if TYPE_CHECKING:
    from scratchcnn.inspection.tracing import Trace


class Sent(NamedTuple):
    """What came back to a layer's preactivation.

    Attributes
    ----------
    sizes : the shape of d_preactivation
        The sum of the absolute values of what was added up there.
    most : int
        How many roundings there were at most on the way.
    """

    sizes: Array
    most: int


def sent_to(trace: Trace, number: int) -> Sent:
    """Of the layer of that number."""
    layer, ops = trace[number], trace.model._ops
    assert layer.d_preactivation is not None
    following = trace[number + 1] if number + 1 < len(trace) else None
    activation: Any = getattr(layer.layer, "activation", linear)
    pools = following is not None and kind_of(following.layer) is MaxPooling2D
    if following is None or not pools or not activation.elementwise:
        return Sent(np.abs(layer.d_preactivation), 0)
    pooling = following.layer
    assert isinstance(pooling, MaxPooling2D)
    assert following.d_output is not None
    assert following.winners is not None
    added = ops.max_pool2d_gradient(
        np.abs(following.d_output), following.winners, layer.shapes.output, pooling.pool_size, pooling.strides,
        pooling.padding,
    )  # fmt: skip
    sizes = np.abs(activation.backward(added, layer.output, ops))
    windows = math.prod(-(-size // stride) for size, stride in zip(pooling.pool_size, pooling.strides, strict=True))
    return Sent(sizes, windows + 1)
