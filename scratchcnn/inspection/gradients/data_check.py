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
    """Check a data set for `fit`.

    Neighbors show whether labels belong to their images: most similar images have the same label. If no more of them
    have than at random, images and labels do not match.

    Parameters
    ----------
    x : (N, ...), images
    y : (N,) integers, or (N, classes) one-hot rows
    validation : (x, y), optional
    classes : int, optional
        Number of outputs of the model; default: the largest label + 1.

    Returns
    -------
    Findings

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
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise ValueError(f"Expected validation as (x, y), received {type(validation).__name__}; give both.")
        others = _arrays(validation[0], validation[1], "validation ")
        points += _validation((images, labels), others, agreement, queries)
    suffix = "" if validation is None else ", with validation data"
    return Findings(f"{len(images):,} images of shape {images.shape[1:]} and their labels{suffix}.", tuple(points))


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


def _pixels(images: Array) -> Point:
    low, high = value_range(images)
    size, text = max(abs(low), abs(high)), f"{low:g} to {high:g}, {images.dtype}"
    if not (np.isfinite(low) and np.isfinite(high)):
        return Point("pixels", False, f"{text}: NaN or infinity; fix the data first")
    if images.dtype.kind in "ui" and size > 1:
        return Point("pixels", None, f"{text}: integers; scale them, or start the model with Rescaling(1 / 255)")
    hint = "scaled twice?" if size < SMALLEST else "not scaled? Networks learn best from 0 to 1."
    return Point.of("pixels", SMALLEST <= size <= LARGEST, text, hint)


def _labels(labels: Array, classes: int | None) -> Point:
    if not np.array_equal(labels, np.round(labels)):
        return Point("labels", False, f"expected integers, received {labels[labels != np.round(labels)][0]}")
    known = np.unique(labels).astype(int)
    count = int(known[-1]) + 1 if classes is None else classes
    missing = sorted(set(range(count)) - set(known.tolist()))
    text = f"{len(known)} classes, {known[0]} to {known[-1]}"
    if known[0] < 0 or known[-1] >= count:
        return Point("labels", False, f"{text}: expected 0 to {count - 1}; number the classes from 0")
    if missing == [0]:
        return Point("labels", False, f"{text}, but never 0: are they counted from 1? Subtract 1")
    return Point("labels", None if missing else True, f"{text}{_listed(', without ', missing)}")


def _listed(prefix: str, values: list[int]) -> str:
    return prefix + ", ".join(map(str, values[:10])) if values else ""


def _agreement(x: Array, y: Array, other: tuple[Array, Array] | None = None) -> tuple[float, int]:
    """The fraction of images whose nearest neighbor has the same label, and the number of images.

    The neighbors are images of (x, y); the queries those of `other`, or of (x, y) too.
    """
    rng = np.random.default_rng(0)
    among = rng.permutation(len(x))[:NEIGHBORS]
    query_x, query_y = (x[among], y[among]) if other is None else other
    queries = np.arange(len(query_x)) if other is None else rng.permutation(len(query_x))
    queries = queries[:QUERIES]
    rows = x[among].reshape(len(among), -1).astype(np.float64)
    wanted = query_x[queries].reshape(len(queries), -1).astype(np.float64)
    distances = (rows**2).sum(axis=1) - 2 * wanted @ rows.T  # squared, up to a constant in each row
    if other is None:
        np.fill_diagonal(distances, np.inf)
    return float((y[among][distances.argmin(axis=1)] == query_y[queries]).mean()), len(queries)


def _validation(data: tuple[Array, Array], other: tuple[Array, Array], agreement: float, queries: int) -> list[Point]:
    """Compare the validation data with the training data."""
    (x, y), (x_val, y_val) = data, other
    pairs = _pairs("validation pairs", x_val, y_val)
    if not pairs.ok or x.shape[1:] != x_val.shape[1:]:
        return [pairs._replace(ok=False)]
    (low, high), (low_val, high_val) = value_range(x), value_range(x_val)
    sizes = max(abs(low), abs(high)), max(abs(low_val), abs(high_val))
    alike = max(sizes) <= SCALE * min(sizes)
    different = sorted(set(np.unique(y_val).tolist()) ^ set(np.unique(y).tolist()))
    points = [
        Point.of("validation scale", alike, f"{low_val:g} to {high_val:g}, training {low:g} to {high:g}",
                 "scale both in the same way"),
        Point.of("validation labels", not different, _listed("classes in one of the two only: ", different)
                 or "the same classes as in training"),
    ]  # fmt: skip
    if alike:
        found, count = _agreement(x, y, other)
        pooled = (found * count + agreement * queries) / (count + queries)
        deviation = np.sqrt(max(pooled * (1 - pooled), 1 / count) * (1 / count + 1 / queries))
        text = f"the most similar training image has the same label in {found:.1%} of {count} cases"
        hint = f"{agreement:.1%} among training images"
        points.append(Point.of("validation neighbors", found > agreement - SIGMAS * deviation, text, hint))
    known = {np.ascontiguousarray(image).tobytes() for image in x}
    leaked = sum(np.ascontiguousarray(image).tobytes() in known for image in x_val.astype(x.dtype))
    text = f"{leaked:,} of {len(x_val):,} validation images equal a training image"
    hint = "the validation accuracy does not estimate the accuracy on new images"
    return [*points, Point.of("separate", leaked <= LEAK * len(x_val), text, hint)]
