"""Every convolution algorithm against the reference implementation, for every geometry that it accepts.

The sums of loops, im2col and tile satisfy the rounding bound of any sum of products. Winograd's transforms add rounding
errors of their own; the bound for them is derived below.
"""

import numpy as np
import pytest
from comparing import (
    DTYPES,
    LAYOUTS,
    SEEDS,
    assert_within,
    bits,
    in_float64,
    magnitudes,
    output_size,
    random_array,
    run,
    windows_over_images,
    with_non_finite,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.algorithms import RUNGS, Problem, accepts, choose
from scratchcnn.geometry import image_windows
from scratchcnn.kernels.conv2d.dispatch import LADDER
from scratchcnn.kernels.conv2d.winograd_tiles import F2, F4

PLAIN = ["loops", "im2col", "tile", "interleaved"]
WINOGRAD = {"winograd_2x2": F2, "winograd_4x4": F4}

few = settings(max_examples=60)


def computed(rung, name, arguments):
    """The result of an algorithm, the same bits for any number of threads; and of the reference in float64."""
    found = run(LADDER[rung], name, arguments)
    with np.errstate(all="ignore"):
        exact = getattr(reference, name)(*in_float64(arguments))
    assert found.shape == exact.shape
    assert found.dtype == next(a.dtype for a in arguments if isinstance(a, np.ndarray))
    return found, exact


@pytest.mark.parametrize("rung", PLAIN)
@few
@given(
    geometry=windows_over_images(), images=st.integers(1, 20), channels=st.integers(1, 9), filters=st.integers(1, 70),
    has_bias=st.booleans(), dtype=DTYPES, seed=SEEDS, layout=LAYOUTS,
)  # fmt: skip
def test_plain_sum_is_within_the_bound_of_plain_sums(
    rounding_bound, rung, geometry, images, channels, filters, has_bias, dtype, seed, layout
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x, kernel = (
        random_array(rng, (images, *size, channels), dtype, layout),
        random_array(rng, (*window, channels, filters), dtype),
    )
    bias = random_array(rng, filters, dtype) if has_bias else None
    dy = random_array(rng, (images, *output_size(geometry), filters), dtype, layout)
    area, outputs = window[0] * window[1], dy[..., 0].size
    for name, arguments, terms in (
        ("conv2d", [x, kernel, bias, *rest], area * channels),
        ("conv2d_kernel_gradient", [dy, x, window, *rest], outputs),
        ("conv2d_input_gradient", [dy, kernel, x.shape, *rest], area * filters),
    ):
        found, exact = computed(rung, name, arguments)
        bound = rounding_bound(getattr(reference, name)(*magnitudes(arguments)), terms, dtype)
        assert_within(found, exact, bound, f"{name} by {rung}")


# Winograd's error: each of the three stages is a sum of products, so with u the unit roundoff it may be off by
# gamma_k = k u / (1 - k u) times the same sum of absolute values, and errors of one stage pass through the absolute
# values of the next (Higham 2002, lemma 3.3; Barabasz et al. 2020, theorem 1). Stages of k, l and m terms together are
# off by at most gamma_(k + l + m) times all three stages computed with absolute values throughout.


def two_sided(matrix, patches):
    """|M| |d| |M|ᵀ over the axes 1 and 2."""
    matrix = np.abs(np.array(matrix))
    return np.einsum("ia,nabc,jb->nijc", matrix, np.abs(patches), matrix)


def tiled(x, windows, m, size):
    """All patches of size x size, m apart, of padded images: (N * tiles, size, size, C)."""
    rows, columns = windows
    down, across = -(-rows.output // m), -(-columns.output // m)
    below, right = down * m + size - m, across * m + size - m
    padded = np.zeros(
        (len(x), max(below, rows.before + rows.size), max(right, columns.before + columns.size), x.shape[3])
    )
    padded[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size] = x
    patches = [padded[:, a * m : a * m + size, b * m : b * m + size] for a in range(down) for b in range(across)]
    return np.stack(patches, axis=1).reshape(-1, size, size, x.shape[3]), (down, across)


def untiled(tiles, images, grid, size):
    """The outputs assembled from all tiles, without those outside the image: (N, OH, OW, F)."""
    down, across = grid
    m, filters = tiles.shape[1], tiles.shape[3]
    whole = tiles.reshape(images, down, across, m, m, filters).transpose(0, 1, 3, 2, 4, 5)
    return whole.reshape(images, down * m, across * m, filters)[:, : size[0], : size[1]]


def gamma(terms, dtype):
    u = np.finfo(dtype).eps / 2
    return terms * u / (1 - terms * u)


def forward_bound(matrices, x, kernel, bias, windows):
    """Stages: G on two sides, 3 terms and a rounded number each; Bᵀ, n terms each; C channels; Aᵀ, n terms; a bias."""
    m, n = np.array(matrices.output).shape
    x, kernel = magnitudes([x, kernel])
    patches, grid = tiled(x, windows, m, n)
    g = np.abs(np.array(matrices.kernel))
    weights = np.einsum("ia,abcf,jb->ijcf", g, kernel, g)
    products = np.einsum("nijc,ijcf->nijf", two_sided(matrices.patch, patches), weights)
    magnitude = untiled(
        two_sided(matrices.output, products), len(x), grid, (windows.rows.output, windows.columns.output)
    )
    if bias is not None:
        magnitude = magnitude + magnitudes([bias])[0]
    return magnitude, 2 * 4 + 2 * n + x.shape[3] + 2 * n + 1


def rotated(kernel, x_shape, windows):
    """The input gradient as a convolution: the kernel rotated by 180 degrees, and the window of dy of each pixel."""
    rows, columns = (axis._replace(size=axis.output, before=2 - axis.before, output=axis.size) for axis in windows)
    return kernel[::-1, ::-1].transpose(0, 1, 3, 2), windows._replace(rows=rows, columns=columns)


def kernel_bound(matrices, dy, x, windows):
    """Stages: Bᵀ on two sides, n terms each; A on two sides, m terms each; a sum over all tiles; Gᵀ, n terms each."""
    m, n = np.array(matrices.output).shape
    x, dy = magnitudes([x, dy])
    patches, _ = tiled(x, windows, m, n)
    over_outputs = windows._replace(
        rows=windows.rows._replace(size=windows.rows.output, before=0),
        columns=windows.columns._replace(size=windows.columns.output, before=0),
    )
    gradients, _ = tiled(dy, over_outputs, m, m)
    transformed = two_sided(np.array(matrices.output).T, gradients)
    sums = np.einsum("nijc,nijf->ijcf", two_sided(matrices.patch, patches), transformed)
    back = np.abs(np.array(matrices.kernel)).T
    return np.einsum("ki,ijcf,lj->klcf", back, sums, back), 2 * n + 2 * m + len(patches) + 16 + 2 * (n + 1)


def check_bound(found, exact, bound, dtype, what):
    magnitude, terms = bound
    tiny = 1e6 * float(np.finfo(dtype).tiny)  # underflow in the sums, times the largest elements of the transforms
    assert_within(found, exact, gamma(terms, dtype) * magnitude + gamma(terms, np.float64) * magnitude + tiny, what)


@pytest.mark.parametrize("rung", WINOGRAD)
@few
@given(
    size=st.tuples(st.integers(1, 15), st.integers(1, 15)), padding=st.sampled_from(["valid", "same"]),
    images=st.integers(1, 20), channels=st.integers(1, 40), filters=st.integers(1, 70),
    has_bias=st.booleans(), dtype=DTYPES, seed=SEEDS, layout=LAYOUTS,
)  # fmt: skip
def test_winograd_is_within_the_bound_of_its_transforms(
    rung, size, padding, images, channels, filters, has_bias, dtype, seed, layout
):
    if padding == "valid":
        size = (size[0] + 2, size[1] + 2)
    rng = np.random.default_rng(seed)
    windows, rest = image_windows(size, (3, 3), (1, 1), padding), [(1, 1), padding, (1, 1)]
    x, kernel = (
        random_array(rng, (images, *size, channels), dtype, layout),
        random_array(rng, (3, 3, channels, filters), dtype),
    )
    bias = random_array(rng, filters, dtype) if has_bias else None
    dy = random_array(rng, (images, windows.rows.output, windows.columns.output, filters), dtype, layout)
    matrices = WINOGRAD[rung]
    found, exact = computed(rung, "conv2d", [x, kernel, bias, *rest])
    check_bound(found, exact, forward_bound(matrices, x, kernel, bias, windows), dtype, "conv2d")
    found, exact = computed(rung, "conv2d_input_gradient", [dy, kernel, x.shape, *rest])
    kernel_of_dy, windows_of_dy = rotated(kernel, x.shape, windows)
    check_bound(found, exact, forward_bound(matrices, dy, kernel_of_dy, None, windows_of_dy), dtype, "input gradient")
    found, exact = computed(rung, "conv2d_kernel_gradient", [dy, x, (3, 3), *rest])
    check_bound(found, exact, kernel_bound(matrices, dy, x, windows), dtype, "kernel gradient")


def test_winograd_is_within_the_bound_for_typical_layers(rng):
    """The article's second layer and a deep one: within the bound, and five digits of a float32 result are right."""
    for shape, filters in (((2, 26, 26, 32), 64), ((1, 14, 14, 512), 64)):
        x = rng.random(shape, np.float32)  # the output of a ReLU has no negative elements to cancel errors
        kernel = rng.standard_normal((3, 3, shape[3], filters)).astype(np.float32)
        windows = image_windows(shape[1:3], (3, 3), (1, 1), "valid")
        for rung, matrices in WINOGRAD.items():
            found, exact = computed(rung, "conv2d", [x, kernel, None])
            check_bound(found, exact, forward_bound(matrices, x, kernel, None, windows), np.float32, rung)
            assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize("rung", WINOGRAD)
@few
@given(st.integers(3, 12), st.sampled_from(["valid", "same"]), DTYPES, SEEDS)
def test_non_finite_elements_are_never_lost_in_winograd(rung, size, padding, dtype, seed):
    rng = np.random.default_rng(seed)
    rest = [(1, 1), padding, (1, 1)]
    x, kernel = random_array(rng, (2, size, size, 3), dtype, zeros=0), random_array(rng, (3, 3, 3, 5), dtype, zeros=0)
    dy = random_array(rng, reference.conv2d(x, kernel, None, *rest).shape, dtype, zeros=0)
    with np.errstate(all="ignore"):
        for name, arguments in (
            ("conv2d", [with_non_finite(rng, x, 0.01), kernel, None, *rest]),
            ("conv2d", [x, with_non_finite(rng, kernel), None, *rest]),
            ("conv2d_kernel_gradient", [with_non_finite(rng, dy, 0.01), x, (3, 3), *rest]),
            ("conv2d_kernel_gradient", [dy, with_non_finite(rng, x, 0.01), (3, 3), *rest]),
            ("conv2d_input_gradient", [with_non_finite(rng, dy, 0.01), kernel, x.shape, *rest]),
        ):
            found, exact = computed(rung, name, arguments)
            assert not np.isfinite(found[~np.isfinite(exact)]).any(), name


def test_image_gives_the_same_bits_in_any_batch(rng):
    x, kernel = random_array(rng, (40, 9, 11, 16), np.float32), random_array(rng, (3, 3, 16, 32), np.float32)
    for rung in RUNGS:
        together = LADDER[rung].conv2d(x, kernel, None)
        for some in (slice(0, 1), slice(7, 20), slice(39, 40)):
            assert bits(LADDER[rung].conv2d(x[some], kernel, None)) == bits(together[some]), rung


def problem(size, window, channels, filters, dtype=np.float32, strides=(1, 1), padding="valid", dilation=(1, 1)):
    return Problem(image_windows(size, window, strides, padding, dilation), channels, filters, np.dtype(dtype))


@pytest.mark.parametrize(
    ("geometry", "forward"),
    {
        "the article's first layer": (problem((28, 28), (3, 3), 1, 32), "tile"),
        "the article's second layer": (problem((26, 26), (3, 3), 32, 64), "winograd_4x4"),
        "a few outputs": (problem((4, 4), (3, 3), 32, 64), "winograd_2x2"),
        "one output": (problem((3, 3), (3, 3), 32, 64), "tile"),
        "float64": (problem((26, 26), (3, 3), 32, 64, np.float64), "tile"),
        "5 x 5": (problem((26, 26), (5, 5), 32, 64), "tile"),
        "a stride": (problem((26, 26), (3, 3), 32, 64, strides=(1, 2)), "tile"),
        "a dilation": (problem((26, 26), (3, 3), 32, 64, dilation=(2, 1)), "tile"),
    }.values(),
)  # fmt: skip
def test_auto_chooses_the_algorithm_with_the_fewest_multiplications(geometry, forward):
    assert choose("auto", geometry).forward == forward


@pytest.mark.parametrize("name", ["auto", *RUNGS])
def test_operation_is_computed_by_the_chosen_algorithm(rng, name):
    x, kernel = random_array(rng, (3, 8, 8, 16), np.float32), random_array(rng, (3, 3, 16, 16), np.float32)
    dy = random_array(rng, (3, 6, 6, 16), np.float32)
    chosen = choose(name, problem((8, 8), (3, 3), 16, 16))
    one = LADDER[chosen.forward].conv2d(x, kernel, None)
    assert bits(kernels.conv2d(x, kernel, None, algorithm=name)) == bits(one)
    one = LADDER[chosen.kernel_gradient].conv2d_kernel_gradient(dy, x, (3, 3))
    assert bits(kernels.conv2d_kernel_gradient(dy, x, (3, 3), algorithm=name)) == bits(one)
    one = LADDER[chosen.input_gradient].conv2d_input_gradient(dy, kernel, x.shape)
    assert bits(kernels.conv2d_input_gradient(dy, kernel, x.shape, algorithm=name)) == bits(one)


@pytest.mark.parametrize("window", [(3, 4), (1, 1), (5, 5)])
def test_winograd_rejects_other_kernels_and_names_an_alternative(window):
    with pytest.raises(ValueError, match=r"kernel of 3 x 3 with stride 1.*received.*use 'auto' or 'tile'"):
        kernels.conv2d(np.ones((1, 9, 9, 2)), np.ones((*window, 2, 3)), None, algorithm="winograd_4x4")
    assert not accepts("winograd_2x2", image_windows((9, 9), window, (1, 1), "valid"))


def test_unknown_algorithm_is_rejected_with_the_most_similar_name():
    with pytest.raises(ValueError, match="Did you mean 'winograd_4x4'"):
        kernels.conv2d(np.ones((1, 9, 9, 2)), np.ones((3, 3, 2, 3)), None, algorithm="winograd4x4")
