"""Weight decay in one pass over the parameters, limited by memory bandwidth.

Cost: 2 FLOPs per element; reads and writes one array.
"""

from __future__ import annotations

from scratchcnn.kernels.optimizers.sgd import flat
from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.operands import Array, expect


def decay(parameter: Array, rate: float) -> None:
    """Shrink a parameter towards zero, in place; `reference.decay` has the formula."""
    expect(parameter=(parameter, parameter.shape))
    _decay(parameter.size, flat(parameter), parameter.dtype.type(rate))


@parallel_elements
def _decay(first, last, parameter, rate):
    for i in range(first, last):
        parameter[i] -= parameter[i] * rate
