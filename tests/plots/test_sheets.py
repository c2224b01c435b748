"""plot_digits and plot_mistakes: the right images with the right captions, legible for any number and names."""

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.figure import Figure

from scratchcnn.plots import plot_digits, plot_mistakes

LONG = [f"a class with a very long name, $x_{{{number}}}$" for number in range(10)]


def shown(axes):
    return np.asarray(axes.images[0].get_array())


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (100, 28, 28), dtype=np.uint8)


@pytest.mark.parametrize("count", [1, 2, 7, 40, 100])
@pytest.mark.parametrize("labels", [None, "numbers", "names"])
def test_digits(images, count: int, labels: str | None):
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


def test_a_sheet_in_given_axes(images):
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
        ((2, 28, 28, 3), r"received shape \(2, 28, 28, 3\); give one channel"),
        ((401, 28, 28), r"at most 400 images on a sheet, received 401; give some"),
    ],
)
def test_wrong_images(shape: tuple, message: str):
    with pytest.raises(ValueError, match=message):
        plot_digits(np.zeros(shape))


def test_other_wrong_input(images):
    with pytest.raises(ValueError, match="received 2 images and 3 labels"):
        plot_digits(images[:2], [1, 2, 3])
    with pytest.raises(ValueError, match="Expected finite numbers"):
        plot_digits(np.full((1, 2, 2), np.nan))
    with pytest.raises(TypeError, match="received dtype <U1"):
        plot_digits([[["a"]]])


def made(rng, count: int, wrong: int, classes: int = 10):
    """Labels, and probabilities by which the first `wrong` of them are mistaken."""
    labels = rng.integers(0, classes, count)
    taken = labels.copy()
    taken[:wrong] = (taken[:wrong] + 1) % classes
    share = rng.uniform(0.6, 1, (count, 1))
    return labels, share * np.eye(classes)[taken] + (1 - share) / classes


def test_which_mistakes_are_drawn(rng, images):
    labels, shares = made(rng, 100, 30)
    every = plot_mistakes(images, labels, shares, count=8)
    order = sorted(range(30), key=lambda place: -shares[place].max())[:8]
    for axes, place in zip(every, order, strict=True):
        np.testing.assert_array_equal(shown(axes), images[place])
        label, prediction, probability = axes.get_title().splitlines()
        assert label == f"label: {labels[place]}"
        assert prediction == f"prediction: {shares[place].argmax()}"
        assert probability == f"probability: {shares[place].max():.1%}"
    assert every[0].figure.texts[0].get_text() == "The surest 8 of 30 mistakes in 100 images"


@pytest.mark.parametrize("wrong", [0, 1, 2, 20, 100])
@pytest.mark.parametrize("names", [None, LONG, list("abcdefghij")])
def test_any_number_of_mistakes(rng, images, wrong: int, names: list | None):
    every = plot_mistakes(images, *made(rng, 100, wrong), names=names)
    assert len(every) == max(1, min(wrong, 20))
    assert_legible(every[0])
    if wrong == 0:
        assert [text.get_text() for text in every[0].texts] == ["no mistakes"]


def test_a_sure_mistake_in_one_image(images):
    every = plot_mistakes(images[:1], [1], [[1.0, 0.0]])
    assert every[0].get_title() == "label: 1\nprediction: 0\nprobability: 100.0%"
    assert " ".join(every[0].figure.texts[0].get_text().split()) == "The only mistake in 1 image"


def test_mistakes_in_given_axes(rng, images):
    mine = Figure(figsize=(7, 6)).subplots(3, 4)
    every = plot_mistakes(images, *made(rng, 100, 10), ax=mine)
    assert every == list(mine.flat)[:10]
    assert_legible(mine[0, 0])
    with pytest.raises(ValueError, match=r"Expected 13 axes, one for each image, received 12"):
        plot_mistakes(images, *made(rng, 100, 13), ax=mine)


def test_wrong_input_for_mistakes(rng, images):
    labels, shares = made(rng, 100, 5)
    with pytest.raises(ValueError, match="received 99 images, 100 labels and 100 rows"):
        plot_mistakes(images[:99], labels, shares)
    with pytest.raises(ValueError, match="Expected labels from 0 to 4, one of 5 classes, received"):
        plot_mistakes(images, labels, np.full((100, 5), 0.2))
    with pytest.raises(ValueError, match=r"Expected probabilities \(N, classes\), received shape \(100,\)"):
        plot_mistakes(images, labels, shares.argmax(axis=1))
    with pytest.raises(ValueError, match="Expected 10 names, one for each class, received 9"):
        plot_mistakes(images, labels, shares, names=range(9))
    for count in (0, 2.5, True):
        with pytest.raises(ValueError, match="Expected count as a whole number of at least 1"):
            plot_mistakes(images, labels, shares, count=count)
    with pytest.raises(ValueError, match="Expected count as at most 400, received 401"):
        plot_mistakes(images, labels, shares, count=401)
