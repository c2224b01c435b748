"""Slopes that are measured, for layers and activations whose formula is not known: central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.operands import Array

MOST_INPUTS = 1024  # of a layer whose output is asked about: each is moved once up and once down


def slopes_by_one(function: Callable[[Array], Array], x: Array, place: tuple[int, ...]) -> Array:
    """Slope of every output by one input: (f(x + h) - f(x - h)) / 2h.

    Parameters
    ----------
    function : of a batch (N, ...) to a batch
    x : one sample
    place : which of its numbers

    Returns
    -------
    The shape of one output, float64
    """
    moved = np.stack([x, x])
    step = _steps(x)[place]
    moved[(0, *place)] += step
    moved[(1, *place)] -= step
    width = float(moved[(0, *place)]) - float(moved[(1, *place)])  # as it came out, rounded
    up, down = function(moved).astype(np.float64)
    return (up - down) / width


def slopes_of_one(function: Callable[[Array], Array], x: Array, place: tuple[int, ...]) -> Array:
    """Slope of one output by every input: the shape of x, float64.

    Parameters
    ----------
    function, x : as for `slopes_by_one`
    place : which of the numbers of one output
    """
    steps = _steps(x).ravel()
    moved = np.repeat(x.reshape(1, -1), 2 * x.size, axis=0)  # (2 I, I)
    numbers = np.arange(x.size)
    moved[numbers, numbers] += steps
    moved[x.size + numbers, numbers] -= steps
    widths = moved[numbers, numbers].astype(np.float64) - moved[x.size + numbers, numbers]
    of_each: tuple[Any, ...] = (slice(None), *place)
    found = function(moved.reshape(-1, *x.shape))[of_each].astype(np.float64)
    return ((found[: x.size] - found[x.size :]) / widths).reshape(x.shape)


def _steps(values: Array) -> Array:
    """How far to go: the cube root of eps, where truncation and rounding are about equal, times the number's size."""
    return (np.cbrt(np.finfo(values.dtype).eps) * np.maximum(1, np.abs(values))).astype(values.dtype)
