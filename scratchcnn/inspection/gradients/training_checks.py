"""check_loss and check_optimizer: test the loss, and the optimizer."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn import reference
from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.arguments import index_of
from scratchcnn.inspection.gradients.differences import numerical_gradient
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanSquaredError
from scratchcnn.names import class_hint
from scratchcnn.operands import Array
from scratchcnn.operations import engine as operations_of
from scratchcnn.optimizers import KNOWN, Adam, Optimizer
from scratchcnn.schedules import rate_at

# check_loss
LOGITS, STEP, SHIFT = 4, 1e-3, 5.0  # rows of logits, step of the differences, constant added to all logits
RELATIVE = 1e-6  # error; truncation is of order STEP**4, and rounding of order eps / STEP
LARGE = 2000.0  # a logit for which exp overflows in float64 too
# check_optimizer
SIZES = 10.0 ** np.arange(-4, 2)  # of the gradients of the parameters
ROUNDING = 1e-9  # relative error; far above float64 rounding, and far below that of any wrong formula


def check_loss(loss: Loss, *, classes: int = 10, engine: str = "kernels", seed: int = 0) -> Findings:
    """Check a loss in float64: a cross-entropy as a function of logits, any other loss as a function of the outputs.

    - Equal logits have the loss ln(classes); for a `BinaryCrossentropy`, logits of zero have the loss ln(2).
    - A constant added to all logits does not change the loss. For a `BinaryCrossentropy`, the opposite labels of the
      opposite logits have the same loss.
    - For a `MeanSquaredError`, outputs that equal the targets have the loss 0, and any others a positive loss.
    - Large logits give a finite loss and a finite gradient.
    - The gradient equals differences of the mean loss.

    Parameters
    ----------
    loss : Loss
        Of this package, or your own subclass. As in training, a cross-entropy includes softmax or sigmoid. Of a loss of
        another class, the last two points are checked.
    classes : int, default 10
        Number of outputs.
    engine : {'kernels', 'reference'}
    seed : int

    Raises
    ------
    TypeError, ValueError
        Not a loss, or an option out of range.

    Examples
    --------
    >>> check_loss(CategoricalCrossentropy(), engine="reference").ok
    True
    """
    if not isinstance(loss, Loss):
        raise TypeError(f"Expected a loss, as SparseCategoricalCrossentropy(), received {loss!r}{class_hint(loss)}.")
    least = 2 if isinstance(loss, CategoricalCrossentropy) else 1
    if positive_integer("classes", classes) < least:
        raise ValueError(f"Expected classes as at least 2, received {classes}; with one class, the loss is always 0.")
    checked = _CheckedLoss(loss.on_logits() or loss, engine, classes, seed)
    logits = checked.logits
    with np.errstate(all="ignore"):
        large = np.ascontiguousarray(logits * (LARGE / np.abs(logits).max()))
        finite = bool(np.isfinite([checked.mean(large)]).all() and np.isfinite(checked.gradient(large)).all())
        analytic, numeric = checked.gradient(logits), numerical_gradient(lambda: checked.mean(logits), logits, STEP)
        error = np.abs(analytic - numeric)
        worst = index_of(error.argmax(), error)
        values = checked.values()
    what = "logits" if loss.activation else "outputs"
    points = (
        *values,
        Point.of(f"large {what}", finite, f"loss and gradient of {what} up to {LARGE:g} are "
                 f"{'finite' if finite else 'NaN or infinite'}",
                 "exp overflows; subtract the largest logit of each row first"),
        Point.of("gradient", bool(error.max() <= RELATIVE * np.abs(numeric).max()),
                 f"the largest difference from the numerical gradient is {error.max():.1g}",
                 f"at {list(worst)}, it is {analytic[worst] / numeric[worst]:.4g} times the numerical one"),
    )  # fmt: skip
    title = f"Loss {type(loss).__name__} on {what} of {classes} classes, {LOGITS} samples, float64."
    return Findings(title, points)


class _CheckedLoss:
    """A loss as a function of logits or outputs (LOGITS, classes), with random logits and targets."""

    def __init__(self, loss: Loss, engine: str, classes: int, seed: int) -> None:
        self.loss, self.ops, self.classes = loss, operations_of(engine), classes
        rng = np.random.default_rng(seed)
        self.logits = rng.standard_normal((LOGITS, classes))
        self.targets: Array = np.eye(classes)[np.arange(LOGITS) % classes]
        if classes == 1:  # yes and no, in turn
            self.targets = np.arange(LOGITS)[:, None] % 2.0

    def mean(self, logits: Array, targets: Array | None = None) -> float:
        """Return the mean loss."""
        return float(self.loss.forward(logits, self.targets if targets is None else targets, self.ops)[0].mean())

    def gradient(self, logits: Array) -> Array:
        """Return the gradient of the mean loss."""
        return self.loss.backward(self.loss.forward(logits, self.targets, self.ops)[1], self.targets, self.ops)

    def values(self) -> list[Point]:
        """Return the points about values that are known without a formula."""
        plain = self.mean(self.logits)
        if isinstance(self.loss, MeanSquaredError):
            right = self.mean(self.targets)
            return [
                Point.of(
                    "right outputs", right == 0, f"loss {right:.6g} of outputs that equal the targets, expected 0"
                ),
                Point.of("wrong outputs", plain > 0, f"loss {plain:.6g} of other outputs, expected more than 0"),
            ]
        if isinstance(self.loss, BinaryCrossentropy):
            return [
                _expected("logits of zero", self.mean(np.zeros_like(self.logits)), math.log(2), "ln 2"),
                _expected("opposite", self.mean(-self.logits, 1 - self.targets), plain, "that of the given ones"),
            ]
        if isinstance(self.loss, CategoricalCrossentropy):
            shifted = self.mean(self.logits + SHIFT)
            equal, expected = self.mean(np.zeros_like(self.logits)), math.log(self.classes)
            return [
                _expected("equal logits", equal, expected, f"ln {self.classes}"),
                Point.of("shifted logits", abs(plain - shifted) <= RELATIVE * abs(plain),
                         f"loss {shifted:.6g} with {SHIFT:g} added to all logits, {plain:.6g} without"),
            ]  # fmt: skip
        return []


def _expected(name: str, found: float, expected: float, what: str) -> Point:
    fits = abs(found - expected) <= RELATIVE * abs(expected)
    return Point.of(name, fits, f"loss {found:.6g}, expected {what} = {expected:.6g}")


def check_optimizer(optimizer: Optimizer, *, steps: int = 10, engine: str = "kernels", seed: int = 0) -> Findings:
    """Check the first steps of an optimizer with given gradients.

    - The first step, without weight decay, is in a direction in which the loss decreases.
    - The gradients are not modified.
    - Every step equals that of the formula, with `reference.adam`, `reference.sgd`, ..., clipping and weight decay.

    Parameters
    ----------
    optimizer : Optimizer
        Of this package or your own. One of this package's classes, or of a subclass, is compared with a formula.
    steps : int, default 10
    engine : {'kernels', 'reference'}
    seed : int

    Raises
    ------
    TypeError, ValueError
        Not an optimizer, or an option out of range.

    References
    ----------
    Kingma & Ba 2015, arXiv 1412.6980, section 3: without bias correction, the first steps of Adam are too long.

    Examples
    --------
    >>> from scratchcnn.optimizers import RMSprop
    >>> check_optimizer(RMSprop(), engine="reference").ok
    True
    """
    if not hasattr(optimizer, "step") or not hasattr(optimizer, "start"):
        raise TypeError(f"Expected an optimizer, as Adam(), received {optimizer!r}; model.optimizer is one.")
    rng, ops = np.random.default_rng(seed), operations_of(engine)
    gradients = rng.standard_normal((positive_integer("steps", steps), SIZES.size)) * SIZES
    start, given = rng.standard_normal(SIZES.size), gradients.copy()
    parameter, path = start.copy(), [start]
    state = optimizer.start([parameter])
    for gradient in given:
        state = optimizer.step([parameter], [gradient], state, ops)
        path.append(parameter.copy())
    found = np.diff(path, axis=0)  # the change of the parameters in each step, (steps, 6)
    weight_decay = getattr(optimizer, "weight_decay", None)
    decay = rate_at(optimizer.learning_rate, 0) * weight_decay if weight_decay else 0.0
    change = float(((found[0] + decay * start) * gradients[0]).sum())
    unmodified = np.array_equal(given, gradients)
    points = [
        Point.of("descent", change < 0, f"to first order, the first step changes the loss by {change:.3g}",
                 "the step has the wrong sign"),
        Point.of("gradients", unmodified, "not modified" if unmodified else "modified", "work on a copy"),
    ]  # fmt: skip
    formula = next((kind for kind in type(optimizer).__mro__ if kind in KNOWN.values()), None)
    if formula is not None:
        expected = _steps_by_formula(optimizer, formula, gradients, start)
        ratio = float(np.median(found[0] / expected[0]))
        error = (np.abs(found - expected) / np.abs(expected).max(axis=0)).max(axis=1)
        wrong = np.flatnonzero(~(error <= ROUNDING)) + 1
        too_long = ratio > 1 and issubclass(formula, Adam)
        hint = "are m and v, which start at zero, divided by 1 - beta**t?" if too_long else ""
        points += [
            Point.of("first step", abs(ratio - 1) <= ROUNDING,
                     f"{ratio:.6g} times the step of the reference implementation", hint),
            Point.of("all steps", not wrong.size, f"largest difference from the reference: {error.max():.2g} times the "
                     f"longest step{f', from step {wrong[0]} on' if wrong.size else ''}"),
        ]  # fmt: skip
    title = f"Optimizer {type(optimizer).__name__}: {len(gradients)} steps with gradients from 1e-4 to 10, in float64."
    return Findings(title, tuple(points))


def _steps_by_formula(optimizer: Optimizer, formula: type[Optimizer], gradients: Array, start: Array) -> Array:
    """Return the changes of the parameters in each step by the reference implementation of a class of this package."""
    plain = object.__new__(formula)  # with the settings of the optimizer, but without the methods of its subclass
    vars(plain).update(vars(optimizer))
    parameter, path = start.copy(), [start]
    state = plain.start([parameter])
    for gradient in gradients:
        state = plain.step([parameter], [gradient], state, reference)
        path.append(parameter.copy())
    return np.diff(path, axis=0)
