"""check_data: whether images and labels belong together, on one scale, and apart from what they are validated on."""

from __future__ import annotations

import numpy as np

from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.operands import Array
from scratchcnn.training.data import value_range

ASKED, NEIGHBOURS = 300, 2000  # images whose nearest neighbour is looked for, and among how many
SIGMAS = 5.0
LARGEST, SMALLEST = 10.0, 0.05  # of the largest number in images that a network learns from easily
SCALE = 10.0  # as `fit`, which warns of it
LEAK = 0.01  # share of validation images that may be in the training set by chance
UNBALANCED = 10.0


def check_data(x: object, y: object, *, validation: object = None, classes: int | None = None) -> Findings:
    """Look at a data set as it is handed to `fit`.

    Whether labels belong to their images is seen from neighbours: of images that look alike, most have the same label.
    If no more have than by chance, images and labels have lost each other.

    Parameters
    ----------
    x : (N, ...), images
    y : (N,) integers, or (N, classes) rows with a one
    validation : (x, y), optional
    classes : int, optional
        Outputs of the model; default: as many as there are labels, from 0 to the largest.

    Returns
    -------
    Findings

    Raises
    ------
    TypeError, ValueError
        No numbers, no samples, or validation that is no (x, y).

    Notes
    -----
    At most 300 images are asked for their nearest neighbour, among at most 2,000: a second for MNIST's.

    Examples
    --------
    >>> y = np.arange(100) % 2
    >>> x = y[:, None] + np.random.default_rng(0).normal(0, 0.1, (100, 4))
    >>> check_data(x, y).ok, check_data(x, np.random.default_rng(1).permutation(y))["neighbours"].ok
    (True, False)
    """
    images, labels = _arrays(x, y, "")
    count = None if classes is None else positive_integer("classes", classes)
    points = [_pairs(images, labels)]
    if not points[0].ok:
        return Findings("Data that do not belong together.", tuple(points))
    points += [_numbers(images), _labels(labels, count), _balance(labels)]
    agreement = _agreement(images, labels, images, labels, itself=True)
    points.append(_neighbours("neighbours", agreement, labels))
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise ValueError(f"Expected validation as (x, y), received {type(validation).__name__}; give both.")
        points += _beside(images, labels, _arrays(validation[0], validation[1], "validation "), agreement)
    beside = "" if validation is None else ", and what they are validated on"
    return Findings(f"{len(images):,} images of shape {images.shape[1:]} and their labels{beside}.", tuple(points))


def _arrays(x: object, y: object, what: str) -> tuple[Array, Array]:
    images, labels = np.asarray(x), np.asarray(y)
    for name, array in (("x", images), ("y", labels)):
        if array.dtype.kind not in "biuf" or array.ndim == 0 or len(array) == 0:
            raise TypeError(f"Expected {what}{name} as an array of numbers, received {array.dtype} {array.shape}.")
    if labels.ndim == 2:
        labels = labels.argmax(axis=1) if labels.shape[1] > 1 else labels[:, 0]
    return images, labels


def _pairs(images: Array, labels: Array) -> Point:
    ok = labels.ndim == 1 and len(images) == len(labels)
    return Point("pairs", ok, f"{len(images):,} images, labels of shape {labels.shape}")


def _numbers(images: Array) -> Point:
    low, high = value_range(images)
    text = f"from {low:g} to {high:g}, {images.dtype}"
    if not (np.isfinite(low) and np.isfinite(high)):
        return Point("numbers", False, f"{text}: NaN or infinity; mend the data first")
    size = max(abs(low), abs(high))
    if images.dtype.kind in "ui" and size > 1:
        return Point("numbers", None, f"{text}: whole numbers; let the model begin with Rescaling(1 / 255), or scale")
    if not SMALLEST <= size <= LARGEST:
        reason = "scaled twice?" if size < SMALLEST else "not scaled? A network learns best from 0 to 1."
        return Point("numbers", False, f"{text}: {reason}")
    return Point("numbers", True, text)


def _labels(labels: Array, classes: int | None) -> Point:
    if not np.array_equal(labels, np.round(labels)):
        return Point("labels", False, f"class numbers are whole; received {labels[labels != np.round(labels)][0]}")
    known = np.unique(labels).astype(int)
    count = int(known[-1]) + 1 if classes is None else classes
    missing = sorted(set(range(count)) - set(known.tolist()))
    text = f"{len(known)} classes, {known[0]} to {known[-1]}"
    if known[0] < 0 or known[-1] >= count:
        return Point("labels", False, f"{text}: expected 0 to {count - 1}; number the classes from 0")
    if missing == [0]:
        return Point("labels", False, f"{text}, and 0 never: counted from 1? Classes are numbered from 0; subtract 1")
    if missing:
        return Point("labels", None, f"{text}, without {', '.join(map(str, missing[:10]))}")
    return Point("labels", True, text)


def _balance(labels: Array) -> Point:
    counts = np.unique(labels, return_counts=True)[1]
    ok = counts.max() <= UNBALANCED * counts.min()
    text = f"{counts.min():,} to {counts.max():,} of each class"
    return Point("balance", True if ok else None, text + ("" if ok else ": look at recall, not at accuracy"))


def _agreement(x: Array, y: Array, among_x: Array, among_y: Array, itself: bool) -> tuple[float, int]:
    """Share of images whose nearest neighbour has their label; and of how many."""
    rng = np.random.default_rng(0)
    among = rng.permutation(len(among_x))[:NEIGHBOURS]
    asked = among[:ASKED] if itself else rng.permutation(len(x))[:ASKED]
    rows = among_x[among].reshape(len(among), -1).astype(np.float64)
    wanted = x[asked].reshape(len(asked), -1).astype(np.float64)
    distances = (rows**2).sum(axis=1) - 2 * wanted @ rows.T  # squares, but for what is the same in each row
    if itself:
        distances[np.arange(len(asked)), np.arange(len(asked))] = np.inf
    nearest = distances.argmin(axis=1)
    return float((among_y[among][nearest] == y[asked]).mean()), len(asked)


def _neighbours(name: str, agreement: tuple[float, int], labels: Array) -> Point:
    share, asked = agreement
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    chance = float((shares**2).sum())
    ok = share > chance + SIGMAS * np.sqrt(chance * (1 - chance) / asked)
    text = f"the most similar image has the same label in {share:.1%} of {asked} cases; by chance it were {chance:.1%}"
    return Point(name, bool(ok) or len(shares) == 1, text + ("" if ok else ": do labels belong to their images?"))


def _beside(images: Array, labels: Array, other: tuple[Array, Array], agreement: tuple[float, int]) -> list[Point]:
    """Training and validation data side by side."""
    other_images, other_labels = other
    pairs = _pairs(other_images, other_labels)
    if not pairs.ok or images.shape[1:] != other_images.shape[1:]:
        return [Point("validation pairs", False, f"{pairs.text}; images of {other_images.shape[1:]}")]
    ranges = [value_range(each) for each in (images, other_images)]
    sizes = [max(abs(low), abs(high)) for low, high in ranges]
    alike = max(sizes) <= SCALE * min(sizes)
    text = f"{ranges[1][0]:g} to {ranges[1][1]:g}, training {ranges[0][0]:g} to {ranges[0][1]:g}"
    points = [Point("validation scale", alike, text + ("" if alike else ": scale both alike"))]
    unknown = sorted(set(np.unique(other_labels).tolist()) ^ set(np.unique(labels).tolist()))
    same = "the same classes as in training"
    odd = f"classes in one of the two alone: {', '.join(map(str, unknown[:10]))}"
    points.append(Point("validation labels", not unknown, odd if unknown else same))
    if alike:
        share, asked = _agreement(other_images, other_labels, images, labels, itself=False)
        pooled = (share * asked + agreement[0] * agreement[1]) / (asked + agreement[1])
        spread = np.sqrt(max(pooled * (1 - pooled), 1 / asked) * (1 / asked + 1 / agreement[1]))
        ok = bool(share > agreement[0] - SIGMAS * spread)
        text = f"the most similar training image has the same label in {share:.1%} of {asked} cases"
        points.append(Point("validation neighbours", ok, text + ("" if ok else f", in training {agreement[0]:.1%}")))
    return [*points, _leak(images, other_images)]


def _leak(images: Array, other_images: Array) -> Point:
    known = {np.ascontiguousarray(image).tobytes() for image in images}
    found = sum(np.ascontiguousarray(image).tobytes() in known for image in other_images.astype(images.dtype))
    text = f"{found:,} of {len(other_images):,} validation images are in the training set, pixel by pixel"
    ok = found <= LEAK * len(other_images)
    return Point("apart", ok, text + ("" if ok else ": their accuracy says nothing about new images"))
