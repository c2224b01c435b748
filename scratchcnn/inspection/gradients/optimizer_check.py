"""check_optimizer: compare the steps of an optimizer with its formula, including the bias correction at the start."""

from __future__ import annotations

import numpy as np

from scratchcnn import reference
from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.operands import Array
from scratchcnn.operations import engine as operations_of
from scratchcnn.optimizers import SGD, Adam, Optimizer
from scratchcnn.schedules import rate_at

SIZES = 10.0 ** np.arange(-4, 2)  # of the gradients of the parameters
ROUNDING = 1e-9  # relative error; far above float64 rounding, and far below that of any wrong formula


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

    Returns
    -------
    Findings

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
    rng = np.random.default_rng(seed)
    gradients = rng.standard_normal((positive_integer("steps", steps), SIZES.size)) * SIZES
    start, given = rng.standard_normal(SIZES.size), gradients.copy()
    found = _steps(optimizer, given, start, engine)
    change = float((found[0] * gradients[0]).sum())
    unmodified = np.array_equal(given, gradients)
    points = [
        Point.of("descent", change < 0, f"to first order, the first step changes the loss by {change:.3g}",
                 "the step has the wrong sign"),
        Point.of("gradients", unmodified, "not modified" if unmodified else "modified", "work on a copy"),
    ]  # fmt: skip
    expected = _steps_by_formula(optimizer, gradients, start)
    if expected is not None:
        points += _comparison(found, expected)
    title = f"Optimizer {type(optimizer).__name__}: {len(gradients)} steps with gradients from 1e-4 to 10, in float64."
    return Findings(title, tuple(points))


def _steps(optimizer: Optimizer, gradients: Array, start: Array, engine: str) -> Array:
    """The change of the parameters in each step, (steps, n)."""
    ops, parameter, path = operations_of(engine), start.copy(), [start]
    state = optimizer.start([parameter])
    for gradient in gradients:
        state = optimizer.step([parameter], [gradient], state, ops)
        path.append(parameter.copy())
    return np.diff(path, axis=0)


def _steps_by_formula(optimizer: Optimizer, gradients: Array, start: Array) -> Array | None:
    """The same changes by the reference implementation; None if there is none."""
    parameter, path = start.copy(), [start]
    m, v, v_max = np.zeros_like(start), np.zeros_like(start), np.zeros_like(start)
    for number, gradient in enumerate(gradients):
        rate = rate_at(optimizer.learning_rate, number)
        if isinstance(optimizer, Adam):
            largest = v_max if optimizer.amsgrad else v
            settings = optimizer.beta_1, optimizer.beta_2, optimizer.epsilon
            reference.adam(parameter, gradient, m, v, largest, number + 1, rate, *settings)
        elif isinstance(optimizer, SGD):
            reference.sgd(parameter, gradient, m, rate, optimizer.momentum, optimizer.nesterov)
        else:
            return None
        path.append(parameter.copy())
    return np.diff(path, axis=0)


def _comparison(found: Array, expected: Array) -> list[Point]:
    ratio = float(np.median(found[0] / expected[0]))
    error = (np.abs(found - expected) / np.abs(expected).max(axis=0)).max(axis=1)
    wrong = np.flatnonzero(~(error <= ROUNDING)) + 1
    start = f", from step {wrong[0]} on" if wrong.size else ""
    hint = "are m and v, which start at zero, divided by 1 - beta**t?" if ratio > 1 else ""
    return [
        Point.of(
            "first step",
            abs(ratio - 1) <= ROUNDING,
            f"{ratio:.6g} times the step of the reference implementation",
            hint,
        ),
        Point.of(
            "all steps",
            not wrong.size,
            f"largest difference from the reference: {error.max():.2g} times the longest step{start}",
        ),
    ]
