"""check_loss: a loss on logits where its value is known, where it overflows, and its gradient by differences."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.gradients.differences import Line, points
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.losses import CategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.operations import engine as operations_of

SAMPLES, STEP, ALIKE = 4, 1e-3, 1e-6
LARGE = 2000.0  # exp of a logit so large is infinite in float64 too


def check_loss(loss: CategoricalCrossentropy, *, classes: int = 10, engine: str = "kernels", seed: int = 0) -> Findings:
    """Look at a loss over classes, on logits, where one knows what it must be.

    Parameters
    ----------
    loss : Loss
        Of this package, or derived from it in a class of your own. As in training, softmax is made part of it.
    classes : int, default 10
    engine : {'kernels', 'reference'}
    seed : int

    Returns
    -------
    Findings

    Raises
    ------
    TypeError, ValueError
        No loss, or an option out of range.

    Examples
    --------
    >>> check_loss(CategoricalCrossentropy(), engine="reference").ok
    True
    """
    if not isinstance(loss, CategoricalCrossentropy):
        raise TypeError(f"Expected a loss, as SparseCategoricalCrossentropy(), received {loss!r}.")
    classes, ops = positive_integer("classes", classes), operations_of(engine)
    rng = np.random.default_rng(seed)
    logits, targets = rng.standard_normal((SAMPLES, classes)), np.eye(classes)[np.arange(SAMPLES) % classes]
    on_logits = loss.on_logits()
    with np.errstate(all="ignore"):
        found = (
            _equal(on_logits, targets, ops), _shifted(on_logits, logits, targets, ops),
            _large(on_logits, logits, targets, ops), _gradient(on_logits, logits, targets, ops),
        )  # fmt: skip
    return Findings(f"Loss {type(loss).__name__} on logits of {classes} classes, {SAMPLES} samples, float64.", found)


def _mean(loss: CategoricalCrossentropy, logits: Array, targets: Array, ops: Operations) -> float:
    return float(loss.forward(logits, targets, ops)[0].mean())


def _equal(loss: CategoricalCrossentropy, targets: Array, ops: Operations) -> Point:
    value, wanted = _mean(loss, np.zeros_like(targets), targets, ops), math.log(targets.shape[1])
    text = f"a model that knows nothing has loss {value:.6g}; ln {targets.shape[1]} is {wanted:.6g}"
    return Point("equal logits", abs(value - wanted) <= ALIKE * wanted, text)


def _shifted(loss: CategoricalCrossentropy, logits: Array, targets: Array, ops: Operations) -> Point:
    one, other = (_mean(loss, logits + shift, targets, ops) for shift in (0.0, 5.0))
    return Point("shifted logits", abs(one - other) <= ALIKE * abs(one), f"all 5 higher: {other:.6g} after {one:.6g}")


def _large(loss: CategoricalCrossentropy, logits: Array, targets: Array, ops: Operations) -> Point:
    large = np.ascontiguousarray(logits * (LARGE / np.abs(logits).max()))
    losses, probabilities = loss.forward(large, targets, ops)
    gradient = loss.backward(probabilities, targets, ops)
    ok = bool(np.isfinite(losses).all() and np.isfinite(gradient).all())
    text = f"logits up to {LARGE:g} give " + ("a finite loss and gradient" if ok else "NaN or infinity: exp overflows; "
           "take the largest logit of each row off first")  # fmt: skip
    return Point("large logits", ok, text)


def _gradient(loss: CategoricalCrossentropy, logits: Array, targets: Array, ops: Operations) -> Point:
    """By differences of fourth order; the loss curves so little that they are right to ALIKE of the largest."""
    exact = loss.backward(loss.forward(logits, targets, ops)[1], targets, ops)
    middle = _mean(loss, logits, targets, ops)
    numeric = np.zeros_like(logits)
    for index in np.ndindex(logits.shape):
        line = Line(logits, index)
        numeric[index] = points(lambda: _mean(loss, logits, targets, ops), line, STEP, middle).fourth_order()
    error = np.abs(exact - numeric)
    worst = np.unravel_index(int(error.argmax()), error.shape)
    ok = bool(error.max() <= ALIKE * np.abs(numeric).max())
    text = f"backward against differences of the mean: at most {error.max():.1g} apart"
    if not ok:
        text += f", at {list(map(int, worst))}, where it says {exact[worst] / numeric[worst]:.4g} times the difference"
    return Point("gradient", ok, text)
