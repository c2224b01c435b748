"""A convolution pooled at once is the same bits as one pooled afterwards, for every algorithm, geometry and dtype."""

import numpy as np
import pytest
from comparing import (
    DTYPES,
    LAYOUTS,
    ROOMS,
    SEEDS,
    assert_within,
    bits,
    each,
    in_float64,
    magnitudes,
    numbers,
    run,
    windows_over_images,
    with_non_finite,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.algorithms import RUNGS, Problem, accepts, choose
from scratchcnn.geometry import image_windows

some = settings(max_examples=150)
TWO_BY_TWO = ((2, 2), (2, 2), "valid")


def one_after_the_other(room, x, kernel, bias, pool_size, pool_strides, pool_padding, *rest):
    return room.max_pool2d(room.conv2d(x, kernel, bias, *rest), pool_size, pool_strides, pool_padding)


def assert_same_bits(found, wanted, what):
    """The same numbers down to the sign of zero, and NaN in the same places."""
    for one, other in zip(each(found), each(wanted), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        numbers_of_one, numbers_of_other = (np.where(np.isnan(array), 1, array) for array in (one, other))
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other), err_msg=what)
        differ = np.count_nonzero(numbers_of_one != numbers_of_other)
        assert bits(numbers_of_one) == bits(numbers_of_other), f"{what}: {differ} numbers differ"


def check_every_algorithm(x, kernel, bias, pool, strides, padding, dilation_rate, relu):
    windows = image_windows(x.shape[1:3], kernel.shape[:2], strides, padding, dilation_rate)
    for algorithm in ("auto", *(rung for rung in RUNGS if accepts(rung, windows))):
        arguments = [x, kernel, bias, *pool, strides, padding, dilation_rate, relu, algorithm]
        with np.errstate(all="ignore"):
            found = run(kernels, "conv2d_max_pool2d", arguments)
            assert_same_bits(found, one_after_the_other(kernels, *arguments), algorithm)


def options(rng, shape, window, filters, has_bias, dtype, layout):
    x, kernel = numbers(rng, shape, dtype, layout), numbers(rng, (*window, shape[3], filters), dtype, layout)
    return x, kernel, numbers(rng, filters, dtype, layout) if has_bias else None


@some
@given(
    images=st.integers(1, 20), size=st.tuples(st.integers(4, 15), st.integers(4, 15)), channels=st.integers(1, 40),
    filters=st.integers(1, 70), padding=st.sampled_from(["valid", "same"]), has_bias=st.booleans(),
    relu=st.booleans(), dtype=DTYPES, seed=SEEDS, layout=LAYOUTS, broken=st.booleans(),
)  # fmt: skip
def test_pooled_two_by_two_it_is_the_same_bits_as_one_after_the_other(
    images, size, channels, filters, padding, has_bias, relu, dtype, seed, layout, broken
):
    rng = np.random.default_rng(seed)
    x, kernel, bias = options(rng, (images, *size, channels), (3, 3), filters, has_bias, dtype, layout)
    if broken:
        x = with_non_finite(rng, x, 0.005)
    check_every_algorithm(x, kernel, bias, TWO_BY_TWO, (1, 1), padding, (1, 1), relu)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("filters", [16, 21, 64])
@pytest.mark.parametrize("size", [(26, 26), (27, 29), (12, 31)])
def test_whole_vectors_and_others_are_the_same_bits_over_many_tiles(rng, size, filters, dtype):
    x, kernel, bias = options(rng, (5, *size, 32), (3, 3), filters, True, dtype, np.ascontiguousarray)
    for relu in (False, True):
        check_every_algorithm(x, kernel, bias, TWO_BY_TWO, (1, 1), "valid", (1, 1), relu)


@some
@given(
    windows_over_images(), st.integers(1, 5), st.integers(1, 9), st.integers(1, 40), st.booleans(), st.booleans(),
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from(["valid", "same"]), DTYPES, SEEDS, LAYOUTS,
)  # fmt: skip
def test_with_any_pooling_it_is_the_same_bits_and_within_the_bound_of_the_formula(
    rounding_bound, geometry, images, channels, filters, has_bias, relu, pool_size, pool_strides, pool_padding,
    dtype, seed, layout,
):  # fmt: skip
    size, window, *rest = geometry
    windows = image_windows(size, window, *rest)
    pool = image_windows((windows.rows.output, windows.columns.output), pool_size, pool_strides, pool_padding)
    assume(min(pool.rows.output, pool.columns.output) > 0)
    rng = np.random.default_rng(seed)
    operands = options(rng, (images, *size, channels), window, filters, has_bias, dtype, layout)
    pooling = (pool_size, pool_strides, pool_padding)
    check_every_algorithm(*operands, pooling, *rest, relu)

    exact = reference.conv2d(*in_float64(operands), *rest, relu)
    magnitude = reference.conv2d(*magnitudes(operands), *rest)
    bound = reference.max_pool2d(rounding_bound(magnitude, window[0] * window[1] * channels, dtype), *pooling)[0]
    largest, _ = reference.max_pool2d(exact, *pooling)
    for room in ROOMS:
        y, winners = room.conv2d_max_pool2d(*operands, *pooling, *rest, relu)
        assert_within(y, largest, bound, room.__name__)
        lost = largest - at_winners(exact, winners, *pooling)  # a winner may be another, if rounding could make it so
        assert (lost <= 2 * bound).all()


def at_winners(x, winners, pool_size, strides, padding):
    """The number of x that each winner names."""
    windows = image_windows(x.shape[1:3], pool_size, strides, padding)
    n, oy, ox, c = np.indices(winners.shape)
    ky, kx = np.divmod(winners.astype(np.int64), pool_size[1])
    rows, columns = (o * axis.stride + k - axis.before for o, k, axis in zip((oy, ox), (ky, kx), windows, strict=True))
    return x[n, rows, columns, c]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_formula_is_one_after_the_other(rng, dtype):
    operands = options(rng, (2, 9, 8, 3), (3, 2), 5, True, dtype, np.ascontiguousarray)
    arguments = [*operands, (3, 2), (2, 1), "same", (2, 1), "same", (1, 2), True]
    found = reference.conv2d_max_pool2d(*arguments)
    assert_same_bits(found, one_after_the_other(reference, *arguments), "reference")


@pytest.mark.parametrize("algorithm", ["auto", *RUNGS])
@pytest.mark.parametrize("filters", [5, 32])
def test_the_first_nan_wins(filters, algorithm):
    """In the output of a convolution with ones, 1 where nothing is broken: pixels 2 to 4 of the row 0 see the NaN."""
    x = np.zeros((1, 6, 18, 16), np.float32)
    x[0, 0, 4, 3] = np.nan
    kernel, bias = np.zeros((3, 3, 16, filters), np.float32), np.ones(filters, np.float32)
    for room in ROOMS:
        y, winners = room.conv2d_max_pool2d(x, kernel, bias, *TWO_BY_TWO, algorithm=algorithm)
        assert np.isnan(y[0, 0, 1:3]).all()
        assert (winners[0, 0, 1:3] == 0).all()
        assert (y[0, :, 4:] == 1).all()  # tiles of 4 x 4 end at pixel 8
        assert (winners[0, :, 4:] == 0).all()
    if not algorithm.startswith("winograd"):  # whose NaN reaches all of a tile
        x = np.roll(x, -1, axis=2)  # now pixels 1 to 3: of the first window, the second element
        for room in ROOMS:
            y, winners = room.conv2d_max_pool2d(x, kernel, bias, *TWO_BY_TWO, algorithm="tile")
            np.testing.assert_array_equal(winners[0, 0, :, 0], [1, 0, 0, 0, 0, 0, 0, 0])
            np.testing.assert_array_equal(np.isnan(y[0, 0, :, 0]), [1, 1, 0, 0, 0, 0, 0, 0])


def test_auto_takes_winograd_where_this_file_means_it_to():
    problem = Problem(image_windows((26, 26), (3, 3), (1, 1), "valid"), 32, 64, np.dtype(np.float32))
    assert choose("auto", problem).forward == "winograd_4x4"
