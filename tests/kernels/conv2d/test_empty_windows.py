"""Where a window contains only zeros, a convolution returns exactly its bias, by every algorithm."""

import numpy as np
import pytest
from comparing import DTYPES, SEEDS, random_array, run
from compositions import HALVED, on_one_thread_and_several
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.algorithms import RUNGS, Choice
from scratchcnn.kernels.conv2d import winograd
from scratchcnn.kernels.conv2d.dispatch import LADDER
from scratchcnn.kernels.fused.conv2d_conv2d_max_pool2d import conv2d_conv2d_max_pool2d
from scratchcnn.kernels.fused.conv2d_relu import conv2d_relu
from scratchcnn.operands import Convolution

WINOGRAD = {"winograd_2x2": 2, "winograd_4x4": 4}
SIZES = st.tuples(st.integers(1, 17), st.integers(1, 17))
PADDINGS = st.sampled_from(["valid", "same"])

few = settings(max_examples=60)


def sparse_images(rng, shape, dtype, uniform=False):
    """Images with nonzero rectangles and single nonzero channels on a background of 0.0 and -0.0.

    Or, if `uniform`, on a background of one color, different in every image.
    """
    images, height, width, channels = shape
    if uniform:
        x = np.broadcast_to(random_array(rng, (images, 1, 1, channels), dtype, zeros=0.2), shape).copy()
    else:
        x = np.where(rng.random(shape) < 0.5, 0.0, -0.0).astype(dtype)
    for image in x:
        for _ in range(rng.integers(0, 4)):
            top, left = rng.integers(0, height), rng.integers(0, width)
            inside = image[top : top + rng.integers(1, 5), left : left + rng.integers(1, 5)]
            inside[...] = random_array(rng, inside.shape, dtype)
        image[rng.integers(0, height), rng.integers(0, width), rng.integers(0, channels)] = np.finfo(dtype).tiny
    return x


def empty_windows(x, padding):
    """(N, OH, OW): whether all pixels of a 3 x 3 window are zero; NaN is not zero."""
    nonzero = (x != 0).any(axis=-1, keepdims=True).astype(np.float64)
    return reference.conv2d(nonzero, np.ones((3, 3, 1, 1)), None, (1, 1), padding)[..., 0] == 0


@pytest.mark.parametrize("rung", RUNGS)
@few
@given(
    size=SIZES, padding=PADDINGS, images=st.integers(1, 9), channels=st.integers(1, 40), filters=st.integers(1, 70),
    has_bias=st.booleans(), dtype=DTYPES, seed=SEEDS,
)  # fmt: skip
def test_output_of_an_empty_window_is_the_bias(rung, size, padding, images, channels, filters, has_bias, dtype, seed):
    rng = np.random.default_rng(seed)
    size = [length + 2 for length in size] if padding == "valid" else size
    x, kernel = (
        sparse_images(rng, (images, *size, channels), dtype),
        random_array(rng, (3, 3, channels, filters), dtype),
    )
    bias = random_array(rng, filters, dtype, zeros=0.5) if has_bias else None
    exact = np.zeros(filters, dtype) if bias is None else bias
    empty = empty_windows(x, padding)
    y = run(LADDER[rung], "conv2d", [x, kernel, bias, (1, 1), padding, (1, 1)])
    np.testing.assert_array_equal(y[empty], np.broadcast_to(exact, y[empty].shape))
    convolution = Convolution(kernel, bias, (1, 1), padding, (1, 1), True, Choice(rung, rung, rung))
    y = on_one_thread_and_several(conv2d_relu, x, convolution)
    np.testing.assert_array_equal(y[empty], np.broadcast_to(np.maximum(exact, 0), y[empty].shape))


@pytest.mark.parametrize("rung", RUNGS)
@few
@given(
    size=SIZES, padding=PADDINGS, images=st.integers(1, 9), channels=st.integers(1, 40), filters=st.integers(1, 70),
    dtype=DTYPES, seed=SEEDS,
)  # fmt: skip
def test_input_gradient_is_zero_where_the_window_of_dy_is_empty(
    rung, size, padding, images, channels, filters, dtype, seed
):
    rng = np.random.default_rng(seed)
    dy, kernel = (
        sparse_images(rng, (images, *size, filters), dtype),
        random_array(rng, (3, 3, channels, filters), dtype),
    )
    shape = (images, *(length + 2 if padding == "valid" else length for length in size), channels)
    dx = run(LADDER[rung], "conv2d_input_gradient", [dy, kernel, shape, (1, 1), padding, (1, 1)])
    around = 2 if padding == "valid" else 1  # pixels of padding, so that every pixel of dx has a whole window of dy
    empty = empty_windows(np.pad(dy, [(0, 0), (around, around), (around, around), (0, 0)]), "valid")
    assert empty.shape == dx.shape[:3]
    np.testing.assert_array_equal(dx[empty], 0)


@pytest.mark.parametrize("rung", WINOGRAD)
@few
@given(
    size=SIZES, padding=PADDINGS, images=st.integers(1, 9), channels=st.integers(1, 40), filters=st.integers(1, 40),
    uniform=st.booleans(), dtype=DTYPES, seed=SEEDS,
)  # fmt: skip
def test_other_windows_keep_the_bits_of_the_transforms(
    rung, size, padding, images, channels, filters, uniform, dtype, seed
):
    """A kernel that is not finite is computed without regard to empty windows and uniform tiles.

    Filters do not affect each other, so the others show what the transforms alone compute.
    """
    rng = np.random.default_rng(seed)
    size = [length + 2 for length in size] if padding == "valid" else size
    x = sparse_images(rng, (images, *size, channels), dtype, uniform)
    kernel = random_array(rng, (3, 3, channels, filters), dtype)
    plain = np.concatenate([kernel, np.full((3, 3, channels, 1), np.nan, dtype)], axis=3)
    y, transformed = (LADDER[rung].conv2d(x, each, None, (1, 1), padding) for each in (kernel, plain))
    others = ~empty_windows(x, padding)
    assert y[others].tobytes() == np.ascontiguousarray(transformed[others][:, :filters]).tobytes()
    assert np.isnan(transformed[..., filters]).all()


@pytest.mark.parametrize("rung", WINOGRAD)
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_nonzero_pixel_that_is_not_finite_does_not_reach_empty_windows(rng, rung, number):
    x, kernel, bias = np.zeros((1, 12, 12, 5)), rng.standard_normal((3, 3, 5, 7)), rng.standard_normal(7)
    x[0, 5, 5, 3] = number
    y = LADDER[rung].conv2d(x, kernel, bias)
    empty = empty_windows(x, "valid")
    assert (~empty).sum() == 9
    np.testing.assert_array_equal(y[empty], np.broadcast_to(bias, y[empty].shape))
    assert not np.isfinite(y[~empty]).any()


@pytest.mark.parametrize("m", WINOGRAD.values())
@few
@given(
    size=SIZES, padding=PADDINGS, images=st.integers(1, 9), channels=st.integers(1, 40), filters=st.integers(1, 70),
    relu=st.booleans(), uniform=st.booleans(), dtype=DTYPES, seed=SEEDS,
)  # fmt: skip
def test_pooled_outputs_are_the_maxima_of_the_same_outputs(
    m, size, padding, images, channels, filters, relu, uniform, dtype, seed
):
    rng = np.random.default_rng(seed)
    size = [length + (3 if padding == "valid" else 1) for length in size]
    x, kernel = (
        sparse_images(rng, (images, *size, channels), dtype, uniform),
        random_array(rng, (3, 3, channels, filters), dtype),
    )
    bias = random_array(rng, filters, dtype, zeros=0.5)
    pooled = winograd.conv2d_max_pool2d(m, x, kernel, bias, padding, relu)
    y = winograd.conv2d(m, x, kernel, bias, (1, 1), padding, near_ties=True)
    y = np.maximum(y, 0) if relu else y
    for found, expected in zip(pooled, kernels.max_pool2d(y), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("opens", [False, True])
@pytest.mark.parametrize("images", [1, 3, 40])
def test_empty_and_uniform_windows_of_recomputed_images_are_found(rng, images, opens):
    """The background is empty, or uniform if the bias opens the ReLU; 40 images pass through the ring many times."""
    x, shapes = sparse_images(rng, (images, 17, 15, 2), np.float32), ((3, 3, 2, 16), (3, 3, 16, 32))
    first, second = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    biases = rng.random(16, np.float32) * (1 if opens else -1), rng.standard_normal(32).astype(np.float32)
    plain, tile = ((1, 1), "valid", (1, 1)), Choice("tile", "tile", "tile")
    convolutions = (
        Convolution(first, biases[0], *plain, True, tile),
        Convolution(second, biases[1], *plain, False, tile),
    )
    between = conv2d_relu(x, convolutions[0])
    expected = kernels.max_pool2d(winograd.conv2d(4, between, second, biases[1], near_ties=True))
    pool = HALVED.windows(convolutions[1].output_shape(between.shape))
    sparse = convolutions[1]._replace(choice=Choice("winograd_4x4", "winners", "winners", pool))
    found = conv2d_conv2d_max_pool2d(x, convolutions[0], sparse, HALVED)
    assert opens or empty_windows(between, "valid").mean() > 0.2
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
