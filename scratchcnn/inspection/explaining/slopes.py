"""Slopes by central differences, (f(x + h) - f(x - h)) / 2h, for functions whose formula is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.descriptions.terms import Terms, every_index, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.operands import Array

MOST_INPUTS = 1024  # of a layer whose slopes are measured: two function values for each input


def slope_terms(layer: LayerValues, source: str, sample: int, slopes: Array, formula: str, note: str) -> Terms:
    """Return the terms of a sum over all elements of one sample of an array, with measured slopes as weights."""
    return weighted_sum(
        layer, source, every_index(slopes, sample), slopes, formula, weight_name="measured slope",
        axes=tuple(f"axis {axis}" for axis in range(slopes.ndim)), bound=np.inf, notes=(note,), known=False,
    )  # fmt: skip


def slopes_of_outputs(function: Callable[[Array], Array], x: Array, place: tuple[int, ...]) -> Array:
    """Return the slope of every output w.r.t. one input: float64, the shape of one output.

    Parameters
    ----------
    function : callable
        Of a batch (N, ...) to a batch.
    x : array
        One sample.
    place : tuple of int
        Index of the input in the sample.
    """
    return _slopes(function, x, np.array([np.ravel_multi_index(place, x.shape)]))[0]


def slopes_of_inputs(function: Callable[[Array], Array], x: Array, place: tuple[int, ...]) -> Array:
    """Return the slope of the output at index `place` w.r.t. every input: float64, the shape of x."""
    index: tuple[Any, ...] = (slice(None), *place)
    return _slopes(function, x, np.arange(x.size))[index].reshape(x.shape)


def _slopes(function: Callable[[Array], Array], x: Array, inputs: Array) -> Array:
    """Return the slope of every output w.r.t. some inputs, given their flat indices: (inputs, *output_shape).

    The step is the cube root of eps, where truncation and rounding errors are about equal, times the size of the input.
    """
    up, down = (np.repeat(x.reshape(1, -1), len(inputs), axis=0) for _ in range(2))
    rows, values = np.arange(len(inputs)), x.ravel()[inputs]
    step = (np.cbrt(np.finfo(x.dtype).eps) * np.maximum(1, np.abs(values))).astype(x.dtype)
    up[rows, inputs] += step
    down[rows, inputs] -= step
    widths = up[rows, inputs].astype(np.float64) - down[rows, inputs]  # as they were rounded
    y = function(np.concatenate([up, down]).reshape(-1, *x.shape)).astype(np.float64)
    return (y[: len(inputs)] - y[len(inputs) :]) / widths.reshape(-1, *[1] * (y.ndim - 1))
