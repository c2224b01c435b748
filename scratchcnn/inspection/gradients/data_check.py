"""check_data: test whether images and labels match, how they are scaled, and whether validation data are separate."""

from __future__ import annotations

import numpy as np

from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.operands import Array
from scratchcnn.training.data import value_range

QUERIES, NEIGHBORS = 300, 2000  # images whose nearest neighbor is searched, and among how many
SIGMAS = 5.0
LARGEST, SMALLEST = 10.0, 0.05  # of the largest pixel of images that a network learns from easily
SCALE = 10.0  # ratio of the largest pixels, as in the warning of `fit`
LEAK = 0.01  # fraction of the validation images that may equal a training image by coincidence
UNBALANCED = 10.0


def check_data(x: object, y: object, *, validation: object = None, classes: int | None = None) -> Findings:
    """Check the scale of images, their labels, and whether they match: most similar images have the same label.

    Parameters
    ----------
    x : (N, ...), images
    y : (N,) integers, or (N, classes) one-hot rows
    validation : (x, y), optional
    classes : int, optional
        Number of outputs of the model; default: the largest label + 1.

    Raises
    ------
    TypeError, ValueError
        Data that are not numeric or empty, or a validation that is not (x, y).

    Notes
    -----
    Searches the nearest neighbors of at most 300 images, among at most 2,000: about a second for MNIST.

    Examples
    --------
    >>> y = np.arange(100) % 2
    >>> x = y[:, None] + np.random.default_rng(0).normal(0, 0.1, (100, 4))
    >>> check_data(x, y).ok, check_data(x, np.random.default_rng(1).permutation(y))["neighbors"].ok
    (True, False)
    """
    images, labels = _arrays(x, y, "")
    count = None if classes is None else positive_integer("classes", classes)
    points = [_pairs("pairs", images, labels)]
    if not points[0].ok:
        return Findings("Data that do not match.", tuple(points))
    agreement, queries = _agreement(images, labels)
    counts = np.unique(labels, return_counts=True)[1]
    chance = float(((counts / len(labels)) ** 2).sum())
    similar = agreement > chance + SIGMAS * np.sqrt(chance * (1 - chance) / queries) or len(counts) == 1
    points += [
        _pixels(images), _labels(labels, count),
        Point.of("balance", counts.max() <= UNBALANCED * counts.min(), f"{counts.min():,} to {counts.max():,} images "
                 "in each class", "look at recall, not at accuracy", otherwise=None),
        Point.of("neighbors", similar, f"the most similar image has the same label in {agreement:.1%} of {queries} "
                 f"cases, at random {chance:.1%}", "do labels belong to their images?"),
    ]  # fmt: skip
    title = f"{len(images):,} images of shape {images.shape[1:]} and their labels"
    if validation is None:
        return Findings(f"{title}.", tuple(points))
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise ValueError(f"Expected validation as (x, y), received {type(validation).__name__}; give both.")
    points += _validation(images, labels, *_arrays(validation[0], validation[1], "validation "), agreement, queries)
    return Findings(f"{title}, with validation data.", tuple(points))


def _arrays(x: object, y: object, prefix: str) -> tuple[Array, Array]:
    images, labels = np.asarray(x), np.asarray(y)
    for name, array in (("x", images), ("y", labels)):
        if array.dtype.kind not in "biuf" or array.ndim == 0 or len(array) == 0:
            raise TypeError(f"Expected {prefix}{name} as an array of numbers, received {array.dtype} {array.shape}.")
    if labels.ndim == 2:
        labels = labels.argmax(axis=1) if labels.shape[1] > 1 else labels[:, 0]
    return images, labels


def _pairs(name: str, images: Array, labels: Array) -> Point:
    ok = labels.ndim == 1 and len(images) == len(labels)
    return Point(name, ok, f"{len(images):,} images of shape {images.shape[1:]}, labels of shape {labels.shape}")


def _range(images: Array) -> tuple[float, str]:
    """The largest absolute value, and the range as text."""
    low, high = value_range(images)
    return float(np.maximum(abs(low), abs(high))), f"{low:g} to {high:g}"  # NaN if there is one


def _pixels(images: Array) -> Point:
    size, text = _range(images)
    text = f"{text}, {images.dtype}"
    if not np.isfinite(size):
        return Point("pixels", False, f"{text}: NaN or infinity; fix the data first")
    if images.dtype.kind in "ui" and size > 1:
        return Point("pixels", None, f"{text}: integers; scale them, or start the model with Rescaling(1 / 255)")
    hint = "scaled twice?" if size < SMALLEST else "not scaled? Networks learn best from 0 to 1."
    return Point.of("pixels", SMALLEST <= size <= LARGEST, text, hint)


def _labels(labels: Array, classes: int | None) -> Point:
    fractions = labels[labels != np.round(labels)]
    if fractions.size:
        return Point("labels", False, f"expected integers, received {fractions[0]}")
    known = np.unique(labels).astype(int)
    count = int(known[-1]) + 1 if classes is None else classes
    missing = sorted(set(range(count)) - set(known.tolist()))
    text = f"{len(known)} classes, {known[0]} to {known[-1]}"
    if known[0] < 0 or known[-1] >= count:
        return Point("labels", False, f"{text}: expected 0 to {count - 1}; number the classes from 0")
    if missing == [0]:
        return Point("labels", False, f"{text}, but never 0: are they counted from 1? Subtract 1")
    without = f", without {', '.join(map(str, missing[:10]))}" if missing else ""
    return Point("labels", None if missing else True, f"{text}{without}")


def _agreement(x: Array, y: Array, other: tuple[Array, Array] | None = None) -> tuple[float, int]:
    """The fraction of images whose nearest neighbor has the same label, and the number of images.

    The neighbors are images of (x, y); the queries those of `other`, or of (x, y) too.
    """
    rng = np.random.default_rng(0)
    among = rng.permutation(len(x))[:NEIGHBORS]
    query_x, query_y = (x[among], y[among]) if other is None else other
    queries = (np.arange(len(query_x)) if other is None else rng.permutation(len(query_x)))[:QUERIES]
    rows = x[among].reshape(len(among), -1).astype(np.float64)
    wanted = query_x[queries].reshape(len(queries), -1).astype(np.float64)
    distances = (rows**2).sum(axis=1) - 2 * wanted @ rows.T  # squared, up to a constant in each row
    if other is None:
        np.fill_diagonal(distances, np.inf)
    return float((y[among][distances.argmin(axis=1)] == query_y[queries]).mean()), len(queries)


def _validation(x: Array, y: Array, x_val: Array, y_val: Array, agreement: float, queries: int) -> list[Point]:
    """Compare the validation data with the training data, in which `agreement` was found with so many queries."""
    pairs = _pairs("validation pairs", x_val, y_val)
    if not pairs.ok or x.shape[1:] != x_val.shape[1:]:
        return [pairs._replace(ok=False)]
    (size, text), (size_val, text_val) = _range(x), _range(x_val)
    alike = size <= SCALE * size_val and size_val <= SCALE * size
    points = [Point.of("validation scale", alike, f"{text_val}, training {text}", "scale both in the same way")]
    different = np.setxor1d(y_val, y)[:10].tolist()
    text = f"classes in one of the two only: {', '.join(map(str, different))}"
    points.append(Point("validation labels", not different, text if different else "the same classes as in training"))
    if alike:
        found, count = _agreement(x, y, (x_val, y_val))
        pooled = (found * count + agreement * queries) / (count + queries)
        deviation = np.sqrt(max(pooled * (1 - pooled), 1 / count) * (1 / count + 1 / queries))
        text = f"the most similar training image has the same label in {found:.1%} of {count} cases"
        hint = f"{agreement:.1%} among training images"
        points.append(Point.of("validation neighbors", found > agreement - SIGMAS * deviation, text, hint))
    known = {image.tobytes() for image in x}
    leaked = sum(image.tobytes() in known for image in x_val.astype(x.dtype))
    text = f"{leaked:,} of {len(x_val):,} validation images equal a training image"
    hint = "the validation accuracy does not estimate the accuracy on new images"
    return [*points, Point.of("separate", leaked <= LEAK * len(x_val), text, hint)]
