"""What a number is made of: the numbers that meet in it, their weights, and where they were taken from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from scratchcnn.operands import Array, Shape


@dataclass(frozen=True, eq=False)
class SoftmaxRow:
    """The row of numbers that a softmax was taken over.

    Attributes
    ----------
    logits : (J,)
    largest : float
        The largest of them, which is taken off first.
    exponentials : float64 (J,)
        exp(logit - largest).
    total : float
        Their sum.
    """

    logits: Array
    largest: float
    exponentials: Array
    total: float

    @classmethod
    def of(cls, logits: Array) -> SoftmaxRow:
        """The row of some logits (J,)."""
        with np.errstate(all="ignore"):
            exponentials = np.exp(logits.astype(np.float64) - float(logits.max()))
            return cls(logits, float(logits.max()), exponentials, float(exponentials.sum()))


@dataclass(frozen=True, eq=False)
class Terms:
    """A weighted sum, before it is added up: sum over all of inputs * weights, plus a bias.

    Attributes
    ----------
    formula : str
        In symbols.
    inputs, weights : arrays of one shape
    sources : integers (*inputs.shape, rank)
        Where in the array `source` each input stands; outside it where `inside` is False.
    inside : bool, the shape of inputs
        False: a place of the padding, or a window that does not exist.
    source : str
        Which array of the trace the inputs are from, as 'conv2d.input'.
    weight_name : str
        What the weights are, as 'kernel[:, :, :, 3]'.
    axes : tuple of str
        What the axes of `inputs` run over.
    bias : float
    bound : float
        How far rounding may have moved the stored sum.
    notes : tuple of str
        Sentences on what is special here.
    known : bool
        False: the layer is a user's own, and the weights are slopes that were measured.
    selects : bool
        True: a weight of 0 means that the input is not taken at all, be it infinite or NaN.
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


def one_term(
    formula: str,
    value: object,
    weight: float,
    position: tuple[int, ...],
    source: str,
    weight_name: str,
    bound: float,
    bias: float = 0.0,
    notes: tuple[str, ...] = (),
) -> Terms:
    """The terms of a number that comes from one other."""
    inputs = np.array([value])
    return Terms(
        formula, inputs, np.array([weight], inputs.dtype), np.array([position]), np.array([True]), source,
        weight_name, ("",), bias, bound, notes, selects=weight == 0,
    )  # fmt: skip


def every_position(shape: Shape, before: tuple[int, ...] = (), after: tuple[int, ...] = ()) -> Array:
    """The index of every number of an array, between some that are the same for all: (*shape, rank).

    >>> every_position((2,), before=(7,)).tolist()
    [[7, 0], [7, 1]]
    """
    found = np.empty((*shape, len(before) + len(shape) + len(after)), np.int64)
    found[..., : len(before)] = before
    found[..., len(before) : len(before) + len(shape)] = np.moveaxis(np.indices(shape), 0, -1)
    found[..., len(before) + len(shape) :] = after
    return found
