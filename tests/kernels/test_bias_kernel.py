"""The bias gradient, compared with the reference."""

import numpy as np
from comparing import DTYPES, LAYOUTS, SEEDS, bias_bound, check, random_array
from hypothesis import given, settings
from hypothesis import strategies as st

some = settings(max_examples=150)


@some
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), DTYPES, SEEDS, LAYOUTS)
def test_bias_gradient_is_summed_in_float64(rounding_bound, shape, dtype, seed, layout):
    dy = random_array(np.random.default_rng(seed), shape, dtype, layout)
    check("bias_gradient", [dy], bias_bound(rounding_bound, dy))
