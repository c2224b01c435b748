"""Dense and its gradients, compared with the reference: shapes, memory layouts, dtypes, non-finite values."""

import numpy as np
import pytest
from comparing import (
    DTYPES,
    LAYOUTS,
    SEEDS,
    check_sums,
    plain,
    random_array,
    reversed_in_memory,
    transposed,
    with_non_finite,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchcnn import kernels

few = settings(max_examples=75)
some = settings(max_examples=150)


@some
@given(st.integers(1, 40), st.integers(1, 300), st.integers(1, 150), st.booleans(), DTYPES, SEEDS, LAYOUTS, LAYOUTS)
@example(1, 1, 1, True, np.float32, 0, plain, plain)
@example(7, 4500, 10, True, np.float32, 0, plain, plain)  # a sum in several blocks
@example(130, 97, 128, True, np.float64, 0, transposed, reversed_in_memory)
def test_dense_and_gradients_match_reference(
    rounding_bound, samples, inputs, units, has_bias, dtype, seed, layout, other_layout
):
    rng = np.random.default_rng(seed)
    x = random_array(rng, (samples, inputs), dtype, layout)
    kernel = random_array(rng, (inputs, units), dtype, other_layout)
    bias = random_array(rng, units, dtype, layout) if has_bias else None
    dy = random_array(rng, (samples, units), dtype, other_layout)
    check_sums(rounding_bound, "dense", [x, kernel, bias], inputs)
    check_sums(rounding_bound, "dense_kernel_gradient", [dy, x], samples)
    check_sums(rounding_bound, "dense_input_gradient", [dy, kernel], units)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dense_gradients_match_reference_when_sums_are_split_into_blocks(rounding_bound, rng, dtype):
    dy, x, kernel = (random_array(rng, shape, dtype) for shape in [(4300, 7), (4300, 9), (9, 4300)])
    check_sums(rounding_bound, "dense_kernel_gradient", [dy, x], 4300)
    check_sums(rounding_bound, "dense_input_gradient", [random_array(rng, (5, 4300), dtype), kernel], 4300)


@few
@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 40), DTYPES, SEEDS)
def test_non_finite_values_propagate_through_dense(rounding_bound, samples, inputs, units, dtype, seed):
    rng = np.random.default_rng(seed)
    shapes = [(samples, inputs), (inputs, units), (samples, units)]
    x, kernel, dy = (with_non_finite(rng, random_array(rng, shape, dtype), 0.02) for shape in shapes)
    check_sums(rounding_bound, "dense", [x, kernel, None], inputs)
    check_sums(rounding_bound, "dense_kernel_gradient", [dy, x], samples)
    check_sums(rounding_bound, "dense_input_gradient", [dy, kernel], units)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_dense_products_match_reference_on_any_number_of_threads(rounding_bound, rng, dtype):
    x, kernel, dy = (random_array(rng, shape, dtype) for shape in [(97, 293), (293, 170), (97, 170)])
    check_sums(rounding_bound, "dense", [x, kernel, None], 293)
    check_sums(rounding_bound, "dense_kernel_gradient", [dy, x], 97)
    check_sums(rounding_bound, "dense_input_gradient", [dy, kernel], 170)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("units", [10, 64, 130])
def test_dense_output_of_a_sample_does_not_depend_on_the_batch(rng, dtype, units):
    x, kernel, bias = (random_array(rng, shape, dtype) for shape in [(13, 2500), (2500, units), units])
    whole = kernels.dense(x, kernel, bias)
    for count in range(1, 13):
        np.testing.assert_array_equal(kernels.dense(x[:count], kernel, bias), whole[:count])
