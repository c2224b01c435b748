"""Adam and SGD update their arrays in place, within a derived bound of the reference."""

import numpy as np
import pytest
from comparing import DTYPES, ENGINES, LAYOUTS, SEEDS, THREADS, assert_within, on_threads, plain, random_array
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference

some = settings(max_examples=150)


def updated(engine, name, changed, *others):
    """Return the arrays that an operation updates in place, after checking that the thread count changes no bit."""
    results = []
    for threads in (1, THREADS):
        arrays = [array.copy() for array in changed]
        with on_threads(threads):
            getattr(engine, name)(arrays[0], others[0], *arrays[1:], *others[1:])
        results.append(arrays)
    assert [array.tobytes() for array in results[0]] == [array.tobytes() for array in results[1]]
    return results[0]


SHAPES = st.lists(st.integers(1, 12), min_size=1, max_size=4)


@some
@given(SHAPES, DTYPES, SEEDS, LAYOUTS, st.integers(1, 10_000), st.booleans())
@example([5], np.float32, 0, plain, 1, False)
def test_adam_matches_reference(shape, dtype, seed, layout, step, amsgrad):
    rng = np.random.default_rng(seed)
    parameter, m = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    gradient = random_array(rng, shape, dtype, layout)
    v, v_max = (rng.random(shape).astype(dtype) for _ in range(2))
    rates = (step, 0.01, 0.9, 0.99, 1e-7)
    changed = [parameter, m, v, v_max]
    if not amsgrad:  # v is passed as v_max, too
        exact = [array.astype(np.float64) for array in changed[:3]]
        reference.adam(exact[0], gradient.astype(np.float64), exact[1], exact[2], exact[2], *rates)
        found = []
        for engine in ENGINES:
            arrays = [array.copy() for array in changed[:3]]
            engine.adam(arrays[0], gradient, arrays[1], arrays[2], arrays[2], *rates)
            found.append(arrays)
    else:
        exact = [array.astype(np.float64) for array in changed]
        reference.adam(exact[0], gradient.astype(np.float64), *exact[1:], *rates)
        found = [updated(engine, "adam", changed, gradient, *rates) for engine in ENGINES]
    g, eps = abs(gradient.astype(np.float64)), np.finfo(dtype).eps
    largest = exact[-1]  # v, or v_max
    # Each bound counts rounding errors, each at most eps times the magnitude of the operands. The factor 1 - beta is
    # rounded as well, and the square root halves the relative error of v.
    m_bound = 4 * eps * (abs(m) + g)
    v_bound = 6 * eps * (exact[2] / 0.99 + g * g)
    v_relative = v_bound / np.maximum(largest, v_bound)
    step_size = 0.01 * (1 - 0.99**step) ** 0.5 / (1 - 0.9**step)
    p_bound = eps * abs(parameter) + step_size / (np.sqrt(largest) + 1e-7) * (
        m_bound + abs(exact[1]) * (v_relative + 8 * eps)
    )
    bounds = [2 * p_bound, m_bound, v_bound, v_bound]
    for arrays in found:
        for array, wanted, bound in zip(arrays, exact, bounds, strict=False):
            assert array.dtype == dtype
            assert_within(array, wanted, bound, "adam")


@some
@given(SHAPES, DTYPES, SEEDS, LAYOUTS, st.sampled_from([0.0, 0.5, 0.9]), st.booleans())
def test_sgd_matches_reference_with_momentum_and_nesterov(shape, dtype, seed, layout, momentum, nesterov):
    rng = np.random.default_rng(seed)
    parameter, velocity = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    gradient = random_array(rng, shape, dtype, layout)
    rates = (0.1, momentum, nesterov)
    exact = [parameter.astype(np.float64), velocity.astype(np.float64)]
    reference.sgd(exact[0], gradient.astype(np.float64), exact[1], *rates)
    # Two rounded factors, two products, two sums for the velocity; as many again, and the parameter, for the step.
    size = momentum * abs(velocity.astype(np.float64)) + 0.1 * abs(gradient.astype(np.float64))
    eps = np.finfo(dtype).eps
    for engine in ENGINES:
        found = updated(engine, "sgd", [parameter, velocity], gradient, *rates)
        assert_within(found[0], exact[0], 6 * eps * (abs(parameter) + 2 * size), "parameter")
        assert_within(found[1], exact[1], 3 * eps * size, "velocity")


def test_in_place_update_of_strided_view_raises_value_error():
    whole, rest = np.ones((4, 4)), [np.ones((4, 2)) for _ in range(4)]
    with pytest.raises(ValueError, match="contiguous"):
        kernels.adam(whole[:, ::2], *rest, 1, 0.1, 0.9, 0.99, 1e-7)
    with pytest.raises(ValueError, match="contiguous"):
        kernels.sgd(rest[0], rest[1], whole[:, ::2], 0.1, 0.9, False)
    assert (whole == 1).all()
