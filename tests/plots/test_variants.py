"""plot_variants: each image with its own variants in a row."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from scratchcnn.plots import plot_variants
from scratchcnn.plots.variants import GAP, WIDE_GAP


def drawn(axes):
    return axes.images[0].to_rgba(axes.images[0].get_array())[..., :3]


def cell(axes, row, column, size):
    """Return the pixels drawn for one image; column 0 is the original."""
    height, width = size
    top = row * (height + GAP)
    left = 0 if column == 0 else width + WIDE_GAP + (column - 1) * (width + GAP)
    return drawn(axes)[top : top + height, left : left + width]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channel", [False, True])
def test_single_channel_images_are_drawn_as_ink_in_their_rows(rng, dtype, channel):
    images, variants = rng.integers(0, 256, (3, 5, 7)), rng.integers(0, 256, (12, 5, 7))
    given = [each.astype(np.uint8) if dtype is np.uint8 else (each / 255).astype(dtype) for each in (images, variants)]
    axes = plot_variants(*(each[..., None] if channel else each for each in given))
    for row in range(3):
        np.testing.assert_allclose(cell(axes, row, 0, (5, 7))[..., 0], 1 - images[row] / 255, atol=0.01)
        for place in range(4):
            expected = 1 - variants[place * 3 + row] / 255
            np.testing.assert_allclose(cell(axes, row, place + 1, (5, 7))[..., 0], expected, atol=0.01)


def test_colour_images_keep_their_colours(rng):
    images, variants = rng.random((2, 4, 4, 3)), rng.random((2, 4, 4, 3))
    axes = plot_variants(images, variants)
    np.testing.assert_allclose(cell(axes, 1, 0, (4, 4)), images[1], atol=0.01)
    np.testing.assert_allclose(cell(axes, 1, 1, (4, 4)), variants[1], atol=0.01)


def test_titles_and_labels_are_legible():
    for count, factor, title in (
        (2, 3, "3 augmented variants of each of 2 images"),
        (1, 1, "1 augmented variant of one image"),
    ):
        axes = plot_variants(np.zeros((count, 28, 28)), np.zeros((count * factor, 28, 28)))
        assert " ".join(axes.get_title().split()) == title
        assert [label.get_text() for label in axes.get_xticklabels()] == [
            "original",
            "variants" if factor > 1 else "variant",
        ]
        axes.figure.draw_without_rendering()
        box = axes.title.get_window_extent()
        assert axes.figure.bbox.contains(box.x0, box.y0)
        assert axes.figure.bbox.contains(box.x1, box.y1)
        assert box.y0 >= max(label.get_window_extent().y1 for label in axes.get_xticklabels())
    assert plot_variants(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), title="$a_b").get_title() == "$a_b"


def test_given_axes():
    mine = Figure().subplots()
    assert plot_variants(np.zeros((1, 2, 2)), np.zeros((4, 2, 2)), ax=mine) is mine


@pytest.mark.parametrize("shape", [(3, 2, 2), (0, 2, 2), (2, 2, 3), (2, 2), (2, 2, 2, 2)])
def test_mismatched_shapes_are_rejected(shape):
    with pytest.raises(ValueError, match=r"Expected variants .*received"):
        plot_variants(np.zeros((2, 2, 2)), np.zeros(shape))


def test_non_numeric_and_non_finite_images_are_rejected():
    with pytest.raises(TypeError, match="Expected images of integers or floats, received dtype <U1"):
        plot_variants([[["a"]]], [[["a"]]])
    with pytest.raises(ValueError, match="Expected variants with finite values"):
        plot_variants([[[0.0]]], [[[np.nan]]])
