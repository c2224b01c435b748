"""Two convolutions stacked under a max-pooling are the same bits as one after the other, forward and backward."""

import numpy as np
import pytest
from comparing import LAYOUTS, ROOMS, SEEDS, assert_within, bits, numbers, run, with_non_finite
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.algorithms import CHEAP_DEPTH, GROUPED_BYTES, Problem, stacks
from scratchcnn.geometry import image_windows
from scratchcnn.kernels.runtime.jit import MOST_GROUPS, group_count
from scratchcnn.operands import Convolution, pool2d_windows

some = settings(max_examples=100)
POOL = ((2, 2), (2, 2), "valid")
OWN = ((1, 1), "valid", (1, 1))


def one_after_the_other(room, x, below, kernel, bias, values, relu, algorithm, pool=POOL):
    """Outputs, winners, and the four gradients, by the operations apart."""
    *geometry, by = below[2:]
    images = room.conv2d(x, below.kernel, below.bias, *geometry, relu=True, algorithm=by)
    y, winners = room.conv2d_max_pool2d(images, kernel, bias, *pool, *OWN, relu, algorithm)
    outputs = y if relu else None
    dx, dkernel, dbias = room.conv2d_pooled_gradients(
        values, winners, outputs, images, kernel, *pool, *OWN, algorithm, input_relu=True
    )
    own = room.conv2d_parameter_gradients(dx, None, x, below.kernel.shape[:2], *geometry, by)
    return (y, winners), (*own, dkernel, dbias)


def stacked(room, x, below, kernel, bias, values, relu, algorithm, pool=POOL):
    forward = run(room, "stacked_conv2d_max_pool2d", [x, below, kernel, bias, *pool, *OWN, relu, algorithm])
    outputs = forward[0] if relu else None
    arguments = [values, forward[1], outputs, x, below, kernel, *pool, *OWN, algorithm]
    return forward, run(room, "stacked_pooled_gradients", arguments)


def are_stacked(x, below, kernel, algorithm="auto", pool=POOL):
    """Whether the kernels make the images again."""
    shape = below.output_shape(x.shape)
    windows = image_windows(shape[1:3], kernel.shape[:2], *OWN)
    over = pool2d_windows((len(x), windows.rows.output, windows.columns.output, kernel.shape[3]), *pool)
    first = Problem(below.windows(x.shape), x.shape[3], shape[3], x.dtype)
    second = Problem(windows, *kernel.shape[2:], kernel.dtype, pool[2] == "same")
    return stacks(first, below.algorithm, second, algorithm, over)


@some
@given(
    images=st.integers(1, 20), size=st.tuples(st.integers(12, 20), st.integers(12, 20)), depth=st.integers(1, 3),
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)), strides=st.sampled_from([(1, 1), (2, 1)]),
    padding=st.sampled_from(["valid", "same"]), dilation_rate=st.sampled_from([(1, 1), (1, 2)]),
    channels=st.sampled_from([16, 32, 48]), filters=st.integers(16, 40), has_bias=st.booleans(), relu=st.booleans(),
    algorithm=st.sampled_from(["auto", "winners"]), seed=SEEDS, layout=LAYOUTS, broken=st.booleans(),
)  # fmt: skip
def test_stacked_they_are_the_same_bits_as_apart(
    images, size, depth, window, strides, padding, dilation_rate, channels, filters, has_bias, relu, algorithm, seed,
    layout, broken,
):  # fmt: skip
    rng = np.random.default_rng(seed)
    x = numbers(rng, (images, *size, depth), np.float32, layout)
    if broken:
        x = with_non_finite(rng, x, 0.002)
    below = Convolution(
        numbers(rng, (*window, depth, channels), np.float32, layout),
        numbers(rng, channels, np.float32) if has_bias else None, strides, padding, dilation_rate,
    )  # fmt: skip
    kernel = numbers(rng, (3, 3, channels, filters), np.float32, layout)
    bias = numbers(rng, filters, np.float32) if has_bias else None
    rows, columns = (length - 2 for length in below.output_shape(x.shape)[1:3])
    values = numbers(rng, (images, rows // 2, columns // 2, filters), np.float32, layout)
    values = np.where(rng.random(values.shape) < 0.6, np.float32(0), values)
    assert are_stacked(x, below, kernel, algorithm)
    operands = (x, below, kernel, bias, values, relu, algorithm)
    with np.errstate(all="ignore"):
        found, wanted = stacked(kernels, *operands), one_after_the_other(kernels, *operands)
    for name, one, other in zip(("outputs", "gradients"), found, wanted, strict=True):
        for a, b in zip(one, other, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_array_equal(a, b, err_msg=name)


def article_layers(images=5, dtype=np.float32):
    rng = np.random.default_rng(2)
    x = rng.random((images, 28, 28, 1)).astype(dtype)
    below = Convolution(numbers(rng, (3, 3, 1, 32), dtype), numbers(rng, 32, dtype))
    kernel, bias = numbers(rng, (3, 3, 32, 64), dtype) / 8, numbers(rng, 64, dtype)
    return x, below, kernel, bias, numbers(rng, (images, 12, 12, 64), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("relu", [False, True])
def test_the_articles_layers_agree_with_the_formula(relu, dtype):
    x, below, kernel, bias, values = article_layers(dtype=dtype)
    assert are_stacked(x, below, kernel) == (dtype == np.float32)
    outputs, winners = kernels.stacked_conv2d_max_pool2d(x, below, kernel, bias, *POOL, *OWN, relu)
    formula, _ = reference.stacked_conv2d_max_pool2d(x, below, kernel, bias, *POOL, *OWN, relu)
    largest = np.abs(formula).max()
    assert_within(outputs, formula, 333 * np.finfo(dtype).eps * largest, "outputs")
    rest = (values, winners, outputs if relu else None, x, below, kernel, *POOL)
    sizes = [abs(values), winners, None, x, Convolution(abs(below.kernel), abs(below.bias)), abs(kernel), *POOL]
    found, wanted = kernels.stacked_pooled_gradients(*rest), reference.stacked_pooled_gradients(*rest)
    for gradient, right, size in zip(found, wanted, reference.stacked_pooled_gradients(*sizes), strict=True):
        # a product for each output, for each element of a window and each filter; and the ReLU opens for the same ones
        terms = values.size + 2 * kernel.size
        assert_within(gradient, right, terms * np.finfo(dtype).eps * size.max(), "gradient")


CHANGES = {
    "an overlapping pooling": {"pool": ((3, 3), (2, 2), "same")},
    "a padded pooling": {"pool": ((2, 2), (2, 2), "same")},
    "a pooling of other strides": {"pool": ((2, 2), (1, 1), "valid")},
    "the tile asked for": {"algorithm": "tile"},
    "Winograd asked for, gradients too": {"algorithm": "winograd_4x4"},
    "im2col below": {"below": "im2col"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_not_stacked_is_computed_one_after_the_other(change):
    change = dict(change)
    x, below, kernel, bias, _ = article_layers(2)
    x = x[:, :27, :27]
    below = below._replace(algorithm=change.pop("below", "auto"))
    algorithm, pool = change.get("algorithm", "auto"), change.get("pool", POOL)
    assert not are_stacked(x, below, kernel, algorithm, pool)
    shape = kernels.stacked_conv2d_max_pool2d(x, below, kernel, bias, *pool)[0].shape
    values = numbers(np.random.default_rng(3), shape, np.float32)
    for room in ROOMS:
        operands = (room, x, below, kernel, bias, values, True, algorithm, pool)
        for one, other in zip(stacked(*operands), one_after_the_other(*operands), strict=True):
            assert bits(one) == bits(other)


def test_only_what_is_cheap_is_made_again():
    x, below, kernel, *_ = article_layers(1)
    deep = np.zeros((1, 28, 28, 4), np.float32)
    costly = Convolution(np.zeros((3, 3, 4, 32), np.float32), None)
    assert below.kernel[..., 0].size <= CHEAP_DEPTH < costly.kernel[..., 0].size
    assert are_stacked(x, below, kernel)
    assert not are_stacked(deep, costly, kernel)


def test_sums_of_both_gradients_run_over_the_same_groups_of_images():
    assert group_count(1000, GROUPED_BYTES) == MOST_GROUPS
    assert group_count(1000, 2 * GROUPED_BYTES) < MOST_GROUPS
    x, below, *_ = article_layers(1)
    large = np.zeros((3, 3, 32, 512), np.float32)
    assert large.nbytes > GROUPED_BYTES
    assert not are_stacked(x, below, large)


def test_no_images_give_no_outputs_and_gradients_of_zero():
    x, below, kernel, bias, values = article_layers(2)
    outputs, winners = kernels.stacked_conv2d_max_pool2d(x[:0], below, kernel, bias, *POOL)
    assert outputs.shape == winners.shape == (0, 12, 12, 64)
    gradients = kernels.stacked_pooled_gradients(values[:0], winners, None, x[:0], below, kernel, *POOL)
    assert not any(gradient.any() for gradient in gradients)


def test_operands_that_do_not_fit_are_refused():
    x, below, kernel, bias, values = article_layers(2)
    outputs, winners = kernels.stacked_conv2d_max_pool2d(x, below, kernel, bias, *POOL)
    deeper = Convolution(np.ones((3, 3, 2, 32), np.float32), None)
    for room in ROOMS:
        with pytest.raises(ValueError, match="Expected as many channels in the images as in the kernel"):
            room.stacked_conv2d_max_pool2d(x, deeper, kernel, bias, *POOL)
        with pytest.raises(ValueError, match="Expected as many channels in the images as in the kernel"):
            room.stacked_conv2d_max_pool2d(x, below, kernel[:, :, :16], bias, *POOL)
        with pytest.raises(ValueError, match=r"Expected bias of shape"):
            room.stacked_conv2d_max_pool2d(x, below._replace(bias=bias), kernel, bias, *POOL)
        with pytest.raises(TypeError, match="Expected one dtype"):
            room.stacked_conv2d_max_pool2d(x.astype(np.float64), below, kernel, bias, *POOL)
        with pytest.raises(ValueError, match=r"Expected winners"):
            room.stacked_pooled_gradients(values, winners[:, 1:], None, x, below, kernel, *POOL)
        with pytest.raises(ValueError, match=r"Expected (values|dy) of shape"):
            room.stacked_pooled_gradients(values[:, :, 1:], winners[:, :, 1:], None, x, below, kernel, *POOL)
        with pytest.raises(ValueError, match=r"Expected (outputs|dy) of shape"):
            room.stacked_pooled_gradients(values, winners, outputs[1:], x, below, kernel, *POOL)
