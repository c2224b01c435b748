"""plot_digit_steps: all preprocessing steps of a photo and its probabilities in a row."""

import numpy as np
import pytest

from scratchcnn.plots import plot_digit_steps, save
from scratchcnn.preprocessing import read_digit

SEVEN = np.full((60, 40), 240, np.uint8)
SEVEN[10:14, 8:30] = SEVEN[10:50, 26:30] = 30
PICTURE = read_digit(SEVEN)
AS_IS = read_digit(np.eye(28), as_is=True)
PROBABILITIES = np.full((2, 10), 0.02)
PROBABILITIES[0, 7] = PROBABILITIES[1, 1] = 0.82


def test_each_row_shows_the_steps_of_a_picture():
    figure = plot_digit_steps([PICTURE, AS_IS], PROBABILITIES, ["seven.png", "one.png"])
    axes = np.array(figure.axes).reshape(2, 7)
    steps = [PICTURE.grey, PICTURE.background, PICTURE.ink, PICTURE.cut, PICTURE.fitted, PICTURE.image[0, :, :, 0]]
    for ax, step in zip(axes[0], steps, strict=False):
        np.testing.assert_array_equal(ax.images[0].get_array(), step)
        assert ax.images[0].get_clim() == (0, 1)
    assert [len(ax.images) for ax in axes[1]] == [1, 0, 0, 0, 0, 1, 0]
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["seven.png", "one.png"]
    assert [ax.get_title() for ax in axes[:, 6]] == ["probability\n7 (82.0 %)", "1 (82.0 %)"]
    widths = [bar.get_width() for bar in axes[0, 6].patches]
    np.testing.assert_allclose(widths, PROBABILITIES[0])


def test_scores_are_written_below_the_probabilities_in_bold_if_low():
    figure = plot_digit_steps([PICTURE, AS_IS], PROBABILITIES, typicality=[0.432, 0.002])
    labels = [ax.xaxis.label for ax in figure.axes[6::7]]
    assert [label.get_text() for label in labels] == [
        "43.2 % of MNIST\nis less typical",
        "only 0.2 % of MNIST\nis less typical",
    ]
    assert [label.get_fontweight() for label in labels] == ["normal", "bold"]


@pytest.mark.parametrize("typicality", [None, [0.001, 0.5, 1.0]])
def test_texts_do_not_overlap(typicality):
    names = ["a very long name of a photograph, with its date.jpeg", "$b_c$", "c"]
    figure = plot_digit_steps([PICTURE] * 3, PROBABILITIES[[0, 1, 0]], names, typicality)
    figure.draw_without_rendering()
    boxes = [
        text.get_window_extent()
        for ax in figure.axes
        for text in (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels())
        if text.get_text()
    ]
    for number, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert box.count_overlaps(boxes[:number]) == 0


def test_probabilities_are_optional(tmp_path):
    figure = plot_digit_steps(PICTURE)
    assert len(figure.axes) == 6
    save(figure, tmp_path / "steps.png")
    assert (tmp_path / "steps.png").stat().st_size > 2000


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (([],), ValueError, "at least one picture"),
        (([SEVEN],), TypeError, "Expected results of read_digit, received ndarray"),
        ((PICTURE, PROBABILITIES), ValueError, r"shape \(1, classes\), received \(2, 10\)"),
        ((PICTURE, PROBABILITIES[0]), ValueError, r"received \(10,\)"),
        ((PICTURE, PROBABILITIES[:1] - 1), ValueError, "from 0 to 1"),
        ((PICTURE, PROBABILITIES[:1] * np.nan), ValueError, "from 0 to 1"),
        ((PICTURE, None, ["a", "b"]), ValueError, "a list of 1 names"),
        ((PICTURE, None, "a"), ValueError, "a list of 1 names"),
        ((PICTURE, None, None, [0.5]), ValueError, "Expected probabilities with typicality, received none"),
        ((PICTURE, PROBABILITIES[:1], None, [0.5, 0.5]), ValueError, r"typicality as 1 scores in \[0, 1\], received"),
        ((PICTURE, PROBABILITIES[:1], None, [1.5]), ValueError, r"received \[1.5\]"),
        ((PICTURE, PROBABILITIES[:1], None, [np.nan]), ValueError, r"received \[nan\]"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, kind, message):
    with pytest.raises(kind, match=message):
        plot_digit_steps(*arguments)
