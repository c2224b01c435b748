"""A fused convolution and max pooling returns the same bits as the operations one after the other, both ways."""

import numpy as np
import pytest
from comparing import (
    DTYPES,
    LAYOUTS,
    SEEDS,
    assert_within,
    bias_bound,
    bits,
    in_float64,
    magnitudes,
    random_array,
    windows_over_images,
    with_non_finite,
)
from compositions import (
    HALVED,
    assert_same_bits,
    choices,
    chosen,
    convolved,
    kernels_for,
    on_one_thread_and_several,
    pooled_gradients,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scratchcnn import reference
from scratchcnn.algorithms import RUNGS, Choice, accepts_winners
from scratchcnn.geometry import image_windows
from scratchcnn.kernels.fused.conv2d_max_pool2d import conv2d_max_pool2d, conv2d_max_pool2d_gradients
from scratchcnn.operands import Convolution, PooledGradient, Pooling

some = settings(max_examples=150)
TILE = Choice("tile", "tile", "tile")
GEOMETRIES = st.one_of(
    windows_over_images(),
    st.tuples(  # those that Winograd and sparse gradients accept
        st.tuples(st.integers(4, 15), st.integers(4, 15)), st.just((3, 3)), st.just((1, 1)),
        st.sampled_from(["valid", "same"]), st.just((1, 1)),
    ),
)  # fmt: skip
CHANNELS = st.one_of(st.integers(1, 40), st.sampled_from([16, 32]))
POOLINGS = st.one_of(
    st.just(HALVED),
    st.builds(
        Pooling, st.tuples(st.integers(1, 3), st.integers(1, 3)), st.tuples(st.integers(1, 3), st.integers(1, 3)),
        st.sampled_from(["valid", "same"]),
    ),
)  # fmt: skip


def with_room_for(pooling, geometry):
    """Assume that the output of a convolution holds at least one window of the pooling."""
    windows = image_windows(*geometry)
    pool = image_windows((windows.rows.output, windows.columns.output), *pooling)
    assume(min(pool.rows.output, pool.columns.output) > 0)
    return pool


def gradient_of(rng, y, pooling, dtype, layout=np.ascontiguousarray, zeros=0.6):
    """A gradient w.r.t. the pooling of y, mostly zero."""
    outputs, winners = reference.max_pool2d(y, *pooling)
    return PooledGradient(random_array(rng, outputs.shape, dtype, layout, zeros), layout(winners), layout(outputs))


def check_against_composition(rng, x, convolution, pooling, input_relu, layout, broken=False):
    """Every output and gradient of the fused operations, against the primitive kernels with the same algorithms."""
    ops = kernels_for(convolution)
    with np.errstate(all="ignore"):
        y = convolved(ops, x, convolution)
        found = on_one_thread_and_several(conv2d_max_pool2d, x, convolution, pooling)
        assert_same_bits(found, ops.max_pool2d(y, *pooling), "outputs and winners")
        outputs, winners = found
        values = random_array(rng, outputs.shape, outputs.dtype, layout, zeros=0.6)
        if broken:
            values = layout(with_non_finite(rng, values, 0.01))
        gradient = PooledGradient(values, layout(winners), layout(outputs))
        dx, *expected = pooled_gradients(ops, gradient, y, x, convolution, pooling)
        if input_relu:
            dx = ops.relu_gradient(dx, x)
        arguments = (gradient, x, convolution, pooling)
        without_dx = on_one_thread_and_several(conv2d_max_pool2d_gradients, *arguments, input_gradient=False)
        assert without_dx[0] is None
        assert_same_bits(without_dx[1:], tuple(expected), "gradients without that w.r.t. the input")
        memory = x.copy()
        found = conv2d_max_pool2d_gradients(*arguments, input_relu=input_relu)
        assert_same_bits(found, (dx, *expected), f"gradients with {convolution.choice}")
        if not input_relu:
            assert bits(x) == bits(memory), "the input is left unchanged"


@some
@given(
    st.data(), GEOMETRIES, POOLINGS, st.integers(1, 20), CHANNELS, st.integers(1, 70), st.booleans(), st.booleans(),
    st.booleans(), DTYPES, SEEDS, LAYOUTS, st.booleans(),
)  # fmt: skip
def test_same_bits_as_the_primitive_operations(
    data, geometry, pooling, images, channels, filters, has_bias, relu, input_relu, dtype, seed, layout, broken
):
    size, window, *rest = geometry
    pool = with_room_for(pooling, geometry)
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), dtype, layout)
    kernel = random_array(rng, (*window, channels, filters), dtype, layout)
    bias = -abs(random_array(rng, filters, dtype, zeros=0.5)) if has_bias else None
    convolution = Convolution(kernel, bias, *rest, relu, TILE)
    convolution = convolution._replace(choice=data.draw(choices(convolution.problem(x.shape, pool))))
    if broken:
        x = layout(with_non_finite(rng, x, 0.005))
    if input_relu:
        x = layout(np.maximum(x, 0))
    check_against_composition(rng, x, convolution, pooling, input_relu, layout, broken)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("filters", [16, 21, 64])
@pytest.mark.parametrize("size", [(26, 26), (27, 29), (12, 31)])
def test_same_bits_over_many_tiles_and_slices_of_channels(rng, size, filters, dtype):
    x = np.maximum(random_array(rng, (5, *size, 32), dtype), 0)
    kernel, bias = random_array(rng, (3, 3, 32, filters), dtype), random_array(rng, filters, dtype)
    for relu in (False, True):
        convolution = chosen(Convolution(kernel, bias, (1, 1), "valid", (1, 1), relu, TILE), x, HALVED)
        for name in RUNGS:
            choice = convolution.choice._replace(forward=name)
            check_against_composition(rng, x.copy(), convolution._replace(choice=choice), HALVED, relu, np.array)


@some
@given(
    GEOMETRIES, POOLINGS, st.integers(1, 5), st.sampled_from([1, 3, 8, 16, 32]), st.integers(1, 40), st.booleans(),
    st.booleans(), DTYPES, SEEDS, LAYOUTS,
)  # fmt: skip
def test_within_the_rounding_bound_of_the_reference(
    rounding_bound, geometry, pooling, images, channels, filters, has_bias, relu, dtype, seed, layout
):
    size, window, *rest = geometry
    pool = with_room_for(pooling, geometry)
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), dtype, layout)
    kernel = random_array(rng, (*window, channels, filters), dtype, layout)
    bias = random_array(rng, filters, dtype, layout) if has_bias else None
    convolution = Convolution(kernel, bias, *rest, relu, TILE)
    x64, kernel64, bias64 = in_float64([x, kernel, bias])
    wide = convolution._replace(kernel=kernel64, bias=bias64)
    exact = convolved(reference, x64, wide)
    magnitude = reference.conv2d(*magnitudes([x, kernel, bias]), *rest)
    bound = reference.max_pool2d(rounding_bound(magnitude, window[0] * window[1] * channels, dtype), *pooling)[0]
    largest, _ = reference.max_pool2d(exact, *pooling)
    y, winners = conv2d_max_pool2d(x, convolution, pooling)
    assert_within(y, largest, bound, "outputs")
    lost = largest - at_winners(exact, winners, *pooling)  # the argmax may be another, if rounding could make it so
    assert (lost <= 2 * bound).all()

    y = convolved(kernels_for(convolution), x, convolution)
    gradient = gradient_of(rng, y, pooling, dtype, layout)
    values, winners, outputs = gradient
    wide_gradient = PooledGradient(*in_float64(gradient))
    largest_gradient = PooledGradient(*magnitudes(gradient))
    exact = pooled_gradients(reference, wide_gradient, y.astype(np.float64), x64, wide, pooling)
    magnitude = pooled_gradients(
        reference, largest_gradient, y.astype(np.float64), abs(x64), wide._replace(kernel=abs(kernel64)), pooling
    )
    overlap = 1 if all(axis.stride >= axis.kernel for axis in pool) else pooling.pool_size[0] * pooling.pool_size[1]
    dz = reference.max_pool2d_gradient(
        reference.relu_gradient(values, outputs) if relu else values, winners, y.shape, *pooling
    )
    bounds = (
        rounding_bound(magnitude[0], window[0] * window[1] * filters * overlap, dtype),
        rounding_bound(magnitude[1], values[..., 0].size * overlap, dtype),
        bias_bound(rounding_bound, dz) + (rounding_bound(magnitude[2], overlap, dtype) if overlap > 1 else 0),
    )
    problem = convolution.problem(x.shape, pool)
    for choice in (TILE, *([Choice("tile", "winners", "winners", pool)] if accepts_winners(problem) else [])):
        found = conv2d_max_pool2d_gradients(gradient, x, convolution._replace(choice=choice), pooling)
        for one, formula, bound in zip(found, exact, bounds, strict=True):
            assert_within(one, formula, bound, f"gradient with {choice.kernel_gradient}")


def at_winners(x, winners, pool_size, strides, padding):
    """The elements of x at the argmax indices."""
    windows = image_windows(x.shape[1:3], pool_size, strides, padding)
    n, oy, ox, c = np.indices(winners.shape)
    ky, kx = np.divmod(winners.astype(np.int64), pool_size[1])
    rows, columns = (o * axis.stride + k - axis.before for o, k, axis in zip((oy, ox), (ky, kx), windows, strict=True))
    return x[n, rows, columns, c]


@pytest.mark.parametrize("algorithm", RUNGS)
@pytest.mark.parametrize("filters", [5, 32])
def test_the_first_nan_of_a_window_is_its_maximum(filters, algorithm):
    """The output of a convolution with zeros is 1, the bias; pixels 2 to 4 of row 0 contain the NaN."""
    x = np.zeros((1, 6, 18, 16), np.float32)
    x[0, 0, 4, 3] = np.nan
    kernel, bias = np.zeros((3, 3, 16, filters), np.float32), np.ones(filters, np.float32)
    convolution = chosen(Convolution(kernel, bias, (1, 1), "valid", (1, 1), False, TILE), x, HALVED, algorithm)
    y, winners = conv2d_max_pool2d(x, convolution, HALVED)
    assert np.isnan(y[0, 0, 1:3]).all()
    assert (winners[0, 0, 1:3] == 0).all()
    assert (y[0, :, 4:] == 1).all()  # tiles of 4 x 4 end at pixel 8
    assert (winners[0, :, 4:] == 0).all()
    if not algorithm.startswith("winograd"):  # a NaN reaches all outputs of its Winograd tile
        x = np.roll(x, -1, axis=2)  # now pixels 1 to 3: of the first window, the second element
        y, winners = conv2d_max_pool2d(x, convolution, HALVED)
        np.testing.assert_array_equal(winners[0, 0, :, 0], [1, 0, 0, 0, 0, 0, 0, 0])
        np.testing.assert_array_equal(np.isnan(y[0, 0, :, 0]), [1, 1, 0, 0, 0, 0, 0, 0])


def article_layer(algorithm="auto", images=32, dtype=np.float32):
    """The second convolution of the article's network, its input, and a gradient w.r.t. its pooling."""
    rng = np.random.default_rng(0)
    x, kernel = (rng.standard_normal(shape).astype(dtype) for shape in ((images, 26, 26, 32), (3, 3, 32, 64)))
    winners = rng.integers(0, 4, (images, 12, 12, 64)).astype(np.uint8)
    outputs = np.maximum(rng.standard_normal(winners.shape), 0).astype(dtype)
    values = (rng.standard_normal(winners.shape) * (rng.random(winners.shape) < 0.3)).astype(dtype)
    convolution = Convolution(kernel, np.zeros(64, dtype), (1, 1), "valid", (1, 1), True, TILE)
    return PooledGradient(values, winners, outputs), x, chosen(convolution, x, HALVED, algorithm)


@pytest.mark.parametrize("algorithm", ["winners", "tile", "winograd_4x4"])
def test_outputs_of_the_pooling_mask_the_gradient_as_the_relu_does(algorithm):
    gradient, x, convolution = article_layer(algorithm, images=3)
    values, _, outputs = gradient
    outputs[0, 0, 0, :5] = np.nan, -0.0, 0.0, -1.0, np.finfo(np.float32).tiny
    values[0, 0, 0, :5] = 1
    values[outputs == 0] = np.nan  # a masked element is not multiplied either
    masked = reference.relu_gradient(values, outputs)
    np.testing.assert_array_equal(masked[0, 0, 0, :5], [0, 0, 0, 0, 1])
    found = conv2d_max_pool2d_gradients(gradient, x, convolution, HALVED)
    without_relu = convolution._replace(relu=False)
    expected = conv2d_max_pool2d_gradients(gradient._replace(values=masked), x, without_relu, HALVED)
    assert bits(found) == bits(expected)
    assert all(np.isfinite(array).all() for array in found)


@pytest.mark.parametrize("element", [np.nan, np.inf])
@pytest.mark.parametrize("relu", [False, True])
def test_a_non_finite_gradient_reaches_what_depends_on_it_and_nothing_else(relu, element):
    gradient, x, convolution = article_layer()
    gradient.values[3, 5, 7, 11], gradient.outputs[3, 5, 7, 11] = element, 1
    dx, dkernel, dbias = conv2d_max_pool2d_gradients(gradient, x, convolution._replace(relu=relu), HALVED)
    assert not np.isfinite(dx[3]).all()
    assert not np.isfinite(dkernel[..., 11]).all()
    assert np.isfinite(dkernel[..., :11]).all()
    assert np.isfinite(dx[:3]).all()
    np.testing.assert_array_equal(np.flatnonzero(~np.isfinite(dbias)), [11])


def test_gradient_through_the_relu_below_takes_the_memory_of_the_input():
    gradient, x, convolution = article_layer(images=5)
    x = np.maximum(x, 0)
    dx, *rest = conv2d_max_pool2d_gradients(gradient, x, convolution, HALVED)
    expected = reference.relu_gradient(dx, x)
    found, *parameters = conv2d_max_pool2d_gradients(gradient, x, convolution, HALVED, input_relu=True)
    assert bits(found) == bits(expected)
    assert bits(tuple(parameters)) == bits(tuple(rest))
    assert np.shares_memory(found, x)


def test_no_images_give_no_outputs_and_gradients_of_zero():
    gradient, x, convolution = article_layer(images=1)
    y, winners = conv2d_max_pool2d(x[:0], convolution, HALVED)
    assert y.shape == winners.shape == (0, 12, 12, 64)
    empty = PooledGradient(*(array[:0] for array in gradient))
    dx, dkernel, dbias = conv2d_max_pool2d_gradients(empty, x[:0], convolution, HALVED)
    assert dx.shape == (0, 26, 26, 32)
    assert not dkernel.any()
    assert not dbias.any()


@pytest.mark.parametrize("algorithm", ["winners", "tile"])
def test_operands_that_do_not_fit_are_an_error(algorithm):
    gradient, x, convolution = article_layer(algorithm, images=3)

    def gradients(x=x, convolution=convolution, pooling=HALVED, **changes):
        conv2d_max_pool2d_gradients(gradient._replace(**changes), x, convolution, pooling)

    values, winners, outputs = gradient
    with pytest.raises(ValueError, match="Expected winners of shape"):
        gradients(winners=winners[:, 1:])
    with pytest.raises(ValueError, match="Expected winners of shape"):
        gradients(winners=winners.astype(np.int64))
    beyond = winners.copy()
    beyond[2, 3, 4, 5] = 4
    with pytest.raises(ValueError, match=r"Expected winners from 0 to 3, .* received 4"):
        gradients(winners=beyond)
    for other in (values[1:], values[:, :, :11], values[..., :1], values[0]):
        with pytest.raises(ValueError, match="Expected values of shape"):
            gradients(values=other)
        with pytest.raises(ValueError, match="Expected outputs of shape"):
            gradients(outputs=other)
    for changes in ({"values": values.astype(np.float64)}, {"outputs": outputs.astype(np.float64)}):
        with pytest.raises(TypeError, match="Expected one dtype"):
            gradients(**changes)
    with pytest.raises(TypeError, match="Expected one dtype"):
        gradients(x=x.astype(np.float64))
    with pytest.raises(ValueError, match="Expected as many channels"):
        gradients(x=x[..., :16])
    with pytest.raises(ValueError, match="Expected as many channels"):
        conv2d_max_pool2d(x[..., :16], convolution, HALVED)
    with pytest.raises(ValueError, match="Expected an image that holds at least one window"):
        conv2d_max_pool2d(x, convolution, Pooling((25, 25), (2, 2), "valid"))
    with pytest.raises(ValueError, match="Expected padding"):
        conv2d_max_pool2d(x, convolution, Pooling((2, 2), (2, 2), "full"))


def test_algorithms_that_were_chosen_for_another_pooling_are_an_error():
    _, x, convolution = article_layer("winners", images=1)
    for image, pooling, message in (
        (x, Pooling((3, 3), (3, 3), "valid"), "Expected algorithms that were chosen for a pooling over"),
        (x[:, 1:], HALVED, "Expected algorithms that were chosen for a pooling over"),
        (x[:, 1:], Pooling((2, 2), (2, 2), "same"), "Expected, for algorithm='winners'"),
    ):
        outputs, winners = conv2d_max_pool2d(image, convolution, pooling)
        with pytest.raises(ValueError, match=message):
            conv2d_max_pool2d_gradients(PooledGradient(outputs, winners, outputs), image, convolution, pooling)


def test_winograd_pools_its_tiles_in_the_layer_that_this_file_is_about():
    assert article_layer()[2].choice.forward == "winograd_4x4"
    assert article_layer()[2].choice.kernel_gradient == "winners"
