"""check_loss, check_optimizer and overfit_one_batch: test the loss, the optimizer, and the whole of training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scratchcnn import reference
from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.arguments import built_model, class_count
from scratchcnn.inspection.gradients.differences import numerical_gradient
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.inspection.tracing.passes import without_dropout
from scratchcnn.losses import CategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.operations import engine as operations_of
from scratchcnn.optimizers import SGD, Adam, Optimizer
from scratchcnn.schedules import rate_at
from scratchcnn.sequential import Sequential

# check_loss
LOGITS, STEP, SHIFT = 4, 1e-3, 5.0  # rows of logits, step of the differences, constant added to all logits
RELATIVE = 1e-6  # error; truncation is of order STEP**4, and rounding of order eps / STEP
LARGE = 2000.0  # a logit for which exp overflows in float64 too
# check_optimizer
SIZES = 10.0 ** np.arange(-4, 2)  # of the gradients of the parameters
ROUNDING = 1e-9  # relative error; far above float64 rounding, and far below that of any wrong formula
# overfit_one_batch
LEARNED = 0.1  # remaining fraction of ln(classes), the loss of equal probabilities
LEAST = 10  # steps, even if the images are already memorized
FALLING = 0.9  # of the loss after three quarters of the steps; below it, training has not finished
LARGE_START = 3.0  # times ln(classes)


def check_loss(loss: CategoricalCrossentropy, *, classes: int = 10, engine: str = "kernels", seed: int = 0) -> Findings:
    """Check a classification loss, as a function of logits, in float64.

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
    logits = np.random.default_rng(seed).standard_normal((LOGITS, classes))
    targets = np.eye(classes)[np.arange(LOGITS) % classes]

    def mean(logits: Array) -> float:
        return float(on_logits.forward(logits, targets, ops)[0].mean())

    def gradient(logits: Array) -> Array:
        return on_logits.backward(on_logits.forward(logits, targets, ops)[1], targets, ops)

    with np.errstate(all="ignore"):
        equal, expected = mean(np.zeros_like(logits)), math.log(classes)
        plain, shifted = mean(logits), mean(logits + SHIFT)
        large = np.ascontiguousarray(logits * (LARGE / np.abs(logits).max()))
        finite = bool(np.isfinite([mean(large)]).all() and np.isfinite(gradient(large)).all())
        analytic, numeric = gradient(logits), numerical_gradient(lambda: mean(logits), logits, STEP)
        error = np.abs(analytic - numeric)
        worst = np.unravel_index(int(error.argmax()), error.shape)
    points = (
        Point.of("equal logits", abs(equal - expected) <= RELATIVE * expected,
                 f"loss {equal:.6g}, expected ln {classes} = {expected:.6g}"),
        Point.of("shifted logits", abs(plain - shifted) <= RELATIVE * abs(plain),
                 f"loss {shifted:.6g} with {SHIFT:g} added to all logits, {plain:.6g} without"),
        Point.of("large logits", finite, f"loss and gradient of logits up to {LARGE:g} are "
                 f"{'finite' if finite else 'NaN or infinite'}",
                 "exp overflows; subtract the largest logit of each row first"),
        Point.of("gradient", bool(error.max() <= RELATIVE * np.abs(numeric).max()),
                 f"the largest difference from the numerical gradient is {error.max():.1g}",
                 f"at {list(map(int, worst))}, it is {analytic[worst] / numeric[worst]:.4g} times the numerical one"),
    )  # fmt: skip
    return Findings(f"Loss {type(loss).__name__} on logits of {classes} classes, {LOGITS} samples, float64.", points)


def check_optimizer(optimizer: Optimizer, *, steps: int = 10, engine: str = "kernels", seed: int = 0) -> Findings:
    """Check the first steps of an optimizer with given gradients.

    - The first step is in a direction in which the loss decreases.
    - The gradients are not modified.
    - Every step equals that of the formula, `reference.adam` or `reference.sgd`.

    Parameters
    ----------
    optimizer : Optimizer
        Of this package or your own. Only an Adam or SGD, or a subclass, is compared with a formula.
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
    >>> check_optimizer(Adam(), engine="reference").ok
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
    change = float((found[0] * gradients[0]).sum())
    unmodified = np.array_equal(given, gradients)
    points = [
        Point.of("descent", change < 0, f"to first order, the first step changes the loss by {change:.3g}",
                 "the step has the wrong sign"),
        Point.of("gradients", unmodified, "not modified" if unmodified else "modified", "work on a copy"),
    ]  # fmt: skip
    if isinstance(optimizer, (Adam, SGD)):
        expected = _steps_by_formula(optimizer, gradients, start)
        ratio = float(np.median(found[0] / expected[0]))
        error = (np.abs(found - expected) / np.abs(expected).max(axis=0)).max(axis=1)
        wrong = np.flatnonzero(~(error <= ROUNDING)) + 1
        hint = "are m and v, which start at zero, divided by 1 - beta**t?" if ratio > 1 else ""
        points += [
            Point.of("first step", abs(ratio - 1) <= ROUNDING,
                     f"{ratio:.6g} times the step of the reference implementation", hint),
            Point.of("all steps", not wrong.size, f"largest difference from the reference: {error.max():.2g} times the "
                     f"longest step{f', from step {wrong[0]} on' if wrong.size else ''}"),
        ]  # fmt: skip
    title = f"Optimizer {type(optimizer).__name__}: {len(gradients)} steps with gradients from 1e-4 to 10, in float64."
    return Findings(title, tuple(points))


def _steps_by_formula(optimizer: Adam | SGD, gradients: Array, start: Array) -> Array:
    """The changes of the parameters in each step by the reference implementation."""
    parameter, path = start.copy(), [start]
    m, v, v_max = np.zeros_like(start), np.zeros_like(start), np.zeros_like(start)
    for number, gradient in enumerate(gradients):
        rate = rate_at(optimizer.learning_rate, number)
        if isinstance(optimizer, Adam):
            largest = v_max if optimizer.amsgrad else v
            settings = optimizer.beta_1, optimizer.beta_2, optimizer.epsilon
            reference.adam(parameter, gradient, m, v, largest, number + 1, rate, *settings)
        else:
            reference.sgd(parameter, gradient, m, rate, optimizer.momentum, optimizer.nesterov)
        path.append(parameter.copy())
    return np.diff(path, axis=0)


@dataclass(frozen=True)
class Overfitting(Findings):
    """Result of `overfit_one_batch`; `losses` (n,) are those of the batch before each step and after the last."""

    losses: Array


def overfit_one_batch(
    model: Sequential, x: object, y: object, *, samples: int = 16, steps: int = 300, learning_rate: float = 0.003
) -> Overfitting:
    """Train a copy of a model on a few images until it has memorized them.

    A network has far more parameters than a few images have labels, so the loss must come close to zero. If it does
    not, no gradient arrives, or something between the images and the update is wrong. Dropout is off, since it makes
    memorizing harder.

    Parameters
    ----------
    model : Sequential
        Built and compiled. It is not modified.
    x, y : as for `fit`
        Only the first `samples` are used.
    samples : int, default 16
    steps : int, default 300
        The most steps; training ends as soon as the images are memorized.
    learning_rate : float, default 0.003
        Learning rate of Adam, which replaces the optimizer of the model.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        The model is not built or compiled, or the data do not fit.

    References
    ----------
    Karpathy 2019, "A recipe for training neural networks", step 2.
    """
    count, steps = positive_integer("samples", samples), positive_integer("steps", steps)
    built_model(model, "overfit_one_batch").expect_compiled("overfit_one_batch")
    clone = without_dropout(model.clone(optimizer=Adam(learning_rate)))
    images, labels, classes = np.asarray(x)[:count], np.asarray(y)[:count], class_count(clone)
    before, equal = clone.get_weights(), math.log(classes)
    training = any(layer.statistics for layer in clone.leaf_layers)  # moving averages follow the parameters too slowly
    losses = [clone.loss_and_gradients(images, labels, training)[0]]
    while len(losses) <= steps and math.isfinite(losses[-1]) and (len(losses) <= LEAST or losses[-1] > LEARNED * equal):
        with np.errstate(all="ignore"):
            try:
                clone.train_on_batch(images, labels)
            except FloatingPointError:
                break
            losses.append(clone.loss_and_gradients(images, labels, training)[0])
    layers = zip(clone.leaf_names, clone.leaf_layers, strict=True)
    names = [f"{unique} {name}" for unique, layer in layers for name in layer.params]
    arrays = zip(names, before, clone.get_weights(), strict=True)
    constant = ", ".join(name for name, old, new in arrays if np.array_equal(old, new))
    points = (
        Point.of("start", losses[0] <= LARGE_START * equal, f"loss {losses[0]:.4g}, expected about ln(classes) = "
                 f"{equal:.4g}", "the model is confident of wrong answers before training", otherwise=None),
        _end(losses, classes),
        Point.of("parameters", not constant, f"constant in training: {constant}" if constant else "all change"),
    )  # fmt: skip
    return Overfitting(f"Memorizing {len(images)} images: {len(losses) - 1} steps.", points, np.array(losses))


def _end(losses: list[float], classes: int) -> Point:
    last, lowest = losses[-1], math.log(1 + (classes - 1) / math.e)  # lowest: with softmax applied twice
    if last <= LEARNED * math.log(classes):
        return Point("end", True, f"loss {last:.4g}: memorized")
    if not math.isfinite(last):
        return Point("end", False, f"the loss is not finite after {len(losses) - 1} steps")
    if last < FALLING * losses[3 * len(losses) // 4]:
        return Point("end", None, f"loss {last:.4g}, still decreasing: not memorized yet; increase steps")
    twice = f"; ln(1 + (classes - 1) / e) = {lowest:.4f} is the lowest loss if softmax is applied twice"
    return Point("end", False, f"loss {last:.4g}: not memorized{twice if lowest <= last <= 1.1 * lowest else ''}")
