"""Augmentation: reproducible by seed, matching labels, known geometry, batches that can be resumed at any step."""

import itertools

import numpy as np
import pytest
from comparing import SEEDS, THREADS, on_threads
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import small_data, small_model

from scratchcnn import load_model
from scratchcnn.datasets import mnist
from scratchcnn.preprocessing import Augmenter, augment
from scratchcnn.preprocessing.variants import check_ranges, draw_maps

NONE = {"rotation": 0, "shift": 0, "zoom": 0, "shear": 0, "elastic": 0}
DTYPES = [np.uint8, np.float32, np.float64]
RANGES = {"rotation": (5, 15), "shift": (-3, -1), "zoom": (0.5, 0.75), "shear": (-20, 30)}


@pytest.fixture(scope="module")
def digits():
    (x, y), _ = mnist.load_sample()
    return x[:30], y[:30]


def blob(size=(29, 31)):
    """Return an image with a smooth off-centre spot that stays inside the image."""
    rows, columns = np.indices(size)
    return np.exp(-((rows - 12) ** 2 + (columns - 17) ** 2) / 4.0)


def centre(image):
    rows, columns = np.indices(image.shape)
    return np.array([(rows * image).sum(), (columns * image).sum()]) / image.sum()


# Shapes, dtypes and labels


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 12, 9), (3, 12, 9, 1), (3, 12, 9, 3)])
def test_shape_and_dtype_are_kept_and_all_variants_differ(rng, shape, dtype):
    images = (rng.random(shape) * 200).astype(dtype)
    before = images.copy()
    x = augment(images, factor=4, seed=1)
    assert x.shape == (12, *shape[1:])
    assert x.dtype == dtype
    assert np.isfinite(x).all()
    assert len({variant.tobytes() for variant in x}) == 12
    np.testing.assert_array_equal(images, before)


@settings(max_examples=40)
@given(
    st.integers(1, 4), st.integers(2, 12), st.integers(2, 12), st.sampled_from([None, 1, 2, 3]), st.integers(1, 3),
    st.sampled_from(DTYPES), SEEDS,
)  # fmt: skip
def test_values_stay_within_the_range_of_the_images(count, height, width, channels, factor, dtype, seed):
    shape = (count, height, width) if channels is None else (count, height, width, channels)
    images = (np.random.default_rng(seed).random(shape) * 255).astype(dtype)
    x, y = augment(images, np.arange(count), factor, elastic_sigma=1, seed=seed)
    assert x.shape == (factor * count, *shape[1:])
    assert x.dtype == dtype
    assert y.tolist() == [*range(count)] * factor
    assert 0 <= x.min() <= x.max() <= images.max()


def test_twenty_variants_of_a_thousand_images_all_differ(digits):
    images, labels = np.tile(digits[0], (34, 1, 1))[:1000], np.tile(digits[1], 34)[:1000]
    x, y = augment(images, labels, factor=20, seed=3)
    assert x.shape == (20_000, 28, 28)
    np.testing.assert_array_equal(y, np.tile(labels, 20))
    assert len({variant.tobytes() for variant in x}) == 20_000


def test_labels_match_their_images():
    images = np.stack([np.full((9, 9), value, np.uint8) for value in (10, 20, 30)])
    rows = np.eye(3)
    x, y = augment(images, rows, factor=5, shift=0, zoom=0, seed=0)
    np.testing.assert_array_equal(y.argmax(axis=1), x[:, 4, 4] // 10 - 1)
    augmenter = Augmenter(images, ["a", "b", "c"], batch_size=4, factor=5, shift=0, zoom=0, seed=0)
    for x, y in itertools.islice(augmenter, 8):
        assert [" abc"[value // 10] for value in x[:, 4, 4]] == y.tolist()


# Random numbers


def test_seed_determines_every_byte(digits):
    first = augment(digits[0], factor=3, seed=7).tobytes()
    assert augment(digits[0], factor=3, seed=7).tobytes() == first
    assert augment(digits[0].copy(order="F"), factor=3, seed=7).tobytes() == first
    assert augment(digits[0], factor=3, seed=8).tobytes() != first
    assert augment(digits[0], factor=3).tobytes() != augment(digits[0], factor=3).tobytes()
    assert augment(digits[0], factor=2, seed=7).tobytes() == first[: len(first) * 2 // 3]


@pytest.mark.skipif(THREADS == 1, reason="one processor")
def test_result_does_not_depend_on_the_number_of_threads(digits):
    results = []
    for threads in (1, THREADS):
        with on_threads(threads):
            results.append(augment(digits[0] / 255, factor=3, seed=7).tobytes())
    assert results[0] == results[1]


def test_parameters_are_uniform_and_independent():
    ranges = check_ranges((28, 28), **RANGES, elastic=0, elastic_sigma=4)
    bits = np.random.default_rng(0).integers(0, 2**64, (20_000, 7), np.uint64)
    maps = draw_maps(bits, (28, 28), ranges)
    forward = np.linalg.inv(maps[:, :, :2])  # R S Z = R (1 0; -tan(shear) 1) (taller 0; 0 wider)
    rotation = np.degrees(np.arctan2(-forward[:, 0, 1], forward[:, 1, 1]))
    wider = np.hypot(forward[:, 0, 1], forward[:, 1, 1])
    taller = np.linalg.det(forward) / wider
    products = np.einsum("mi,mi->m", forward[:, :, 0], forward[:, :, 1])  # of the columns: -tan(shear) taller wider
    shear = np.degrees(np.arctan(-products / taller / wider))
    moved = np.einsum("mij,mj->mi", forward, 13.5 - maps[:, :, 2]) - 13.5
    drawn = {"rotation": rotation, "shear": shear, "down": moved[:, 0], "right": moved[:, 1]}
    drawn |= {"taller": taller, "wider": wider}
    for name, values in drawn.items():
        low, high = RANGES[{"down": "shift", "right": "shift", "taller": "zoom", "wider": "zoom"}.get(name, name)]
        assert low - 1e-9 <= values.min() <= values.max() <= high + 1e-9
        np.testing.assert_allclose(np.histogram(values, 5, (low, high))[0] / len(values), 0.2, atol=0.015)
    assert abs(np.corrcoef(list(drawn.values())) - np.eye(6)).max() < 0.03


# Geometry


@pytest.mark.parametrize("dtype", DTYPES)
def test_identity_returns_the_images_exactly(digits, dtype):
    images = digits[0].astype(dtype)
    np.testing.assert_array_equal(augment(images, factor=2, **NONE), np.tile(images, (2, 1, 1)))


@pytest.mark.parametrize("size", [(9, 9), (8, 8)])
def test_rotation_by_90_degrees_equals_rot90(rng, size):
    image = rng.random(size)
    for quarters, degrees in ((1, 90), (2, 180), (3, -90)):
        found = augment(image[None], factor=1, **(NONE | {"rotation": (degrees, degrees)}))[0]
        np.testing.assert_allclose(found, np.rot90(image, quarters), atol=1e-12)


def test_integer_shift_is_exact(rng):
    image = rng.random((10, 12))
    found = augment(image[None], factor=1, fill=0.5, **(NONE | {"shift": (3, 3)}))[0]
    np.testing.assert_array_equal(found[3:, 3:], image[:-3, :-3])
    assert (found[:3] == 0.5).all()
    assert (found[:, :3] == 0.5).all()


def test_shift_moves_the_centre_of_mass_and_keeps_the_mass():
    found = augment(blob()[None], factor=1, **(NONE | {"shift": (-2.25, -2.25)}))[0]
    np.testing.assert_allclose(centre(found), centre(blob()) - 2.25, atol=1e-6)
    assert found.sum() == pytest.approx(blob().sum(), rel=1e-6)


def test_zoom_enlarges_about_the_centre():
    found = augment(blob()[None], factor=1, **(NONE | {"zoom": (1.5, 1.5)}))[0]
    assert found.sum() == pytest.approx(blob().sum() * 1.5**2, rel=0.02)
    middle = np.array([14, 15])
    np.testing.assert_allclose(centre(found) - middle, (centre(blob()) - middle) * 1.5, atol=0.05)


def test_shear_moves_the_top_to_the_right():
    found = augment(blob()[None], factor=1, **(NONE | {"shear": (45, 45)}))[0]
    above = 14 - centre(blob())[0]  # rows of the spot above the middle
    np.testing.assert_allclose(centre(found) - centre(blob()), [0, above], atol=0.02)


def test_elastic_displacements_have_the_given_standard_deviation_and_smoothness():
    ramp = np.tile(np.arange(60.0), (60, 1))  # the value of a pixel is its column
    for elastic, sigma in ((0.5, 2), (1.5, 4)):
        x = augment(ramp[None], factor=200, seed=1, **(NONE | {"elastic": elastic}), elastic_sigma=sigma)
        moved = (x - ramp)[:, 10:-10, 10:-10]
        assert moved.std() == pytest.approx(elastic, rel=0.05)
        neighbours = np.corrcoef(moved[:, :, :-1].ravel(), moved[:, :, 1:].ravel())[0, 1]
        assert neighbours == pytest.approx(
            np.exp(-1 / (4 * sigma**2)), abs=0.01
        )  # autocorrelation of Gaussian-smoothed noise


def test_fill_is_the_value_outside_the_image(digits):
    white = augment(255 - digits[0], factor=2, fill=255, seed=4)
    black = augment(digits[0], factor=2, seed=4)
    assert abs(255 - white.astype(int) - black).max() <= 1  # a half is rounded upwards in both
    assert (white[:, 0, 0] == 255).all()


# Augmenter


def test_first_epoch_without_shuffling_equals_augment(digits):
    x, y = augment(*digits, factor=3, seed=5)
    augmenter = Augmenter(*digits, batch_size=32, factor=3, shuffle=False, seed=5)
    batches = list(itertools.islice(augmenter, len(augmenter)))
    assert [len(labels) for _, labels in batches] == [32, 32, 26]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), x)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), y)


def test_every_epoch_has_new_variants_and_each_image_equally_often(digits):
    images = digits[0][..., None]
    augmenter = Augmenter(images, np.arange(30), batch_size=40, factor=4, seed=5)
    assert len(augmenter) == 3
    seen, orders = set(), []
    for _ in range(4):
        epoch = list(itertools.islice(augmenter, 3))
        seen |= {variant.tobytes() for x, _ in epoch for variant in x}
        orders.append(np.concatenate([y for _, y in epoch]))
        np.testing.assert_array_equal(np.bincount(orders[-1]), 4)
        assert epoch[0][0].shape == (40, 28, 28, 1)
        assert epoch[0][0].dtype == np.uint8
    assert len(seen) == 4 * 120
    assert len({order.tobytes() for order in orders}) == 4
    assert sorted(orders[0]) != orders[0].tolist()


def test_batch_depends_only_on_its_number(digits):
    arguments = {"batch_size": 7, "factor": 2, "seed": 11}
    augmenter = Augmenter(*digits, **arguments)
    straight = list(itertools.islice(augmenter, 30))
    for step in (29, 0, 8, 9, 17):
        for found, expected in zip(augmenter.batch(step), straight[step], strict=True):
            np.testing.assert_array_equal(found, expected)
    assert augmenter.step == 30
    resumed = Augmenter(*digits, **arguments)
    resumed.step = 12
    for (x, y), (x_, y_) in zip(itertools.islice(resumed, 18), straight[12:], strict=True):
        np.testing.assert_array_equal(x, x_)
        np.testing.assert_array_equal(y, y_)


def test_new_iteration_resumes(digits):
    augmenter = Augmenter(*digits, seed=0)
    first = next(iter(augmenter))[0]
    assert augmenter.step == 1
    assert next(iter(augmenter))[0].tobytes() != first.tobytes()


def test_random_seed_is_an_attribute(digits):
    augmenter = Augmenter(*digits)
    again = Augmenter(*digits, seed=augmenter.seed)
    assert augmenter.seed != Augmenter(*digits).seed
    np.testing.assert_array_equal(next(augmenter)[0], next(again)[0])


def test_resumed_training_gets_the_same_batches(tmp_path):
    def augmenter(step):
        stream = Augmenter(*small_data(), batch_size=16, factor=2, elastic_sigma=1, seed=2)
        stream.step = step
        return stream

    def train(model, stream, steps):
        return [model.train_on_batch(x, y) for x, y in itertools.islice(stream, steps)]

    model, stream = small_model(seed=4), augmenter(0)
    train(model, stream, 7)
    model.save(tmp_path / "model.npz")
    expected = train(model, stream, 6)
    assert train(load_model(tmp_path / "model.npz"), augmenter(7), 6) == expected


def test_resumed_fit_ends_with_the_same_weights_and_history(tmp_path):
    def augmenter():
        return Augmenter(*small_data(), batch_size=16, factor=2, elastic_sigma=1, seed=2)

    whole = small_model(seed=4)
    whole.fit(augmenter(), epochs=3, verbose=0)
    begun = small_model(seed=4)
    begun.fit(augmenter(), epochs=1, verbose=0)
    begun.save(tmp_path / "model.npz")

    again, stream = load_model(tmp_path / "model.npz"), augmenter()
    stream.step = len(stream)
    again.fit(stream, epochs=3, initial_epoch=1, verbose=0)
    assert again.history.history == whole.history.history
    for one, other in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(again.get_weights()[0], begun.get_weights()[0])


# Invalid arguments


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rotation": 181}, "Expected rotation as a number of at least 0 .*degrees from -180 to 180, received 181"),
        ({"rotation": -1}, "received -1"),
        ({"rotation": (20, 10)}, r"received \(20, 10\)"),
        ({"rotation": (1, 2, 3)}, r"received \(1, 2, 3\)"),
        ({"rotation": "10"}, "received '10'"),
        ({"rotation": np.nan}, "Expected rotation as a finite number, received nan"),
        ({"rotation": True}, "Expected rotation as a finite number, received True"),
        ({"shift": 10}, "Expected shift .* pixels from -9 to 9, received 10"),
        ({"shift": (0, np.inf)}, "Expected each end of shift as a finite number, received inf"),
        ({"zoom": 1}, "Expected zoom .*around 1.*factors from 0.1 to 10, received 1"),
        ({"zoom": (0, 1)}, r"received \(0, 1\)"),
        ({"shear": 90}, "Expected shear .* degrees from -80 to 80, received 90"),
        ({"elastic": -0.1}, "Expected elastic as a finite number of at least 0, received -0.1"),
        ({"elastic": 30}, "Expected elastic as pixels, from 0 to the image's 9, received 30"),
        ({"elastic_sigma": 0}, "Expected elastic_sigma as pixels from 0.5 to 100, received 0"),
        ({"fill": np.nan}, "Expected fill as a finite number, received nan"),
        ({"fill": 256}, "Expected fill as a whole number from 0 to 255"),
        ({"fill": 0.5}, "Expected fill as a whole number from 0 to 255"),
        ({"factor": 0}, "Expected factor as a whole number of at least 1, received 0"),
        ({"factor": 2.0}, "Expected factor as a whole number of at least 1, received 2.0"),
        ({"seed": -1}, "Expected seed as None or a whole number of at least 0, received -1"),
        ({"labels": [1]}, "Expected a label for each of the 2 images, received 1 labels"),
        ({"labels": 1}, "Expected a label for each of the 2 images, received a single one"),
        ({"images": np.zeros((9, 9), np.uint8)}, r"received shape \(9, 9\); give one image as x\[None\]"),
        ({"images": np.zeros((0, 9, 9), np.uint8)}, "received shape .*; give at least one image with pixels"),
        ({"images": np.array([np.zeros((9, 9)), np.full((9, 9), np.nan)])}, "received NaN or infinity in image 1"),
        ({"images": np.full((2, 9, 9), np.inf, np.float32)}, "received NaN or infinity in image 0"),
    ],
)
def test_invalid_values_are_rejected(change: dict, message: str):
    arguments = {"images": np.zeros((2, 9, 9), np.uint8), "labels": [1, 2]} | change
    for function in (augment, Augmenter):
        with pytest.raises(ValueError, match=message):
            function(**arguments)


@pytest.mark.parametrize("dtype", [np.int64, np.float16, bool, object, ">f4"])
def test_unsupported_dtype_is_rejected(dtype):
    with pytest.raises(TypeError, match=r"Expected images of dtype uint8, float32 or float64, received .*; use astype"):
        augment(np.zeros((2, 9, 9)).astype(dtype))


def test_fill_beyond_float32_is_rejected():
    with pytest.raises(ValueError, match="Expected fill as a finite float32 number, received 1e"):
        augment(np.zeros((2, 9, 9), np.float32), fill=1e39)


def test_augmenter_checks_its_arguments(digits):
    with pytest.raises(ValueError, match="Expected labels, received None"):
        Augmenter(digits[0], None)
    with pytest.raises(ValueError, match="Expected batch_size as a whole number"):
        Augmenter(*digits, batch_size=0)
    augmenter = Augmenter(*digits)
    for step in (-1, 1.5, True):
        with pytest.raises(ValueError, match="Expected step as a whole number of at least 0"):
            augmenter.batch(step)
    assert augmenter.step == 0
