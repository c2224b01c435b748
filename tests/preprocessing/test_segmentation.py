"""Candidate cuts cross little ink, and the network of shapes tells one digit from several and from fragments."""

import numpy as np
import pytest
from digit_conditions import tight
from drawn_digits import Scene, photograph
from scipy import ndimage

from scratchcnn.datasets import mnist
from scratchcnn.preprocessing import fitting, ink, read_digit, read_digits
from scratchcnn.preprocessing.segmentation import (
    MOST_CROSSED,
    MOST_CUTS,
    ODDS,
    SEVERAL,
    candidate_cuts,
    class_probabilities,
)

_, (IMAGES, LABELS) = mnist.load_sample()


def test_cuts_pass_between_two_shapes_that_do_not_share_columns():
    shape = np.zeros((60, 50), bool)
    shape[:, 5:15] = shape[:, 30:40] = True
    assert any((shape[:, :15].any() and cut.min() > 15 and cut.max() <= 30) for cut in candidate_cuts(shape))


def test_cuts_follow_a_slanted_gap():
    rows, columns = np.indices((60, 70))
    gap = np.abs(columns - 10 - 0.6 * rows) < 3
    shape = (columns > 2) & ~gap
    crossed = [shape[np.arange(60), np.minimum(cut, 69)].sum() for cut in candidate_cuts(shape)]
    assert min(crossed) <= 2


@pytest.mark.parametrize("size", [(70, 160), (2, 1000), (1, 1), (300, 3)])
def test_a_block_of_ink_has_no_cuts_and_any_size_is_accepted(size):
    assert candidate_cuts(np.ones(size, bool)) == []


def test_number_of_cuts_is_bounded():
    shape = np.zeros((4, 1000), bool)
    shape[2] = True
    cuts = candidate_cuts(shape)
    assert 0 < len(cuts) <= 2 * MOST_CUTS
    assert all(shape[np.arange(4), np.minimum(cut, 999)].mean() <= MOST_CROSSED for cut in cuts)


def test_digits_are_told_from_several_digits_and_halves():
    digits = IMAGES[:200].astype(np.float32) / 255
    probabilities = class_probabilities(digits)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.mean(probabilities[:, :SEVERAL].sum(axis=1) > 0.5) >= 0.95
    assert np.mean(probabilities.argmax(axis=1) == LABELS[:200]) >= 0.95
    refused = 0
    for one, other in zip(IMAGES[:40], IMAGES[40:80], strict=True):
        pair = np.hstack([np.pad(tight(image), ((0, 20 - len(tight(image))), (0, 1))) for image in (one, other)])
        try:
            read_digit(np.pad(255 - pair, 8, constant_values=255))
        except ValueError:
            refused += 1
    assert refused >= 39


@pytest.mark.parametrize("number", [363, 505, 682, 784, 795])
def test_unusual_digit_that_is_a_little_more_likely_several_is_read(number):
    """One digit is expected, and several digits are hardly ever that uncertain."""
    read = read_digit(255 - IMAGES[number])
    probabilities = class_probabilities(read.image[..., 0])[0]
    assert 1 < probabilities[SEVERAL] / probabilities[:SEVERAL].sum() < ODDS


def test_digits_of_two_lines_close_to_each_other_are_not_joined():
    scene = Scene("s", size=(90, 90), height=0.8)
    rng = np.random.default_rng(0)
    lines = ("1 bare", "4 closed", "5 in two strokes"), ("7 with a bar", "1 bare", "0 round")
    pictures = [[photograph(glyph, scene, rng)[..., 0] for glyph in line] for line in lines]
    digits = read_digits(np.vstack([np.hstack(line) for line in pictures]))
    assert [digit.line for digit in digits] == [0, 0, 0, 1, 1, 1]


def test_a_detached_bar_is_joined_to_its_five():
    rng = np.random.default_rng(1)
    for _ in range(5):
        picture = photograph("5 with a detached bar", Scene("s", size=(300, 300), height=0.6, pen_width=0.06), rng)
        (digit,) = read_digits(picture)
        np.testing.assert_allclose(digit.box, read_digit(picture).box, atol=2)


# What is computed in another way than by its definition, which SciPy implements


@pytest.mark.parametrize("shape", [(48, 30), (7, 48), (1, 1)])
@pytest.mark.parametrize("size", [9, 23])
def test_median_is_that_of_the_window_around_each_pixel(shape, size):
    image = np.random.default_rng(0).random(shape, np.float32)
    np.testing.assert_array_equal(ink._median(image, size), ndimage.median_filter(image, size))


@pytest.mark.parametrize("radius", [1, 2, 5, 16])
def test_erosion_is_the_minimum_over_a_disc(radius):
    image = np.random.default_rng(radius).random((70, 45), np.float32)
    reach = np.arange(-radius, radius + 1)
    disc = np.hypot(reach[:, None], reach) <= radius + 0.5
    expected = ndimage.minimum_filter(image, footprint=disc, mode="constant")
    np.testing.assert_array_equal(fitting._eroded(image, radius), expected)


def test_sharpening_is_richardson_lucy_deconvolution():
    blurred = ndimage.gaussian_filter(np.pad(np.ones((60, 24), np.float32), 30), 6)
    sharp = fitting.sharpen(blurred)
    fine = np.pad(fitting.scale_to(blurred, fitting.COARSE * fitting.BOX), 3 * fitting.COARSE)
    slopes = np.hypot(*np.gradient(fine))
    slope = np.quantile(slopes[slopes >= 0.2 * slopes.max()], 0.98)
    sigma = np.sqrt((fitting.SLOPE / slope) ** 2 - (fitting.COARSE * fitting.EDGE) ** 2)
    fine = np.maximum(fine, 1e-4)
    expected = fine.astype(np.float64)
    for _ in range(fitting.ITERATIONS):
        quotient = fine / ndimage.gaussian_filter(expected, sigma)
        expected = expected * ndimage.gaussian_filter(quotient, sigma)
    expected /= np.median(expected[expected > 0.5 * expected.max()])
    # Each of the few hundred roundings per pixel is relative, and the last one is that to float32.
    np.testing.assert_allclose(sharp, expected, rtol=1e-5, atol=1e-6)
