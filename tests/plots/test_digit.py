"""plot_digit: dark ink on white with a fixed range, and checked images."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from scratchcnn.plots import plot_digit, plot_digits


def greys(axes):
    """Return the drawn grey levels, from 0 (white) to 1 (black)."""
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


def test_range_does_not_depend_on_the_contrast():
    for ink, least, most in ((0, 0, 0), (255, 1, 1), (60, 0.05, 0.4)):
        drawn = greys(plot_digit(np.full((28, 28), ink, np.uint8)))
        assert least <= drawn.min() <= drawn.max() <= most


def test_negative_values_extend_the_range():
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
def test_title(words: dict, title: str):
    axes = plot_digit(np.eye(28), **words)
    assert axes.get_title() == title
    axes.figure.draw_without_rendering()
    assert axes.figure.bbox.containsx(axes.title.get_window_extent().x0)
    assert axes.figure.bbox.contains(*axes.title.get_window_extent().max)


def test_given_axes():
    mine = Figure().subplots()
    assert plot_digit(np.eye(28), ax=mine) is mine


@pytest.mark.parametrize("shape", [(28,), (784,), (1, 28, 28, 1), (28, 28, 2), (2, 28, 28), (0, 28), ()])
def test_invalid_shape_is_rejected(shape: tuple):
    with pytest.raises(
        ValueError, match=r"Expected one image \(28, 28\), \(28, 28, 1\) or \(32, 32, 3\), received shape .*; "
    ):
        plot_digit(np.zeros(shape))


def test_non_numeric_and_non_finite_images_are_rejected():
    with pytest.raises(TypeError, match="received dtype <U1"):
        plot_digit([["a"]])
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="Expected an image with finite values"):
            plot_digit([[0.0, bad]])


@pytest.mark.parametrize(("pixels", "drawn"), [
    (np.array([[[0, 128, 255]]], np.uint8), [0, 128 / 255, 1]),
    (np.array([[[0.0, 0.5, 1.0]]]), [0, 0.5, 1]),
    (np.array([[[0.0, 51.0, 255.0]]]), [0, 0.2, 1]),
    (np.array([[[-1.0, 0.0, 1.0]]]), [0, 0.5, 1]),
])  # fmt: skip
def test_three_channels_are_drawn_in_their_colors(pixels, drawn):
    (image,) = plot_digit(pixels).get_images()
    np.testing.assert_allclose(image.get_array(), [[drawn]], atol=1e-6)
    (image,) = plot_digits(pixels[None])[0].get_images()
    np.testing.assert_allclose(image.get_array(), [[drawn]], atol=1e-6)
