"""The formula of each optimizer, for one weight: the updates of all steps, and the arithmetic of the last step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.operands import Array


@dataclass(frozen=True, eq=False, repr=False)
class WeightRecord:
    """Recorded values of one weight; `WeightHistory` documents the attributes."""

    optimizer: str
    settings: Mapping[str, Any]
    layer: str
    parameter: str
    position: tuple[int, ...]
    steps: Array
    rates: Array
    gradients: Array
    before: Array
    after: Array
    slots: Mapping[str, Array]
    slots_before: Mapping[str, Array]


class Rule(NamedTuple):
    """The update of every step without weight decay, float64 (K,); and the lines that compute the last one."""

    updates: Callable[[WeightRecord], Array]
    lines: Callable[[WeightRecord, str], list[str]]


def slot(history: WeightRecord, name: str, before: bool = False) -> Array:
    """Return an array of the state after each step, or before it, as float64; ValueError if there is none."""
    if name not in history.slots:
        raise ValueError(
            f"Expected an optimizer with {name} in its state, received {history.optimizer} with "
            f"{', '.join(history.slots) or 'no state'}; use Adam or AdamW."
        )
    return (history.slots_before if before else history.slots)[name].astype(np.float64)


def m_hat(history: WeightRecord) -> Array:
    """Adam's bias-corrected first moment estimate: m / (1 - beta_1**t)."""
    return slot(history, "m") / (1 - history.settings["beta_1"] ** history.steps)


def v_hat(history: WeightRecord) -> Array:
    """Adam's bias-corrected second moment estimate, of the maximum with AMSGrad: v / (1 - beta_2**t)."""
    largest = slot(history, "v_max" if "v_max" in history.slots else "v")
    return largest / (1 - history.settings["beta_2"] ** history.steps)


def decays(history: WeightRecord) -> Array | None:
    """Change of the weight by weight decay in each step; None without."""
    decay = history.settings.get("weight_decay")
    return -history.rates * decay * history.before.astype(np.float64) if decay else None


def _gradients(history: WeightRecord) -> Array:
    return history.gradients.astype(np.float64)


# Updates


def _adam(history: WeightRecord) -> Array:
    epsilon = history.settings["epsilon"] / np.sqrt(1 - history.settings["beta_2"] ** history.steps)
    return -history.rates * m_hat(history) / (np.sqrt(v_hat(history)) + epsilon)


def _sgd(history: WeightRecord) -> Array:
    velocity = slot(history, "velocity")
    if history.settings["nesterov"]:
        return history.settings["momentum"] * velocity - history.rates * _gradients(history)
    return velocity


def _rmsprop(history: WeightRecord) -> Array:
    if "increment" in history.slots:
        return -slot(history, "increment")
    return -_rmsprop_step(history)


def _rmsprop_step(history: WeightRecord) -> Array:
    return history.rates * _gradients(history) / np.sqrt(_variance(history) + history.settings["epsilon"])


def _variance(history: WeightRecord) -> Array:
    velocity = slot(history, "velocity")
    return np.maximum(velocity - slot(history, "average") ** 2, 0) if "average" in history.slots else velocity


def _adagrad(history: WeightRecord) -> Array:
    root = np.sqrt(slot(history, "accumulator") + history.settings["epsilon"])
    return -history.rates * _gradients(history) / root


def _adadelta(history: WeightRecord) -> Array:
    epsilon = history.settings["epsilon"]
    upper, lower = slot(history, "squared_updates", before=True) + epsilon, slot(history, "squared_gradients") + epsilon
    return -history.rates * _gradients(history) * np.sqrt(upper) / np.sqrt(lower)


# Lines about the last step


def _adam_lines(history: WeightRecord, update: str) -> list[str]:
    rate, t = float(history.rates[-1]), int(history.steps[-1])
    b1, b2, epsilon = (history.settings[name] for name in ("beta_1", "beta_2", "epsilon"))
    gradient, m = history.gradients[-1], history.slots["m"][-1]
    first, second = float(m_hat(history)[-1]), float(v_hat(history)[-1])
    root, small, digits = math.sqrt(second), epsilon / math.sqrt(1 - b2**t), digits_of(m)
    amsgrad = ["             (AMSGrad: v_hat is computed from the largest v so far)"]
    return [
        *_average(history, "m", b1, "gradient", exact(gradient)),
        *_average(history, "v", b2, "gradient**2", f"{float(gradient) ** 2:.9g}"),
        f"  m_hat    = m / (1 - {b1:g}**{t}) = {first:.{digits}g}",
        *(amsgrad if "v_max" in history.slots else []),
        f"  v_hat    = v / (1 - {b2:g}**{t}) = {second:.{digits}g}, its square root {root:.{digits}g}",
        f"  update   = -{rate:g} * m_hat / (sqrt(v_hat) + {epsilon:g} / sqrt(1 - {b2:g}**{t}))",
        f"           = -{rate:g} * {first:.{digits}g} / {root + small:.{digits}g} = {update}",
    ]


def _sgd_lines(history: WeightRecord, update: str) -> list[str]:
    rate, momentum, gradient = float(history.rates[-1]), history.settings["momentum"], history.gradients[-1]
    if not momentum:
        return [f"  update   = -{rate:g} * gradient = -{rate:g} * {exact(gradient)} = {update}"]
    before, velocity = history.slots_before["velocity"][-1], history.slots["velocity"][-1]
    nesterov = f"{momentum:g} * velocity - {rate:g} * gradient = {update} (Nesterov momentum)"
    return [
        f"  velocity = {momentum:g} * velocity before - {rate:g} * gradient",
        f"           = {momentum:g} * {exact(before)} - {rate:g} * {exact(gradient)} = {exact(velocity)}",
        f"  update   = {nesterov if history.settings['nesterov'] else 'velocity'}",
    ]


def _rmsprop_lines(history: WeightRecord, update: str) -> list[str]:
    rate, rho, gradient = float(history.rates[-1]), history.settings["rho"], history.gradients[-1]
    epsilon, digits = history.settings["epsilon"], digits_of(gradient)
    variance, step = float(_variance(history)[-1]), float(_rmsprop_step(history)[-1])
    lines = _average(history, "velocity", rho, "gradient**2", f"{float(gradient) ** 2:.9g}")
    if "average" in history.slots:
        lines += _average(history, "average", rho, "gradient", exact(gradient))
        lines.append(f"  variance = velocity - average**2 = {variance:.{digits}g}")
    name = "variance" if "average" in history.slots else "velocity"
    lines += [
        f"  step     = {rate:g} * gradient / sqrt({name} + {epsilon:g})",
        f"           = {rate:g} * {exact(gradient)} / {math.sqrt(variance + epsilon):.{digits}g} = {step:.{digits}g}",
    ]
    if "increment" in history.slots:
        momentum, before = history.settings["momentum"], history.slots_before["increment"][-1]
        increment = exact(history.slots["increment"][-1])
        lines += [
            f"  increment = {momentum:g} * increment before + step",
            f"           = {momentum:g} * {exact(before)} + {step:.{digits}g} = {increment}",
        ]
    return [*lines, f"  update   = -{'increment' if 'increment' in history.slots else 'step'} = {update}"]


def _adagrad_lines(history: WeightRecord, update: str) -> list[str]:
    rate, epsilon, gradient = float(history.rates[-1]), history.settings["epsilon"], history.gradients[-1]
    before, total = history.slots_before["accumulator"][-1], history.slots["accumulator"][-1]
    root = math.sqrt(float(total) + epsilon)
    return [
        f"  accumulator = accumulator before + gradient**2 = {exact(before)} + {float(gradient) ** 2:.9g} "
        f"= {exact(total)}",
        f"  update   = -{rate:g} * gradient / sqrt(accumulator + {epsilon:g})",
        f"           = -{rate:g} * {exact(gradient)} / {root:.{digits_of(total)}g} = {update}",
    ]


def _adadelta_lines(history: WeightRecord, update: str) -> list[str]:
    rate, rho, epsilon = float(history.rates[-1]), history.settings["rho"], history.settings["epsilon"]
    gradient, before = history.gradients[-1], history.slots_before["squared_updates"][-1]
    upper, lower = (math.sqrt(float(value) + epsilon) for value in (before, history.slots["squared_gradients"][-1]))
    digits = digits_of(gradient)
    return [
        *_average(history, "squared_gradients", rho, "gradient**2", f"{float(gradient) ** 2:.9g}"),
        f"  update   = -{rate:g} * gradient * sqrt(squared_updates before + {epsilon:g}) / sqrt(squared_gradients + "
        f"{epsilon:g})",
        f"           = -{rate:g} * {exact(gradient)} * {upper:.{digits}g} / {lower:.{digits}g} = {update}",
    ]


def _average(history: WeightRecord, name: str, rho: float, what: str, value: str) -> list[str]:
    """Return the lines about a moving average: name = rho * name + (1 - rho) * what."""
    before, after = exact(history.slots_before[name][-1]), exact(history.slots[name][-1])
    return [
        f"  {name:8} = {rho:g} * {name} before + {1 - rho:.6g} * {what}",
        f"           = {rho:g} * {before} + {1 - rho:.6g} * {value} = {after}",
    ]


def digits_of(value: Any) -> int:
    """Return the number of significant digits with which a printed sum can be checked by hand."""
    return 12 if np.asarray(value).dtype == np.float32 else 17


def exact(value: Any) -> str:
    """Return a stored value with enough digits to distinguish it from the adjacent floating-point numbers."""
    return f"{float(value):.9g}" if np.asarray(value).dtype == np.float32 else f"{float(value):.17g}"


RULES = {
    "Adam": Rule(_adam, _adam_lines),
    "AdamW": Rule(_adam, _adam_lines),
    "SGD": Rule(_sgd, _sgd_lines),
    "RMSprop": Rule(_rmsprop, _rmsprop_lines),
    "Adagrad": Rule(_adagrad, _adagrad_lines),
    "Adadelta": Rule(_adadelta, _adadelta_lines),
}
