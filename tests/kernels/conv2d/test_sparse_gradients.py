"""Sparse gradients ('winners') against the reference, for any gradient, dense or from a pooling."""

import numpy as np
import pytest
from comparing import DTYPES, LAYOUTS, SEEDS, assert_within, bias_bound, bits, in_float64, magnitudes, random_array
from compositions import on_one_thread_and_several
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.algorithms import Choice, Problem, accepts_winners
from scratchcnn.geometry import image_windows
from scratchcnn.kernels.conv2d.dispatch import conv2d_bias_gradient
from scratchcnn.kernels.conv2d.sparse_gradients import _window_order
from scratchcnn.operations import with_algorithm

some = settings(max_examples=150)


def choice_for(pool):
    return Choice("tile", "winners", "winners", pool)


@st.composite
def geometries(draw):
    """Image size, kernel size, strides, padding, dilation and pooling windows that sparse gradients accept."""
    size, window, strides, dilation, pool = [], [], [], [], []
    padding = draw(st.sampled_from(["valid", "same"]))
    for axis in range(2):
        window.append(draw(st.integers(1, 4)))
        strides.append(draw(st.integers(1, 3)))
        dilation.append(draw(st.integers(1, 2)) if axis == 0 else 1)
        pool.append(draw(st.integers(1, 3)))
        output = draw(st.integers(pool[-1], pool[-1] + 6))
        span = (window[-1] - 1) * dilation[-1] + 1 if padding == "valid" else 1
        size.append((output - 1) * strides[-1] + span + draw(st.integers(0, strides[-1] - 1)))
    geometry = tuple(size), tuple(window), tuple(strides), padding, tuple(dilation)
    windows = image_windows(*geometry)
    pool_strides = tuple(length + draw(st.integers(0, 2)) for length in pool)
    return geometry, image_windows((windows.rows.output, windows.columns.output), tuple(pool), pool_strides, "valid")


@some
@given(
    geometries(), st.integers(1, 20), st.sampled_from([16, 32, 48]), st.integers(1, 40),
    st.sampled_from([0.1, 0.5, 1.0]), DTYPES, SEEDS, LAYOUTS,
)  # fmt: skip
def test_any_gradient_is_within_the_rounding_bound_of_the_reference(
    rounding_bound, geometry, images, channels, filters, zeros, dtype, seed, layout
):
    (size, window, *rest), pool = geometry
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), dtype, layout)
    kernel = random_array(rng, (*window, channels, filters), dtype, layout)
    dy = random_array(rng, (images, pool.rows.size, pool.columns.size, filters), dtype, layout)
    dy = layout(np.where(rng.random(dy.shape) < zeros, dtype(0), dy))
    for name, arguments, terms in (
        ("conv2d_kernel_gradient", [dy, x, window, *rest], dy[..., 0].size),
        ("conv2d_input_gradient", [dy, kernel, x.shape, *rest], window[0] * window[1] * filters),
    ):
        found = on_one_thread_and_several(getattr(kernels, name), *arguments, algorithm=choice_for(pool))
        exact = getattr(reference, name)(*in_float64(arguments))
        assert (found.shape, found.dtype) == (exact.shape, dtype)
        assert_within(
            found, exact, rounding_bound(getattr(reference, name)(*magnitudes(arguments)), terms, dtype), name
        )
    dbias = on_one_thread_and_several(conv2d_bias_gradient, dy, choice_for(pool))
    assert_within(dbias, reference.bias_gradient(in_float64([dy])[0]), bias_bound(rounding_bound, dy), "bias")


@given(geometries())
def test_every_pixel_is_visited_once_window_by_window(geometry):
    _, pool = geometry
    order = _window_order(pool)
    np.testing.assert_array_equal(np.sort(order), np.arange(pool.rows.size * pool.columns.size))
    covered, _ = reference.max_pool2d(
        order.argsort().reshape(1, pool.rows.size, pool.columns.size, 1).astype(np.float64),
        (pool.rows.kernel, pool.columns.kernel), (pool.rows.stride, pool.columns.stride), "valid",
    )  # fmt: skip
    area = pool.rows.kernel * pool.columns.kernel
    np.testing.assert_array_equal(covered.reshape(-1), np.arange(1, covered.size + 1) * area - 1)


def article_layer(images=3):
    rng = np.random.default_rng(0)
    x, kernel, dy = (
        random_array(rng, shape, np.float32) for shape in ((images, 26, 26, 32), (3, 3, 32, 64), (images, 24, 24, 64))
    )
    return dy, x, kernel, image_windows((24, 24), (2, 2), (2, 2), "valid")


def test_operations_bound_to_a_choice_use_sparse_gradients():
    dy, x, kernel, pool = article_layer()
    choice = choice_for(pool)
    geometry = ((1, 1), "valid", (1, 1))
    ops = with_algorithm(choice)
    for found, expected, dense in (
        (
            ops.conv2d_kernel_gradient(dy, x, (3, 3), *geometry),
            kernels.conv2d_kernel_gradient(dy, x, (3, 3), algorithm=choice),
            kernels.conv2d_kernel_gradient(dy, x, (3, 3), algorithm="tile"),
        ),
        (
            ops.conv2d_input_gradient(dy, kernel, x.shape, *geometry),
            kernels.conv2d_input_gradient(dy, kernel, x.shape, algorithm=choice),
            kernels.conv2d_input_gradient(dy, kernel, x.shape, algorithm="tile"),
        ),
    ):
        assert bits(found) == bits(expected)
        assert bits(found) != bits(dense), "sums in another order round differently"
    large = np.ones((1, 24, 24, 1)) * np.arange(24.0).reshape(24, 1, 1) ** 40  # so does a sum in float64
    assert bits(ops.bias_gradient(large)) == bits(conv2d_bias_gradient(large, choice))
    assert bits(ops.bias_gradient(large)) != bits(kernels.bias_gradient(large))


@pytest.mark.parametrize("element", [np.nan, np.inf])
def test_a_non_finite_gradient_reaches_what_depends_on_it_and_nothing_else(element):
    dy, x, kernel, pool = article_layer()
    dy[1, 23, 5, 11] = element
    dx = kernels.conv2d_input_gradient(dy, kernel, x.shape, algorithm=choice_for(pool))
    assert not np.isfinite(dx[1]).all()
    assert np.isfinite(dx[[0, 2]]).all()
    dkernel = kernels.conv2d_kernel_gradient(dy, x, (3, 3), algorithm=choice_for(pool))
    assert not np.isfinite(dkernel[..., 11]).all()
    assert np.isfinite(np.delete(dkernel, 11, axis=3)).all()


def test_a_pooling_of_another_size_or_none_is_an_error():
    dy, x, kernel, _ = article_layer(1)
    for pool in (None, image_windows((22, 24), (2, 2), (2, 2), "valid")):
        with pytest.raises(ValueError, match="Expected, for algorithm='winners'"):
            kernels.conv2d_kernel_gradient(dy, x, (3, 3), algorithm=choice_for(pool))
        with pytest.raises(ValueError, match="Expected, for algorithm='winners'"):
            kernels.conv2d_input_gradient(dy, kernel, x.shape, algorithm=choice_for(pool))
        kernels.conv2d(x, kernel, None, algorithm=choice_for(pool))  # the forward pass does not depend on the pooling


def test_operands_that_do_not_fit_are_an_error():
    dy, x, kernel, pool = article_layer(2)
    choice = choice_for(pool)
    for other in (dy[1:], dy[:, 1:], dy[0]):
        with pytest.raises(ValueError, match="Expected dy of shape"):
            kernels.conv2d_kernel_gradient(other, x, (3, 3), algorithm=choice)
        with pytest.raises(ValueError, match="Expected dy of shape"):
            kernels.conv2d_input_gradient(other, kernel, x.shape, algorithm=choice)
    with pytest.raises(ValueError, match="Expected dy of shape"):
        conv2d_bias_gradient(dy[:, 1:], choice)
    with pytest.raises(TypeError, match="Expected one dtype"):
        kernels.conv2d_kernel_gradient(dy.astype(np.float64), x, (3, 3), algorithm=choice)


ACCEPTED = Problem(
    image_windows((26, 26), (3, 3), (1, 1), "valid"), 32, 64, np.dtype(np.float32),
    image_windows((24, 24), (2, 2), (2, 2), "valid"),
)  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    {
        "no pooling": {"pool": None},
        "overlapping windows": {"pool": image_windows((24, 24), (3, 3), (2, 2), "valid")},
        "windows that overlap along a row": {"pool": image_windows((24, 24), (2, 2), (2, 1), "valid")},
        "a padded pooling": {"pool": image_windows((24, 24), (5, 5), (5, 5), "same")},
        "dilation along a row": {
            "windows": image_windows((26, 28), (3, 3), (1, 1), "valid", (1, 2)),
            "pool": image_windows((24, 24), (2, 2), (2, 2), "valid"),
        },
        "rows that are not whole cache lines": {"channels": 20},
    }.values(),
)
def test_geometry_that_sparse_gradients_do_not_accept(changes):
    assert accepts_winners(ACCEPTED)
    assert not accepts_winners(ACCEPTED._replace(**changes))
