"""Gradients by the winners of a pooling: the same as the dense ones, and ReLU inside a product the same as after it."""

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.geometry import image_windows


def gradients(ops, values, winners, x, kernel, *geometry):
    return ops.conv2d_pooled_gradients(values, winners, x, kernel, *geometry)


def bounds(values, winners, x, kernel, geometry, rounding_bound):
    """The same sums over absolute values, and the number of terms of each, as far as rounding may move them."""
    absolute = [np.abs(array.astype(np.float64)) for array in (values, x, kernel)]
    by_x, by_kernel = gradients(reference, absolute[0], winners, absolute[1], absolute[2], *geometry)
    terms_of_x = kernel.shape[0] * kernel.shape[1] * kernel.shape[3] * geometry[0][0] * geometry[0][1]
    terms_of_kernel = values[..., 0].size * geometry[0][0] * geometry[0][1]
    return (
        rounding_bound(by_x, terms_of_x, values.dtype),
        rounding_bound(by_kernel, terms_of_kernel, values.dtype),
    )


@given(
    seed=st.integers(0, 10**6),
    images=st.integers(1, 20),
    kernel_size=st.tuples(st.integers(1, 4), st.sampled_from([1, 2, 3])),
    channels=st.sampled_from([1, 3, 8, 16, 24, 32]),
    filters=st.integers(1, 20),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.sampled_from(["valid", "same"]),
    dilation_rate=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    pool_size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pool_strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pool_padding=st.sampled_from(["valid", "same"]),
    kept=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_gradients_by_winners_are_the_dense_ones(
    rounding_bound, seed, images, kernel_size, channels, filters, strides, padding, dilation_rate, pool_size,
    pool_strides, pool_padding, kept, dtype,
):  # fmt: skip
    rng = np.random.default_rng(seed)
    size = tuple(int(rng.integers(9, 14)) for _ in range(2))
    windows = image_windows(size, kernel_size, strides, padding, dilation_rate)
    output = (windows.rows.output, windows.columns.output)
    pool = image_windows(output, pool_size, pool_strides, pool_padding)
    if min(pool.rows.output, pool.columns.output) < 1:
        return
    x = rng.standard_normal((images, *size, channels)).astype(dtype)
    kernel = rng.standard_normal((*kernel_size, channels, filters)).astype(dtype)
    y, winners = kernels.max_pool2d(kernels.conv2d(x, kernel, None, strides, padding, dilation_rate), pool_size,
                                    pool_strides, pool_padding)  # fmt: skip
    values = (rng.standard_normal(y.shape) * (rng.random(y.shape) < kept)).astype(dtype)
    geometry = (pool_size, pool_strides, pool_padding, strides, padding, dilation_rate)
    wide = [array.astype(np.float64) for array in (values, x, kernel)]
    exact = gradients(reference, wide[0], winners, wide[1], wide[2], *geometry)
    found = gradients(kernels, values, winners, x, kernel, *geometry)
    allowed = bounds(values, winners, x, kernel, geometry, rounding_bound)
    for ours, formula, bound in zip(found, exact, allowed, strict=True):
        assert ours.dtype == dtype
        assert ours.shape == formula.shape
        assert (np.abs(ours - formula) <= bound).all()


def article_layer(dtype=np.float32):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((32, 26, 26, 32)).astype(dtype)
    kernel = rng.standard_normal((3, 3, 32, 64)).astype(dtype)
    winners = rng.integers(0, 4, (32, 12, 12, 64)).astype(np.uint8)
    values = (rng.standard_normal(winners.shape) * (rng.random(winners.shape) < 0.3)).astype(dtype)
    return values, winners, x, kernel, (2, 2), (2, 2), "valid", (1, 1), "valid", (1, 1)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
def test_gradients_by_winners_are_the_same_bits_for_one_thread_and_two():
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        with_one = kernels.conv2d_pooled_gradients(*article_layer())
        numba.set_num_threads(2)
        with_two = kernels.conv2d_pooled_gradients(*article_layer())
    finally:
        numba.set_num_threads(before)
    for one, two in zip(with_one, with_two, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_not_lost(number):
    values, winners, *rest = article_layer()
    values[3, 5, 7, 11] = number
    for ops in (kernels, reference):
        dx, dkernel = ops.conv2d_pooled_gradients(values, winners, *rest)
        assert not np.isfinite(dx[3]).all()
        assert not np.isfinite(dkernel[..., 11]).all()
        assert np.isfinite(dkernel[..., :11]).all()
        assert np.isfinite(dx[:3]).all()


def test_winners_that_do_not_fit_are_refused():
    values, winners, *rest = article_layer()
    for ops in (kernels, reference):
        with pytest.raises(ValueError, match="Expected winners of shape"):
            ops.conv2d_pooled_gradients(values, winners[:, 1:], *rest)
        with pytest.raises(ValueError, match="Expected winners of shape"):
            ops.conv2d_pooled_gradients(values, winners.astype(np.int64), *rest)
        beyond = winners.copy()
        beyond[2, 3, 4, 5] = 4
        with pytest.raises(ValueError, match=r"Expected winners from 0 to 3, .* received 4"):
            ops.conv2d_pooled_gradients(values, beyond, *rest)
        with pytest.raises(ValueError, match="Expected winners from 0 to 3"):
            ops.max_pool2d_gradient(values, beyond, (32, 24, 24, 64))
        with pytest.raises(ValueError, match=r"Expected (values|dy) of shape"):
            ops.conv2d_pooled_gradients(values[1:], winners[1:], *rest)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("filters", [1, 5, 16, 64, 70])
def test_relu_inside_a_product_is_the_same_bits_as_after_it(filters, dtype):
    rng = np.random.default_rng(filters)
    x, kernel = rng.standard_normal((3, 9, 8, 4)).astype(dtype), rng.standard_normal((3, 2, 4, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    x[1, 2, 3] = np.nan
    rows, matrix = rng.standard_normal((11, 3000)).astype(dtype), rng.standard_normal((3000, filters)).astype(dtype)
    for ops in (kernels, reference):
        after = ops.relu(ops.conv2d(x, kernel, bias, (1, 1), "same"))
        np.testing.assert_array_equal(ops.conv2d(x, kernel, bias, (1, 1), "same", relu=True), after)
        assert np.isnan(after[1]).any()
        np.testing.assert_array_equal(ops.dense(rows, matrix, bias, relu=True), ops.relu(ops.dense(rows, matrix, bias)))
    nothing = np.zeros((2, 0), dtype)
    np.testing.assert_array_equal(
        kernels.dense(nothing, matrix[:0], bias, relu=True), np.maximum(np.stack([bias, bias]), 0)
    )
