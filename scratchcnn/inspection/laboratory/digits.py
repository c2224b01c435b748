"""The digits of which a page contains the pixels: to step through, and to train a small network with."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.inspection.laboratory import from_scratch
from scratchcnn.inspection.laboratory.comparison import SHOWN, Comparison
from scratchcnn.operands import Array
from scratchcnn.page import ArrayStore

STORED = 200  # images of which the page contains the pixels, besides the errors
ERRORS = 24  # the most confident errors
TRAINING, HELD_OUT = 1000, 500  # images for a network that is trained in the page


def stored_digits(
    store: ArrayStore, x: Array, y: Array, probabilities: Array, scale: float, comparison: Comparison | None
) -> dict[str, Any]:
    """Return the stored images: the first ones, the most confident errors, and those on which two models disagree.

    White is the value `scale`.
    """
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != y)
    wrong = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:ERRORS]
    differing = np.empty(0, np.int64) if comparison is None else comparison.disagreements[:SHOWN]
    chosen = np.concatenate([np.arange(min(STORED, len(x))), wrong, differing])
    kept, divisor = x[chosen].astype(np.float32), 1.0
    as_bytes = _bytes_of(x[chosen], scale)
    if as_bytes is not None and np.array_equal((as_bytes * (scale / 255)).astype(np.float32), kept):
        kept, divisor = as_bytes, 255.0 / scale
    tests, errors = (int(end) for end in np.cumsum([min(STORED, len(x)), len(wrong)]))
    return {
        "images": store.add(kept),
        "divisor": divisor,
        "labels": y[chosen].tolist(),
        "predicted": predicted[chosen].tolist(),
        "tests": list(range(tests)),
        "errors": list(range(tests, errors)),
        "differing": list(range(errors, len(chosen))),
    }


def training_digits(
    store: ArrayStore, tested: tuple[Array, Array], training: tuple[Array, Array] | None, scale: float, classes: int
) -> dict[str, Any] | None:
    """Return a small network, images to train it with and held-out ones, as bytes; None if there are not enough.

    The first of the tested images are held out. Without training data, the next of them are those to train with.
    """
    if training is None:
        training = tested[0][HELD_OUT:], tested[1][HELD_OUT:]
    *hidden, last = from_scratch.LAYERS
    layers = [*hidden, {**last, "config": {**last["config"], "units": classes}}]
    found: dict[str, Any] = {"layers": layers, "settings": from_scratch.TRAINING}
    for name, (images, labels), count in (("training", training, TRAINING), ("heldOut", tested, HELD_OUT)):
        as_bytes = _bytes_of(images[:count], scale)
        if len(images) < count or as_bytes is None:
            return None
        found[name] = {"images": store.add(as_bytes), "labels": labels[:count].tolist()}
    return found


def _bytes_of(images: Array, scale: float) -> Array | None:
    """Return images with values from 0 to scale as bytes, rounded; None for others."""
    levels = np.rint(images * (255 / scale))
    return levels.astype(np.uint8) if ((levels >= 0) & (levels <= 255)).all() else None
