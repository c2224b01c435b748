"""plot_confusion_matrix: counts, recall and precision in their cells, legible for any number and names of classes."""

import itertools

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.figure import Figure

from scratchcnn.mistakes import confusion_matrix
from scratchcnn.plots import plot_confusion_matrix

LONG = [f"a class with a very long name, $x_{{{number}}}$" for number in range(10)]


def written(axes) -> dict:
    """Return the texts by column and row, in cells."""
    return {tuple(np.round(text.get_position(), 1)): text.get_text() for text in axes.texts}


def predictions_of(rng, classes: int, images: int):
    labels = rng.integers(0, classes, images)
    return labels, np.where(rng.random(images) < 0.8, labels, rng.integers(0, classes, images))


def test_counts_recall_and_precision(rng):
    labels, predictions = predictions_of(rng, 4, 300)
    axes = plot_confusion_matrix(labels, predictions, names=list("abcd"))
    matrix, texts = confusion_matrix(labels, predictions), written(axes)
    for (row, column), number in np.ndenumerate(matrix):
        assert texts.pop((column, row)) == str(number)
    assert len(texts) == 8
    for place in range(4):
        right = next(text for (x, y), text in texts.items() if y == place)
        below = next(text for (x, y), text in texts.items() if x == place)
        assert right == f"{100 * matrix[place, place] / matrix[place].sum():.1f} %"
        assert below == f"{100 * matrix[place, place] / matrix[:, place].sum():.1f} %"
    assert [label.get_text() for label in axes.get_xticklabels()] == [*"abcd", "recall"]
    assert [label.get_text() for label in axes.get_yticklabels()] == [*"abcd", "precision"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prediction", "label")
    title = " ".join(axes.get_title().split())
    assert title == f"Confusion matrix: {100 * matrix.trace() / 300:.1f} % accuracy (300 images)"


@pytest.mark.parametrize(
    ("classes", "images"), [*itertools.product([1, 2, 3, 10], [1, 40, 70_000, 2_000_000]), (26, 70_000)]
)
def test_any_number_of_classes_and_images_is_legible(rng, classes: int, images: int):
    labels, predictions = predictions_of(rng, classes, images)
    axes = plot_confusion_matrix(labels, np.eye(classes)[predictions])
    assert_legible(axes)
    assert len(axes.texts) == classes**2 + 2 * classes


@pytest.mark.parametrize("names", [LONG, [*"abcdefghij"], ["W" * 40] * 10, ["two\nlines", *range(9)], [""] * 10])
def test_any_names_are_legible(rng, names: list):
    assert_legible(plot_confusion_matrix(*predictions_of(rng, 10, 500), names=names))


def test_counts_contrast_with_their_cells(rng):
    axes = plot_confusion_matrix(*predictions_of(rng, 3, 50))
    image = axes.images[0]
    colours = image.to_rgba(image.get_array())[..., :3]
    assert np.ptp(colours, axis=-1).max() == 0
    for (column, row), text in zip(written(axes), axes.texts, strict=True):
        if column == int(column) and row == int(row) and text.get_text() != "0":
            ink = {"white": 1.0, "black": 0.0}[text.get_color()]
            assert abs(colours[int(row), int(column), 0] - ink) > 0.45


def test_recall_without_samples_is_a_dash():
    texts = written(plot_confusion_matrix([0, 0, 2], [0, 2, 2]))
    assert sorted(texts.values()).count("–") == 2
    assert "nan" not in "".join(texts.values())


@pytest.mark.parametrize(("size", "counts", "margins"), [(6, True, True), (2, True, False), (0.9, False, False)])
def test_illegible_numbers_are_omitted(rng, size: float, counts: bool, margins: bool):
    mine = Figure(figsize=(size, size)).subplots()
    assert plot_confusion_matrix(*predictions_of(rng, 10, 300), ax=mine) is mine
    assert len(mine.texts) == 100 * counts + 20 * margins
    assert all(text.get_fontsize() >= 5 for text in mine.texts)
    assert ("recall" in [label.get_text() for label in mine.get_xticklabels()]) == margins


def test_invalid_input_is_rejected():
    mine = Figure().subplots()
    with pytest.raises(ValueError, match=r"Expected 2 names, one for each class, received 3"):
        plot_confusion_matrix([0, 1], np.eye(2), ax=mine, names=["a", "b", "c"])
    with pytest.raises(ValueError, match="one of 1 classes, received 1"):
        plot_confusion_matrix([0, 1], [0, 1], ax=mine, names=["a"])
    with pytest.raises(ValueError, match="received 'ab'; give a list"):
        plot_confusion_matrix([0, 1], [0, 1], ax=mine, names="ab")
    with pytest.raises(ValueError, match="received 2 labels and 1 predictions"):
        plot_confusion_matrix([0, 1], [0], ax=mine)
    assert not mine.has_data()
