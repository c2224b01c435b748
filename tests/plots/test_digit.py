"""plot_digit shows the image as it is, dark ink on white, and refuses what is no image."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from scratchcnn.plots import plot_digit


def greys(axes):
    """What is drawn, from 0 (white) to 1 (black)."""
    image = axes.images[0]
    return 1 - image.to_rgba(image.get_array())[..., :3].mean(axis=-1)


@pytest.mark.parametrize("channel", [False, True])
def test_uint8_and_float_look_the_same(channel: bool):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    ramp = ramp[..., None] if channel else ramp
    drawn = [greys(plot_digit(image)) for image in (ramp, ramp.astype(int), ramp.astype(float), ramp / 255)]
    for other in drawn[1:]:
        np.testing.assert_allclose(drawn[0], other, atol=0.02)
    assert drawn[0].shape == (16, 16)
    assert drawn[0][0, 0] == 0
    assert drawn[0][-1, -1] == 1
    assert plot_digit(ramp).images[0].get_cmap().name == "Greys"


def test_an_empty_image_is_white_a_full_one_black_and_a_faint_one_faint():
    for ink, least, most in ((0, 0, 0), (255, 1, 1), (60, 0.05, 0.4)):
        drawn = greys(plot_digit(np.full((28, 28), ink, np.uint8)))
        assert least <= drawn.min() <= drawn.max() <= most


def test_values_below_zero():
    drawn = greys(plot_digit(np.linspace(-1, 1, 9).reshape(3, 3)))
    assert np.all(np.diff(drawn.ravel()) > 0)


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ({}, ""),
        ({"label": 0}, "label: 0"),
        ({"label": np.uint8(5), "prediction": np.int64(3)}, "label: 5\nprediction: 3"),
        ({"prediction": "$a_b$"}, "prediction: $a_b$"),
        ({"label": "one two three four five six seven"}, "label: one two three four five\nsix seven"),
    ],
)
def test_the_title(words: dict, title: str):
    axes = plot_digit(np.eye(28), **words)
    assert axes.get_title() == title
    axes.figure.draw_without_rendering()
    assert axes.figure.bbox.containsx(axes.title.get_window_extent().x0)
    assert axes.figure.bbox.contains(*axes.title.get_window_extent().max)


def test_into_given_axes():
    mine = Figure().subplots()
    assert plot_digit(np.eye(28), ax=mine) is mine


@pytest.mark.parametrize("shape", [(28,), (784,), (1, 28, 28, 1), (28, 28, 3), (2, 28, 28), (0, 28), ()])
def test_another_shape(shape: tuple):
    with pytest.raises(ValueError, match=r"Expected one image \(28, 28\) or \(28, 28, 1\), received shape .*; "):
        plot_digit(np.zeros(shape))


def test_no_numbers():
    with pytest.raises(TypeError, match="received dtype <U1"):
        plot_digit([["a"]])
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="Expected finite numbers"):
            plot_digit([[0.0, bad]])
