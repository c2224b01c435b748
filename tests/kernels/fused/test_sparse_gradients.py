"""Gradients by the winners of a pooling: the same as the dense ones, and ReLU inside a product the same as after it."""

import numpy as np
import pytest
from comparing import DTYPES, LAYOUTS, ROOMS, SEEDS, bias_bound, bits, check, magnitudes, run
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.algorithms import Problem, accepts_winners
from scratchcnn.geometry import image_windows


def bounds(rounding_bound, values, winners, outputs, x, kernel, *geometry):
    """How far rounding may move each gradient: the same sums over absolute values, and the number of their terms."""
    by_x, by_kernel, _ = reference.conv2d_pooled_gradients(
        *magnitudes([values, winners, outputs, x, kernel]), *geometry
    )
    overlapping = geometry[0][0] * geometry[0][1]
    terms_of_x = kernel.shape[0] * kernel.shape[1] * kernel.shape[3] * overlapping
    terms_of_kernel = values[..., 0].size * overlapping
    return (
        rounding_bound(by_x, terms_of_x, values.dtype),
        rounding_bound(by_kernel, terms_of_kernel, values.dtype),
        bias_bound(rounding_bound, values if outputs is None else reference.relu_gradient(values, outputs)),
    )


@given(
    seed=SEEDS,
    images=st.integers(1, 20),
    kernel_size=st.tuples(st.integers(1, 4), st.sampled_from([1, 2, 3])),
    channels=st.sampled_from([1, 3, 8, 16, 24, 32]),
    filters=st.integers(1, 40),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.sampled_from(["valid", "same"]),
    dilation_rate=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    pool_size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pool_strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pool_padding=st.sampled_from(["valid", "same"]),
    kept=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    relu=st.booleans(),
    dtype=DTYPES,
    layout=LAYOUTS,
)
def test_gradients_by_winners_are_the_dense_ones(
    rounding_bound, seed, images, kernel_size, channels, filters, strides, padding, dilation_rate, pool_size,
    pool_strides, pool_padding, kept, relu, dtype, layout,
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
    y = kernels.conv2d(x, kernel, None, strides, padding, dilation_rate, relu=relu)
    outputs, winners = kernels.max_pool2d(y, pool_size, pool_strides, pool_padding)
    values = (rng.standard_normal(outputs.shape) * (rng.random(outputs.shape) < kept)).astype(dtype)
    operands = [layout(values), layout(winners), layout(outputs) if relu else None, layout(x), layout(kernel)]
    geometry = (pool_size, pool_strides, pool_padding, strides, padding, dilation_rate)
    # Where winners are not accepted, the plain sum: Winograd, which 'auto' might take, has a bound of its own.
    problem = Problem(windows, channels, filters, np.dtype(dtype), any(axis.before + axis.after for axis in pool))
    algorithm = "winners" if accepts_winners(problem) else "tile"
    check("conv2d_pooled_gradients", [*operands, *geometry, algorithm], bounds(rounding_bound, *operands, *geometry))


GEOMETRY = ((2, 2), (2, 2), "valid", (1, 1), "valid", (1, 1))


def article_layer(dtype=np.float32, images=32):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((images, 26, 26, 32)).astype(dtype)
    kernel = rng.standard_normal((3, 3, 32, 64)).astype(dtype)
    winners = rng.integers(0, 4, (images, 12, 12, 64)).astype(np.uint8)
    outputs = np.maximum(rng.standard_normal(winners.shape), 0).astype(dtype)
    values = (rng.standard_normal(winners.shape) * (rng.random(winners.shape) < 0.3)).astype(dtype)
    return values, winners, outputs, x, kernel


def test_gradients_by_winners_are_the_same_bits_for_one_thread_and_two():
    values, winners, outputs, *rest = article_layer()
    for given_outputs in (outputs, None):
        run(kernels, "conv2d_pooled_gradients", [values, winners, given_outputs, *rest, *GEOMETRY])


@pytest.mark.parametrize("algorithm", ["winners", "tile", "winograd_4x4"])
def test_outputs_close_the_gradient_as_relu_does_before(algorithm):
    values, winners, outputs, *rest = article_layer(images=3)
    outputs[0, 0, 0, :5] = np.nan, -0.0, 0.0, -1.0, np.finfo(np.float32).tiny
    values[0, 0, 0, :5] = 1
    values[outputs == 0] = np.nan  # what does not pass is not multiplied either
    for ops in ROOMS:
        found = ops.conv2d_pooled_gradients(values, winners, outputs, *rest, *GEOMETRY, algorithm)
        gated = ops.relu_gradient(values, outputs)
        assert bits(found) == bits(ops.conv2d_pooled_gradients(gated, winners, None, *rest, *GEOMETRY, algorithm))
        assert all(np.isfinite(gradient).all() for gradient in found)
        np.testing.assert_array_equal(gated[0, 0, 0, :5], [0, 0, 0, 0, 1])


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_not_lost(number):
    values, winners, outputs, *rest = article_layer()
    values[3, 5, 7, 11], outputs[3, 5, 7, 11] = number, 1
    for ops in ROOMS:
        for given_outputs in (outputs, None):
            dx, dkernel, dbias = ops.conv2d_pooled_gradients(values, winners, given_outputs, *rest, *GEOMETRY)
            assert not np.isfinite(dx[3]).all()
            assert not np.isfinite(dkernel[..., 11]).all()
            assert np.isfinite(dkernel[..., :11]).all()
            assert np.isfinite(dx[:3]).all()
            np.testing.assert_array_equal(np.flatnonzero(~np.isfinite(dbias)), [11])


def test_winners_that_do_not_fit_are_refused():
    values, winners, outputs, *rest = article_layer(images=3)
    rest += GEOMETRY
    for ops in ROOMS:
        with pytest.raises(ValueError, match="Expected winners of shape"):
            ops.conv2d_pooled_gradients(values, winners[:, 1:], outputs, *rest)
        with pytest.raises(ValueError, match="Expected winners of shape"):
            ops.conv2d_pooled_gradients(values, winners.astype(np.int64), outputs, *rest)
        beyond = winners.copy()
        beyond[2, 3, 4, 5] = 4
        with pytest.raises(ValueError, match=r"Expected winners from 0 to 3, .* received 4"):
            ops.conv2d_pooled_gradients(values, beyond, outputs, *rest)
        with pytest.raises(ValueError, match="Expected winners from 0 to 3"):
            ops.max_pool2d_gradient(values, beyond, (3, 24, 24, 64))
        with pytest.raises(ValueError, match=r"Expected (values|dy) of shape"):
            ops.conv2d_pooled_gradients(values[1:], winners[1:], None, *rest)


def test_outputs_that_do_not_fit_are_refused():
    values, winners, outputs, *rest = article_layer(images=3)
    rest += GEOMETRY
    for ops in ROOMS:
        for other in (outputs[1:], outputs[:, :, :11], outputs[..., :1], outputs[0]):
            with pytest.raises(ValueError, match=r"Expected (outputs|dy) of shape"):
                ops.conv2d_pooled_gradients(values, winners, other, *rest)
        with pytest.raises(TypeError, match="Expected one dtype"):
            ops.conv2d_pooled_gradients(values, winners, outputs.astype(np.float64), *rest)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("filters", [1, 5, 16, 64, 70])
def test_relu_inside_a_product_is_the_same_bits_as_after_it(filters, dtype):
    rng = np.random.default_rng(filters)
    x, kernel = rng.standard_normal((3, 9, 8, 4)).astype(dtype), rng.standard_normal((3, 2, 4, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    x[1, 2, 3] = np.nan
    rows, matrix = rng.standard_normal((11, 3000)).astype(dtype), rng.standard_normal((3000, filters)).astype(dtype)
    for ops in ROOMS:
        after = ops.relu(ops.conv2d(x, kernel, bias, (1, 1), "same"))
        np.testing.assert_array_equal(ops.conv2d(x, kernel, bias, (1, 1), "same", relu=True), after)
        assert np.isnan(after[1]).any()
        np.testing.assert_array_equal(ops.dense(rows, matrix, bias, relu=True), ops.relu(ops.dense(rows, matrix, bias)))
    nothing = np.zeros((2, 0), dtype)
    np.testing.assert_array_equal(
        kernels.dense(nothing, matrix[:0], bias, relu=True), np.maximum(np.stack([bias, bias]), 0)
    )


@pytest.mark.parametrize("input_relu", [False, True])
@pytest.mark.parametrize("channels", [32, 24])  # worked on in one slice or in several
def test_gradient_by_the_images_in_their_own_memory_has_the_same_bits(input_relu, channels):
    rng = np.random.default_rng(1)
    x = np.maximum(rng.standard_normal((5, 26, 26, channels)), 0).astype(np.float32)
    kernel = rng.standard_normal((3, 3, channels, 20)).astype(np.float32)
    outputs, winners = kernels.conv2d_max_pool2d(x, kernel, None, *GEOMETRY[:3], *GEOMETRY[3:], True)
    values = rng.standard_normal(outputs.shape).astype(np.float32)
    arguments = (values, winners, outputs, x, kernel, *GEOMETRY, "auto", input_relu)
    images = x.copy()
    apart = kernels.conv2d_pooled_gradients(*arguments)
    assert np.array_equal(x, images), "unasked, the images are left as they are"
    together = kernels.conv2d_pooled_gradients(*arguments, overwrite_x=True)
    assert bits(together) == bits(apart)
    if channels == 32:
        assert together[0].ctypes.data == x.ctypes.data
