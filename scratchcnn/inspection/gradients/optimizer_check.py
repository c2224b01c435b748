"""check_optimizer: an optimizer's steps beside the formula's, from the first one, where bias correction counts most."""

from __future__ import annotations

import numpy as np

from scratchcnn import reference
from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.operands import Array
from scratchcnn.operations import engine as operations_of
from scratchcnn.optimizers import SGD, Adam, Optimizer
from scratchcnn.schedules import rate_at

NUMBERS = 6
ROUNDING = 1e-9  # in float64, far above rounding and far below any mistake


def check_optimizer(optimizer: Optimizer, *, steps: int = 10, engine: str = "kernels", seed: int = 0) -> Findings:
    """Take a few steps with known gradients, and hold them against the formula.

    Parameters
    ----------
    optimizer : Optimizer
        An Adam or SGD, of this package or derived from it in a class of your own, is held against `reference.adam` or
        `reference.sgd` with the same settings; of any other it is seen whether its first step goes downhill.
    steps : int, default 10
    engine : {'kernels', 'reference'}
    seed : int

    Returns
    -------
    Findings

    Raises
    ------
    TypeError, ValueError
        No optimizer, or an option out of range.

    References
    ----------
    Kingma & Ba 2015, arXiv 1412.6980, section 3: without the correction the first steps are too long.

    Examples
    --------
    >>> check_optimizer(Adam(), engine="reference").ok
    True
    """
    if not hasattr(optimizer, "step") or not hasattr(optimizer, "start"):
        raise TypeError(f"Expected an optimizer, as Adam(), received {optimizer!r}; model.optimizer is one.")
    rng = np.random.default_rng(seed)
    count = positive_integer("steps", steps)
    gradients = rng.standard_normal((count, NUMBERS)) * 10.0 ** np.arange(-4, 2)  # of very different sizes
    path, kept = _walk(optimizer, gradients, rng.standard_normal(NUMBERS), engine)
    points = [_downhill(path, gradients), Point("gradients kept", kept, "left as they are" if kept else "changed")]
    wanted = _formula(optimizer, gradients, path[0])
    if wanted is not None:
        points += [_first_step(path, wanted), _all_steps(path, wanted)]
    name = type(optimizer).__name__
    return Findings(f"Optimizer {name}: {count} steps with gradients from 1e-4 to 10, in float64.", tuple(points))


def _walk(optimizer: Optimizer, gradients: Array, start: Array, engine: str) -> tuple[Array, bool]:
    """Where the parameters were after each step (steps + 1, n), and whether the gradients were left alone."""
    ops, parameter = operations_of(engine), start.copy()
    state, path, kept = optimizer.start([parameter]), [start], True
    for gradient in gradients:
        given = gradient.copy()
        state = optimizer.step([parameter], [given], state, ops)
        kept = kept and np.array_equal(given, gradient)
        path.append(parameter.copy())
    return np.array(path), kept


def _formula(optimizer: Optimizer, gradients: Array, start: Array) -> Array | None:
    """The same path by the formula in `reference`, or None if there is none."""
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
    return np.array(path)


def _downhill(path: Array, gradients: Array) -> Point:
    slope = float(((path[1] - path[0]) * gradients[0]).sum())
    text = f"the first step changes the loss by {slope:.3g}, as far as the gradient tells"
    return Point("downhill", slope < 0, text + ("" if slope < 0 else ": the sign of the step is wrong"))


def _first_step(path: Array, wanted: Array) -> Point:
    ratio = float(np.median((path[1] - path[0]) / (wanted[1] - wanted[0])))
    ok = abs(ratio - 1) <= ROUNDING
    text = f"the first step is {ratio:.6g} times that of the formula"
    if not ok and ratio > 1:
        text += "; m and v begin at zero: are they divided by 1 - beta**t?"
    return Point("first step", ok, text)


def _all_steps(path: Array, wanted: Array) -> Point:
    steps, formula = np.diff(path, axis=0), np.diff(wanted, axis=0)
    error = np.abs(steps - formula) / np.abs(formula).max(axis=0)
    ok = bool(error.max() <= ROUNDING)
    if ok:
        return Point("all steps", True, f"as the formula's, to {error.max():.1g} of the longest")
    first = int(np.argmax(error.max(axis=1) > ROUNDING)) + 1
    return Point("all steps", False, f"apart from step {first} on, by up to {error.max():.2g} of the longest step")
