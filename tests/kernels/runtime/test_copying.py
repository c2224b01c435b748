"""Copying and filling write their stretch and nothing beside it."""

import numpy as np
import pytest

from scratchcnn.kernels.runtime.copying import copy, fill


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 7, 16, 45])
def test_a_stretch_is_written_and_nothing_beside_it(rng, count, dtype):
    source, before = rng.random(60).astype(dtype), rng.random(60).astype(dtype)
    target, wanted = before.copy(), before.copy()
    copy(source, 3, target, 11, count)
    wanted[11 : 11 + count] = source[3 : 3 + count]
    np.testing.assert_array_equal(target, wanted)
    fill(target, 13, count, 0)
    wanted[13 : 13 + count] = 0
    np.testing.assert_array_equal(target, wanted)
