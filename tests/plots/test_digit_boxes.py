"""plot_digit_boxes: the boxes of several digits on the image they were read from, with the predictions."""

import numpy as np
import pytest

from scratchcnn.plots import plot_digit_boxes, save
from scratchcnn.preprocessing import read_digit, read_digits

ELEVEN = np.full((60, 80), 240, np.uint8)
ELEVEN[10:50, 20:25] = ELEVEN[10:50, 50:55] = 30
DIGITS = read_digits(ELEVEN)
PROBABILITIES = np.full((2, 10), 0.02)
PROBABILITIES[0, 1] = PROBABILITIES[1, 7] = 0.82


def test_boxes_and_predictions_are_drawn(tmp_path):
    figure = plot_digit_boxes(DIGITS, PROBABILITIES)
    (ax,) = figure.axes
    np.testing.assert_array_equal(ax.images[0].get_array(), DIGITS[0].grey)
    assert [text.get_text() for text in ax.texts] == ["1", "7"]
    assert [patch.get_xy() for patch in ax.patches] == [(19.5, 9.5), (49.5, 9.5)]
    assert [(patch.get_width(), patch.get_height()) for patch in ax.patches] == [(5, 40), (5, 40)]
    save(figure, tmp_path / "digits.png")
    assert (tmp_path / "digits.png").stat().st_size > 2000
    assert plot_digit_boxes(DIGITS).axes[0].texts[:] == []


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (([],), ValueError, "at least one picture"),
        (([ELEVEN],), TypeError, "received ndarray"),
        (([DIGITS[0], read_digits(ELEVEN)[1]],), ValueError, "digits of one image"),
        (([read_digit(np.eye(28), as_is=True)],), ValueError, "digits of one image with their boxes"),
        ((DIGITS, PROBABILITIES[:1]), ValueError, r"shape \(2, classes\), received \(1, 10\)"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, kind, message):
    with pytest.raises(kind, match=message):
        plot_digit_boxes(*arguments)
