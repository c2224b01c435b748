"""Occlusion equals the predictions of images with one patch covered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import OF_IMAGES, colour, dense, grey, images, logits, rows

from scratchcnn import Sequential, reference
from scratchcnn.inspection import occlusion
from scratchcnn.layers import Dense, Flatten

MADE = {make: make() for make in OF_IMAGES}


def probabilities(model, batch):
    outputs = model.predict(batch).astype(float)
    return reference.softmax(outputs) if model.layers[-1].activation.name == "linear" else outputs


@given(st.data())
def test_probabilities_equal_predictions_of_covered_images(data):
    model = MADE[data.draw(st.sampled_from(OF_IMAGES))]
    batch = images(model, seed=data.draw(st.integers(0, 9)))
    height, width = batch.shape[1:3]
    size = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    stride = data.draw(st.integers(1, size[0])), data.draw(st.integers(1, size[1]))
    found = occlusion(model, batch[0], label=1, size=size, stride=stride, fill=0.25)
    row, column = (data.draw(st.integers(0, length - 1)) for length in found.falls.shape)
    covered = batch.astype(model.dtype)
    covered[0, found.tops[row] :, found.lefts[column] :][: size[0], : size[1]] = 0.25
    expected = probabilities(model, covered)[0]
    np.testing.assert_allclose(found.probabilities[row, column], expected, rtol=1e-5, atol=1e-7)
    before = probabilities(model, batch)[0]
    np.testing.assert_allclose(found.baseline, before, rtol=1e-5)
    assert found.falls[row, column] == pytest.approx(before[1] - expected[1], abs=1e-6)


@given(st.integers(1, 6), st.integers(1, 9), st.data())
def test_patches_cover_the_image_from_edge_to_edge_without_gaps(height, width, data):
    stride = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    found = occlusion(MADE[colour], images(MADE[colour])[0], size=(height, width), stride=stride)
    for starts, length, size, step in zip((found.tops, found.lefts), (6, 9), (height, width), stride, strict=True):
        assert starts[0] == 0
        assert starts[-1] == length - size
        assert (np.diff(starts) <= step).all()
        assert (np.diff(starts)[:-1] == step).all()


def test_map_is_the_mean_decrease_over_the_patches_that_cover_a_pixel():
    model = MADE[grey]
    found = occlusion(model, images(model)[0], size=(4, 3), stride=(3, 2))
    for y, x in np.ndindex(9, 8):
        over = [
            found.falls[row, column]
            for row, top in enumerate(found.tops)
            for column, left in enumerate(found.lefts)
            if top <= y < top + 4 and left <= x < left + 3
        ]
        assert found.map[y, x] == pytest.approx(np.mean(over))


def test_only_patches_over_the_used_pixel_decrease_the_probability():
    model = Sequential([Flatten(input_shape=(7, 6, 1)), Dense(2, activation="softmax")], dtype="float64")
    kernel = np.zeros((42, 2))
    kernel[3 * 6 + 2, 1] = 4  # the pixel (3, 2) alone, for class 1
    model.set_weights([kernel, np.zeros(2)])
    image = np.ones((7, 6))
    found = occlusion(model, image, size=2, fill=0)
    p = 1 / (1 + np.exp(-4))
    assert found.label == found.answer == 1
    assert found.baseline[1] == pytest.approx(p)
    expected = np.zeros((6, 5))
    expected[2:4, 1:3] = p - 0.5
    np.testing.assert_allclose(found.falls, expected, atol=1e-12)
    assert found.map.max() == found.map[3, 2] == pytest.approx(p - 0.5)
    row, column = found.greatest(1)[0]
    assert (found.tops[row], found.lefts[column]) == (2, 1)


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_batch_size_does_not_affect_the_result(engine):
    model = colour(engine=engine)
    image = images(model)[0]
    one, other = (occlusion(model, image, batch_size=size, stride=1) for size in (1, 7))
    np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=1e-5)


def test_default_fill_is_the_background_of_any_value():
    image = np.full((9, 8), -0.42)
    image[3:6, 2:5] = 2.8  # a standardized digit: 0 would be neither paper nor ink
    found = occlusion(MADE[grey], image)
    assert float(found.fill[0]) == pytest.approx(-0.42)
    assert found.falls[0, 0] == 0  # covering background by background changes nothing
    flowers = np.zeros((6, 9, 3), np.uint8) + np.array([10, 200, 30], np.uint8)
    flowers[2:4, 3:6] = 255
    found = occlusion(MADE[colour], flowers)
    np.testing.assert_array_equal(found.fill, [10, 200, 30])
    assert found.image.dtype == np.uint8


def test_fill_may_have_one_value_for_each_channel():
    found = occlusion(MADE[colour], images(MADE[colour])[0], fill=(1, 2, 3), size=(6, 9))
    expected = np.broadcast_to(np.array([1, 2, 3], np.float32), (1, 6, 9, 3))
    np.testing.assert_allclose(found.probabilities[0, 0], MADE[colour].predict(expected)[0], rtol=1e-6)


def test_default_patch_is_a_sixth_of_the_image_and_at_least_one_pixel():
    assert occlusion(MADE[grey], images(MADE[grey])[0]).size == (2, 1)
    assert occlusion(MADE[dense], images(MADE[dense])[0]).size == (1, 1)


def test_greatest_patches_are_sorted_and_do_not_overlap():
    found = occlusion(MADE[logits], images(MADE[logits])[0], size=2)
    chosen = found.greatest(4)
    seen = np.zeros((5, 7), int)
    for row, column in chosen:
        seen[found.tops[row] :, found.lefts[column] :][:2, :2] += 1
    assert seen.max() == 1
    falls = [found.falls[place] for place in chosen]
    assert falls == sorted(falls, reverse=True)
    assert falls[0] == found.falls.max()


def test_image_and_model_are_unchanged():
    model = grey()
    image = images(model)[0]
    pixels, weights = image.copy(), [w.copy() for w in model.get_weights()]
    found = occlusion(model, image)
    found.image[...] = 9
    np.testing.assert_array_equal(image, pixels)
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_text_reports_prediction_class_and_largest_decrease():
    found = occlusion(MADE[grey], images(MADE[grey])[0], label=3)
    text = str(found)
    assert f"tenths of the maximum, {100 * abs(found.map).max():.1f} points" in text
    assert f"class of interest     3 ({found.baseline[3]:.1%})" in text
    assert f"prediction            {found.answer} ({found.baseline.max():.1%})" in text
    first_row = text.split("decrease  prediction\n")[1].splitlines()[1]
    assert f"{100 * found.falls.max():.1f} points" in first_row
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"size": 10}, r"Expected size of at most \(9, 8\), the image, received \(10, 10\); use a smaller one"),
        ({"size": 0}, "Expected size as a whole number of at least 1"),
        ({"size": (2, 2), "stride": 3}, r"stride of at most \(2, 2\), a patch, received \(3, 3\); .*gaps"),
        ({"fill": np.nan}, "Expected fill as a finite number, received nan"),
        ({"fill": (1, 2)}, "one number or one for each of the 1 channels"),
        ({"fill": "white"}, "Expected fill as a finite number, received 'white'"),
        ({"label": 5}, "from 0 to 4, as the model has 5 classes"),
        ({"batch_size": 0}, "Expected batch_size as a whole number of at least 1"),
    ],
)
def test_invalid_options_raise(asked, message):
    with pytest.raises(ValueError, match=message):
        occlusion(MADE[grey], images(MADE[grey])[0], **asked)


def test_model_whose_inputs_are_no_images_raises():
    with pytest.raises(ValueError, match=r"a model of images .* for occlusion, received one whose input is \(6,\)"):
        occlusion(rows(), np.zeros(6))


def test_batch_of_images_raises():
    with pytest.raises(ValueError, match=r"That is a batch of 2: give one of them, as image\[0\]"):
        occlusion(MADE[grey], images(MADE[grey], 2))
