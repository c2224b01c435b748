"""Terms: one value of a layer as a weighted sum, before it is added up, with the origin of every term."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from scratchcnn.descriptions.rounding import magnitude_of, sum_bound
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.names import look_up
from scratchcnn.operands import Array

Position = tuple[int, ...]
SOURCES = ("input", "preactivation", "output", "d_output", "d_preactivation", "d_input")


@dataclass(frozen=True, eq=False)
class Terms:
    """A weighted sum before it is added up: the value is the sum of inputs * weights, plus a bias.

    Attributes
    ----------
    formula : str
    inputs, weights : arrays of one shape
    sources : int (*inputs.shape, rank)
        Index of each input in the array `source`; meaningless where `inside` is False.
    inside : bool, the shape of inputs
        False for a position in the padding, and for a window that does not exist.
    source : str
        The array of the trace from which the inputs are taken, as 'conv2d.input'; one name for each input, separated
        by ', ', if they come from different arrays.
    weight_name : str
        What the weights are, as 'kernel[:, :, :, 3]'; empty if they are 1.
    axes : tuple of str
        Meaning of each axis of `inputs`.
    bias : float
    bound : float
        Bound on the rounding error of the stored value.
    notes : tuple of str
        Sentences about this value.
    known : bool
        False: the formula of the layer is unknown, and the weights are slopes measured by finite differences.
    selects : bool
        True: an input of weight 0 does not contribute, even if it is infinite or NaN (a maximum, for example).
    bias_name : str
    """

    formula: str
    inputs: Array
    weights: Array
    sources: Array
    inside: Array
    source: str
    weight_name: str
    axes: tuple[str, ...]
    bias: float
    bound: float
    notes: tuple[str, ...] = field(default=())
    known: bool = True
    selects: bool = False
    bias_name: str = "bias"

    @cached_property
    def products(self) -> Array:
        """Each input times its weight, in float64; zero in the padding and for inputs that are not selected."""
        with np.errstate(all="ignore"):
            products = self.inputs.astype(np.float64) * self.weights.astype(np.float64)
        absent = ~self.inside | (self.weights == 0) if self.selects else ~self.inside
        return np.where(absent, 0.0, products)

    @cached_property
    def sum(self) -> float:
        """The sum of all products, rounded once; NaN or infinite like a sum in floating point."""
        if np.isfinite(self.products).all():
            return math.fsum(self.products.ravel().tolist())
        with np.errstate(all="ignore"):
            return float(self.products.sum(dtype=np.float64))

    @property
    def total(self) -> float:
        """The sum plus the bias."""
        return self.sum + self.bias


def grid(*axes: int | Sequence[int] | Array) -> Array:
    """Return the index of every combination: the shape has one axis for each argument that is a sequence, and the rank.

    >>> grid(7, [0, 1]).tolist()
    [[7, 0], [7, 1]]
    """
    found = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return found.reshape(*(np.size(axis) for axis in axes if np.ndim(axis)), len(axes))


def every_index(array: Array, *before: int) -> Array:
    """Return the index of every element of `array`, preceded by the indices `before`: (*array.shape, rank)."""
    return grid(*before, *map(np.arange, array.shape))


def take(array: Array, sources: Array, outside: float = 0.0) -> tuple[Array, Array]:
    """Return the elements at indices (..., rank), `outside` where there is none; and where there is one, as bool.

    >>> take(np.array([5.0, 6.0]), np.array([[-1], [0], [1]]))
    (array([0., 5., 6.]), array([False,  True,  True]))
    """
    inside: Array = np.all((sources >= 0) & (sources < array.shape), axis=-1)
    found = array[tuple(np.moveaxis(np.where(inside[..., None], sources, 0), -1, 0))]
    return np.where(inside, found, array.dtype.type(outside)), inside


def weighted_sum(
    values: LayerValues,
    source: str,
    sources: Array | Position,
    weights: Array | float,
    formula: str,
    *,
    weight_name: str = "",
    axes: tuple[str, ...] = ("",),
    bias: float = 0.0,
    bound: float | None = None,
    notes: tuple[str, ...] = (),
    outside: float = 0.0,
    selects: bool = False,
    known: bool = True,
    bias_name: str = "bias",
) -> Terms:
    """Return the terms of a sum over elements of one array of a layer.

    Parameters
    ----------
    values : LayerValues
    source : str
        The array from which the inputs are taken: 'input' for an output, 'd_preactivation' or 'd_output' for a
        gradient w.r.t. the input.
    sources : int (..., rank), or the index of a single element
        Where each input is in that array; an index outside of it is a position in the padding.
    weights : floats (...), or a single number
    formula, weight_name, axes, bias, notes, selects, known, bias_name
        As for `Terms`.
    bound : float, optional
        Default: the bound of a sum of products, in any order (`rounding`).
    outside : float, default 0
        Value of the padding.

    Returns
    -------
    Terms

    Raises
    ------
    ValueError
        No such array; indices or weights of another shape.

    Notes
    -----
    The products are exact in float64, and so is their sum up to one rounding; `bound` concerns the stored value.
    """
    array: Array | None = getattr(values, look_up("source", source, {name: name for name in SOURCES}))
    if array is None:
        raise ValueError(f"Expected a trace with labels for {source!r} of {values.name!r}; use trace(model, x, y).")
    places = np.atleast_2d(np.asarray(sources, np.int64))
    if places.shape[-1] != array.ndim:
        raise ValueError(
            f"Expected sources as indices of {array.ndim} axes, as {source!r} of {values.name!r} has the shape "
            f"{array.shape}, received shape {places.shape}; the last axis is the index, the sample first."
        )
    inputs, inside = take(array, places, outside)
    factors: Array = np.asarray(weights, None if np.ndim(weights) else np.float64)
    if factors.ndim and factors.shape != inputs.shape:
        raise ValueError(
            f"Expected one weight for each source, of shape {inputs.shape}, received shape {factors.shape}; pass a "
            "number if all are equal."
        )
    factors = np.broadcast_to(factors, inputs.shape)
    if bound is None:
        exact = inputs.size == 1 and float(factors.ravel()[0]) in (0, 1) and not bias
        magnitude = magnitude_of(inputs, factors) + abs(bias)
        bound = 0.0 if exact else sum_bound(magnitude, inputs.size, values.dtype)
    return Terms(
        formula, inputs, factors, places, inside, f"{values.name}.{source}", weight_name, axes, float(bias),
        bound, notes, known, selects, bias_name,
    )  # fmt: skip


def bias_gradient_terms(values: LayerValues, position: Position) -> Terms:
    """Return the terms of the gradient w.r.t. a bias, which is accumulated in float64 and rounded once."""
    assert values.d_preactivation is not None
    dz = values.d_preactivation[..., position[0]]
    size = magnitude_of(dz, np.ones(1))
    bound = sum_bound(size, 0, values.dtype) + sum_bound(size, dz.size, np.dtype(np.float64))
    axes = ("sample", "output row", "output column") if dz.ndim == 3 else ("sample",)
    note = (
        f"The bias is added to {dz.size:,} preactivations, so its gradient is the sum of their gradients."
        if dz.size > 1 else "The bias is added to one preactivation, so both have the same gradient."
    )  # fmt: skip
    sources = grid(*map(np.arange, dz.shape), position[0])
    return weighted_sum(
        values, "d_preactivation", sources, 1.0, "dbias = sum over the samples and positions of dz", axes=axes,
        bound=bound, notes=(note,),
    )  # fmt: skip
