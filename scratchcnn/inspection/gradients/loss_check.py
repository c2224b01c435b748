"""check_loss: test a classification loss at logits with a known loss, at large logits, and its gradient."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.gradients.differences import numerical_gradient
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.losses import CategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.operations import engine as operations_of

SAMPLES, STEP, SHIFT = 4, 1e-3, 5.0
RELATIVE = 1e-6  # error; truncation is of order STEP**4, and rounding of order eps / STEP
LARGE = 2000.0  # a logit for which exp overflows in float64 too


def check_loss(loss: CategoricalCrossentropy, *, classes: int = 10, engine: str = "kernels", seed: int = 0) -> Findings:
    """Check a classification loss, as a function of logits.

    - Equal logits have the loss ln(classes).
    - A constant added to all logits does not change the loss.
    - Large logits give a finite loss and a finite gradient.
    - The gradient equals differences of the mean loss.

    Parameters
    ----------
    loss : Loss
        Of this package, or your own subclass. As in training, it includes softmax.
    classes : int, default 10
    engine : {'kernels', 'reference'}
    seed : int

    Returns
    -------
    Findings

    Raises
    ------
    TypeError, ValueError
        Not a classification loss, or an option out of range.

    Examples
    --------
    >>> check_loss(CategoricalCrossentropy(), engine="reference").ok
    True
    """
    if not isinstance(loss, CategoricalCrossentropy):
        raise TypeError(f"Expected a loss, as SparseCategoricalCrossentropy(), received {loss!r}.")
    if positive_integer("classes", classes) < 2:
        raise ValueError(f"Expected classes as at least 2, received {classes}; with one class, the loss is always 0.")
    ops, on_logits = operations_of(engine), loss.on_logits()
    logits = np.random.default_rng(seed).standard_normal((SAMPLES, classes))
    targets = np.eye(classes)[np.arange(SAMPLES) % classes]

    def mean(logits: Array) -> float:
        return float(on_logits.forward(logits, targets, ops)[0].mean())

    def gradient(logits: Array) -> Array:
        return on_logits.backward(on_logits.forward(logits, targets, ops)[1], targets, ops)

    with np.errstate(all="ignore"):
        equal, expected = mean(np.zeros_like(logits)), math.log(classes)
        values = mean(logits), mean(logits + SHIFT)
        large = np.ascontiguousarray(logits * (LARGE / np.abs(logits).max()))
        finite = bool(np.isfinite([mean(large)]).all() and np.isfinite(gradient(large)).all())
        points = (
            Point.of("equal logits", abs(equal - expected) <= RELATIVE * expected,
                     f"loss {equal:.6g}, expected ln {classes} = {expected:.6g}"),
            Point.of("shifted logits", abs(values[0] - values[1]) <= RELATIVE * abs(values[0]),
                     f"loss {values[1]:.6g} with {SHIFT:g} added to all logits, {values[0]:.6g} without"),
            Point.of("large logits", finite, f"loss and gradient of logits up to {LARGE:g} are "
                     f"{'finite' if finite else 'NaN or infinite'}",
                     "exp overflows; subtract the largest logit of each row first"),
            _gradient(gradient(logits), numerical_gradient(lambda: mean(logits), logits, STEP)),
        )  # fmt: skip
    return Findings(f"Loss {type(loss).__name__} on logits of {classes} classes, {SAMPLES} samples, float64.", points)


def _gradient(analytic: Array, numeric: Array) -> Point:
    error = np.abs(analytic - numeric)
    worst = np.unravel_index(int(error.argmax()), error.shape)
    ok = bool(error.max() <= RELATIVE * np.abs(numeric).max())
    text = f"the largest difference from the numerical gradient is {error.max():.1g}"
    hint = f"at {list(map(int, worst))}, it is {analytic[worst] / numeric[worst]:.4g} times the numerical one"
    return Point.of("gradient", ok, text, hint)
