"""Every kernel against the reference of the same name: geometry, layouts, dtypes, thread counts, invalid operands.

The reference is computed in float64, and both implementations must lie within a derived bound of it (`rounding_bound`
in conftest.py). Every kernel runs on one thread and on several, and must return the same bits.
"""

import inspect

import numpy as np
import pytest
from comparing import (
    DTYPES,
    KEYS,
    LAYOUTS,
    ODD_PIXEL,
    ONE_PIXEL,
    ONE_PIXEL_UNDER_A_LARGE_WINDOW,
    ROOMS,
    SEEDS,
    THREADS,
    assert_within,
    bias_bound,
    bits,
    check,
    check_equal,
    check_sums,
    each,
    in_float64,
    magnitudes,
    numbers,
    on_threads,
    output_size,
    plain,
    run,
    sliced,
    transposed,
    turned,
    windows_over_images,
    with_non_finite,
)
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.algorithms import Choice
from scratchcnn.geometry import image_windows
from scratchcnn.kernels.fused.conv2d_max_pool2d import conv2d_max_pool2d, conv2d_max_pool2d_gradients
from scratchcnn.kernels.fused.conv2d_relu import conv2d_relu, conv2d_relu_gradients
from scratchcnn.kernels.softmax import softmax_row
from scratchcnn.operands import Convolution, PooledGradient, Pooling
from scratchcnn.operations import Operations, with_algorithm

few = settings(max_examples=75)
some = settings(max_examples=150)


# The interface


def test_both_packages_export_the_same_names():
    assert reference.__all__ == kernels.__all__


@pytest.mark.parametrize("name", kernels.__all__)
def test_signatures_differ_only_in_the_algorithm_argument(name):
    *parameters, last = inspect.signature(getattr(kernels, name)).parameters.values()
    assert (last.name == "algorithm") == name.startswith("conv2d")
    expected = parameters if last.name == "algorithm" else [*parameters, last]
    assert list(inspect.signature(getattr(reference, name)).parameters.values()) == expected


def test_operations_interface_contains_only_exported_primitives():
    operations = {name for name in vars(Operations) if not name.startswith("_")}
    assert operations <= set(kernels.__all__)
    assert not any("conv2d" in name and "pool" in name for name in kernels.__all__)


def test_kernels_bound_to_algorithms_provide_every_operation():
    ops = with_algorithm(Choice("loops", "im2col", "tile"))
    assert set(vars(ops)) == set(kernels.__all__)
    assert ops.conv2d.keywords == {"algorithm": Choice("loops", "im2col", "tile")}
    dy = np.arange(24, dtype=np.float32).reshape(1, 3, 4, 2)
    assert bits(ops.bias_gradient(dy)) == bits(kernels.bias_gradient(dy))


# Convolution


@some
@given(
    windows_over_images(),
    st.integers(1, 40), st.integers(1, 9), st.integers(1, 70), st.booleans(), DTYPES, SEEDS, LAYOUTS, LAYOUTS,
)  # fmt: skip
@example(ONE_PIXEL, 1, 1, 1, True, np.float32, 0, plain, plain)
@example(ONE_PIXEL_UNDER_A_LARGE_WINDOW, 2, 3, 17, False, np.float64, 0, plain, plain)
@example(ODD_PIXEL, 33, 9, 64, True, np.float32, 0, transposed, sliced)
def test_convolution_and_gradients_match_reference_for_any_geometry(
    rounding_bound, geometry, images, channels, filters, has_bias, dtype, seed, layout, other_layout
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = numbers(rng, (images, *size, channels), dtype, layout)
    kernel = numbers(rng, (*window, channels, filters), dtype, other_layout)
    bias = numbers(rng, filters, dtype, layout) if has_bias else None
    dy = numbers(rng, (images, *output_size(geometry), filters), dtype, other_layout)
    area = window[0] * window[1]
    check_sums(rounding_bound, "conv2d", [x, kernel, bias, *rest], area * channels)
    outputs = images * dy.shape[1] * dy.shape[2]
    check_sums(rounding_bound, "conv2d_kernel_gradient", [dy, x, window, *rest], outputs)
    check_sums(rounding_bound, "conv2d_input_gradient", [dy, kernel, x.shape, *rest], area * filters)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_convolution_matches_reference_when_sums_are_split_into_blocks(rounding_bound, rng, dtype):
    x, kernel = numbers(rng, (2, 6, 7, 210), dtype), numbers(rng, (5, 5, 210, 3), dtype)  # 5250 terms per output
    check_sums(rounding_bound, "conv2d", [x, kernel, None], 5250)
    x, dy = numbers(rng, (3, 70, 71, 2), dtype), numbers(rng, (3, 69, 70, 5), dtype)  # 4830 pixels per image
    check_sums(rounding_bound, "conv2d_kernel_gradient", [dy, x, (2, 2)], 3 * 4830)
    dy, kernel = numbers(rng, (2, 2, 3, 1100), dtype), numbers(rng, (2, 2, 3, 1100), dtype)
    check_sums(rounding_bound, "conv2d_input_gradient", [dy, kernel, (2, 3, 4, 3)], 4400)


@few
@given(windows_over_images(), st.integers(1, 5), st.integers(1, 4), st.integers(1, 20), DTYPES, SEEDS)
def test_non_finite_values_propagate_through_convolution(
    rounding_bound, geometry, images, channels, filters, dtype, seed
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    # No zeros: whether 0 * NaN stays NaN is tested in tests/reference/test_reference_conv2d.py.
    shapes = [(images, *size, channels), (*window, channels, filters), (images, *output_size(geometry), filters)]
    x, kernel, dy = (numbers(rng, shape, dtype, zeros=0) for shape in shapes)
    terms = max(dy[..., 0].size, window[0] * window[1] * max(channels, filters))
    for broken_x, broken_kernel in [(with_non_finite(rng, x), kernel), (x, with_non_finite(rng, kernel))]:
        check_sums(rounding_bound, "conv2d", [broken_x, broken_kernel, None, *rest], terms)
    for broken_dy, broken_x in [(with_non_finite(rng, dy), x), (dy, with_non_finite(rng, x))]:
        check_sums(rounding_bound, "conv2d_kernel_gradient", [broken_dy, broken_x, window, *rest], terms)
    check_sums(rounding_bound, "conv2d_input_gradient", [with_non_finite(rng, dy), kernel, x.shape, *rest], terms)


@few
@given(windows_over_images(), SEEDS, DTYPES)
def test_non_finite_kernel_values_propagate_to_input_gradient(geometry, seed, dtype):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    kernel = with_non_finite(rng, numbers(rng, (*window, 2, 3), dtype), 0.1)
    dy = numbers(rng, (2, *output_size(geometry), 3), dtype)
    with np.errstate(all="ignore"):
        exact, found = (run(room, "conv2d_input_gradient", [dy, kernel, (2, *size, 2), *rest]) for room in ROOMS)
    assert not np.isfinite(found[~np.isfinite(exact)]).any()


# im2col


@some
@given(windows_over_images(), st.integers(1, 12), st.integers(1, 9), DTYPES, SEEDS, LAYOUTS)
@example(ONE_PIXEL_UNDER_A_LARGE_WINDOW, 2, 3, np.float64, 0, plain)
def test_im2col_equals_and_col2im_matches_reference(rounding_bound, geometry, images, channels, dtype, seed, layout):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = numbers(rng, (images, *size, channels), dtype, layout)
    check_equal("im2col", [x, window, *rest])
    columns = numbers(rng, reference.im2col(x, window, *rest).shape, dtype, layout)
    check_sums(rounding_bound, "col2im", [columns, x.shape, window, *rest], window[0] * window[1])


@pytest.mark.parametrize("room", ROOMS, ids=["reference", "kernels"])
@few
@given(geometry=windows_over_images(), images=st.integers(1, 5), channels=st.integers(1, 9), seed=SEEDS)
def test_col2im_is_the_adjoint_of_im2col(rounding_bound, room, geometry, images, channels, seed):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = numbers(rng, (images, *size, channels), np.float64)
    columns = room.im2col(x, window, *rest)
    c = numbers(rng, columns.shape, np.float64)
    back = room.col2im(c, x.shape, window, *rest)
    bound = rounding_bound((abs(columns) * abs(c)).sum(), c.size + window[0] * window[1], np.float64)
    assert abs((columns * c).sum() - (x * back).sum()) <= bound


@pytest.mark.parametrize("room", ROOMS, ids=["reference", "kernels"])
@few
@given(
    geometry=windows_over_images(), images=st.integers(1, 5), channels=st.integers(1, 9), filters=st.integers(1, 70),
    seed=SEEDS,
)  # fmt: skip
def test_convolution_equals_product_of_im2col_and_kernel_matrix(
    rounding_bound, room, geometry, images, channels, filters, seed
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = numbers(rng, (images, *size, channels), np.float64)
    kernel = numbers(rng, (*window, channels, filters), np.float64)
    columns, matrix = room.im2col(x, window, *rest), kernel.reshape(-1, filters)
    found = room.conv2d(x, kernel, None, *rest).reshape(-1, filters)
    bound = rounding_bound(abs(columns) @ abs(matrix), len(matrix), np.float64)
    assert (abs(found - columns @ matrix) <= bound).all()


# Max pooling


@some
@given(windows_over_images(largest_dilation=1), st.integers(1, 40), st.integers(1, 35), DTYPES, SEEDS, LAYOUTS)
@example(ONE_PIXEL_UNDER_A_LARGE_WINDOW, 2, 3, np.float32, 0, plain)
@example(((17, 19), (17, 16), (1, 1), "valid", (1, 1)), 2, 3, np.float32, 0, plain)  # winners above 255
@example(((9, 8), (18, 15), (2, 3), "same", (1, 1)), 2, 3, np.float64, 0, plain)
def test_max_pooling_equals_and_its_gradient_matches_reference_for_any_geometry(
    rounding_bound, geometry, images, channels, dtype, seed, layout
):
    size, window, strides, padding, _ = geometry
    rng = np.random.default_rng(seed)
    x = numbers(rng, (images, *size, channels), dtype, layout)
    check_equal("max_pool2d", [x, window, strides, padding])
    y, winners = kernels.max_pool2d(x, window, strides, padding)
    dy = numbers(rng, y.shape, dtype, layout)
    arguments = [dy, layout(winners), x.shape, window, strides, padding]
    check_sums(rounding_bound, "max_pool2d_gradient", arguments, window[0] * window[1])


@some
@given(
    windows_over_images(largest_dilation=1), st.integers(1, 20), DTYPES, SEEDS,
    st.lists(
        st.sampled_from([-np.inf, np.inf, np.nan, -3.0, -1.0, -0.0, 0.0, 2.0]), min_size=1, max_size=4, unique_by=repr
    ),
)  # fmt: skip
@example(ODD_PIXEL, 17, np.float32, 0, [-np.inf])
@example(ODD_PIXEL, 17, np.float32, 0, [-np.inf, np.nan])
@example(ODD_PIXEL, 17, np.float64, 0, [-3.0, -1.0])
def test_max_pooling_equals_reference_for_ties_infinities_and_nan(geometry, channels, dtype, seed, values):
    size, window, strides, padding, _ = geometry
    x = np.random.default_rng(seed).choice(np.array(values, dtype), (3, *size, channels))
    check_equal("max_pool2d", [x, window, strides, padding])


@some
@given(windows_over_images(largest_dilation=1), st.integers(1, 4), SEEDS)
def test_max_of_window_is_nan_exactly_if_window_contains_nan(geometry, channels, seed):
    size, window, strides, padding, _ = geometry
    x = with_non_finite(np.random.default_rng(seed), np.zeros((2, *size, channels), np.float32), 0.2)
    held = reference.max_pool2d(np.isnan(x).astype(np.float32), window, strides, padding)[0] == 1
    for room in ROOMS:
        np.testing.assert_array_equal(np.isnan(room.max_pool2d(x, window, strides, padding)[0]), held)


# Dense and bias


@some
@given(st.integers(1, 40), st.integers(1, 300), st.integers(1, 150), st.booleans(), DTYPES, SEEDS, LAYOUTS, LAYOUTS)
@example(1, 1, 1, True, np.float32, 0, plain, plain)
@example(7, 4500, 10, True, np.float32, 0, plain, plain)  # a sum in several blocks
@example(130, 97, 128, True, np.float64, 0, transposed, turned)
def test_dense_and_gradients_match_reference(
    rounding_bound, samples, inputs, units, has_bias, dtype, seed, layout, other_layout
):
    rng = np.random.default_rng(seed)
    x = numbers(rng, (samples, inputs), dtype, layout)
    kernel = numbers(rng, (inputs, units), dtype, other_layout)
    bias = numbers(rng, units, dtype, layout) if has_bias else None
    dy = numbers(rng, (samples, units), dtype, other_layout)
    check_sums(rounding_bound, "dense", [x, kernel, bias], inputs)
    check_sums(rounding_bound, "dense_kernel_gradient", [dy, x], samples)
    check_sums(rounding_bound, "dense_input_gradient", [dy, kernel], units)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dense_gradients_match_reference_when_sums_are_split_into_blocks(rounding_bound, rng, dtype):
    dy, x, kernel = (numbers(rng, shape, dtype) for shape in [(4300, 7), (4300, 9), (9, 4300)])
    check_sums(rounding_bound, "dense_kernel_gradient", [dy, x], 4300)
    check_sums(rounding_bound, "dense_input_gradient", [numbers(rng, (5, 4300), dtype), kernel], 4300)


@few
@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 40), DTYPES, SEEDS)
def test_non_finite_values_propagate_through_dense(rounding_bound, samples, inputs, units, dtype, seed):
    rng = np.random.default_rng(seed)
    shapes = [(samples, inputs), (inputs, units), (samples, units)]
    x, kernel, dy = (with_non_finite(rng, numbers(rng, shape, dtype), 0.02) for shape in shapes)
    check_sums(rounding_bound, "dense", [x, kernel, None], inputs)
    check_sums(rounding_bound, "dense_kernel_gradient", [dy, x], samples)
    check_sums(rounding_bound, "dense_input_gradient", [dy, kernel], units)


@some
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), DTYPES, SEEDS, LAYOUTS)
def test_bias_gradient_is_summed_in_float64(rounding_bound, shape, dtype, seed, layout):
    dy = numbers(np.random.default_rng(seed), shape, dtype, layout)
    check("bias_gradient", [dy], bias_bound(rounding_bound, dy))


# Activations and losses


@some
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), DTYPES, SEEDS, LAYOUTS, LAYOUTS)
def test_relu_and_gradient_equal_reference_and_propagate_nan(shape, dtype, seed, layout, other_layout):
    rng = np.random.default_rng(seed)
    x = layout(with_non_finite(rng, numbers(rng, shape, dtype), 0.2))
    check_equal("relu", [x])
    np.testing.assert_array_equal(np.isnan(kernels.relu(x)), np.isnan(x))
    dy = other_layout(with_non_finite(rng, numbers(rng, shape, dtype), 0.2))
    check_equal("relu_gradient", [dy, kernels.relu(x)])


def rows_of_logits(rng, samples, classes, dtype, spread, layout):
    return layout((rng.standard_normal((samples, classes)) * spread).astype(dtype))


def softmax_relative_error(logits):
    """Bound on the relative error of each softmax probability, in units of roundoff.

    Let z be the difference to the largest logit. Rounding z changes exp(z) by |z| roundoffs, and evaluating exp by a
    few more. The sum of J exponentials adds J roundoffs, and the errors of its terms at most one more for each, since
    exp(-|z|) * |z| <= 1.
    """
    z = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return abs(z) + 2 * logits.shape[1] + 12


@some
@given(st.integers(1, 40), st.integers(1, 30), DTYPES, SEEDS, st.sampled_from([0.1, 5.0, 80.0, 1e4]), LAYOUTS, LAYOUTS)
def test_softmax_and_gradient_match_reference(
    rounding_bound, samples, classes, dtype, seed, spread, layout, other_layout
):
    rng = np.random.default_rng(seed)
    x = rows_of_logits(rng, samples, classes, dtype, spread, layout)
    eps = np.finfo(dtype).eps
    tiny = float(np.finfo(dtype).tiny)
    exact = reference.softmax(x.astype(np.float64))
    check("softmax", [x], eps * softmax_relative_error(x) * exact + 2 * tiny)
    y, dy = exact.astype(dtype), numbers(rng, x.shape, dtype, other_layout)
    y64, dy64 = magnitudes([y, dy])
    magnitude = y64 * (dy64 + (dy64 * y64).sum(axis=1, keepdims=True))
    check("softmax_gradient", [dy, layout(y)], rounding_bound(magnitude, classes, dtype))


@some
@given(
    st.integers(1, 40), st.integers(1, 30), DTYPES, SEEDS, st.sampled_from([0.1, 5.0, 80.0, 1e4]), LAYOUTS,
    st.booleans(),
)  # fmt: skip
def test_softmax_cross_entropy_and_gradient_match_reference_for_any_logits(
    rounding_bound, samples, classes, dtype, seed, spread, layout, one_hot
):
    rng = np.random.default_rng(seed)
    logits = rows_of_logits(rng, samples, classes, dtype, spread, layout)
    targets = np.eye(classes)[rng.integers(classes, size=samples)] if one_hot else rng.random((samples, classes))
    targets = layout(targets.astype(dtype))
    eps, tiny = np.finfo(dtype).eps, float(np.finfo(dtype).tiny)
    exact_losses, exact = reference.softmax_cross_entropy(*in_float64([logits, targets]))
    error = softmax_relative_error(logits)
    # A relative error of the sum of exponentials is an absolute error of its logarithm; then J products are added.
    loss_bound = eps * (targets * (error + 2 * classes * (1 + error))).sum(axis=1, dtype=np.float64)
    for room in ROOMS:
        losses, probabilities = run(room, "softmax_cross_entropy", [logits, targets])
        assert losses.dtype == probabilities.dtype == dtype
        assert np.isfinite(losses).all()
        assert_within(losses, exact_losses, loss_bound, "loss")
        assert_within(probabilities, exact, eps * error * exact + 2 * tiny, "probabilities")
    given_back = layout(exact.astype(dtype))
    magnitude = (given_back.astype(np.float64) * targets.sum(axis=1, keepdims=True) + targets) / samples
    arguments = [given_back, targets, 1 / samples]
    check("softmax_cross_entropy_gradient", arguments, rounding_bound(magnitude, classes + 1, dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [10, 27, 70])
def test_softmax_of_row_is_independent_of_memory_alignment(rng, dtype, classes):
    for _ in range(5):
        memory = np.zeros(1000, dtype)
        x = memory[:classes]
        x[...] = rng.standard_normal(classes)
        found = set()
        for start in range(classes, 300):
            y = memory[start : start + classes]
            softmax_row(x, y)
            found.add(y.tobytes())
        assert len(found) == 1


@some
@given(st.integers(1, 40), st.integers(1, 30), DTYPES, SEEDS, LAYOUTS, st.booleans())
def test_cross_entropy_and_gradient_match_reference(samples, classes, dtype, seed, layout, one_hot):
    rng = np.random.default_rng(seed)
    # Far from the clipping limits, or beyond them: at a limit, a rounding decides whether there is a gradient.
    values = rng.uniform(0.01, 1, (samples, classes)) * rng.choice([1, 1, 1e-12, 0], (samples, classes))
    values[np.arange(samples), rng.integers(classes, size=samples)] = 0.5
    probabilities = layout(values.astype(dtype))
    targets = np.eye(classes)[rng.integers(classes, size=samples)] if one_hot else rng.random((samples, classes))
    targets = layout(targets.astype(dtype))
    q, t = in_float64([probabilities, targets])
    eps, total = np.finfo(dtype).eps, q.sum(axis=1, keepdims=True)
    share = q / total
    assume((abs(share - 1e-7) > 1e-8).all())
    assume(((share > 1 - 1e-9) | (share < 1 - 1e-6)).all())
    # J + 1 roundings in the sum and the quotient become an absolute error of the logarithm, which is rounded itself;
    # adding J terms rounds J more times.
    surprise = abs(np.log(np.clip(share, 1e-7, 1)))
    loss_bound = eps * (t * (2 * classes + 4 + (classes + 4) * surprise)).sum(axis=1)
    check("cross_entropy", [probabilities, targets], loss_bound)
    inside = (share >= 1e-7) & (share <= 1 - 1e-7)
    dshare = np.where(inside, t / np.where(inside, share, 1), 0) / samples
    magnitude = (dshare + (dshare * share).sum(axis=1, keepdims=True)) / total
    check("cross_entropy_gradient", [probabilities, targets, 1 / samples], eps * (4 * classes + 12) * magnitude)


@few
@given(st.integers(1, 9), st.integers(1, 12), DTYPES, SEEDS)
def test_non_finite_values_propagate_through_softmax_and_losses(samples, classes, dtype, seed):
    rng = np.random.default_rng(seed)
    logits = with_non_finite(rng, rng.standard_normal((samples, classes)).astype(dtype), 0.2)
    targets = np.eye(classes, dtype=dtype)[rng.integers(classes, size=samples)]
    with np.errstate(all="ignore"):
        for room in ROOMS:
            broken = np.isnan(logits).any(axis=1)
            assert np.isnan(room.softmax(logits)[broken]).all()
            assert np.isnan(room.softmax_cross_entropy(logits, targets)[0][broken]).all()
            assert np.isnan(room.cross_entropy(logits, targets)[broken]).all()
        for name, arguments in [
            ("softmax", [logits]),
            ("softmax_gradient", [logits, targets]),
            ("softmax_cross_entropy", [logits, targets]),
            ("softmax_cross_entropy_gradient", [logits, targets, 0.5]),
            ("cross_entropy", [abs(logits), targets]),
            ("cross_entropy_gradient", [abs(logits), targets, 0.5]),
        ]:
            one, other = (each(run(room, name, arguments)) for room in ROOMS)
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=name)
                np.testing.assert_array_equal(np.isposinf(a), np.isposinf(b), err_msg=name)


# Dropout


@some
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4), st.floats(0, 1, exclude_max=True), KEYS, DTYPES, SEEDS, LAYOUTS
)
@example([3, 5], 0.0, 0, np.float32, 0, plain)
@example([3, 5], np.nextafter(1, 0), 2**64 - 1, np.float64, 0, plain)
def test_dropout_and_gradient_equal_reference_for_any_rate_and_key(shape, rate, key, dtype, seed, layout):
    rng = np.random.default_rng(seed)
    x, dy = numbers(rng, shape, dtype, layout), numbers(rng, shape, dtype, layout)
    check_equal("dropout", [x, rate, key])
    y, kept = kernels.dropout(x, rate, key)
    assert kept.dtype == bool
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(y[kept], x[kept] * dtype(1 / (1 - rate)))  # inverse scaling, rounded once
    assert not y[~kept].any()
    check_equal("dropout_gradient", [dy, layout(kept), rate])


@pytest.mark.parametrize("room", ROOMS, ids=["reference", "kernels"])
@pytest.mark.parametrize("rate", [0.05, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("key", [0, 1, 0x9E3779B97F4A7C15, 2**64 - 1])
def test_dropout_preserves_expected_fraction_and_mean(room, rate, key):
    count = 200_000
    y, kept = room.dropout(np.ones(count), rate, key)
    # The number kept is binomial: by Hoeffding's inequality, P(error >= d) <= 2 * exp(-2 * d**2 / n).
    d = (count * np.log(2 / 1e-12) / 2) ** 0.5
    assert abs(kept.sum() - count * (1 - rate)) <= d
    assert abs(y.mean() - 1) <= d / count / (1 - rate) + 1e-9


def test_different_keys_zero_different_activations():
    masks = [kernels.dropout(np.ones(64, np.float32), 0.5, key)[1].tobytes() for key in range(200)]
    assert len(set(masks)) == 200


@pytest.mark.parametrize("room", ROOMS, ids=["reference", "kernels"])
@pytest.mark.parametrize(
    ("key", "published"),
    [
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]),
        (1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423]),
    ],
)
def test_random_bits_match_published_splitmix64_values(room, key, published):
    bits = room.random_bits(key, 3)
    assert bits.dtype == np.uint64
    assert bits.tolist() == published


@some
@given(KEYS, st.integers(0, 300))
@example(2**64 - 1, 5)
def test_random_bits_equal_reference_and_are_prefix_of_longer_stream(key, count):
    check_equal("random_bits", [key, count])
    np.testing.assert_array_equal(kernels.random_bits(key, count + 7)[:count], kernels.random_bits(key, count))


# Optimizers


def updated(room, name, changed, *others):
    """Return the arrays that an operation updates in place, after checking that the thread count changes no bit."""
    results = []
    for threads in (1, THREADS):
        arrays = [array.copy() for array in changed]
        with on_threads(threads):
            getattr(room, name)(arrays[0], others[0], *arrays[1:], *others[1:])
        results.append(arrays)
    assert [array.tobytes() for array in results[0]] == [array.tobytes() for array in results[1]]
    return results[0]


SHAPES = st.lists(st.integers(1, 12), min_size=1, max_size=4)


@some
@given(SHAPES, DTYPES, SEEDS, LAYOUTS, st.integers(1, 10_000), st.booleans())
@example([5], np.float32, 0, plain, 1, False)
def test_adam_matches_reference(shape, dtype, seed, layout, step, amsgrad):
    rng = np.random.default_rng(seed)
    parameter, m = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    gradient = numbers(rng, shape, dtype, layout)
    v, v_max = (rng.random(shape).astype(dtype) for _ in range(2))
    rates = (step, 0.01, 0.9, 0.99, 1e-7)
    changed = [parameter, m, v, v_max]
    if not amsgrad:  # v is passed as v_max, too
        exact = [array.astype(np.float64) for array in changed[:3]]
        reference.adam(exact[0], gradient.astype(np.float64), exact[1], exact[2], exact[2], *rates)
        found = []
        for room in ROOMS:
            arrays = [array.copy() for array in changed[:3]]
            room.adam(arrays[0], gradient, arrays[1], arrays[2], arrays[2], *rates)
            found.append(arrays)
    else:
        exact = [array.astype(np.float64) for array in changed]
        reference.adam(exact[0], gradient.astype(np.float64), *exact[1:], *rates)
        found = [updated(room, "adam", changed, gradient, *rates) for room in ROOMS]
    g, eps = abs(gradient.astype(np.float64)), np.finfo(dtype).eps
    largest = exact[-1]  # v, or v_max
    # Each bound counts rounding errors, each at most eps times the magnitude of the operands. The factor 1 - beta is
    # rounded as well, and the square root halves the relative error of v.
    m_bound = 4 * eps * (abs(m) + g)
    v_bound = 6 * eps * (exact[2] / 0.99 + g * g)
    v_relative = v_bound / np.maximum(largest, v_bound)
    step_size = 0.01 * (1 - 0.99**step) ** 0.5 / (1 - 0.9**step)
    p_bound = eps * abs(parameter) + step_size / (np.sqrt(largest) + 1e-7) * (
        m_bound + abs(exact[1]) * (v_relative + 8 * eps)
    )
    bounds = [2 * p_bound, m_bound, v_bound, v_bound]
    for arrays in found:
        for array, wanted, bound in zip(arrays, exact, bounds, strict=False):
            assert array.dtype == dtype
            assert_within(array, wanted, bound, "adam")


@some
@given(SHAPES, DTYPES, SEEDS, LAYOUTS, st.sampled_from([0.0, 0.5, 0.9]), st.booleans())
def test_sgd_matches_reference_with_momentum_and_nesterov(shape, dtype, seed, layout, momentum, nesterov):
    rng = np.random.default_rng(seed)
    parameter, velocity = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    gradient = numbers(rng, shape, dtype, layout)
    rates = (0.1, momentum, nesterov)
    exact = [parameter.astype(np.float64), velocity.astype(np.float64)]
    reference.sgd(exact[0], gradient.astype(np.float64), exact[1], *rates)
    # Two rounded factors, two products, two sums for the velocity; as many again, and the parameter, for the step.
    size = momentum * abs(velocity.astype(np.float64)) + 0.1 * abs(gradient.astype(np.float64))
    eps = np.finfo(dtype).eps
    for room in ROOMS:
        found = updated(room, "sgd", [parameter, velocity], gradient, *rates)
        assert_within(found[0], exact[0], 6 * eps * (abs(parameter) + 2 * size), "parameter")
        assert_within(found[1], exact[1], 3 * eps * size, "velocity")


def test_in_place_update_of_strided_view_raises_value_error():
    whole, rest = np.ones((4, 4)), [np.ones((4, 2)) for _ in range(4)]
    with pytest.raises(ValueError, match="contiguous"):
        kernels.adam(whole[:, ::2], *rest, 1, 0.1, 0.9, 0.99, 1e-7)
    with pytest.raises(ValueError, match="contiguous"):
        kernels.sgd(rest[0], rest[1], whole[:, ::2], 0.1, 0.9, False)
    assert (whole == 1).all()


# Read-only arrays


def test_kernels_accept_read_only_arrays(rng):
    x, dense_x = numbers(rng, (2, 5, 6, 16), np.float32), numbers(rng, (4, 5), np.float32)
    kernel, dense_kernel = numbers(rng, (3, 3, 16, 16), np.float32), numbers(rng, (5, 6), np.float32)
    dy, winners = numbers(rng, (2, 3, 4, 16), np.float32), rng.integers(0, 4, (2, 1, 2, 16)).astype(np.uint8)
    values, outputs = (numbers(rng, winners.shape, np.float32) for _ in range(2))
    gradient, pooling = PooledGradient(values, winners, outputs), Pooling((2, 2), (2, 2), "valid")
    sparse = Choice("winograd_4x4", "winners", "winners", image_windows((3, 4), *pooling))
    convolutions = [
        Convolution(kernel, None, (1, 1), "valid", (1, 1), True, choice)
        for choice in (Choice("tile", "tile", "tile"), sparse)
    ]

    def fused(convolution):
        yield conv2d_relu(x, convolution)
        yield from conv2d_relu_gradients(dy, dy, x, convolution)
        yield from conv2d_max_pool2d(x, convolution, pooling)
        yield from conv2d_max_pool2d_gradients(gradient, x, convolution, pooling)

    def computed():
        return [
            kernels.conv2d(x, kernel, None), kernels.dense(dense_x, dense_kernel, None),
            kernels.max_pool2d(x)[0], kernels.relu(x), kernels.im2col(x, (2, 2)),
            kernels.bias_gradient(dy),
            *(array for convolution in convolutions for array in fused(convolution)),
        ]  # fmt: skip

    wanted = computed()
    for array in (x, dense_x, kernel, dense_kernel, dy, *gradient):
        array.flags.writeable = False
    for a, b in zip(computed(), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


# Empty sums


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("dense", [(3, 0), (0, 20)]),
        ("dense_kernel_gradient", [(0, 20), (0, 3)]),
        ("dense_input_gradient", [(3, 0), (20, 0)]),
        ("conv2d", [(1, 5, 5, 0), (2, 2, 0, 4)]),
    ],
)
def test_empty_sum_is_zero(name, shapes):
    used = [np.full(60, 7.0, np.float32) for _ in range(50)]  # freed below, so that new arrays are likely to contain 7s
    del used
    arguments = [np.ones(shape, np.float32) for shape in shapes] + [None] * (name in ("dense", "conv2d"))
    for room in ROOMS:
        result = getattr(room, name)(*arguments)
        assert result.size
        assert not result.any()


# Invalid operands


def f32(*shape):
    return np.ones(shape, np.float32)


def f64(*shape):
    return np.ones(shape, np.float64)


def integers(*shape):
    return np.ones(shape, np.int64)


CONV = ((1, 1), "valid", (1, 1))
POOL = ((2, 2), (2, 2), "valid")
WINNERS = np.zeros((1, 2, 2, 1), np.uint8)
ADAM = (1, 0.1, 0.9, 0.99, 1e-7)
BAD_SHAPES = {
    "images of rank 3": ("conv2d", f32(5, 5, 1), f32(3, 3, 1, 2), None),
    "a kernel of rank 3": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 2), None),
    "other number of channels": ("conv2d", f32(1, 5, 5, 3), f32(3, 3, 1, 2), None),
    "a kernel larger than the image": ("conv2d", f32(1, 5, 2, 1), f32(3, 3, 1, 2), None),
    "a dilated kernel larger than the image": (
        "conv2d",
        f32(1, 5, 5, 1),
        f32(3, 3, 1, 2),
        None,
        (1, 1),
        "valid",
        (3, 1),
    ),
    "a bias of another length": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), f32(3), *CONV),
    "a bias of rank 2": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), f32(1, 2), *CONV),
    "an unknown padding": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), None, (1, 1), "full", (1, 1)),
    "a stride of zero": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), None, (0, 1), "valid", (1, 1)),
    "a negative dilation": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), None, (1, 1), "valid", (1, -1)),
    "three strides": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), None, (1, 1, 1), "valid", (1, 1)),
    "an image without rows": ("conv2d", f32(1, 0, 5, 1), f32(3, 3, 1, 2), None, (1, 1), "same", (1, 1)),
    "dy of another size, kernel gradient": ("conv2d_kernel_gradient", f32(1, 2, 3, 2), f32(1, 5, 5, 1), (3, 3)),
    "another number of images in dy, kernel gradient": (
        "conv2d_kernel_gradient",
        f32(2, 3, 3, 2),
        f32(1, 5, 5, 1),
        (3, 3),
    ),
    "dy of rank 3, kernel gradient": ("conv2d_kernel_gradient", f32(3, 3, 2), f32(1, 5, 5, 1), (3, 3)),
    "images of rank 2, kernel gradient": ("conv2d_kernel_gradient", f32(1, 3, 3, 2), f32(5, 5), (3, 3)),
    "dy of another size, input gradient": ("conv2d_input_gradient", f32(1, 2, 3, 2), f32(3, 3, 1, 2), (1, 5, 5, 1)),
    "another number of filters in dy, input gradient": (
        "conv2d_input_gradient",
        f32(1, 3, 3, 4),
        f32(3, 3, 1, 2),
        (1, 5, 5, 1),
    ),
    "an input shape of rank 3": ("conv2d_input_gradient", f32(1, 3, 3, 2), f32(3, 3, 1, 2), (5, 5, 1)),
    "im2col of rank 3": ("im2col", f32(5, 5, 1), (2, 2)),
    "im2col of an image smaller than the window": ("im2col", f32(1, 2, 5, 1), (3, 1)),
    "im2col with unknown padding": ("im2col", f32(1, 5, 5, 1), (3, 1), (1, 1), "SAME"),
    "columns of another shape": ("col2im", f32(4, 3), (1, 3, 3, 1), (2, 2)),
    "columns for a shape of rank 3": ("col2im", f32(4, 4), (3, 3, 1), (2, 2)),
    "pooling of rank 3": ("max_pool2d", f32(4, 4, 1)),
    "pooling of an image smaller than the window": ("max_pool2d", f32(1, 1, 4, 1)),
    "pooling with unknown padding": ("max_pool2d", f32(1, 4, 4, 1), (2, 2), (2, 2), "full"),
    "pooling with stride zero": ("max_pool2d", f32(1, 4, 4, 1), (2, 2), (2, 0)),
    "dy of another size, pooling gradient": ("max_pool2d_gradient", f32(1, 2, 1, 1), WINNERS, (1, 4, 4, 1)),
    "argmax indices of another size": ("max_pool2d_gradient", f32(1, 2, 2, 1), WINNERS[:, :1], (1, 4, 4, 1)),
    "dense samples of rank 1": ("dense", f32(3), f32(3, 2), None),
    "a dense kernel of rank 1": ("dense", f32(2, 3), f32(3), None),
    "a dense kernel for another number of inputs": ("dense", f32(2, 3), f32(4, 2), None),
    "a dense bias of another length": ("dense", f32(2, 3), f32(3, 2), f32(3)),
    "another number of samples in dy, dense kernel gradient": ("dense_kernel_gradient", f32(2, 3), f32(3, 3)),
    "samples of rank 1, dense kernel gradient": ("dense_kernel_gradient", f32(2, 3), f32(2)),
    "another number of units in dy, dense input gradient": ("dense_input_gradient", f32(2, 3), f32(3, 2)),
    "a kernel of rank 1, dense input gradient": ("dense_input_gradient", f32(2, 3), f32(3)),
    "relu gradient, dy of another shape": ("relu_gradient", f32(3), f32(4)),
    "relu gradient, dy that would broadcast": ("relu_gradient", f32(3), f32(1)),
    "softmax of rank 1": ("softmax", f32(3)),
    "softmax gradient, dy of another shape": ("softmax_gradient", f32(2, 3), f32(2, 4)),
    "targets of another shape": ("softmax_cross_entropy", f32(2, 3), f32(2, 4)),
    "targets of rank 1": ("softmax_cross_entropy", f32(2, 3), f32(2)),
    "targets of another shape, gradient w.r.t. logits": ("softmax_cross_entropy_gradient", f32(2, 3), f32(2, 4), 1.0),
    "targets of another shape, probabilities": ("cross_entropy", f32(2, 3), f32(3, 3)),
    "targets of another shape, gradient w.r.t. probabilities": ("cross_entropy_gradient", f32(2, 3), f32(3, 3), 1.0),
    "a mask of another shape": ("dropout_gradient", f32(3), np.ones(4, bool), 0.5),
    "a mask that would broadcast": ("dropout_gradient", f32(3), np.ones(1, bool), 0.5),
    "moments of another shape": ("adam", f32(3), f32(3), f32(4), f32(3), f32(3), *ADAM),
    "an adam gradient of another shape": ("adam", f32(3), f32(1), f32(3), f32(3), f32(3), *ADAM),
    "an sgd gradient of another shape": ("sgd", f32(3), f32(1), f32(3), 0.1, 0.9, False),
}
BAD_DTYPES = {
    "conv2d, mixed": ("conv2d", f32(1, 5, 5, 1), f64(3, 3, 1, 2), None),
    "conv2d, integers": ("conv2d", integers(1, 5, 5, 1), integers(3, 3, 1, 2), None),
    "conv2d, bias of another dtype": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), f64(2)),
    "conv2d_kernel_gradient, mixed": ("conv2d_kernel_gradient", f64(1, 3, 3, 2), f32(1, 5, 5, 1), (3, 3)),
    "conv2d_input_gradient, mixed": ("conv2d_input_gradient", f64(1, 3, 3, 2), f32(3, 3, 1, 2), (1, 5, 5, 1)),
    "im2col, integers": ("im2col", integers(1, 5, 5, 1), (2, 2)),
    "col2im, integers": ("col2im", integers(4, 4), (1, 3, 3, 1), (2, 2)),
    "max_pool2d, integers": ("max_pool2d", integers(1, 4, 4, 1)),
    "max_pool2d_gradient, integers": ("max_pool2d_gradient", integers(1, 2, 2, 1), WINNERS, (1, 4, 4, 1)),
    "dense, mixed": ("dense", f32(2, 3), f64(3, 2), None),
    "dense, half precision": ("dense", np.ones((2, 3), np.float16), np.ones((3, 2), np.float16), None),
    "dense, bias of another dtype": ("dense", f32(2, 3), f32(3, 2), f64(2)),
    "dense_kernel_gradient, mixed": ("dense_kernel_gradient", f32(2, 3), f64(2, 3)),
    "dense_input_gradient, integers": ("dense_input_gradient", integers(2, 3), integers(4, 3)),
    "bias_gradient, integers": ("bias_gradient", integers(2, 3)),
    "bias_gradient, half precision": ("bias_gradient", np.ones((2, 3), np.float16)),
    "relu, integers": ("relu", integers(3)),
    "relu_gradient, mixed": ("relu_gradient", f32(3), f64(3)),
    "softmax, integers": ("softmax", integers(2, 3)),
    "softmax_gradient, mixed": ("softmax_gradient", f32(2, 3), f64(2, 3)),
    "softmax_cross_entropy, mixed": ("softmax_cross_entropy", f32(2, 3), f64(2, 3)),
    "softmax_cross_entropy_gradient, mixed": ("softmax_cross_entropy_gradient", f32(2, 3), f64(2, 3), 1.0),
    "cross_entropy, integers": ("cross_entropy", integers(2, 3), integers(2, 3)),
    "cross_entropy_gradient, mixed": ("cross_entropy_gradient", f32(2, 3), f64(2, 3), 1.0),
    "dropout, integers": ("dropout", integers(3), 0.5, 1),
    "dropout_gradient, integers": ("dropout_gradient", integers(3), np.ones(3, bool), 0.5),
    "adam, mixed": ("adam", f32(3), f64(3), f32(3), f32(3), f32(3), *ADAM),
    "sgd, integers": ("sgd", integers(3), integers(3), integers(3), 0.1, 0.9, False),
}  # fmt: skip


@pytest.mark.parametrize("room", ROOMS, ids=["reference", "kernels"])
@pytest.mark.parametrize("case", BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_incompatible_shapes_raise_value_error(room, case):
    name, *arguments = case
    with pytest.raises(ValueError):  # noqa: PT011 - both implementations promise the type; other tests check the message
        getattr(room, name)(*arguments)


@pytest.mark.parametrize("room", ROOMS, ids=["reference", "kernels"])
@pytest.mark.parametrize("case", BAD_DTYPES.values(), ids=BAD_DTYPES)
def test_mixed_or_unsupported_dtypes_raise_type_error(room, case):
    name, *arguments = case
    with pytest.raises(TypeError, match="Expected one dtype"):
        getattr(room, name)(*arguments)
