"""A fused batch normalization and ReLU returns the same bits as the two operations one after the other, both ways."""

import numpy as np
import pytest
from comparing import DTYPES, LAYOUTS, SEEDS, random_array, with_non_finite
from compositions import assert_same_bits, on_one_thread_and_several
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchcnn import kernels
from scratchcnn.kernels.batch_normalization import BLOCK
from scratchcnn.kernels.fused.batch_normalization_relu import (
    batch_normalization_relu,
    batch_normalization_relu_input_gradient,
    batch_normalization_relu_parameter_gradients,
)

SHAPES = st.lists(st.integers(1, 9), min_size=2, max_size=4).map(tuple)
LARGE = (12, 20, 30, 33)  # several blocks, and more elements than one thread computes alone
assert np.prod(LARGE) > 4 * BLOCK


@settings(max_examples=150)
@given(SHAPES, st.booleans(), st.booleans(), st.booleans(), DTYPES, SEEDS, LAYOUTS)
@example(LARGE, True, True, False, np.float32, 0, np.ascontiguousarray)
@example(LARGE, False, False, True, np.float64, 1, np.ascontiguousarray)
def test_same_bits_as_the_primitive_operations(shape, has_gamma, has_beta, broken, dtype, seed, layout):
    rng = np.random.default_rng(seed)
    x, dy = (layout(random_array(rng, shape, dtype)) for _ in range(2))
    mean, variance = kernels.batch_statistics(x)
    gamma = random_array(rng, shape[-1:], dtype) if has_gamma else None
    beta = -abs(random_array(rng, shape[-1:], dtype, zeros=0.5)) if has_beta else None  # with -0.0 among its elements
    if broken:
        x, dy = (layout(with_non_finite(rng, array, 0.02)) for array in (x, dy))
    with np.errstate(all="ignore"):
        y = on_one_thread_and_several(batch_normalization_relu, x, mean, variance, gamma, beta, 1e-3)
        expected = kernels.relu(kernels.batch_normalization(x, mean, variance, gamma, beta, 1e-3))
        assert_same_bits(y, expected, "output")
        dz = kernels.relu_gradient(dy, y)
        found = on_one_thread_and_several(batch_normalization_relu_parameter_gradients, dy, x, mean, variance, 1e-3, y)
        sums = kernels.batch_normalization_parameter_gradients(dz, x, mean, variance, 1e-3)
        assert_same_bits(found, sums, "gradients w.r.t. the parameters")
        arguments = x, mean, variance, gamma, 1e-3, *sums
        found = on_one_thread_and_several(batch_normalization_relu_input_gradient, dy, *arguments, y)
        expected = kernels.batch_normalization_input_gradient(dz, *arguments)
        assert_same_bits(found, expected, "gradient w.r.t. the input")


def test_gradient_is_zero_where_the_output_is_zero():
    x = np.array([[-1.0], [0.0], [1.0]])
    mean, variance, dy = np.zeros(1), np.ones(1), np.array([[2.0], [3.0], [5.0]])
    y = batch_normalization_relu(x, mean, variance, None, None, 0.0)
    assert y.tolist() == [[0], [0], [1]]
    dgamma, dbeta = batch_normalization_relu_parameter_gradients(dy, x, mean, variance, 0.0, y)
    assert (dgamma.tolist(), dbeta.tolist()) == ([5], [5])


def test_mask_of_another_shape_is_an_error():
    x, mean, variance = np.ones((4, 3)), np.ones(3), np.ones(3)
    with pytest.raises(ValueError, match="Expected"):
        batch_normalization_relu_parameter_gradients(x, x, mean, variance, 1e-3, np.ones((4, 2)))
    with pytest.raises(ValueError, match="Expected"):
        batch_normalization_relu_input_gradient(x, x, mean, variance, None, 1e-3, mean, mean, np.ones((5, 3)))
