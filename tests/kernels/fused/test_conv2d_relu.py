"""A fused convolution and ReLU returns the same bits as the two operations one after the other, both ways."""

import numpy as np
import pytest
from comparing import (
    DTYPES,
    LAYOUTS,
    SEEDS,
    assert_within,
    bias_bound,
    in_float64,
    magnitudes,
    random_array,
    windows_over_images,
    with_non_finite,
)
from compositions import (
    assert_same_bits,
    choices,
    chosen,
    convolved,
    convolved_gradients,
    kernels_for,
    on_one_thread_and_several,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import reference
from scratchcnn.algorithms import RUNGS, Choice
from scratchcnn.kernels.fused.conv2d_relu import conv2d_relu, conv2d_relu_gradients
from scratchcnn.operands import Convolution

some = settings(max_examples=150)
GEOMETRIES = st.one_of(
    windows_over_images(),
    st.sampled_from([((9, 11), (3, 3), (1, 1), "same", (1, 1)), ((12, 8), (3, 3), (1, 1), "valid", (1, 1))]),
)  # fmt: skip


@some
@given(
    st.data(), GEOMETRIES, st.integers(1, 20), st.integers(1, 20), st.integers(1, 70), st.booleans(), st.booleans(),
    DTYPES, SEEDS, LAYOUTS, LAYOUTS, st.booleans(),
)  # fmt: skip
def test_same_bits_as_the_primitive_operations(
    data, geometry, images, channels, filters, has_bias, relu, dtype, seed, layout, other_layout, broken
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), dtype, layout)
    kernel = random_array(rng, (*window, channels, filters), dtype, other_layout)
    bias = -abs(random_array(rng, filters, dtype, zeros=0.5)) if has_bias else None  # with -0.0 among its elements
    convolution = Convolution(kernel, bias, *rest, relu, Choice("tile", "tile", "tile"))
    convolution = convolution._replace(choice=data.draw(choices(convolution.problem(x.shape))))
    if broken:
        x = with_non_finite(rng, x, 0.01)
    ops = kernels_for(convolution)
    with np.errstate(all="ignore"):
        y = on_one_thread_and_several(conv2d_relu, x, convolution)
        assert_same_bits(y, convolved(ops, x, convolution), "output")
        dy = other_layout(with_non_finite(rng, random_array(rng, y.shape, dtype), 0.01 if broken else 0))
        masks = other_layout(with_non_finite(rng, y, 0.02)) if relu else None
        expected = convolved_gradients(ops, dy, masks, x, convolution)
        found = on_one_thread_and_several(conv2d_relu_gradients, dy, masks, x, convolution)
        assert_same_bits(found, expected, "gradients")
        dx, *found = on_one_thread_and_several(conv2d_relu_gradients, dy, masks, x, convolution, input_gradient=False)
        assert dx is None
        assert_same_bits(tuple(found), expected[1:], "gradients without that w.r.t. the input")


@some
@given(
    windows_over_images(), st.integers(1, 40), st.integers(1, 9), st.integers(1, 70), st.booleans(), DTYPES, SEEDS,
    LAYOUTS, LAYOUTS,
)  # fmt: skip
def test_within_the_rounding_bound_of_the_reference(
    rounding_bound, geometry, images, channels, filters, relu, dtype, seed, layout, other_layout
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), dtype, layout)
    kernel = random_array(rng, (*window, channels, filters), dtype, other_layout)
    bias = random_array(rng, filters, dtype)
    convolution = Convolution(kernel, bias, *rest, relu, Choice("tile", "tile", "tile"))
    x64, kernel64, bias64 = in_float64([x, kernel, bias])
    exact = convolved(reference, x64, convolution._replace(kernel=kernel64, bias=bias64))
    terms = window[0] * window[1] * channels
    y = conv2d_relu(x, convolution)
    assert_within(y, exact, rounding_bound(reference.conv2d(*magnitudes([x, kernel, bias]), *rest), terms, dtype), "y")

    dy = random_array(rng, y.shape, dtype, other_layout)
    dz = reference.relu_gradient(dy, y) if relu else dy
    found = conv2d_relu_gradients(dy, y if relu else None, x, convolution)
    dx, dkernel, _ = convolved_gradients(
        reference, *magnitudes([dz, None, x]), convolution._replace(kernel=abs(kernel64))
    )
    bounds = (
        rounding_bound(dx, window[0] * window[1] * filters, dtype),
        rounding_bound(dkernel, dz[..., 0].size, dtype),
        bias_bound(rounding_bound, dz),
    )
    exact = convolved_gradients(reference, in_float64([dz])[0], None, x64, convolution._replace(kernel=kernel64))
    for one, formula, bound in zip(found, exact, bounds, strict=True):
        assert_within(one, formula, bound, "gradient")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("filters", [1, 5, 16, 64, 70])
def test_same_bits_where_a_sum_is_cut_into_blocks_or_has_no_terms(rng, filters, dtype):
    bias = random_array(rng, filters, dtype)
    for channels in (210, 0):  # 5250 terms
        x, kernel = random_array(rng, (2, 6, 7, channels), dtype), random_array(rng, (5, 5, channels, filters), dtype)
        convolution = Convolution(kernel, bias, (1, 1), "valid", (1, 1), True, Choice("tile", "tile", "tile"))
        assert_same_bits(conv2d_relu(x, convolution), convolved(kernels_for(convolution), x, convolution), "output")


@pytest.mark.parametrize("algorithm", RUNGS)
def test_bias_gradient_keeps_small_elements_beside_a_large_one(algorithm):
    dy = np.full((2, 40, 41, 3), 2.0**-6, np.float32)
    dy[0, 0, 0] = 2.0**20  # a float32 sum of this size has no room for a 64th
    x = np.zeros((2, 42, 43, 1), np.float32)
    convolution = Convolution(np.zeros((3, 3, 1, 3), np.float32), None, (1, 1), "valid", (1, 1), True, None)
    convolution = chosen(convolution, x, algorithm=algorithm)
    for y, share in ((None, 1.0), (np.ones_like(dy), 1.0), (-np.ones_like(dy), 0.0)):
        for input_gradient in (False, True):
            dbias = conv2d_relu_gradients(dy, y, x, convolution, input_gradient)[2]
            np.testing.assert_array_equal(dbias, np.float32(share * (2.0**20 + (dy[..., 0].size - 1) * 2.0**-6)))


def test_an_algorithm_that_does_not_accept_the_geometry_is_an_error():
    x = np.ones((1, 9, 9, 2), np.float32)
    convolution = Convolution(
        np.ones((3, 4, 2, 3), np.float32), None, (1, 1), "valid", (1, 1), True, Choice(*["winograd_4x4"] * 3)
    )
    dy = np.ones((1, 7, 6, 3), np.float32)
    for relu in (False, True):
        with pytest.raises(ValueError, match="Expected, for algorithm='winograd_4x4', a kernel of 3 x 3"):
            conv2d_relu(x, convolution._replace(relu=relu))
    with pytest.raises(ValueError, match="Expected, for algorithm='winograd_4x4', a kernel of 3 x 3"):
        conv2d_relu_gradients(dy, None, x, convolution)


@pytest.mark.parametrize("algorithm", ["tile", "winograd_4x4"])
def test_operands_that_do_not_fit_are_an_error(algorithm):
    x, kernel = np.ones((1, 6, 6, 2), np.float32), np.ones((3, 3, 2, 3), np.float32)
    convolution = Convolution(kernel, np.ones(3, np.float32), (1, 1), "valid", (1, 1), True, Choice(*[algorithm] * 3))
    dy = np.ones((1, 4, 4, 3), np.float32)
    with pytest.raises(ValueError, match="Expected as many channels"):
        conv2d_relu(x[..., :1], convolution)
    with pytest.raises(ValueError, match="Expected bias of shape"):
        conv2d_relu(x, convolution._replace(bias=np.ones(2, np.float32)))
    for other_dy, other_y in ((dy[:, 1:], dy[:, 1:]), (dy, dy[:, 1:]), (dy, dy[..., :1]), (dy[0], None)):
        for input_gradient in (False, True):
            with pytest.raises(ValueError, match=r"Expected (dy|y) of shape"):
                conv2d_relu_gradients(other_dy, other_y, x, convolution, input_gradient)
    with pytest.raises(TypeError, match="Expected one dtype"):
        conv2d_relu(x.astype(np.float64), convolution)
    with pytest.raises(TypeError, match="Expected one dtype"):
        conv2d_relu_gradients(dy, dy.astype(np.float64), x, convolution)
