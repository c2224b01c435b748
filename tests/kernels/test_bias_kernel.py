"""The bias gradient, compared with the reference."""

import numpy as np
from comparing import DTYPES, LAYOUTS, SEEDS, bias_bound, check, plain, random_array, transposed
from hypothesis import example, given, settings
from hypothesis import strategies as st

some = settings(max_examples=150)


@some
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), DTYPES, SEEDS, LAYOUTS)
@example([300, 600], np.float32, 0, plain)  # of a dense layer, on several threads
@example([9, 1, 1, 257], np.float64, 0, transposed)
def test_bias_gradient_is_summed_in_float64(rounding_bound, shape, dtype, seed, layout):
    dy = random_array(np.random.default_rng(seed), shape, dtype, layout)
    check("bias_gradient", [dy], bias_bound(rounding_bound, dy))
