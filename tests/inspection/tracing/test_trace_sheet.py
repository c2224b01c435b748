"""Figure of a trace: the maps of each layer with a common colour scale, from the image to the prediction."""

import numpy as np
import pytest
from legible import assert_legible, texts_of
from networks import article_model, sample_digits, small_data, small_model

from scratchcnn import Sequential
from scratchcnn.inspection import trace
from scratchcnn.layers import Conv2D, Dense, Flatten, Rescaling


@pytest.fixture(scope="module")
def digit():
    (x, _), _ = sample_digits()
    return trace(article_model(seed=1), x[:1])


def sheets(figure):
    """The axes with maps: neither the image nor colour bars."""
    return [ax for ax in figure.axes if ax.images and ax.get_label() != "<colorbar>"]


def test_figure_of_the_article_network_is_legible(digit):
    figure = digit.plot()
    assert_legible(figure.axes[0])
    texts = [text.get_text() for text in texts_of(figure)]
    assert "input, 28 × 28 × 1" in texts
    assert any(text.startswith("conv2d_1 (Conv2D), 24 × 24 × 64") for text in texts)
    assert any(f"unit {digit.probabilities.argmax()} has the largest output" in text for text in texts)
    assert len(sheets(figure)) == 9


def test_maps_of_a_layer_have_one_colour_scale(digit):
    picture = sheets(digit.plot())[2].images[0]
    output = digit["conv2d_1"].output[0]
    assert picture.get_clim() == (0, pytest.approx(output.max()))
    drawn = np.ma.masked_invalid(picture.get_array())
    assert drawn.count() == output.size
    np.testing.assert_allclose(drawn[:24, :24], output[..., 0])
    np.testing.assert_allclose(drawn[:24, 26:50], output[..., 1])


def test_colour_scale_of_negative_values_is_symmetric():
    model = Sequential([Conv2D(3, 3, input_shape=(8, 12, 3)), Flatten(), Dense(2)], seed=0)
    figure = trace(model, np.random.default_rng(0).standard_normal((1, 8, 12, 3))).plot()
    low, high = sheets(figure)[1].images[0].get_clim()
    assert low == -high < 0
    assert_legible(figure.axes[0])


def test_number_of_maps_is_limited(digit, tmp_path):
    figure = digit.plot(tmp_path / "few.png", maps=5)
    assert_legible(figure.axes[0])
    assert any("the first 5 of 64 maps" in text.get_text() for text in texts_of(figure))
    drawn = np.ma.masked_invalid(sheets(figure)[2].images[0].get_array())
    assert drawn.count() == 5 * 24 * 24
    assert (tmp_path / "few.png").stat().st_size > 1000


def test_selected_sample_is_drawn():
    found = trace(small_model(seed=0), small_data(3)[0])
    figure = found.plot(sample=2)
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), found.x[2, ..., 0])
    assert_legible(figure.axes[0])
    with pytest.raises(ValueError, match="Expected sample from 0 to 2, received 3"):
        found.plot(sample=3)
    with pytest.raises(ValueError, match="Expected maps as a whole number of at least 1"):
        found.plot(maps=0)


def test_uint8_images_and_vectors_are_drawn(tmp_path):
    model = Sequential([Rescaling(1 / 255, input_shape=(6, 6, 3)), Flatten(), Dense(300), Dense(3)], seed=0)
    assert_legible(trace(model, np.full((1, 6, 6, 3), 200, np.uint8)).plot().axes[0])
    rows = trace(Sequential([Dense(3, input_shape=(5,)), Dense(2)], seed=0), np.zeros((1, 5))).plot()
    assert_legible(rows.axes[0])
    with pytest.raises(ValueError, match="Expected an image file ending in"):
        trace(model, np.zeros((1, 6, 6, 3))).plot(tmp_path / "sheet.gif")
