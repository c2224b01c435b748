"""Optimizers update their arrays in place, within a derived bound of the reference; and gradient clipping."""

import math

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


def positive(rng, shape, dtype):
    return (rng.random(shape) + 0.01).astype(dtype)  # so that roots and quotients magnify no rounding error


@some
@given(SHAPES, DTYPES, SEEDS, LAYOUTS, st.booleans(), st.booleans())
@example([200, 200], np.float32, 0, plain, True, True)
def test_rmsprop_matches_reference(shape, dtype, seed, layout, with_momentum, centered):
    rng = np.random.default_rng(seed)
    parameter, increment = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    gradient, velocity = random_array(rng, shape, dtype, layout), positive(rng, shape, dtype) + dtype(1)
    average = (rng.random(shape) * 0.5).astype(dtype)
    changed = [parameter, velocity, increment if with_momentum else None, average if centered else None]
    rates = (0.01, 0.9, 0.5, 1e-3)
    found = [stepped(engine, "rmsprop", changed, gradient, rates) for engine in ENGINES]
    exact = [None if array is None else array.astype(np.float64) for array in changed]
    reference.rmsprop(exact[0], gradient.astype(np.float64), *exact[1:], *rates)
    g, eps = abs(gradient.astype(np.float64)), np.finfo(dtype).eps
    # The variance is above 0.1: the velocity is above 0.9, and the average below 0.45 + 0.1 * g.
    variance = exact[1] if average is None or not centered else np.maximum(exact[1] - exact[3] ** 2, 0) + 1e-3
    relative = 20 * eps * (exact[1] / variance + 1)
    step = 0.01 * g / np.sqrt(variance)
    size = step + 0.5 * abs(increment.astype(np.float64))
    bounds = [eps * abs(parameter) + size * relative, 6 * eps * exact[1], size * relative, 6 * eps * (1 + g)]
    for arrays in found:
        for array, wanted, bound in zip(arrays, exact, bounds, strict=True):
            if wanted is not None:
                assert array.dtype == dtype
                assert_within(array, wanted, 2 * bound, "rmsprop")


def stepped(engine, name, changed, gradient, rates):
    """Return copies of the arrays that an operation updates, after checking that threads change no bit."""
    results = []
    for threads in (1, THREADS):
        arrays = [None if array is None else array.copy() for array in changed]
        with on_threads(threads):
            getattr(engine, name)(arrays[0], gradient, *arrays[1:], *rates)
        results.append(arrays)
    one, other = ([array.tobytes() for array in arrays if array is not None] for arrays in results)
    assert one == other
    return results[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_centered_rmsprop_of_a_constant_gradient_has_no_root_of_a_negative_number(dtype):
    for engine in ENGINES:
        parameter, velocity, average = (np.zeros(500, dtype) for _ in range(3))
        gradient = np.linspace(1, 1e4, 500).astype(dtype)
        for _ in range(300):
            engine.rmsprop(parameter, gradient, velocity, None, average, 0.001, 0.5, 0.0, 1e-7)
        assert not np.isnan(parameter).any()


@some
@given(SHAPES, DTYPES, SEEDS, LAYOUTS)
def test_adagrad_and_adadelta_match_reference(shape, dtype, seed, layout):
    rng = np.random.default_rng(seed)
    parameter, gradient = rng.standard_normal(shape).astype(dtype), random_array(rng, shape, dtype, layout)
    first, second = positive(rng, shape, dtype), positive(rng, shape, dtype)
    g, eps = abs(gradient.astype(np.float64)), np.finfo(dtype).eps
    for name, changed, rates in (
        ("adagrad", [parameter, first], (0.1, 1e-7)),
        ("adadelta", [parameter, first, second], (0.5, 0.9, 1e-6)),
    ):
        exact = [array.astype(np.float64) for array in changed]
        getattr(reference, name)(exact[0], gradient.astype(np.float64), *exact[1:], *rates)
        update = abs(exact[0] - parameter)
        # Some ten operations on positive numbers, each rounded once; the last sum is rounded to the parameter.
        bounds = [
            eps * (abs(parameter) + 20 * update), 20 * eps * (exact[1] + g * g), *(20 * eps * a for a in exact[2:]),
        ]  # fmt: skip
        for engine in ENGINES:
            for array, wanted, bound in zip(
                stepped(engine, name, changed, gradient, rates), exact, bounds, strict=True
            ):
                assert array.dtype == dtype
                assert_within(array, wanted, 2 * bound, name)


@some
@given(SHAPES, DTYPES, SEEDS, LAYOUTS, st.sampled_from([0.1, 1.0, 1e6]))
def test_clipping_limits_norm_and_values(shape, dtype, seed, layout, limit):
    rng = np.random.default_rng(seed)
    gradient, eps = random_array(rng, shape, dtype, layout), np.finfo(dtype).eps
    before, norm = gradient.copy(), float(np.linalg.norm(gradient.astype(np.float64)))
    for engine in ENGINES:
        clipped = engine.clip_by_norm(gradient, norm, limit)
        wanted = gradient.astype(np.float64) * min(1, limit / norm) if norm else np.zeros(shape)
        assert clipped.dtype == dtype
        assert_within(clipped, wanted, 2 * eps * abs(wanted), "clip_by_norm")
        assert (clipped is gradient) == (norm <= limit)
        limited = engine.clip_by_value(gradient, limit)
        np.testing.assert_array_equal(limited, np.clip(gradient, dtype(-limit), dtype(limit)))
        parameter = plain(before.copy())
        engine.decay(parameter, 0.01)
        assert_within(parameter, before.astype(np.float64) * 0.99, 2 * eps * abs(before.astype(np.float64)), "decay")
    np.testing.assert_array_equal(gradient, before)


def test_clipping_keeps_nan():
    gradient = np.array([1.0, np.nan, -3.0])
    for engine in ENGINES:
        assert np.isnan(engine.clip_by_norm(gradient, math.sqrt(engine.squared_sum(gradient)), 1.0)).all()
        np.testing.assert_array_equal(engine.clip_by_value(gradient, 2.0), [1, np.nan, -2])


def test_in_place_update_of_strided_view_raises_value_error():
    whole, rest = np.ones((4, 4)), [np.ones((4, 2)) for _ in range(4)]
    with pytest.raises(ValueError, match="contiguous"):
        kernels.adam(whole[:, ::2], *rest, 1, 0.1, 0.9, 0.99, 1e-7)
    with pytest.raises(ValueError, match="contiguous"):
        kernels.sgd(rest[0], rest[1], whole[:, ::2], 0.1, 0.9, False)
    with pytest.raises(ValueError, match="contiguous"):
        kernels.rmsprop(rest[0], rest[1], rest[2], whole[:, ::2], None, 0.1, 0.9, 0.5, 1e-7)
    with pytest.raises(ValueError, match="contiguous"):
        kernels.adagrad(whole[:, ::2], rest[0], rest[1], 0.1, 1e-7)
    with pytest.raises(ValueError, match="contiguous"):
        kernels.adadelta(rest[0], rest[1], rest[2], whole[:, ::2], 0.1, 0.9, 1e-7)
    with pytest.raises(ValueError, match="contiguous"):
        kernels.decay(whole[:, ::2], 0.1)
    assert (whole == 1).all()
