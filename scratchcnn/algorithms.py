"""Convolution algorithms: their names, the geometry that each accepts, and the selection that 'auto' makes.

    loops           direct convolution: the formula as seven compiled loops
    im2col          explicit GEMM: every window is copied into a row of a matrix, then one matrix product
    tile            implicit GEMM: the same product, with the windows read in place
    interleaved     direct convolution of several images at once, one in each lane of a vector register; for few filters
    winograd_2x2    Winograd F(2 x 2, 3 x 3), 2.25 times fewer multiplications; 3 x 3 kernels, stride 1
    winograd_4x4    Winograd F(4 x 4, 3 x 3), 4 times fewer
    winners         sparse gradients, backward only: below a max pooling, only the elements at the argmax indices
                    ("winners") of the pooling windows have a gradient, and only these are multiplied

All compute the same result up to rounding; `kernels/conv2d/` has one module for each. The rules below depend on
integers and the dtype only, so the algorithms of a network are known before it runs.
"""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import numpy as np

from scratchcnn.geometry import Windows
from scratchcnn.names import look_up

Algorithm = Literal["auto", "loops", "im2col", "tile", "interleaved", "winograd_2x2", "winograd_4x4", "winners"]
Rung = Literal["loops", "im2col", "tile", "interleaved", "winograd_2x2", "winograd_4x4"]
GradientAlgorithm = Literal["loops", "im2col", "tile", "interleaved", "winograd_2x2", "winograd_4x4", "winners"]

RUNGS: tuple[Rung, ...] = ("loops", "im2col", "tile", "interleaved", "winograd_2x2", "winograd_4x4")
NAMES: tuple[Algorithm, ...] = ("auto", *RUNGS, "winners")
ALIASES: dict[str, Algorithm] = {
    "implicit_gemm": "tile",
    "explicit_gemm": "im2col",
    "sparse": "winners",
}

WINOGRAD_CHANNELS = 16  # with fewer, the transforms cost more than the multiplications they save
LINE_BYTES = 64  # a cache line, and the widest vector register
CHEAP_DEPTH = 32  # products per output element, at most, for which recomputing an activation is faster than loading it
GROUPED_BYTES = 1 << 19  # up to this size, all kernel gradients are summed over the same groups of images


class Choice(NamedTuple):
    """The algorithms of one convolution.

    Attributes
    ----------
    forward, kernel_gradient, input_gradient : str
        For the output and for the gradients with respect to the kernel and the input.
    pool : Windows or None
        The windows of the max pooling that follows the convolution, if there is one; required by 'winners', which
        visits the pixels of the output gradient window by window, and multiplies only nonzero elements of each.
    """

    forward: Rung
    kernel_gradient: GradientAlgorithm
    input_gradient: GradientAlgorithm
    pool: Windows | None = None

    @property
    def decides_near_ties(self) -> bool:
        """Whether outputs of Winograd are replaced by plain sums where rounding decides the maximum of a window."""
        return self.forward.startswith("winograd") and self.pool is not None and halves(self.pool)


class Problem(NamedTuple):
    """What the choice of algorithms depends on.

    Attributes
    ----------
    windows : Windows
        Of the convolution.
    channels, filters : int
    dtype : float32 or float64
    pool : Windows or None
        Windows of the max pooling that directly follows the convolution (with a ReLU or no activation in between).
    input_gradient : bool
        False if the gradient with respect to the input is not needed: in the first layer with parameters.
    """

    windows: Windows
    channels: int
    filters: int
    dtype: np.dtype[np.floating]
    pool: Windows | None = None
    input_gradient: bool = True


def algorithm_name(name: object) -> Algorithm:
    """Check the name of an algorithm, and replace an alias by the name it stands for.

    >>> algorithm_name("implicit_gemm")
    'tile'

    Raises
    ------
    ValueError
        There is no algorithm of this name; the message suggests the nearest one.
    """
    return look_up("algorithm", name, {known: known for known in NAMES} | ALIASES)


def accepts(rung: Rung, windows: Windows) -> bool:
    """Whether an algorithm can compute a convolution of this geometry."""
    if not rung.startswith("winograd"):
        return True
    return all((axis.kernel, axis.stride, axis.dilation) == (3, 1, 1) for axis in windows)


def halves(pool: Windows) -> bool:
    """Whether a pooling has windows of 2 x 2 side by side, and drops an odd row or column."""
    return all((axis.kernel, axis.stride, axis.output) == (2, 2, axis.size // 2) for axis in pool)


def accepts_winners(problem: Problem) -> bool:
    """Whether 'winners' can compute the gradients.

    The pooling windows must not overlap, so that each has at most one nonzero gradient per filter. The pooling may not
    be padded, so that every pixel of a window lies inside the image. Rows of the kernel must be whole cache lines
    without gaps.
    """
    rows, columns = problem.windows
    return (
        _accepts_winners_below_a_pooling(problem)
        and problem.pool is not None
        and (problem.pool.rows.size, problem.pool.columns.size) == (rows.output, columns.output)
        and all(axis.stride >= axis.kernel for axis in problem.pool)
        and not any(axis.before or axis.after for axis in problem.pool)
    )


def _accepts_winners_below_a_pooling(problem: Problem) -> bool:
    """Whether the convolution itself fulfils the conditions of `accepts_winners`."""
    columns = problem.windows.columns
    row_bytes = columns.kernel * problem.channels * problem.dtype.itemsize
    return columns.dilation == 1 and row_bytes % LINE_BYTES == 0


@functools.lru_cache(maxsize=256)  # a training step repeats the same few calls
def choose(algorithm: Algorithm, problem: Problem) -> Choice:
    """Select the algorithms of a convolution.

    Parameters
    ----------
    algorithm : str
        'auto' selects the fastest for each of the three computations. 'winners' selects as 'auto', and raises an error
        if the convolution, or the pooling if one follows, does not accept sparse gradients. Any other name is used for
        all three.
    problem : Problem

    Returns
    -------
    Choice
        Both gradients are 'winners' if a pooling follows, the input gradient is needed, and `accepts_winners`.

    Raises
    ------
    ValueError
        The algorithm does not accept this geometry.
    """
    if algorithm == "auto" or algorithm == "winners":
        if algorithm == "winners" and (problem.pool is not None or not _accepts_winners_below_a_pooling(problem)):
            expect_accepted(algorithm, problem)
        if problem.input_gradient and accepts_winners(problem):
            return Choice(_forward(problem), "winners", "winners", problem.pool)
        return Choice(_forward(problem), _kernel_gradient(problem), _input_gradient(problem), problem.pool)
    expect_accepted(algorithm, problem)
    return Choice(algorithm, algorithm, algorithm, problem.pool)


@functools.lru_cache(maxsize=256)
def expect_accepted(name: GradientAlgorithm, problem: Problem) -> None:
    """Check that an algorithm accepts a convolution.

    Raises
    ------
    ValueError
        It does not.
    """
    rows, columns = problem.windows
    if name == "winners":
        if not accepts_winners(problem):
            raise ValueError(
                "Expected, for algorithm='winners', a convolution without dilation along a row, "
                f"whose kernel rows are multiples of {LINE_BYTES} bytes, followed by a max pooling without padding or "
                f"overlap; received kernel rows of {columns.kernel} * {problem.channels} elements of {problem.dtype}, "
                f"{problem.windows}, pooled over {problem.pool}; use 'auto'."
            )
    elif not accepts(name, problem.windows):
        raise ValueError(
            f"Expected, for algorithm={name!r}, a kernel of 3 x 3 with stride 1 and dilation 1, received "
            f"{rows.kernel} x {columns.kernel}, strides {rows.stride}, {columns.stride} and dilation "
            f"{rows.dilation}, {columns.dilation}; use 'auto' or 'tile'."
        )


@functools.lru_cache(maxsize=256)
def recomputes(first: Problem, first_choice: Choice, second: Problem, second_choice: Choice) -> bool:
    """Whether the second of two convolutions recomputes the output of the first instead of loading it.

    It does if one image of that output is cheap, both convolutions can be computed image by image, and the output is
    used as it is, without padding. `second.pool` holds the windows of the max pooling that follows.
    """
    depth = first.windows.rows.kernel * first.windows.columns.kernel * first.channels
    largest_sum = max(depth * first.filters, 9 * second.channels * second.filters) * second.dtype.itemsize
    return (
        (first_choice.forward, first_choice.kernel_gradient) == ("tile", "tile")
        and second_choice.forward.startswith("winograd")
        and (second_choice.kernel_gradient, second_choice.input_gradient) == ("winners", "winners")
        and not any(axis.before or axis.after for axis in second.windows)
        and second.pool is not None
        and all((axis.kernel, axis.stride) == (2, 2) for axis in second.pool)
        and depth <= CHEAP_DEPTH
        and largest_sum <= GROUPED_BYTES
    )


# The three rules of 'auto' follow the measurements of `benchmarks/kernel_ladder.py`, with one exception: for the input
# gradient of an image of few channels im2col is faster, but takes so much memory that it must be requested.


def _forward(problem: Problem) -> Rung:
    return _fastest(problem, columns=problem.filters)


def _kernel_gradient(problem: Problem) -> Rung:
    return _fastest(problem, columns=problem.filters)


def _input_gradient(problem: Problem) -> Rung:
    rung = _fastest(problem, columns=problem.channels)
    strides = problem.windows.rows.stride, problem.windows.columns.stride
    return "tile" if rung == "interleaved" and strides != (1, 1) else rung


def _fastest(problem: Problem, columns: int) -> Rung:
    """Winograd where it multiplies least, else the algorithm whose vectors are full for a product with `columns`."""
    fewest = _fewest_multiplications(problem)
    if fewest != "tile" and min(problem.channels, problem.filters) >= WINOGRAD_CHANNELS:
        return fewest
    return "interleaved" if leaves_lanes_idle(columns, problem.dtype) else "tile"


def leaves_lanes_idle(columns: int, dtype: np.dtype[np.floating]) -> bool:
    """Whether implicit GEMM leaves lanes of the widest vector idle: with columns for less than two, but not for one."""
    size = columns * dtype.itemsize
    return size < 2 * LINE_BYTES and size % LINE_BYTES != 0


def _fewest_multiplications(problem: Problem) -> Rung:
    """Implicit GEMM or Winograd; in float64, which serves to check gradients, Winograd would round too much."""
    windows = problem.windows
    if problem.dtype != np.float32 or not accepts("winograd_4x4", windows):
        return "tile"
    multiplications: dict[Rung, int] = {
        "winograd_4x4": 36 * _tiles(windows, 4),
        "winograd_2x2": 16 * _tiles(windows, 2),
        "tile": 9 * windows.rows.output * windows.columns.output,
    }
    return min(multiplications, key=multiplications.__getitem__)


def _tiles(windows: Windows, size: int) -> int:
    """Number of tiles of size x size that cover the output of one image."""
    return -(-windows.rows.output // size) * -(-windows.columns.output // size)
