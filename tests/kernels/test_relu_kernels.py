"""ReLU and its gradient, compared with the reference."""

import numpy as np
from comparing import DTYPES, LAYOUTS, SEEDS, check_equal, random_array, with_non_finite
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import kernels

some = settings(max_examples=150)


@some
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), DTYPES, SEEDS, LAYOUTS, LAYOUTS)
def test_relu_and_gradient_equal_reference_and_propagate_nan(shape, dtype, seed, layout, other_layout):
    rng = np.random.default_rng(seed)
    x = layout(with_non_finite(rng, random_array(rng, shape, dtype), 0.2))
    check_equal("relu", [x])
    np.testing.assert_array_equal(np.isnan(kernels.relu(x)), np.isnan(x))
    dy = other_layout(with_non_finite(rng, random_array(rng, shape, dtype), 0.2))
    check_equal("relu_gradient", [dy, kernels.relu(x)])
