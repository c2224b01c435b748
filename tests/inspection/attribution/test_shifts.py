"""Pixel shifts equal the predictions of padded and rolled images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import OF_IMAGES, colour, grey, images, rows

from scratchcnn import Sequential, reference
from scratchcnn.inspection import pixel_shifts
from scratchcnn.layers import Dense, Flatten

MADE = {make: make() for make in OF_IMAGES}


def moved(image, down, right, fill):
    """Pad the image with the fill value, roll it, and crop it."""
    margin = [(5, 5), (5, 5), (0, 0)][: image.ndim]
    padded = np.pad(image.astype(float) - fill, margin) + fill
    return np.roll(padded, (down, right), axis=(0, 1))[5:-5, 5:-5]


@given(st.sampled_from(OF_IMAGES), st.integers(1, 4), st.data())
def test_probabilities_equal_predictions_of_moved_images(make, most, data):
    model = MADE[make]
    image = images(model, seed=data.draw(st.integers(0, 9)))[0]
    down, right = data.draw(st.integers(-most, most)), data.draw(st.integers(-most, most))
    found = pixel_shifts(model, image, label=1, most=most, fill=0.25)
    expected = model.predict(moved(image, down, right, 0.25)[None])
    if model.layers[-1].activation.name == "linear":
        expected = reference.softmax(expected)
    assert found.probabilities.shape[:2] == (2 * most + 1, 2 * most + 1)
    np.testing.assert_allclose(found.probabilities[most + down, most + right], expected[0], rtol=1e-5, atol=1e-7)
    assert found.map[most + down, most + right] == pytest.approx(expected[0, 1], rel=1e-5)


def one_pixel_model():
    """Return a model of images (7, 7) that predicts class 1 if the pixel (3, 3) is ink."""
    model = Sequential([Flatten(input_shape=(7, 7, 1)), Dense(2, activation="softmax")], dtype="float64")
    kernel = np.zeros((49, 2))
    kernel[24, 1] = 6
    model.set_weights([kernel, np.array([3.0, 0.0])])
    return model


def test_rows_shift_down_and_columns_shift_right():
    image = np.zeros((7, 7))
    image[2, 4] = 1  # one down and one to the left is the pixel (3, 3)
    found = pixel_shifts(one_pixel_model(), image, most=2)
    expected = np.zeros((5, 5), int)
    expected[2 + 1, 2 - 1] = 1
    np.testing.assert_array_equal(found.answers, expected)
    assert found.answer == found.label == 0


def test_text_reports_shifts_by_one_pixel_and_changed_predictions():
    image = np.zeros((7, 7))
    image[2, 4] = 1
    text = str(pixel_shifts(one_pixel_model(), image, most=2))
    by_one, by_two = text.index("by one pixel"), text.index("by up to 2")
    assert by_one < by_two
    assert "the prediction changes in 1 of 8" in text[by_one:by_two]
    assert "the prediction changes in 1 of 24" in text[by_two:]
    assert text.count("→1") == 1
    row = next(line for line in text.splitlines() if line.lstrip().startswith("+1 "))
    assert row.split()[2].endswith("→1")


def test_text_reports_whether_content_leaves_the_image():
    image = np.zeros((7, 7))
    image[0, 3] = 1  # at the upper edge
    found = pixel_shifts(one_pixel_model(), image, most=1)
    np.testing.assert_array_equal(found.cut, [[True] * 3, [False] * 3, [False] * 3])
    assert "3 of the shifts move a part of the image out" in str(found)
    image = np.roll(image, 2, axis=0)
    assert "no part of the image is moved out" in str(pixel_shifts(one_pixel_model(), image, most=1))


def test_default_fill_is_the_background_of_any_value():
    image = np.full((9, 8), -0.42, np.float32)
    image[3:6, 2:5] = 2.8
    found = pixel_shifts(MADE[grey], image)
    expected = MADE[grey].predict(moved(image, 2, -1, np.float32(-0.42))[None, ..., None])
    np.testing.assert_allclose(found.probabilities[5, 2], expected[0], rtol=1e-5)
    assert not found.cut[2:5, 2:5].any()


def test_fill_of_uint8_colors_is_in_their_units():
    image = images(MADE[colour])[0]
    found = pixel_shifts(MADE[colour], image, most=1, fill=(10, 20, 30))
    batch = np.empty((1, 6, 9, 3), np.uint8)
    batch[...] = (10, 20, 30)
    batch[0, 1:, :-1] = image[:-1, 1:]
    np.testing.assert_allclose(found.probabilities[2, 0], MADE[colour].predict(batch)[0], rtol=1e-6)
    assert found.image.dtype == np.uint8


def test_table_lists_only_the_shifts_that_fit_into_a_line():
    model = Sequential([Flatten(input_shape=(20, 20)), Dense(2, activation="softmax")], seed=0)
    text = str(pixel_shifts(model, np.eye(20), most=8))
    assert "Only shifts up to 4" in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"most": 8}, "Expected most below 8, the smaller side, received 8; use less"),
        ({"most": 0}, "Expected most as a whole number of at least 1"),
        ({"fill": np.inf}, "Expected fill as a finite number"),
        ({"label": -1}, "Expected label from 0 to 4"),
    ],
)
def test_invalid_options_raise(asked, message):
    with pytest.raises(ValueError, match=message):
        pixel_shifts(MADE[grey], images(MADE[grey])[0], **asked)


def test_model_whose_inputs_are_no_images_raises():
    with pytest.raises(ValueError, match=r"for pixel_shifts, received one whose input is \(6,\)"):
        pixel_shifts(rows(), np.zeros(6))
