"""Compare kernels with the reference: operands, memory layouts and geometry; rounding bounds; thread counts."""

import contextlib

import numba
import numpy as np
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.geometry import image_windows

ENGINES = [reference, kernels]
DTYPES = st.sampled_from([np.float32, np.float64])
SEEDS = st.integers(0, 2**32 - 1)
KEYS = st.integers(0, 2**64 - 1)
THREADS = min(2, numba.config.NUMBA_NUM_THREADS)

# Layouts: the same values in a different order in memory


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


def reversed_in_memory(array):
    backwards = (slice(None, None, -1),) * array.ndim
    return array[backwards].copy()[backwards]


LAYOUTS = st.sampled_from([plain, plain, transposed, sliced, reversed_in_memory])


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


def run(engine, name, arguments):
    """Call an operation. Kernels run on one thread and on several, and must return the same bits."""
    function = getattr(engine, name)
    if engine is reference:
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
    """Absolute values of the arguments in float64; non-finite values are replaced by zero."""
    return _map_floats(lambda array: np.where(np.isfinite(array), abs(array), 0).astype(np.float64), arguments)


def assert_within(found, exact, bound, what):
    """Assert that both are NaN, the same infinity, or differ by at most `bound`."""
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(np.where(finite, 0, found), np.where(finite, 0, exact), err_msg=what)
    excess = np.where(finite, abs(np.where(finite, found, 0) - np.where(finite, exact, 0)) - bound, -1)
    assert excess.max(initial=-1) <= 0, f"{what} is off by {excess.max():.3g} more than rounding allows"


def check(name, arguments, bound):
    """Assert that both engines lie within `bound` of the reference in float64, with its shape and their own dtype.

    For an operation with several results, `bound` is a tuple.
    """
    dtype = next(a.dtype for a in arguments if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    with np.errstate(all="ignore"):
        exact = each(getattr(reference, name)(*in_float64(arguments)))
        for engine in ENGINES:
            found = each(run(engine, name, arguments))
            for one, formula, allowed in zip(found, exact, each(bound), strict=True):
                assert one.shape == formula.shape
                assert one.dtype == dtype
                assert_within(one, formula, allowed, f"{engine.__name__}.{name}")


def bias_bound(rounding_bound, dz):
    """Error bound of the bias gradient, which is summed in float64 and rounded once at the end."""
    wide = dz.astype(np.float64)
    exact, absolute = reference.bias_gradient(wide), reference.bias_gradient(abs(wide))
    return np.finfo(dz.dtype).eps / 2 * abs(exact) + rounding_bound(absolute, dz.size // dz.shape[-1], np.float64)


def check_sums(rounding_bound, name, arguments, terms):
    """`check` for an operation whose outputs are sums of at most `terms` products."""
    dtype = next(a.dtype for a in arguments if isinstance(a, np.ndarray))
    check(name, arguments, rounding_bound(getattr(reference, name)(*magnitudes(arguments)), terms, dtype))


def check_equal(name, arguments):
    """Assert that both engines return the same values: for operations that round each value at most once."""
    with np.errstate(all="ignore"):
        one, other = (each(run(engine, name, arguments)) for engine in ENGINES)
    for a, b in zip(one, other, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def random_array(rng, shape, dtype, layout=plain, zeros=0.1):
    """Normal values, a fraction `zeros` of them zero and a tenth multiplied by 1000, so that sums lose digits."""
    values = rng.standard_normal(shape)
    values *= rng.choice([0, 1, 1000], shape, p=[zeros, 0.9 - zeros, 0.1])
    return layout(values.astype(dtype))


def with_non_finite(rng, array, fraction=0.05):
    """The array with a fraction of its elements replaced by NaN and infinities."""
    special = rng.choice([np.nan, np.inf, -np.inf], array.shape)
    return np.where(rng.random(array.shape) < fraction, special, array).astype(array.dtype)


# Geometry


@st.composite
def windows_over_images(draw, largest_dilation=3, largest_size=9):
    """Image size, window size, strides, padding and dilation, including strides larger than the window."""
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
