"""Warping and smooth noise against the reference: any shape, dtype and sampling position, any number of threads."""

import numpy as np
import pytest
from comparing import ENGINES, KEYS, LAYOUTS, SEEDS, THREADS, bits, on_threads
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference

some = settings(max_examples=60)
IDENTITY = np.array([[[1.0, 0, 0], [0, 1, 0]]])
PIXELS = st.sampled_from([np.uint8, np.float32, np.float64])
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def pixels(rng, shape, dtype):
    values = rng.integers(0, 256, shape)
    return values.astype(np.uint8) if dtype is np.uint8 else (values / 100 - 1).astype(dtype)


def warped(engine, image, rows, fill=0.0, field=None):
    """Warp one (H, W) image with one affine map."""
    found = engine.warp(image[None, :, :, None], np.array([0]), np.array([rows], np.float64), field, fill)
    return found[0, :, :, 0]


# Comparison with the reference


@some
@given(SIZES, st.integers(1, 4), st.integers(1, 6), st.booleans(), PIXELS, st.integers(0, 255), SEEDS, LAYOUTS)
def test_warp_matches_reference(size, channels, count, has_field, dtype, fill, seed, layout):
    rng = np.random.default_rng(seed)
    images = layout(pixels(rng, (3, *size, channels), dtype))
    chosen = layout(rng.integers(0, 3, count))
    maps = layout(rng.normal(0, 1, (count, 2, 3)) * [1, 1, 3] + np.array([[1, 0, 0], [0, 1, 0]]))
    field = layout(rng.normal(0, 2, (count, *size, 2)).astype(np.float32)) if has_field else None
    exact = reference.warp(images, chosen, maps, field, fill)
    found = kernels.warp(images, chosen, maps, field, fill)
    assert found.dtype == exact.dtype == dtype
    assert found.shape == exact.shape
    # Sampling positions may be rounded differently. Between neighbouring pixels that differ by 255, interpolation
    # multiplies this error by 255, so a value near a half may be rounded to either integer.
    bound = 1 if dtype is np.uint8 else 255 * 200 * np.finfo(dtype).eps
    assert abs(found.astype(np.float64) - exact).max() <= bound
    if dtype is np.uint8:
        assert (found != exact).mean() < 0.1


@some
@given(st.lists(KEYS, min_size=0, max_size=4), SIZES, st.integers(0, 4), SEEDS)
def test_smooth_noise_matches_reference(keys, size, reach, seed):
    weights = np.random.default_rng(seed).normal(0, 1, 2 * reach + 1)
    keys = np.array(keys, np.uint64)
    exact, found = (engine.smooth_noise(keys, size, weights) for engine in ENGINES)
    assert found.shape == exact.shape == (len(keys), *size, 2)
    assert found.dtype == exact.dtype == np.float32
    most = 3 * abs(weights).sum() ** 2  # upper bound on the magnitude of any partial sum
    assert abs(found - exact).max(initial=0) <= most * (2 * len(weights) + 4) * np.finfo(np.float32).eps


@pytest.mark.skipif(THREADS == 1, reason="one processor")
def test_result_is_independent_of_thread_count_and_batch(rng):
    images, chosen = pixels(rng, (4, 28, 28, 1), np.float32), rng.integers(0, 4, 33)
    maps = rng.normal(0, 1, (33, 2, 3)) + np.array([[1, 0, 0], [0, 1, 0]])
    keys, weights = rng.integers(0, 2**63, 33).astype(np.uint64), rng.normal(0, 1, 7)

    def warp_rows(rows):
        field = kernels.smooth_noise(keys[rows], (28, 28), weights)
        return bits(kernels.warp(images, chosen[rows], maps[rows], field, 0.0))

    everything = slice(None)
    with on_threads(1):
        alone = warp_rows(everything)
    with on_threads(THREADS):
        assert warp_rows(everything) == alone
        assert b"".join(warp_rows(slice(row, row + 1))[-1] for row in range(33)) == alone[-1]


# Comparison with known values


@pytest.mark.parametrize("engine", ENGINES, ids=["reference", "kernels"])
class TestWarp:
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
    def test_identity_returns_the_image_exactly(self, engine, rng, dtype):
        images = pixels(rng, (3, 7, 5, 2), dtype)
        zero_field = np.zeros((3, 7, 5, 2), np.float32)
        for field in (None, zero_field):
            found = engine.warp(images, np.arange(3), np.repeat(IDENTITY, 3, axis=0), field, 9)
            np.testing.assert_array_equal(found, images)

    def test_integer_translation_is_exact_and_pads_with_fill_value(self, engine, rng):
        image = pixels(rng, (5, 6), np.float64)
        found = warped(engine, image, [[1, 0, -2], [0, 1, 1]], fill=7)
        np.testing.assert_array_equal(found[2:, :-1], image[:-2, 1:])
        assert (found[:2] == 7).all()
        assert (found[:, -1] == 7).all()

    def test_bilinear_interpolation_between_pixels_and_at_image_border(self, engine):
        image = np.array([[0.0, 8.0], [4.0, 20.0]])
        assert warped(engine, image, [[0, 0, 0.5], [0, 0, 0.25]]).tolist() == [[5, 5], [5, 5]]
        assert warped(engine, image, [[0, 0, -0.5], [0, 0, 1]], fill=2).tolist() == [[5, 5], [5, 5]]
        assert warped(engine, image, [[0, 0, 1.75], [0, 0, 1.5]]).tolist() == [[2.5, 2.5], [2.5, 2.5]]
        for outside in (-1.0, 2.0, -1e300, 1e300):
            assert (warped(engine, image, [[0, 0, outside], [0, 0, 0]], fill=3) == 3).all()

    def test_uint8_is_rounded_and_saturates(self, engine):
        image = np.array([[0, 255], [255, 255]], np.uint8)
        assert warped(engine, image, [[0, 0, 0], [0, 0, 0.5]])[0, 0] == 128
        assert warped(engine, image, [[0, 0, 0], [0, 0, 0.25]])[0, 0] == 64
        assert warped(engine, image, [[0, 0, 1], [0, 0, 0.3]])[0, 0] == 255

    def test_displacement_field_contains_row_then_column_offsets(self, engine):
        image = np.arange(6.0).reshape(2, 3)
        field = np.zeros((1, 2, 3, 2), np.float32)
        field[0, 0, 0] = 1, 2
        field[0, 1, 1] = 0, -1
        assert warped(engine, image, IDENTITY[0], field=field).tolist() == [[5, 1, 2], [3, 3, 5]]

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"images": np.ones((1, 2, 2, 1), np.int64)}, TypeError, "received int64"),
            ({"images": np.ones((1, 2, 2))}, ValueError, r"Expected images \(N, H, W, C\)"),
            ({"chosen": np.array([0.0])}, TypeError, "int64"),
            ({"chosen": np.array([1])}, ValueError, "Expected indices from 0 to 0"),
            ({"chosen": np.array([-1])}, ValueError, "Expected indices from 0 to 0"),
            ({"maps": np.ones((2, 2, 3))}, ValueError, "Expected maps of shape"),
            ({"maps": np.ones((1, 2, 3), np.float32)}, TypeError, "Expected maps of dtype float64"),
            ({"field": np.ones((1, 2, 1, 2), np.float32)}, ValueError, "Expected field of shape"),
            ({"field": np.ones((1, 2, 2, 2))}, TypeError, "dtype float32"),
        ],
    )
    def test_invalid_operands_of_warp_raise_errors(self, engine, change, error, message):
        arguments = {"images": np.ones((1, 2, 2, 1)), "chosen": np.array([0]), "maps": IDENTITY, "field": None}
        with pytest.raises(error, match=message):
            engine.warp(**(arguments | change), fill=0)


@pytest.mark.parametrize("engine", ENGINES, ids=["reference", "kernels"])
class TestSmoothNoise:
    def test_unsmoothed_noise_is_uniform_and_fields_are_independent(self, engine):
        field = engine.smooth_noise(np.array([5, 6], np.uint64), (60, 70), np.array([1.0]))
        assert abs(field).max() <= np.float32(np.sqrt(3))
        for values in field.transpose(0, 3, 1, 2).reshape(4, -1):
            quarters = np.histogram(values, bins=4, range=(-np.sqrt(3), np.sqrt(3)))[0] / values.size
            np.testing.assert_allclose(quarters, 0.25, atol=0.05)
        correlations = np.corrcoef(field.transpose(0, 3, 1, 2).reshape(4, -1))
        assert abs(correlations - np.eye(4)).max() < 0.06

    def test_smoothing_weights_are_not_flipped_along_either_axis(self, engine):
        key, size = np.array([9], np.uint64), (6, 5)
        moved = engine.smooth_noise(key, size, np.array([1.0, 0, 0]))
        middle = engine.smooth_noise(key, size, np.array([0, 1.0, 0]))
        np.testing.assert_array_equal(moved[0, 1:, 1:], middle[0, :-1, :-1])

    def test_variance_of_smooth_noise_is_uniform_up_to_border(self, engine):
        field = engine.smooth_noise(np.arange(300, dtype=np.uint64), (9, 9), np.full(5, 1 / np.sqrt(5)))
        np.testing.assert_allclose(field.std(axis=(0, 3)), 1, atol=0.15)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"keys": np.array([1])}, TypeError),
            ({"size": (0, 3)}, ValueError),
            ({"size": (3,)}, ValueError),
            ({"weights": np.ones(4)}, ValueError),
            ({"weights": np.ones(3, np.float32)}, ValueError),
            ({"weights": np.ones((3, 3))}, ValueError),
        ],
    )
    def test_invalid_operands_of_smooth_noise_raise_errors(self, engine, change, error):
        arguments = {"keys": np.array([1], np.uint64), "size": (3, 3), "weights": np.ones(3)}
        with pytest.raises(error, match="Expected"):
            engine.smooth_noise(**(arguments | change))


@pytest.mark.parametrize("engine", ENGINES, ids=["reference", "kernels"])
def test_random_bits_from_offset_equal_tail_of_full_stream(engine):
    whole = engine.random_bits(2**64 - 3, 50)
    np.testing.assert_array_equal(engine.random_bits(2**64 - 3, 20, 30), whole[30:])
