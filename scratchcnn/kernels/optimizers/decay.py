"""Weight decay in one pass over the parameters, limited by memory bandwidth.

Cost: 2 FLOPs per element; reads and writes one array.
"""

from __future__ import annotations

from numba import prange

from scratchcnn.kernels.optimizers.sgd import flat
from scratchcnn.kernels.runtime.jit import parallel_if_large
from scratchcnn.operands import Array, expect


def decay(parameter: Array, rate: float) -> None:
    """Shrink a parameter towards zero, in place; `reference.decay` has the formula."""
    expect(parameter=(parameter, parameter.shape))
    _decay(flat(parameter), parameter.dtype.type(rate))


@parallel_if_large
def _decay(parameter, rate):
    for i in prange(parameter.size):
        parameter[i] -= parameter[i] * rate
