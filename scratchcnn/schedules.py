"""Learning-rate schedules: the learning rate as a function of the number of training steps.

A schedule is called before each step with the number of steps taken so far (0 before the first) and returns the
learning rate of that step. Schedules have no state, so that two optimizers can share one; any function of the step
number can be used as a schedule. Names, arguments and formulas are those of Keras, except for `OneCycle`, which Keras
does not have.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.arguments import boolean, non_negative, positive, positive_integer, share
from scratchcnn.configs import Configured
from scratchcnn.names import names_of_module

Schedule = Callable[[int], float]


class CosineDecay(Configured):
    """Cosine decay: half a period of a cosine, optionally after a linear warmup.

        t(step) = min(step / decay_steps, 1)
        rate(step) = initial_learning_rate * ((1 - alpha) * (1 + cos(pi * t(step))) / 2 + alpha)

    With a warmup_target, the rate first rises linearly from initial_learning_rate to warmup_target, during
    warmup_steps. It then decays from warmup_target by the same formula, during the next decay_steps.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : float
        Steps of the decay, without those of the warmup. Afterwards the rate is constant.
    alpha : float, default 0
        Final rate as a fraction of the rate at which the decay starts.
    warmup_target : float, optional
        Rate at the end of the warmup; None for no warmup.
    warmup_steps : float, default 0

    Raises
    ------
    ValueError
        An argument is out of range, or warmup_steps is given without warmup_target (which Keras ignores).

    Examples
    --------
    >>> schedule = CosineDecay(0.0, decay_steps=4, warmup_target=0.2, warmup_steps=2)
    >>> [round(schedule(step), 3) for step in range(8)]
    [0.0, 0.1, 0.2, 0.171, 0.1, 0.029, 0.0, 0.0]

    References
    ----------
    Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", arXiv 1608.03983, equation 5;
    Goyal et al. 2017, "Accurate, large minibatch SGD", arXiv 1706.02677, section 2.2 (warmup).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        *,
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = non_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive("decay_steps", decay_steps)
        self.alpha = non_negative("alpha", alpha)
        self.warmup_target = None if warmup_target is None else non_negative("warmup_target", warmup_target)
        self.warmup_steps = non_negative("warmup_steps", warmup_steps)
        if self.warmup_target is None and self.warmup_steps > 0:
            raise ValueError(
                f"Expected warmup_target with warmup_steps={warmup_steps!r}, received None; "
                f"pass the learning rate at the end of the warmup."
            )

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        highest = self.initial_learning_rate if self.warmup_target is None else self.warmup_target
        if step < self.warmup_steps:
            return _line(self.initial_learning_rate, highest, step / self.warmup_steps)
        t = min((step - self.warmup_steps) / self.decay_steps, 1.0)
        return highest * ((1 - self.alpha) * 0.5 * (1 + math.cos(math.pi * t)) + self.alpha)


class _Decay(Configured):
    """Constructor and config of decays that depend on step / decay_steps."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False
    ) -> None:
        self.initial_learning_rate = non_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive("decay_steps", decay_steps)
        self.decay_rate = non_negative("decay_rate", decay_rate)
        self.staircase = boolean("staircase", staircase)

    def _periods(self, step: int) -> float:
        """Return step / decay_steps, rounded down with `staircase`."""
        periods = step / self.decay_steps
        return math.floor(periods) if self.staircase else periods


class ExponentialDecay(_Decay):
    """Exponential decay: the rate is multiplied by decay_rate every decay_steps steps.

        rate(step) = initial_learning_rate * decay_rate ** (step / decay_steps)

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : float
    decay_rate : float
        Factor per decay_steps; the rate grows if it is above 1.
    staircase : bool, default False
        Whether to use floor(step / decay_steps), so that the rate is piecewise constant.

    Raises
    ------
    ValueError
        An argument is out of range.

    Examples
    --------
    >>> [ExponentialDecay(0.4, 2, 0.25)(step) for step in range(5)]
    [0.4, 0.2, 0.1, 0.05, 0.025]
    >>> [ExponentialDecay(0.4, 2, 0.25, staircase=True)(step) for step in range(5)]
    [0.4, 0.4, 0.1, 0.1, 0.025]
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        with np.errstate(over="ignore"):  # a growing rate may overflow to infinity; `rate_at` then raises an error
            return float(self.initial_learning_rate * np.float64(self.decay_rate) ** self._periods(step))


class InverseTimeDecay(_Decay):
    """Inverse time decay: the inverse of the rate grows by the same amount every decay_steps steps.

        rate(step) = initial_learning_rate / (1 + decay_rate * step / decay_steps)

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : float
    decay_rate : float
    staircase : bool, default False
        Whether to use floor(step / decay_steps), so that the rate is piecewise constant.

    Raises
    ------
    ValueError
        An argument is out of range.

    Examples
    --------
    >>> [InverseTimeDecay(0.8, 2, 2.0)(step) for step in (0, 1, 3)]
    [0.8, 0.4, 0.2]
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        return self.initial_learning_rate / (1 + self.decay_rate * self._periods(step))


class PiecewiseConstantDecay(Configured):
    """Piecewise constant decay: a fixed learning rate between each two boundaries.

        rate(step) = values[0]    if               step <= boundaries[0]
                     values[i]    if boundaries[i - 1] < step <= boundaries[i]
                     values[-1]   if boundaries[-1] < step

    Parameters
    ----------
    boundaries : sequence of float
        Step numbers, strictly increasing.
    values : sequence of float
        Learning rates; one more than boundaries.

    Raises
    ------
    ValueError
        The boundaries are not strictly increasing, the number of values does not match, or an argument is out of range.

    Examples
    --------
    >>> schedule = PiecewiseConstantDecay([1, 3], [0.1, 0.05, 0.01])
    >>> [schedule(step) for step in range(6)]
    [0.1, 0.1, 0.05, 0.05, 0.01, 0.01]
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float]) -> None:
        self.boundaries, self.values = _numbers("boundaries", boundaries), _numbers("values", values)
        if not self.boundaries or len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"Expected at least one boundary and one more value than boundaries, received "
                f"{len(self.boundaries)} boundaries and {len(self.values)} values."
            )
        if any(after <= before for before, after in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise ValueError(f"Expected strictly increasing boundaries, received {list(boundaries)}.")

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        return self.values[bisect.bisect_left(self.boundaries, step)]


class OneCycle(Configured):
    """One-cycle policy: a linear warmup to the maximum rate, then a linear decay until the end of training.

        peak = warmup_share * total_steps
        rate(0) = start_factor * max_learning_rate
        rate(peak) = max_learning_rate
        rate(step) = end_factor * max_learning_rate     for step >= total_steps

    and linear in between. A high learning rate makes fast progress, but training does not converge with it; the policy
    uses it for a limited time. The network needs fewer epochs for the same accuracy than with a constant rate.

    Parameters
    ----------
    max_learning_rate : float
        A few times the best constant rate.
    total_steps : int
        Steps of the whole training: epochs * ceil(samples / batch_size).
    warmup_share : float, default 0.1
        Fraction of the steps that the warmup takes, in [0, 1).
    start_factor, end_factor : float, defaults 0.1 and 0
        First and last rate as fractions of the maximum rate, in [0, 1].

    Raises
    ------
    ValueError
        An argument is out of range.

    Examples
    --------
    >>> schedule = OneCycle(0.2, total_steps=6, warmup_share=1 / 3, start_factor=0.5, end_factor=0)
    >>> [round(schedule(step), 3) for step in range(8)]
    [0.1, 0.15, 0.2, 0.15, 0.1, 0.05, 0.0, 0.0]

    References
    ----------
    Smith & Topin 2018, "Super-convergence: very fast training of neural networks using large learning rates",
    arXiv 1708.07120, section 3. (There, the momentum decreases while the rate increases; here it is constant.)
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        warmup_share: float = 0.1,
        start_factor: float = 0.1,
        end_factor: float = 0.0,
    ) -> None:
        self.max_learning_rate = non_negative("max_learning_rate", max_learning_rate)
        self.total_steps = positive_integer("total_steps", total_steps)
        self.warmup_share = share("warmup_share", warmup_share)
        self.start_factor = _factor("start_factor", start_factor)
        self.end_factor = _factor("end_factor", end_factor)

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        peak = self.warmup_share * self.total_steps
        if step < peak:
            return self.max_learning_rate * _line(self.start_factor, 1.0, step / peak)
        return self.max_learning_rate * _line(1.0, self.end_factor, min((step - peak) / (self.total_steps - peak), 1.0))


def rate_or_schedule(name: str, value: object) -> float | Schedule:
    """Return `value` as a float of at least 0, or unchanged if it is a schedule.

    Raises
    ------
    ValueError
        `value` is neither a non-negative number nor callable.
    """
    if isinstance(value, type):
        raise ValueError(
            f"Expected {name} as a number or a schedule object, received the class {value.__name__}; "
            f"create an object: {value.__name__}(...)."
        )
    if callable(value):
        return value
    return non_negative(name, value)


def rate_at(learning_rate: float | Schedule, step: int) -> float:
    """Return the learning rate after `step` steps, from a schedule or a constant.

    Raises
    ------
    ValueError
        The schedule did not return a finite number of at least 0.
    """
    if not callable(learning_rate):
        return learning_rate
    rate: object = learning_rate(step)
    if getattr(rate, "shape", None) == ():  # functions such as np.where return 0-d arrays
        rate = rate.item()  # type: ignore[attr-defined]
    name = getattr(learning_rate, "__name__", type(learning_rate).__name__)
    return non_negative(f"the learning rate of schedule {name} after {step} steps", rate)


def _line(start: float, end: float, t: float) -> float:
    """Interpolate linearly between `start` at t = 0 and `end` at t = 1."""
    return start + (end - start) * t


def _numbers(name: str, values: object) -> list[float]:
    """Return `values` as floats of at least 0."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ValueError(f"Expected {name} as a sequence of numbers, for example [1000, 2000], received {values!r}.")
    return [non_negative(f"each of {name}", value) for value in values]


def _factor(name: str, value: object) -> float:
    """Return `value` as a float in [0, 1]."""
    factor = non_negative(name, value)
    if factor > 1:
        raise ValueError(f"Expected {name} as a number from 0 to 1, received {value!r}.")
    return factor


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
