"""Near ties in max pooling below Winograd: decided as by a plain sum, with and without fusion."""

import numpy as np
import pytest
from compositions import HALVED, assert_same_bits, kernels_for, on_one_thread_and_several, pooled
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import kernels
from scratchcnn.algorithms import Choice
from scratchcnn.kernels.conv2d.dispatch import LADDER
from scratchcnn.kernels.fused.conv2d_max_pool2d import conv2d_max_pool2d
from scratchcnn.operands import Convolution


def with_near_ties(rng, shape):
    """Activations of a ReLU whose columns from the fourth on are equal, up to changes of 1e-8 to 1e-7."""
    x = np.maximum(rng.standard_normal(shape), 0)
    x[:, :, 4:] = x[:, :, 4:5] * (1 + 1e-7 * rng.random((*shape[:2], shape[2] - 4, shape[3])))
    return x.astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["winograd_2x2", "winograd_4x4"]), st.sampled_from(["valid", "same"]), st.integers(1, 4),
    st.tuples(st.integers(8, 17), st.integers(8, 17)), st.sampled_from([1, 5, 16, 32, 128]), st.integers(1, 40),
    st.booleans(), st.booleans(), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_argmax_is_that_of_a_plain_sum(rung, padding, images, size, channels, filters, has_bias, relu, seed):
    rng = np.random.default_rng(seed)
    x = with_near_ties(rng, (images, *size, channels))
    kernel = rng.standard_normal((3, 3, channels, filters)).astype(np.float32)
    bias = rng.standard_normal(filters).astype(np.float32) if has_bias else None
    convolution = Convolution(kernel, bias, (1, 1), padding, (1, 1), relu, Choice("tile", "tile", "tile"))
    pool = HALVED.windows(convolution.output_shape(x.shape))
    _, expected = pooled(kernels_for(convolution), x, convolution, HALVED)
    convolution = convolution._replace(choice=Choice(rung, "tile", "tile", pool))
    found = on_one_thread_and_several(conv2d_max_pool2d, x, convolution, HALVED)
    np.testing.assert_array_equal(found[1], expected)
    assert_same_bits(found, pooled(kernels_for(convolution), x, convolution, HALVED), "fused and not fused")


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["winograd_2x2", "winograd_4x4"]), st.booleans(), st.integers(0, 2**32 - 1))
def test_fused_and_not_fused_agree_over_a_uniform_background(rung, is_empty, seed):
    rng = np.random.default_rng(seed)
    x = np.zeros((3, 14, 18, 16), np.float32) if is_empty else np.tile(rng.random(16, np.float32), (3, 14, 18, 1))
    x[:, 4:9, 5:12] = with_near_ties(rng, (3, 5, 7, 16))
    x[1, 3, 4] = 0
    kernel = rng.standard_normal((3, 3, 16, 20)).astype(np.float32)
    convolution = Convolution(kernel, None, (1, 1), "valid", (1, 1), bool(seed % 2), Choice(rung, "tile", "tile"))
    pool = HALVED.windows(convolution.output_shape(x.shape))
    convolution = convolution._replace(choice=Choice(rung, "tile", "tile", pool))
    found = on_one_thread_and_several(conv2d_max_pool2d, x, convolution, HALVED)
    assert_same_bits(found, pooled(kernels_for(convolution), x, convolution, HALVED), "fused and not fused")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_fused_and_not_fused_agree_where_pixels_are_not_finite(rng, value):
    x = with_near_ties(rng, (2, 12, 12, 16))
    x[0, 5, 5, 3] = value
    kernel = rng.standard_normal((3, 3, 16, 16)).astype(np.float32)
    convolution = Convolution(kernel, None, (1, 1), "valid", (1, 1), True, Choice("winograd_4x4", "tile", "tile"))
    pool = HALVED.windows(convolution.output_shape(x.shape))
    convolution = convolution._replace(choice=Choice("winograd_4x4", "tile", "tile", pool))
    y, winners = on_one_thread_and_several(conv2d_max_pool2d, x, convolution, HALVED)
    expected, expected_winners = pooled(kernels_for(convolution), x, convolution, HALVED)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(winners, expected_winners)


@pytest.mark.parametrize("rung", ["winograd_2x2", "winograd_4x4"])
def test_rounding_would_decide_otherwise(rng, rung):
    """So that the tests above are about something."""
    x, kernel = with_near_ties(rng, (4, 26, 26, 32)), rng.standard_normal((3, 3, 32, 16)).astype(np.float32)
    _, found = kernels.max_pool2d(LADDER[rung].conv2d(x, kernel, None))
    _, expected = kernels.max_pool2d(LADDER["tile"].conv2d(x, kernel, None))
    assert (found != expected).any()
