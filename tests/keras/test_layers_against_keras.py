"""Outputs and gradients of each layer, compared with Keras on JAX over random geometry, for both engines.

The tolerance of every comparison is a bound on the rounding errors of both sides (`rounding_bound` in conftest.py).
"""

import jax
import keras
import numpy as np
import pytest

from scratchcnn import kernels, layers, reference

# Keras's variables accept no `copy` argument in __array__, which NumPy 2 passes; NumPy warns and omits it.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

ENGINES = [kernels, reference]
FEW_ROUNDINGS = 4  # for outputs that are not sums


def keras_passes(layer, x, dy):
    """Return Keras's output for x, and the gradients of sum(output * dy) w.r.t. the layer's variables and x."""

    @jax.jit
    def passes(variables, x, dy):
        y, pull_back = jax.vjp(lambda variables, x: layer.stateless_call(variables, [], x)[0], variables, x)
        return y, pull_back(dy)

    y, (d_variables, dx) = passes([variable.value for variable in layer.trainable_variables], x, dy)
    return [np.asarray(array) for array in (y, *d_variables, dx)]


def our_passes(layer, x, dy, ops):
    """Return the same for our layer."""
    y, cache = layer.forward(x, ops, training=False, rng=None)
    dx, gradients = layer.backward(dy, cache, ops)
    return [y, *(gradients[name] for name in layer.params), dx]


def make_pair(rng, keras_layer, our_layer, sample_shape, dtype):
    """Build both layers for samples of `sample_shape`, with the same random parameters."""
    keras_layer.build((None, *sample_shape))
    output_shape = our_layer.build(sample_shape, rng, np.dtype(dtype))
    assert output_shape == tuple(keras_layer.compute_output_shape((1, *sample_shape))[1:])
    assert [array.shape for array in our_layer.params.values()] == [w.shape for w in keras_layer.get_weights()]
    weights = [rng.standard_normal(array.shape).astype(dtype) for array in our_layer.params.values()]
    for array, weight in zip(our_layer.params.values(), weights, strict=True):
        array[...] = weight
    keras_layer.set_weights(weights)
    return output_shape


def assert_agree(keras_layer, our_layer, x, dy, bounds):
    """Check that output, parameter gradients and input gradient are within their bounds of Keras's."""
    expected = keras_passes(keras_layer, x, dy)
    for ops in ENGINES:
        found = our_passes(our_layer, x, dy, ops)
        for ours, theirs, bound in zip(found, expected, bounds, strict=True):
            assert ours.dtype == theirs.dtype == x.dtype
            assert ours.shape == theirs.shape
            assert (abs(ours.astype(np.float64) - theirs) <= bound).all()


def random_sizes(rng, window, dilation, padding):
    smallest = [(k - 1) * d + 1 if padding == "valid" else 1 for k, d in zip(window, dilation, strict=True)]
    return tuple(int(rng.integers(least, least + 9)) for least in smallest)


def random_pair(rng, low, high):
    return tuple(int(number) for number in rng.integers(low, high + 1, 2))


@pytest.mark.parametrize("seed", range(32))
def test_conv2d_equals_keras_for_random_geometry(rounding_bound, seed):
    rng = np.random.default_rng(seed)
    dtype = "float32" if seed % 4 == 3 else "float64"
    padding = ["valid", "same"][seed % 2]
    window, strides, dilation = random_pair(rng, 1, 5), random_pair(rng, 1, 6), random_pair(rng, 1, 3)
    if seed % 3:  # Keras accepts strides or dilation, not both
        dilation = (1, 1)
    else:
        strides = (1, 1)
    size, channels = random_sizes(rng, window, dilation, padding), int(rng.integers(1, 10))
    filters, images, use_bias = int(rng.integers(1, 12)), int(rng.integers(1, 4)), bool(rng.integers(4))
    options = {"strides": strides, "padding": padding, "dilation_rate": dilation, "use_bias": use_bias}
    theirs, ours = (
        keras.layers.Conv2D(filters, window, dtype=dtype, **options),
        layers.Conv2D(filters, window, **options),
    )
    output_shape = make_pair(rng, theirs, ours, (*size, channels), dtype)
    x = rng.standard_normal((images, *size, channels)).astype(dtype)
    dy = rng.standard_normal((images, *output_shape)).astype(dtype)

    geometry = (strides, padding, dilation)
    absolute_x, absolute_dy = abs(x.astype(np.float64)), abs(dy.astype(np.float64))
    kernel, bias = (None if p is None else abs(p.astype(np.float64)) for p in map(ours.params.get, ("kernel", "bias")))
    area, outputs = window[0] * window[1], dy[..., 0].size
    bounds = [
        rounding_bound(reference.conv2d(absolute_x, kernel, bias, *geometry), area * channels, dtype, dtype),
        rounding_bound(
            reference.conv2d_kernel_gradient(absolute_dy, absolute_x, window, *geometry), outputs, dtype, dtype
        ),
        rounding_bound(
            reference.conv2d_input_gradient(absolute_dy, kernel, x.shape, *geometry), area * filters, dtype, dtype
        ),
    ]
    if use_bias:
        bounds.insert(2, rounding_bound(absolute_dy.sum(axis=(0, 1, 2)), outputs, dtype, dtype))
    assert_agree(theirs, ours, x, dy, bounds)


@pytest.mark.parametrize("seed", range(20))
def test_max_pooling_equals_keras_for_random_geometry(rounding_bound, seed):
    rng = np.random.default_rng(1000 + seed)
    dtype = "float32" if seed % 4 == 3 else "float64"
    padding = ["valid", "same"][seed % 2]
    window = random_pair(rng, 1, 5)
    strides = None if seed % 5 == 0 else random_pair(rng, 1, 6)
    size, channels = random_sizes(rng, window, (1, 1), padding), int(rng.integers(1, 10))
    options = {"strides": strides, "padding": padding}
    theirs, ours = keras.layers.MaxPooling2D(window, dtype=dtype, **options), layers.MaxPooling2D(window, **options)
    output_shape = make_pair(rng, theirs, ours, (*size, channels), dtype)
    x = (rng.standard_normal((3, *size, channels)) - 3).astype(
        dtype
    )  # mostly negative: the maximum must never be padding
    dy = rng.standard_normal((3, *output_shape)).astype(dtype)
    _, cache = ours.forward(x, reference, training=False, rng=None)
    absolute_dx, _ = ours.backward(abs(dy).astype(np.float64), cache, reference)
    assert_agree(theirs, ours, x, dy, [0, rounding_bound(absolute_dx, window[0] * window[1], dtype, dtype)])


@pytest.mark.parametrize("seed", range(20))
def test_average_pooling_equals_keras_for_random_geometry(rounding_bound, seed):
    rng = np.random.default_rng(2000 + seed)
    dtype = "float32" if seed % 4 == 3 else "float64"
    padding = ["valid", "same"][seed % 2]
    window = random_pair(rng, 1, 5)
    strides = None if seed % 5 == 0 else random_pair(rng, 1, 6)
    size, channels = random_sizes(rng, window, (1, 1), padding), int(rng.integers(1, 10))
    options = {"strides": strides, "padding": padding}
    theirs, ours = (
        keras.layers.AveragePooling2D(window, dtype=dtype, **options),
        layers.AveragePooling2D(window, **options),
    )
    output_shape = make_pair(rng, theirs, ours, (*size, channels), dtype)
    x = rng.standard_normal((3, *size, channels)).astype(dtype)
    dy = rng.standard_normal((3, *output_shape)).astype(dtype)
    assert_agree(theirs, ours, x, dy, bounds_of_means(rounding_bound, ours, x, dy, window[0] * window[1]))


def bounds_of_means(rounding_bound, layer, x, dy, area, their_dtype=None):
    """Return the bounds for the output and the input gradient of a layer that computes means of `area` values."""
    magnitudes = our_passes(layer, *(abs(array.astype(np.float64)) for array in (x, dy)), reference)
    return [rounding_bound(magnitude, area, x.dtype, their_dtype or x.dtype) for magnitude in magnitudes]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 5, 4), (24, 24, 17)])
@pytest.mark.parametrize("name", ["GlobalAveragePooling2D", "GlobalMaxPooling2D"])
def test_global_pooling_equals_keras(rounding_bound, rng, name, shape, keepdims, dtype):
    theirs, ours = getattr(keras.layers, name)(keepdims=keepdims, dtype=dtype), getattr(layers, name)(keepdims=keepdims)
    output_shape = make_pair(rng, theirs, ours, shape, dtype)
    x, dy = ((rng.standard_normal((3, *each)) - 3).astype(dtype) for each in (shape, output_shape))
    bounds = [0, 0]
    if name == "GlobalAveragePooling2D":  # which Keras computes in float32 for any dtype
        bounds = bounds_of_means(rounding_bound, ours, x, dy, shape[0] * shape[1], np.float32)
    assert_agree(theirs, ours, x, dy, bounds)


def test_equal_maxima_share_the_gradient_in_keras_and_the_first_receives_it_here(rng):
    """The difference that the documentation of GlobalMaxPooling2D describes."""
    theirs, ours = keras.layers.GlobalMaxPooling2D(dtype="float64"), layers.GlobalMaxPooling2D()
    make_pair(rng, theirs, ours, (2, 2, 1), "float64")
    x = np.array([[1.0, 2.0], [2.0, 0.0]]).reshape(1, 2, 2, 1)
    assert keras_passes(theirs, x, np.ones((1, 1)))[1].ravel().tolist() == [0, 0.5, 0.5, 0]
    for ops in ENGINES:
        assert our_passes(ours, x, np.ones((1, 1)), ops)[1].ravel().tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("padding", [1, 0, (2, 1), ((1, 0), (0, 3))])
def test_zero_padding_equals_keras_exactly(rng, padding, dtype):
    theirs, ours = keras.layers.ZeroPadding2D(padding, dtype=dtype), layers.ZeroPadding2D(padding)
    output_shape = make_pair(rng, theirs, ours, (3, 4, 5), dtype)
    x, dy = (rng.standard_normal((2, *shape)).astype(dtype) for shape in ((3, 4, 5), output_shape))
    assert_agree(theirs, ours, x, dy, [0, 0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target_shape", [(60,), (-1,), (6, 10), (5, -1, 3), (1, 3, 4, 5)])
def test_reshape_equals_keras_exactly(rng, target_shape, dtype):
    theirs, ours = keras.layers.Reshape(target_shape, dtype=dtype), layers.Reshape(target_shape)
    output_shape = make_pair(rng, theirs, ours, (3, 4, 5), dtype)
    x, dy = (rng.standard_normal((2, *shape)).astype(dtype) for shape in ((3, 4, 5), output_shape))
    assert_agree(theirs, ours, x, dy, [0, 0])


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(("samples", "inputs", "units"), [(1, 1, 1), (5, 37, 11), (33, 130, 70)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dense_equals_keras(rounding_bound, rng, dtype, samples, inputs, units, use_bias):
    theirs = keras.layers.Dense(units, use_bias=use_bias, dtype=dtype)
    ours = layers.Dense(units, use_bias=use_bias)
    make_pair(rng, theirs, ours, (inputs,), dtype)
    x, dy = (rng.standard_normal((samples, length)).astype(dtype) for length in (inputs, units))
    absolute_x, absolute_dy, kernel = (abs(a.astype(np.float64)) for a in (x, dy, ours.params["kernel"]))
    bias = abs(ours.params["bias"]) if use_bias else 0
    bounds = [
        rounding_bound(absolute_x @ kernel + bias, inputs, dtype, dtype),
        rounding_bound(absolute_x.T @ absolute_dy, samples, dtype, dtype),
        rounding_bound(absolute_dy @ kernel.T, units, dtype, dtype),
    ]
    if use_bias:
        bounds.insert(2, rounding_bound(absolute_dy.sum(axis=0), samples, dtype, dtype))
    assert_agree(theirs, ours, x, dy, bounds)


@pytest.mark.parametrize("name", ["relu", "linear"])
def test_relu_and_linear_equal_keras_exactly(rng, name):
    x, dy = rng.standard_normal((2, 4, 3, 5)), rng.standard_normal((2, 4, 3, 5))
    theirs, ours = keras.layers.Activation(name, dtype="float64"), layers.Activation(name)
    make_pair(rng, theirs, ours, x.shape[1:], "float64")
    assert_agree(theirs, ours, x, dy, [0, 0])


@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_softmax_equals_keras_along_the_last_axis(rounding_bound, rng, scale):
    x, dy = scale * rng.standard_normal((6, 3, 7)), rng.standard_normal((6, 3, 7))
    theirs, ours = keras.layers.Activation("softmax", dtype="float64"), layers.Activation("softmax")
    make_pair(rng, theirs, ours, x.shape[1:], "float64")
    # Rounding the distance d to the largest logit changes exp(-d) by d roundoffs; the sum of 7 adds as many again.
    distance = x.max(axis=-1, keepdims=True) - x
    y = np.exp(-distance) / np.exp(-distance).sum(axis=-1, keepdims=True)
    roundings = int(distance.max()) + 2 * 7 + FEW_ROUNDINGS
    magnitude = y * (abs(dy) + (abs(dy) * y).sum(axis=-1, keepdims=True))
    kind = ("float64", "float64")
    assert_agree(
        theirs, ours, x, dy, [rounding_bound(y, roundings, *kind), rounding_bound(magnitude, 3 * roundings, *kind)]
    )


@pytest.mark.parametrize("activation", ["relu", "softmax", "linear"])
def test_activation_within_conv2d_and_dense_equals_keras(rng, activation):
    # Values of order 1, sums of at most 200 terms: 1e-12 is about 20 times the bound on their rounding errors.
    for theirs, ours, shape in [
        (keras.layers.Conv2D, layers.Conv2D, (6, 5, 3)),
        (keras.layers.Dense, layers.Dense, (17,)),
    ]:
        size = ((3, 2),) if len(shape) == 3 else ()
        their_layer = theirs(4, *size, activation=activation, dtype="float64")
        our_layer = ours(4, *size, activation=activation)
        output_shape = make_pair(rng, their_layer, our_layer, shape, "float64")
        x, dy = rng.standard_normal((5, *shape)), rng.standard_normal((5, *output_shape))
        assert_agree(their_layer, our_layer, x, dy, [1e-12] * 4)


def test_flatten_equals_keras_exactly(rng):
    x, dy = rng.standard_normal((3, 4, 5, 2)), rng.standard_normal((3, 40))
    theirs, ours = keras.layers.Flatten(dtype="float64"), layers.Flatten()
    make_pair(rng, theirs, ours, x.shape[1:], "float64")
    assert_agree(theirs, ours, x, dy, [0, 0])


def test_dropout_is_the_identity_at_inference_as_in_keras(rng):
    x, dy = rng.standard_normal((3, 7)), rng.standard_normal((3, 7))
    ours = layers.Dropout(0.5)
    ours.build((7,), rng, np.dtype("float64"))
    theirs = keras.layers.Dropout(0.5, dtype="float64")(x, training=False)
    for ops in ENGINES:
        y, dx = our_passes(ours, x, dy, ops)
        np.testing.assert_array_equal(y, theirs)
        np.testing.assert_array_equal(dx, dy)


def test_dropout_in_training_scales_like_keras(rng):
    x = rng.standard_normal((50, 40))
    theirs = np.asarray(keras.layers.Dropout(0.3, dtype="float64")(x, training=True))
    kept = theirs != 0
    for ops in ENGINES:
        y, our_kept = layers.Dropout(0.3).forward(x, ops, training=True, rng=rng)
        both = kept & our_kept
        assert both.sum() > 500
        np.testing.assert_allclose(y[both], theirs[both], rtol=FEW_ROUNDINGS * np.finfo(np.float64).eps, atol=0)


def test_keras_uses_jax_in_float64():
    assert keras.config.backend() == "jax"
    assert keras.layers.Dense(1, dtype="float64")(np.ones((1, 1))).dtype == "float64"
