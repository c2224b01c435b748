"""Text drawings: letters for tenths and ink, and the width of the lines."""

import numpy as np
import pytest

from scratchcnn.inspection.text.sketch import WIDTH, sketch
from scratchcnn.preprocessing.grey import as_shares, ink_of


def test_letter_is_the_tenth_with_its_sign():
    values = np.array([[0.0, 0.05, 0.1, 0.55, 0.999, 1.0, 2.0, -0.1, -1.0]])
    (line,) = sketch(np.zeros((1, 9)), values, 1.0)
    assert line.split() == ["."] * 2 + ["1", "5", "9", "9", "9", "a", "i"]


def test_image_is_drawn_on_the_left_as_ink():
    (line,) = sketch(np.array([[0, 60, 120, 170, 255]], np.uint8), np.zeros((1, 5)), 1.0)
    assert line == "  . : * #    . . . . ."


def test_limit_zero_draws_dots():
    assert sketch(np.zeros((1, 3)), np.zeros((1, 3)), 0.0)[0].split() == ["."] * 3


@pytest.mark.parametrize(
    ("width", "spaced", "columns"),
    [(28, True, 28), (40, False, 40), (57, False, 57), (58, True, 29), (200, False, 50), (900, False, 57)],
)
def test_wide_image_is_reduced_to_the_width(width, spaced, columns):
    lines = sketch(np.zeros((6, width, 3), np.uint8), np.ones((6, width)), 1.0)
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].count("9") == columns
    assert lines[0].endswith("9 9" if spaced else "99")


def test_reduced_values_are_block_means():
    values = np.zeros((3, 58))
    values[:2, :2] = [[0.2, 0.4], [0.6, 0.8]]
    values[2, 56:] = 0.7  # the last block has one row alone
    lines = sketch(np.zeros((3, 58)), values, 1.0)
    assert lines[0].split()[0] == "5"
    assert lines[1].split()[-1] == "7"


def test_shades_of_any_range_of_pixels():
    np.testing.assert_allclose(as_shares(np.array([[0, 128, 255]], np.uint8)), [[0, 128 / 255, 1]])
    np.testing.assert_allclose(as_shares(np.array([[0.0, 0.5]])), [[0, 0.5]])
    np.testing.assert_allclose(as_shares(np.array([[-1.0, 3.0]])), [[0, 1]])
    assert ink_of(np.full((1, 1, 3), 255, np.uint8))[0, 0] == pytest.approx(0)  # white light is paper
    assert ink_of(np.full((1, 1, 1), 255, np.uint8))[0, 0] == 1  # one channel is ink
    assert ink_of(np.array([[[0.0, 1.0]]]))[0, 0] == 0.5
