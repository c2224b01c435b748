"""Dropout and its gradient, compared with the reference and with the expected statistics."""

import numpy as np
import pytest
from comparing import DTYPES, ENGINES, KEYS, LAYOUTS, SEEDS, check_equal, plain, random_array
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchcnn import kernels

some = settings(max_examples=150)


@some
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4), st.floats(0, 1, exclude_max=True), KEYS, DTYPES, SEEDS, LAYOUTS
)
@example([3, 5], 0.0, 0, np.float32, 0, plain)
@example([3, 5], np.nextafter(1, 0), 2**64 - 1, np.float64, 0, plain)
def test_dropout_and_gradient_equal_reference_for_any_rate_and_key(shape, rate, key, dtype, seed, layout):
    rng = np.random.default_rng(seed)
    x, dy = random_array(rng, shape, dtype, layout), random_array(rng, shape, dtype, layout)
    check_equal("dropout", [x, rate, key])
    y, kept = kernels.dropout(x, rate, key)
    assert kept.dtype == bool
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(y[kept], x[kept] * dtype(1 / (1 - rate)))  # inverse scaling, rounded once
    assert not y[~kept].any()
    check_equal("dropout_gradient", [dy, layout(kept), rate])


@pytest.mark.parametrize("engine", ENGINES, ids=["reference", "kernels"])
@pytest.mark.parametrize("rate", [0.05, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("key", [0, 1, 0x9E3779B97F4A7C15, 2**64 - 1])
def test_dropout_preserves_expected_fraction_and_mean(engine, rate, key):
    count = 200_000
    y, kept = engine.dropout(np.ones(count), rate, key)
    # The number kept is binomial: by Hoeffding's inequality, P(error >= d) <= 2 * exp(-2 * d**2 / n).
    d = (count * np.log(2 / 1e-12) / 2) ** 0.5
    assert abs(kept.sum() - count * (1 - rate)) <= d
    assert abs(y.mean() - 1) <= d / count / (1 - rate) + 1e-9


def test_different_keys_zero_different_activations():
    masks = [kernels.dropout(np.ones(64, np.float32), 0.5, key)[1].tobytes() for key in range(200)]
    assert len(set(masks)) == 200
