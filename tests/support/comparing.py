"""Comparing kernels with the formula: operands of every kind and layout, geometry, rounding bounds, thread counts."""

import contextlib

import numba
import numpy as np
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.geometry import image_windows

ROOMS = [reference, kernels]
DTYPES = st.sampled_from([np.float32, np.float64])
SEEDS = st.integers(0, 2**32 - 1)
KEYS = st.integers(0, 2**64 - 1)
THREADS = min(2, numba.config.NUMBA_NUM_THREADS)

# Layouts: the same numbers, differently placed in memory


def plain(array):
    return np.ascontiguousarray(array)


def transposed(array):
    return array.T.copy().T


def sliced(array):
    surroundings = np.nan if array.dtype.kind == "f" else 1
    outer = np.full([2 * length + 1 for length in array.shape], surroundings, array.dtype)
    inner = outer[(slice(1, None, 2),) * array.ndim]
    inner[...] = array
    return inner


def turned(array):
    backwards = (slice(None, None, -1),) * array.ndim
    return array[backwards].copy()[backwards]


LAYOUTS = st.sampled_from([plain, plain, transposed, sliced, turned])


# Comparing


@contextlib.contextmanager
def on_threads(count):
    before = numba.get_num_threads()
    numba.set_num_threads(count)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def each(result):
    return result if isinstance(result, tuple) else (result,)


def bits(result):
    return [array.tobytes() for array in each(result)]


def run(room, name, arguments):
    """Call an operation; a kernel on one thread and on several, where every bit must be the same."""
    function = getattr(room, name)
    if room is reference:
        return function(*arguments)
    with on_threads(1):
        result = function(*arguments)
    with on_threads(THREADS):
        assert bits(function(*arguments)) == bits(result), f"{name} depends on the number of threads"
    return result


def _map_floats(change, arguments):
    return [change(a) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in arguments]


def in_float64(arguments):
    return _map_floats(lambda array: np.ascontiguousarray(array, np.float64), arguments)


def magnitudes(arguments):
    """The arguments in float64, as absolute values; what is not finite counts as zero."""
    return _map_floats(lambda array: np.where(np.isfinite(array), abs(array), 0).astype(np.float64), arguments)


def assert_within(found, exact, bound, what):
    """Both NaN, or the same infinity, or no further apart than `bound`."""
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(np.where(finite, 0, found), np.where(finite, 0, exact), err_msg=what)
    excess = np.where(finite, abs(np.where(finite, found, 0) - np.where(finite, exact, 0)) - bound, -1)
    assert excess.max(initial=-1) <= 0, f"{what} is off by {excess.max():.3g} more than rounding allows"


def check(name, arguments, bound):
    """Both rooms lie within `bound` of the formula in float64, with its shape and the dtype of the arguments.

    An operation with several results has a tuple of bounds.
    """
    dtype = next(a.dtype for a in arguments if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    with np.errstate(all="ignore"):
        exact = each(getattr(reference, name)(*in_float64(arguments)))
        for room in ROOMS:
            found = each(run(room, name, arguments))
            for one, formula, allowed in zip(found, exact, each(bound), strict=True):
                assert one.shape == formula.shape
                assert one.dtype == dtype
                assert_within(one, formula, allowed, f"{room.__name__}.{name}")


def bias_bound(rounding_bound, dz):
    """How far the sum of dz over all axes but the last may lie from that in float64: it is one, rounded at its end."""
    wide = dz.astype(np.float64)
    exact, absolute = reference.bias_gradient(wide), reference.bias_gradient(abs(wide))
    return np.finfo(dz.dtype).eps / 2 * abs(exact) + rounding_bound(absolute, dz.size // dz.shape[-1], np.float64)


def check_sums(rounding_bound, name, arguments, terms):
    """`check` for an operation whose outputs are sums of at most `terms` products of its arguments."""
    dtype = next(a.dtype for a in arguments if isinstance(a, np.ndarray))
    check(name, arguments, rounding_bound(getattr(reference, name)(*magnitudes(arguments)), terms, dtype))


def check_equal(name, arguments):
    """Both rooms give the same bits: for operations that round nothing, or each number once. NaN equals NaN."""
    with np.errstate(all="ignore"):
        one, other = (each(run(room, name, arguments)) for room in ROOMS)
    for a, b in zip(one, other, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def numbers(rng, shape, dtype, layout=plain, zeros=0.1):
    """Normal numbers, a share of them zero and a tenth a thousand times larger, so that sums lose digits."""
    values = rng.standard_normal(shape)
    values *= rng.choice([0, 1, 1000], shape, p=[zeros, 0.9 - zeros, 0.1])
    return layout(values.astype(dtype))


def with_non_finite(rng, array, share=0.05):
    """The array with some numbers replaced by NaN and infinities."""
    special = rng.choice([np.nan, np.inf, -np.inf], array.shape)
    return np.where(rng.random(array.shape) < share, special, array).astype(array.dtype)


# Geometry


@st.composite
def windows_over_images(draw, largest_dilation=3, largest_size=9):
    """Image size, window size, strides, padding and dilation; a stride may exceed the window, an image be one pixel."""
    padding = draw(st.sampled_from(["valid", "same"]))
    sizes, window, strides, dilation = [], [], [], []
    for _ in range(2):
        window.append(draw(st.integers(1, 5)))
        strides.append(draw(st.integers(1, 7)))
        dilation.append(draw(st.integers(1, largest_dilation)))
        span = (window[-1] - 1) * dilation[-1] + 1
        sizes.append(draw(st.integers(1 if padding == "same" else span, span + largest_size)))
    return tuple(sizes), tuple(window), tuple(strides), padding, tuple(dilation)


ONE_PIXEL = ((1, 1), (1, 1), (1, 1), "valid", (1, 1))
ONE_PIXEL_UNDER_A_LARGE_WINDOW = ((1, 1), (5, 4), (3, 7), "same", (3, 2))
ODD_PIXEL = ((5, 8), (2, 3), (2, 3), "same", (1, 1))


def output_size(geometry):
    size, window, strides, padding, dilation = geometry
    windows = image_windows(size, window, strides, padding, dilation)
    return windows.rows.output, windows.columns.output
