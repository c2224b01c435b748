"""Convolution of interleaved images: the same bits as implicit GEMM, in bands of rows and for every number of images.

The bound of its sums and the independence of threads are tested with those of the other algorithms.
"""

import numpy as np
import pytest
from comparing import DTYPES, LAYOUTS, SEEDS, bits, output_size, random_array, windows_over_images, with_non_finite
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn.algorithms import Problem, choose
from scratchcnn.geometry import image_windows
from scratchcnn.kernels.conv2d import implicit_gemm, interleaved, interleaved_kernel_gradient
from scratchcnn.kernels.gemm.matmul import BLOCK_DEPTH

some = settings(max_examples=100)


@some
@given(
    windows_over_images(), st.integers(1, 40), st.integers(1, 9), st.integers(1, 40), DTYPES, SEEDS, LAYOUTS,
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_output_input_gradient_and_bias_gradient_have_the_same_bits_as_by_implicit_gemm(
    geometry, images, channels, filters, dtype, seed, layout, relu, broken
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), dtype, layout)
    kernel, bias = random_array(rng, (*window, channels, filters), dtype), random_array(rng, filters, dtype)
    dy = random_array(rng, (images, *output_size(geometry), filters), dtype, layout)
    if broken:
        x, dy = (with_non_finite(rng, array, 0.01) for array in (x, dy))
    found, expected = [], []
    with np.errstate(all="ignore"):
        for one, forward, gradients in (
            (found, interleaved, interleaved_kernel_gradient), (expected, implicit_gemm, implicit_gemm)
        ):  # fmt: skip
            y = forward.conv2d_relu(x, kernel, bias, *rest, relu=relu)
            dx = forward.conv2d_input_gradient(dy, kernel, x.shape, *rest)
            _, dbias = gradients.conv2d_parameter_gradients(dy, y if relu else None, x, window, *rest)
            one += [y, dx, dbias]
    for array, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(array, other)  # equal, or both NaN
        assert bits(np.nan_to_num(array)) == bits(np.nan_to_num(other))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
def test_bands_of_large_images_fit_together(rng, rounding_bound, monkeypatch, dtype, strides):
    x, kernel = random_array(rng, (19, 50, 40, 3), dtype), random_array(rng, (5, 3, 3, 20), dtype)
    y = interleaved.conv2d(x, kernel, None, strides, "same")
    dx = interleaved.conv2d_input_gradient(y, kernel, x.shape, strides, "same")
    dkernel, dbias = interleaved_kernel_gradient.conv2d_parameter_gradients(y, None, x, (5, 3), strides, "same")
    for module in (interleaved, interleaved_kernel_gradient):
        assert 40 * 50 * 20 * 64 // strides[0] > module.BAND_BYTES  # several bands above ...
        monkeypatch.setattr(module, "BAND_BYTES", 1 << 30)  # ... and one below
    assert bits(interleaved.conv2d(x, kernel, None, strides, "same")) == bits(y)
    assert bits(interleaved.conv2d_input_gradient(y, kernel, x.shape, strides, "same")) == bits(dx)
    whole = interleaved_kernel_gradient.conv2d_parameter_gradients(y, None, x, (5, 3), strides, "same")
    assert bits(whole) == bits((dkernel, dbias))


def test_output_of_an_image_without_channels_is_the_bias(rng):
    x, bias = np.zeros((18, 4, 5, 0), np.float32), random_array(rng, 7, np.float32)
    y = interleaved.conv2d(x, np.zeros((3, 3, 0, 7), np.float32), bias)
    np.testing.assert_array_equal(y, np.broadcast_to(bias, (18, 2, 3, 7)))


def test_a_long_sum_of_one_image_has_the_bits_of_a_whole_batch(rng):
    channels = BLOCK_DEPTH // 9 + 1
    for shape, filters in (((18, 4, 5, channels), 3), ((18, 4, 5, 3), channels)):  # forward, and backward
        x, kernel = random_array(rng, shape, np.float32), random_array(rng, (3, 3, shape[3], filters), np.float32)
        y = interleaved.conv2d(x, kernel, None)
        dx = interleaved.conv2d_input_gradient(y, kernel, x.shape)
        for image in (0, 17):
            one = slice(image, image + 1)
            assert bits(interleaved.conv2d(x[one], kernel, None)) == bits(y[one])
            assert bits(interleaved.conv2d_input_gradient(y[one], kernel, x[one].shape)) == bits(dx[one])


@pytest.mark.parametrize(
    ("channels", "filters", "dtype", "chosen"),
    [
        (1, 6, np.float32, ("interleaved", "interleaved", "interleaved")),  # LeNet-5's first convolution ...
        (6, 16, np.float32, ("tile", "tile", "interleaved")),  # ... and its second: 16 filters fill a vector
        (20, 24, np.float32, ("interleaved", "interleaved", "interleaved")),
        (32, 32, np.float32, ("tile", "tile", "tile")),
        (8, 12, np.float64, ("interleaved", "interleaved", "tile")),
    ],
)
def test_auto_interleaves_images_where_implicit_gemm_leaves_lanes_idle(channels, filters, dtype, chosen):
    windows = image_windows((14, 14), (5, 5), (1, 1), "valid")
    assert choose("auto", Problem(windows, channels, filters, np.dtype(dtype)))[:3] == chosen


def test_auto_does_not_select_interleaved_images_for_the_input_gradient_of_a_strided_convolution():
    windows = image_windows((14, 14), (5, 5), (2, 1), "valid")
    assert choose("auto", Problem(windows, 6, 6, np.dtype(np.float32)))[:3] == ("interleaved", "interleaved", "tile")
