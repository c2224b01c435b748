"""The ladder of convolution algorithms: their names, which geometry each accepts, and which one 'auto' takes.

    loops           the formula as seven compiled loops
    im2col          every window written out as a row, then one matrix product
    tile            the same product, with the windows read where they lie: nothing is written out
    winograd_2x2    2.25 times fewer multiplications: 3 x 3 kernels, stride 1
    winograd_4x4    4 times fewer: the same kernels
    winners         backward only: of a gradient that comes through a max-pooling, only the winners are multiplied

All give the same result up to rounding; `kernels/conv2d/` has a file for each. The rules here look at integers and the
dtype alone, so that a layer can tell what it will do before it does it.
"""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import numpy as np

from scratchcnn.geometry import Windows
from scratchcnn.names import look_up

Algorithm = Literal["auto", "loops", "im2col", "tile", "winograd_2x2", "winograd_4x4", "winners"]
Rung = Literal["loops", "im2col", "tile", "winograd_2x2", "winograd_4x4"]

RUNGS: tuple[Rung, ...] = ("loops", "im2col", "tile", "winograd_2x2", "winograd_4x4")
NAMES: tuple[Algorithm, ...] = ("auto", *RUNGS, "winners")

WINOGRAD_CHANNELS = 16  # below, the transforms cost more than the multiplications they save
LINE_BYTES = 64  # a cache line, and the widest vector register
CHEAP_DEPTH = 32  # products a number, at most, for which it pays to make it again instead of fetching it
GROUPED_BYTES = 1 << 19  # up to so large, gradients of all kernels are summed over the same groups of images


class Choice(NamedTuple):
    """Which algorithm computes what.

    Attributes
    ----------
    forward, kernel_gradient, input_gradient : str
        For the output, and for the two gradients where the gradient of the output is a whole array.
    pooled_gradients : str
        For both gradients, where the gradient comes through a max-pooling: 'winners', or 'dense' if it is laid out
        first and then goes the way of the two before.
    """

    forward: Rung
    kernel_gradient: Rung
    input_gradient: Rung
    pooled_gradients: Literal["winners", "dense"]


class Problem(NamedTuple):
    """What the choice depends on."""

    windows: Windows
    channels: int
    filters: int
    dtype: np.dtype[np.floating]
    pool_pads: bool = False


def algorithm_name(name: object) -> Algorithm:
    """`name`, if it is that of an algorithm.

    Raises
    ------
    ValueError
        It is not; the message has the nearest.
    """
    return look_up("algorithm", name, {known: known for known in NAMES})


def accepts(rung: Rung, windows: Windows) -> bool:
    """Whether an algorithm can compute a convolution of this geometry."""
    if not rung.startswith("winograd"):
        return True
    return all((axis.kernel, axis.stride, axis.dilation) == (3, 1, 1) for axis in windows)


def accepts_winners(problem: Problem) -> bool:
    """Whether nothing is padded, so that no winner lies outside, and kernel rows are whole cache lines without gaps."""
    rows, columns = problem.windows
    padding = rows.before + rows.after + columns.before + columns.after
    row_bytes = columns.kernel * problem.channels * problem.dtype.itemsize
    return not problem.pool_pads and padding == 0 and columns.dilation == 1 and row_bytes % LINE_BYTES == 0


@functools.lru_cache(maxsize=256)  # a step asks for the same few again and again
def choose(algorithm: Algorithm, problem: Problem) -> Choice:
    """What `algorithm` means for a convolution.

    Raises
    ------
    ValueError
        The algorithm does not accept this geometry.
    """
    if algorithm == "auto" or algorithm == "winners":
        winners = accepts_winners(problem)
        if algorithm == "winners" and not winners:
            raise ValueError(
                "Expected, for algorithm='winners', a convolution and a pooling without padding, no dilation along a "
                f"row, and kernel rows of whole {LINE_BYTES} bytes, received kernel rows of "
                f"{problem.windows.columns.kernel} * {problem.channels} numbers of {problem.dtype} over "
                f"{problem.windows}; use 'auto'."
            )
        return Choice(
            _forward(problem), _kernel_gradient(problem), _input_gradient(problem), "winners" if winners else "dense"
        )
    rung: Rung = algorithm
    if not accepts(rung, problem.windows):
        rows, columns = problem.windows
        raise ValueError(
            f"Expected, for algorithm={rung!r}, a kernel of 3 x 3 with stride 1 and dilation 1, received "
            f"{rows.kernel} x {columns.kernel}, strides {rows.stride}, {columns.stride} and dilation "
            f"{rows.dilation}, {columns.dilation}; use 'auto' or 'tile'."
        )
    return Choice(rung, rung, rung, "dense")


@functools.lru_cache(maxsize=256)
def stacks(below: Problem, below_algorithm: Algorithm, problem: Problem, algorithm: Algorithm, pool: Windows) -> bool:
    """Whether a convolution makes its images again, by the one `below`, each time it needs them.

    So it is where an image costs little, and the two convolutions can be computed image by image.
    """
    first, second = choose(below_algorithm, below), choose(algorithm, problem)
    depth = below.windows.rows.kernel * below.windows.columns.kernel * below.channels
    largest_sum = max(depth * below.filters, 9 * problem.channels * problem.filters) * problem.dtype.itemsize
    return (
        (first.forward, first.kernel_gradient) == ("tile", "tile")
        and second.forward.startswith("winograd")
        and second.pooled_gradients == "winners"
        and all((axis.kernel, axis.stride, axis.before, axis.after) == (2, 2, 0, 0) for axis in pool)
        and depth <= CHEAP_DEPTH
        and largest_sum <= GROUPED_BYTES
    )


# The three rules of 'auto' are what `benchmarks/kernel_ladder.py` measures, but for one thing: for the input gradient
# of an image of few channels im2col is faster, and takes so much memory that it must be asked for.


def _forward(problem: Problem) -> Rung:
    return _fewest_multiplications(problem) if problem.channels >= WINOGRAD_CHANNELS else "tile"


def _kernel_gradient(problem: Problem) -> Rung:
    few = min(problem.channels, problem.filters) < WINOGRAD_CHANNELS
    return "tile" if few else _fewest_multiplications(problem)


def _input_gradient(problem: Problem) -> Rung:
    return _fewest_multiplications(problem) if problem.filters >= WINOGRAD_CHANNELS else "tile"


def _fewest_multiplications(problem: Problem) -> Rung:
    """The tile or one of Winograd's; their rounding errors are larger, so float64, which is exact, is spared them."""
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
    """How many tiles of size x size cover the outputs of an image."""
    return -(-windows.rows.output // size) * -(-windows.columns.output // size)
