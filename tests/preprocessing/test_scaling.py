"""Min-max scaling and its inverse for every dtype, without integer overflow and without a float64 copy."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.preprocessing import Scaler, create_scaler, denormalizer, normalizer

PIXELS = np.arange(256, dtype=np.uint8)


def test_scaler_is_a_pair_of_python_floats():
    scaler = create_scaler([0, 255])
    assert scaler == (0.0, 255.0)
    assert isinstance(scaler, Scaler)
    assert [type(end) for end in scaler] == [float, float]
    minimum, maximum = scaler
    assert (scaler[0], scaler[1]) == (minimum, maximum) == (scaler.minimum, scaler.maximum)


def test_scaler_covers_all_partitions():
    train, test = np.array([[3, 7]], np.uint8), np.array([-2.5, 4])
    assert create_scaler(train, test) == (-2.5, 7)
    assert create_scaler(test, train, 9, [True]) == (-2.5, 9)
    assert create_scaler(np.array([200, 100], np.uint8)) == (100, 200)


def test_normalizer_divides_by_the_range():
    got = normalizer(create_scaler([0, 255]), PIXELS)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, (np.arange(256) / 255).astype(np.float32))
    assert normalizer([10, 20], np.array([5, 10, 15, 20], np.uint8)).tolist() == [-0.5, 0, 0.5, 1]


@pytest.mark.parametrize("scaler", [(0, 255), [0, 255], np.array([0, 255], np.uint8), Scaler(0, 255)])
def test_any_pair_is_a_scaler_and_uint8_does_not_overflow(scaler: object):
    np.testing.assert_array_equal(denormalizer(scaler, normalizer(scaler, PIXELS)).round(), PIXELS)
    assert denormalizer(np.array([200, 250], np.uint8), np.array([0, 1, 2], np.uint8)).tolist() == [200, 250, 300]


@pytest.mark.parametrize("function", [normalizer, denormalizer])
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(kind, np.float32) for kind in (bool, "u1", "i1", "u2", "i8", "u8", "f2", "f4", ">f4")]
    + [(kind, np.float64) for kind in ("f8", ">f8")],
)
def test_result_dtype(function, dtype: object, expected: type):
    x = np.array([[0, 1, 1]]).astype(dtype)
    got = function([0, 1], x)
    assert got.dtype == expected
    assert got.tolist() == [[0, 1, 1]]


def test_shapes_views_and_empty_arrays():
    x = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for view in (x, x.T, x[:, ::-1, ::2], x[..., None], x[0, 0, 0], x[:0], x.astype(np.float32, order="F")):
        before = view.copy()
        got = normalizer([0, 23], view)
        assert got.shape == view.shape
        np.testing.assert_allclose(got, np.asarray(view, np.float64) / 23, rtol=1e-7)
        np.testing.assert_array_equal(view, before)


def test_differences_of_large_integers_are_exact():
    x = 1_000_000_000 + np.arange(5)
    assert normalizer(create_scaler(x), x).tolist() == [0, 0.25, 0.5, 0.75, 1]


@given(
    ends=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).filter(lambda pair: pair[1] - pair[0] > 1e-3),
    values=st.lists(st.floats(-2, 3), min_size=1, max_size=20),
)
def test_denormalizer_is_the_inverse_of_normalizer(ends: tuple[float, float], values: list[float]):
    x = np.array(values)
    np.testing.assert_allclose(normalizer(ends, denormalizer(ends, x)), x, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("function", [normalizer, denormalizer])
def test_scaling_allocates_no_float64_copy(function):
    x = np.ones((6000, 28, 28), np.uint8)
    tracemalloc.start()
    try:
        got = function([0, 255], x)
        assert tracemalloc.get_traced_memory()[1] < got.nbytes + 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("partitions", "error", "message"),
    [
        ((), ValueError, "Expected at least one partition, received none"),
        (([1, 2], []), ValueError, r"partition 1, received an empty one of shape \(0,\)"),
        (
            ([5, 5],),
            ValueError,
            "Expected minimum < maximum, received minimum 5.0 and maximum 5.0; all values are equal",
        ),
        (([1, np.nan],), ValueError, "finite values in partition 0, received nan"),
        (([1, 2], [np.inf, 0]), ValueError, "finite values in partition 1, received 0.0 to inf"),
        (([-1e308, 1.7e308],), ValueError, "Expected a finite range"),
        ((["a", "b"],), TypeError, "partition 0 as real numbers, received dtype <U1"),
        (([1j, 2],), TypeError, "received dtype complex128"),
        ((None,), TypeError, "received dtype object"),
        (([[1, 2], [3]],), TypeError, "rows of unequal length"),
    ],
)
def test_create_scaler_rejects_invalid_partitions(partitions: tuple[object, ...], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        create_scaler(*partitions)


@pytest.mark.parametrize("function", [normalizer, denormalizer])
@pytest.mark.parametrize(
    ("scaler", "x", "error", "message"),
    [
        ([5, 5], [1], ValueError, "Expected minimum < maximum, received minimum 5.0 and maximum 5.0"),
        ([255, 0], [1], ValueError, "received minimum 255.0 and maximum 0.0; exchange the two"),
        ([0, np.nan], [1], ValueError, "Expected a finite range, received minimum 0.0 and maximum nan"),
        ([-np.inf, 0], [1], ValueError, "Expected a finite range"),
        ([0, 1, 2], [1], ValueError, r"Expected a scaler \[minimum, maximum\], received shape \(3,\)"),
        (255, [1], ValueError, r"received shape \(\)"),
        (["0", "255"], [1], TypeError, "Expected the scaler as real numbers, received dtype <U3"),
        ([0, 255], ["a"], TypeError, "Expected x as real numbers, received dtype <U1"),
        ([0, 255], None, TypeError, "received dtype object"),
    ],
)
def test_scaling_rejects_invalid_arguments(function, scaler: object, x: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        function(scaler, x)
