"""Sheets of tiles, plot_digits and plot_mistakes: the right images and captions, legible for any number and names."""

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.figure import Figure

from scratchcnn.plots import plot_digits, plot_mistakes
from scratchcnn.plots.tiles import Sheet, grid

LONG = [f"a class with a very long name, $x_{{{number}}}$" for number in range(10)]


def shown(axes):
    return np.asarray(axes.images[0].get_array())


@pytest.mark.parametrize("count", [1, 2, 7, 31, 32, 400])
@pytest.mark.parametrize(("height", "width", "gap"), [(1, 1, 0), (3, 5, 1), (28, 28, 4)])
def test_pasted_tiles_are_found_at_their_corners_and_gaps_are_nan(rng, count: int, height: int, width: int, gap: int):
    rows, columns = grid(count, width + gap, height + gap)
    sheet, tiles = Sheet(count, columns, height, width, gap), rng.random((count, height, width))
    matrix = sheet.paste(tiles)
    assert sheet.rows == rows
    assert matrix.shape == sheet.size
    for index, (top, left) in enumerate(map(sheet.corner, range(count))):
        np.testing.assert_array_equal(matrix[top : top + height, left : left + width], tiles[index])
    assert np.isfinite(matrix).sum() == tiles.size  # no tile overwrites another
    assert sheet.ranges()[0].startswith("0")
    assert sheet.ranges()[-1].endswith(str(count - 1))


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (100, 28, 28), dtype=np.uint8)


@pytest.mark.parametrize("count", [1, 2, 7, 40, 100])
@pytest.mark.parametrize("labels", [None, "numbers", "names"])
def test_digits_have_their_images_and_captions_without_overlap(images, count: int, labels: str | None):
    captions = {None: None, "numbers": np.arange(count) % 10, "names": [LONG[i % 10] for i in range(count)]}[labels]
    every = plot_digits(images[:count, ..., None], captions)
    assert len(every) == count
    for axes, image in zip(every, images, strict=False):
        np.testing.assert_array_equal(shown(axes), image)
    if labels == "numbers":
        assert [axes.get_title() for axes in every] == [str(number % 10) for number in range(count)]
    assert_legible(every[0])
    boxes = np.array([axes.get_window_extent().extents for axes in every])
    overlap = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    assert np.array_equal((overlap > 0).all(axis=-1), np.eye(count, dtype=bool))


def test_sheet_in_given_axes(images):
    mine = Figure(figsize=(8, 5)).subplots(2, 4)
    every = plot_digits(images[:5], range(5), ax=mine)
    assert every == list(mine.flat)[:5]
    assert [axes.axison for axes in mine.flat] == [True] * 5 + [False] * 3
    assert plot_digits(images[:1], ax=mine[0, 0]) == [mine[0, 0]]
    with pytest.raises(ValueError, match=r"Expected 9 axes, one for each image, received 8; .*subplots\(3, 3\)"):
        plot_digits(images[:9], ax=mine)
    with pytest.raises(TypeError, match="Expected axes of matplotlib, received str"):
        plot_digits(images[:2], ax=["a", "b"])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((28, 28), r"received shape \(28, 28\); for one, give images\[:1\]"),
        ((0, 28, 28), r"received shape \(0, 28, 28\); give at least one"),
        ((2, 28, 28, 2), r"received shape \(2, 28, 28, 2\); give one channel"),
        ((401, 28, 28), r"at most 400 images on a sheet, received 401; give some"),
    ],
)
def test_invalid_images_are_rejected(shape: tuple, message: str):
    with pytest.raises(ValueError, match=message):
        plot_digits(np.zeros(shape))


def test_invalid_labels_and_pixels_are_rejected(images):
    with pytest.raises(ValueError, match="received 2 images and 3 labels"):
        plot_digits(images[:2], [1, 2, 3])
    with pytest.raises(ValueError, match="Expected an image with finite values"):
        plot_digits(np.full((1, 2, 2), np.nan))
    with pytest.raises(TypeError, match="received dtype <U1"):
        plot_digits([[["a"]]])


def predictions(rng, count: int, wrong: int, classes: int = 10):
    """Return labels, and probabilities whose argmax is wrong for the first `wrong` of them."""
    labels = rng.integers(0, classes, count)
    predicted = labels.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % classes
    confidence = rng.uniform(0.6, 1, (count, 1))
    return labels, confidence * np.eye(classes)[predicted] + (1 - confidence) / classes


def test_most_confident_errors_are_drawn(rng, images):
    labels, probabilities = predictions(rng, 100, 30)
    every = plot_mistakes(images, labels, probabilities, count=8)
    order = sorted(range(30), key=lambda place: -probabilities[place].max())[:8]
    for axes, place in zip(every, order, strict=True):
        np.testing.assert_array_equal(shown(axes), images[place])
        label, prediction, probability = axes.get_title().splitlines()
        assert label == f"label: {labels[place]}"
        assert prediction == f"prediction: {probabilities[place].argmax()}"
        assert probability == f"probability: {probabilities[place].max():.1%}".replace("%", " %")
    assert every[0].figure.texts[0].get_text() == "The 8 most confident of 30 errors (100 images)"


@pytest.mark.parametrize("wrong", [0, 1, 2, 20, 100])
@pytest.mark.parametrize("names", [None, LONG, list("abcdefghij")])
def test_any_number_of_errors_is_legible(rng, images, wrong: int, names: list | None):
    every = plot_mistakes(images, *predictions(rng, 100, wrong), names=names)
    assert len(every) == max(1, min(wrong, 20))
    assert_legible(every[0])
    if wrong == 0:
        assert [text.get_text() for text in every[0].texts] == ["no errors"]


def test_single_error_of_a_single_image(images):
    every = plot_mistakes(images[:1], [1], [[1.0, 0.0]])
    assert every[0].get_title() == "label: 1\nprediction: 0\nprobability: 100.0 %"
    assert " ".join(every[0].figure.texts[0].get_text().split()) == "The only error (1 image)"


def test_errors_in_given_axes(rng, images):
    mine = Figure(figsize=(7, 6)).subplots(3, 4)
    every = plot_mistakes(images, *predictions(rng, 100, 10), ax=mine)
    assert every == list(mine.flat)[:10]
    assert_legible(mine[0, 0])
    with pytest.raises(ValueError, match=r"Expected 13 axes, one for each image, received 12"):
        plot_mistakes(images, *predictions(rng, 100, 13), ax=mine)


def test_invalid_predictions_are_rejected(rng, images):
    labels, probabilities = predictions(rng, 100, 5)
    with pytest.raises(ValueError, match="received 99 images, 100 labels and 100 rows"):
        plot_mistakes(images[:99], labels, probabilities)
    with pytest.raises(ValueError, match="Expected labels from 0 to 4, one of 5 classes, received"):
        plot_mistakes(images, labels, np.full((100, 5), 0.2))
    with pytest.raises(ValueError, match=r"Expected probabilities \(N, classes\), received shape \(100,\)"):
        plot_mistakes(images, labels, probabilities.argmax(axis=1))
    with pytest.raises(ValueError, match="Expected 10 names, one for each class, received 9"):
        plot_mistakes(images, labels, probabilities, names=range(9))
    for count in (0, 2.5, True):
        with pytest.raises(ValueError, match="Expected count as a whole number of at least 1"):
            plot_mistakes(images, labels, probabilities, count=count)
    with pytest.raises(ValueError, match="Expected count as at most 400, received 401"):
        plot_mistakes(images, labels, probabilities, count=401)
