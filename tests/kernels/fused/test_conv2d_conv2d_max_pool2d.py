"""Fused conv–conv–pool with recomputation returns the same bits as the operations one after the other, both ways."""

import numpy as np
import pytest
from comparing import LAYOUTS, SEEDS, assert_within, in_float64, magnitudes, random_array, with_non_finite
from compositions import (
    HALVED,
    assert_same_bits,
    chosen,
    convolved,
    convolved_gradients,
    kernels_for,
    on_one_thread_and_several,
    pooled_gradients,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import reference
from scratchcnn.algorithms import CHEAP_DEPTH, GROUPED_BYTES, Choice, recomputes
from scratchcnn.kernels.fused.conv2d_conv2d_max_pool2d import (
    conv2d_conv2d_max_pool2d,
    conv2d_conv2d_max_pool2d_gradients,
)
from scratchcnn.kernels.runtime.jit import MOST_GROUPS, group_count
from scratchcnn.operands import Convolution, PooledGradient, Pooling

some = settings(max_examples=100)
PLAIN = ((1, 1), "valid", (1, 1))
TILE = Choice("tile", "tile", "tile")


def layers(x, first_kernel, first_bias, kernel, bias, geometry=PLAIN, relu=True, algorithm="auto", pooling=HALVED):
    """Both convolutions, with the algorithms that are chosen for them."""
    first = chosen(Convolution(first_kernel, first_bias, *geometry, True, TILE), x)
    second = Convolution(kernel, bias, *PLAIN, relu, TILE)
    return first, chosen(second, np.empty(first.output_shape(x.shape), x.dtype), pooling, algorithm)


def accepted(x, first, second, pooling=HALVED):
    """Whether the first convolution is recomputed."""
    between = first.output_shape(x.shape)
    pool = pooling.windows(second.output_shape(between))
    return recomputes(first.problem(x.shape), first.choice, second.problem(between, pool), second.choice)


def gradients_one_by_one(ops, gradient, x, first, second, pooling):
    """Gradients of the four parameters by primitive operations, for the engines of the two convolutions."""
    images = convolved(ops[0], x, first)
    y = convolved(ops[1], images, second)
    dx, *of_second = pooled_gradients(ops[1], gradient, y, images, second, pooling)
    return *convolved_gradients(ops[0], dx, images, x, first)[1:], *of_second


@some
@given(
    images=st.integers(1, 20), size=st.tuples(st.integers(12, 20), st.integers(12, 20)), depth=st.integers(1, 3),
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)), strides=st.sampled_from([(1, 1), (2, 1)]),
    padding=st.sampled_from(["valid", "same"]), dilation_rate=st.sampled_from([(1, 1), (1, 2)]),
    channels=st.sampled_from([16, 32, 48]), filters=st.integers(16, 40), has_bias=st.booleans(), relu=st.booleans(),
    algorithm=st.sampled_from(["auto", "winners"]), seed=SEEDS, layout=LAYOUTS, broken=st.booleans(),
)  # fmt: skip
def test_same_bits_as_the_primitive_operations(
    images, size, depth, window, strides, padding, dilation_rate, channels, filters, has_bias, relu, algorithm, seed,
    layout, broken,
):  # fmt: skip
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, depth), np.float32, layout)
    if broken:
        x = with_non_finite(rng, x, 0.002)
    kernels = (
        random_array(rng, (*window, depth, channels), np.float32, layout),
        random_array(rng, channels, np.float32) if has_bias else None,
        random_array(rng, (3, 3, channels, filters), np.float32, layout),
        random_array(rng, filters, np.float32) if has_bias else None,
    )
    first, second = layers(x, *kernels, (strides, padding, dilation_rate), relu, algorithm)
    ops = kernels_for(first), kernels_for(second)
    with np.errstate(all="ignore"):
        y = convolved(ops[1], convolved(ops[0], x, first), second)
        outputs, winners = on_one_thread_and_several(conv2d_conv2d_max_pool2d, x, first, second, HALVED)
        assert_same_bits((outputs, winners), ops[1].max_pool2d(y, *HALVED), "outputs and winners")
        values = random_array(rng, outputs.shape, np.float32, layout, zeros=0.6)
        gradient = PooledGradient(values, layout(winners), layout(outputs))
        arguments = gradient, x, first, second, HALVED
        found = on_one_thread_and_several(conv2d_conv2d_max_pool2d_gradients, *arguments)
        assert_same_bits(found, gradients_one_by_one(ops, *arguments), "gradients")


def article_layers(images=5, size=28, **options):
    """The two convolutions of the article's network, their input and a gradient w.r.t. the pooling."""
    rng = np.random.default_rng(2)
    x = rng.random((images, size, size, 1), np.float32)
    kernels = (
        random_array(rng, (3, 3, 1, 32), np.float32), random_array(rng, 32, np.float32),
        random_array(rng, (3, 3, 32, 64), np.float32) / 8, random_array(rng, 64, np.float32),
    )  # fmt: skip
    first, second = layers(x, *kernels, **options)
    return x, first, second, random_array(rng, (images, 12, 12, 64), np.float32)


def test_float64_layers_are_not_accepted():
    """In float64 no Winograd algorithm is chosen for the second convolution."""
    x, first, second, _ = article_layers(2)
    assert accepted(x, first, second)
    x = x.astype(np.float64)
    operands = (array.astype(np.float64) for array in (first.kernel, first.bias, second.kernel, second.bias))
    first, second = layers(x, *operands)
    assert not accepted(x, first, second)


@pytest.mark.parametrize("relu", [False, True])
def test_the_articles_layers_agree_with_the_reference(relu):
    x, first, second, values = article_layers(relu=relu)
    eps = np.finfo(np.float32).eps
    outputs, winners = conv2d_conv2d_max_pool2d(x, first, second, HALVED)
    wide = [
        convolution._replace(kernel=convolution.kernel.astype(np.float64), bias=convolution.bias.astype(np.float64))
        for convolution in (first, second)
    ]
    images = convolved(reference, x.astype(np.float64), wide[0])
    exact, _ = reference.max_pool2d(convolved(reference, images, wide[1]), *HALVED)
    assert_within(outputs, exact, 333 * eps * np.abs(exact).max(), "outputs")

    # Which elements the ReLUs pass may depend on rounding; so they are taken from the kernels.
    masks = convolved(kernels_for(first), x, first).astype(np.float64)
    dz = reference.relu_gradient(values, outputs) if relu else values
    found = conv2d_conv2d_max_pool2d_gradients(PooledGradient(values, winners, outputs), x, first, second, HALVED)

    def formula(dz, x, images, first, second):
        dy = reference.max_pool2d_gradient(dz, winners, second.output_shape(images.shape), *HALVED)
        dx, *of_second = convolved_gradients(reference, dy, None, images, second)
        return *convolved_gradients(reference, dx, masks, x, first)[1:], *of_second

    exact = formula(*in_float64([dz, x]), images, *wide)
    sizes = [convolution._replace(kernel=abs(convolution.kernel), bias=abs(convolution.bias)) for convolution in wide]
    magnitude = formula(*magnitudes([dz, x]), convolved(reference, *magnitudes([x]), sizes[0]), *sizes)
    for gradient, right, size in zip(found, exact, magnitude, strict=True):
        terms = values.size + 2 * second.kernel.size  # elements of dz, and terms of the sums of both convolutions
        assert_within(gradient, right, terms * eps * size.max(), "gradient")


REFUSED = {
    "an overlapping pooling": {"pooling": Pooling((3, 3), (2, 2), "same")},
    "a padded pooling": {"pooling": Pooling((2, 2), (2, 2), "same")},
    "a pooling of other strides": {"pooling": Pooling((2, 2), (3, 3), "valid")},
    "implicit GEMM": {"algorithm": "tile"},
    "dense gradients": {"algorithm": "winograd_4x4"},
}


@pytest.mark.parametrize("options", REFUSED.values(), ids=REFUSED)
def test_other_layers_are_an_error(options):
    x, first, second, _ = article_layers(2, size=27, **options)
    pooling = options.get("pooling", HALVED)
    assert not accepted(x, first, second, pooling)
    shape = pooling.output_shape(second.output_shape(first.output_shape(x.shape)))
    gradient = PooledGradient(np.ones(shape, np.float32), np.zeros(shape, np.uint8), np.ones(shape, np.float32))
    with pytest.raises(ValueError, match=r"Expected a cheap convolution .*; call conv2d_relu and conv2d_max_pool2d"):
        conv2d_conv2d_max_pool2d(x, first, second, pooling)
    with pytest.raises(ValueError, match="Expected a cheap convolution"):
        conv2d_conv2d_max_pool2d_gradients(gradient, x, first, second, pooling)


def test_a_first_convolution_by_another_algorithm_or_without_relu_is_an_error():
    x, first, second, _ = article_layers(2)
    for other in (first._replace(relu=False), first._replace(choice=Choice("im2col", "im2col", "im2col"))):
        with pytest.raises(ValueError, match="Expected a cheap convolution"):
            conv2d_conv2d_max_pool2d(x, other, second, HALVED)


def test_only_a_cheap_convolution_is_recomputed():
    x, first, second, _ = article_layers(1)
    deep = np.zeros((1, 28, 28, 4), np.float32)
    costly = chosen(first._replace(kernel=np.zeros((3, 3, 4, 32), np.float32)), deep)
    assert first.kernel[..., 0].size <= CHEAP_DEPTH < costly.kernel[..., 0].size
    assert accepted(x, first, second)
    assert not accepted(deep, costly, second)


def test_both_kernel_gradients_are_summed_over_the_same_groups_of_images():
    assert group_count(1000, GROUPED_BYTES) == MOST_GROUPS
    assert group_count(1000, 2 * GROUPED_BYTES) < MOST_GROUPS
    x, first, second, _ = article_layers(1)
    large = second._replace(kernel=np.zeros((3, 3, 32, 512), np.float32))
    assert large.kernel.nbytes > GROUPED_BYTES
    assert not accepted(x, first, large)


def test_no_images_give_no_outputs_and_gradients_of_zero():
    x, first, second, values = article_layers(2)
    outputs, winners = conv2d_conv2d_max_pool2d(x[:0], first, second, HALVED)
    assert outputs.shape == winners.shape == (0, 12, 12, 64)
    gradient = PooledGradient(values[:0], winners, outputs)
    gradients = conv2d_conv2d_max_pool2d_gradients(gradient, x[:0], first, second, HALVED)
    assert not any(array.any() for array in gradients)


def test_operands_that_do_not_fit_are_an_error():
    x, first, second, values = article_layers(2)
    outputs, winners = conv2d_conv2d_max_pool2d(x, first, second, HALVED)
    deeper = first._replace(kernel=np.ones((3, 3, 2, 32), np.float32))
    narrow = second._replace(kernel=second.kernel[:, :, :16])
    for one, other in ((deeper, second), (first, narrow)):
        with pytest.raises(ValueError, match="Expected as many channels in the images as in the kernel"):
            conv2d_conv2d_max_pool2d(x, one, other, HALVED)
    with pytest.raises(ValueError, match="Expected bias of shape"):
        conv2d_conv2d_max_pool2d(x, first._replace(bias=second.bias), second, HALVED)
    with pytest.raises(TypeError, match="Expected one dtype"):
        conv2d_conv2d_max_pool2d(x.astype(np.float64), first, second, HALVED)
    for gradient, message in (
        (PooledGradient(values, winners[:, 1:], outputs), "Expected winners of shape"),
        (PooledGradient(values[:, :, 1:], winners, outputs), "Expected values of shape"),
        (PooledGradient(values, winners, outputs[1:]), "Expected outputs of shape"),
    ):
        with pytest.raises(ValueError, match=message):
            conv2d_conv2d_max_pool2d_gradients(gradient, x, first, second, HALVED)
