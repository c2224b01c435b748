"""Softmax and its gradient, compared with the reference."""

import numpy as np
import pytest
from comparing import DTYPES, LAYOUTS, SEEDS, check, magnitudes, random_array
from hypothesis import given, settings
from hypothesis import strategies as st
from softmax_rows import rows_of_logits, softmax_relative_error

from scratchcnn import reference
from scratchcnn.kernels.softmax import softmax_row

some = settings(max_examples=150)


@some
@given(st.integers(1, 40), st.integers(1, 30), DTYPES, SEEDS, st.sampled_from([0.1, 5.0, 80.0, 1e4]), LAYOUTS, LAYOUTS)
def test_softmax_and_gradient_match_reference(
    rounding_bound, samples, classes, dtype, seed, spread, layout, other_layout
):
    rng = np.random.default_rng(seed)
    x = rows_of_logits(rng, samples, classes, dtype, spread, layout)
    eps = np.finfo(dtype).eps
    tiny = float(np.finfo(dtype).tiny)
    exact = reference.softmax(x.astype(np.float64))
    check("softmax", [x], eps * softmax_relative_error(x) * exact + 2 * tiny)
    y, dy = exact.astype(dtype), random_array(rng, x.shape, dtype, other_layout)
    y64, dy64 = magnitudes([y, dy])
    magnitude = y64 * (dy64 + (dy64 * y64).sum(axis=1, keepdims=True))
    check("softmax_gradient", [dy, layout(y)], rounding_bound(magnitude, classes, dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [10, 27, 70])
def test_softmax_of_row_is_independent_of_memory_alignment(rng, dtype, classes):
    for _ in range(5):
        memory = np.zeros(1000, dtype)
        x = memory[:classes]
        x[...] = rng.standard_normal(classes)
        found = set()
        for start in range(classes, 300):
            y = memory[start : start + classes]
            softmax_row(x, y)
            found.add(y.tobytes())
        assert len(found) == 1
