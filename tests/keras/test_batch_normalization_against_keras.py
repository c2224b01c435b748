"""BatchNormalization compared with Keras on JAX: passes, moving averages, frozen layers, and training on real digits.

Keras on JAX normalizes float64 inputs in float32. To compare formulas and not rounding errors, these tests let it
compute in float64, where values of order 1 to 100 differ by at most 1e-13; the tolerances of 1e-10 leave room for the
amplification by small variances and a few training steps. The test with real digits uses Keras as it is, in float32.
"""

import jax
import keras
import numpy as np
import pytest
from keras.src.layers.normalization import batch_normalization as keras_source
from networks import sample_digits

from scratchcnn import Sequential, kernels, layers, reference
from scratchcnn.inspection import compare_with_keras

# Keras's variables accept no `copy` argument in __array__, which NumPy 2 passes; NumPy warns and omits it.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

CLOSE = {"rtol": 1e-10, "atol": 1e-10}


@pytest.fixture
def in_float64(monkeypatch):
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    monkeypatch.setattr(keras_source.backend, "result_type", lambda *dtypes: "float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def weights_like(rng, arrays):
    """Random values for gamma and beta, as far as they exist, a moving mean, and a positive moving variance."""
    return [*(rng.standard_normal(array.shape) for array in arrays[:-1]), 0.1 + rng.random(arrays[-1].shape)]


def keras_passes(layer, x, dy, training):
    """Return Keras's output, moving averages, input gradient, and gradients w.r.t. gamma and beta."""

    @jax.jit
    def passes(learned, statistics, x, dy):
        def outputs(learned, x):
            trained = learned if layer.trainable else []
            fixed = statistics if layer.trainable else [*learned, *statistics]
            return layer.stateless_call(trained, fixed, x, training=training)

        y, pull_back, moved = jax.vjp(outputs, learned, x, has_aux=True)
        return y, moved[-2:], *pull_back(dy)[::-1]

    values = [variable.value for variable in layer.weights]
    y, moved, dx, gradients = passes(values[:-2], values[-2:], x, dy)
    return [np.asarray(array) for array in (y, *moved, dx, *gradients)]


def our_passes(layer, x, dy, training, ops):
    """Return the same of our layer."""
    y, cache = layer.forward(x, ops, training, None)
    moved = layer.params
    if training and layer.trainable:
        moved = layer.next_statistics(cache)
    dx, gradients = layer.backward(dy, cache, ops)
    return [y, moved["moving_mean"], moved["moving_variance"], dx, *gradients.values()]


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize("seed", range(32))
def test_passes_and_moving_averages_equal_keras_for_random_shapes_and_options(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(length) for length in rng.integers(1, 7, int(rng.choice([1, 1, 2, 3, 3]))))
    training, frozen = bool(seed % 2), seed % 8 in (2, 3)
    axis = -1 if seed % 3 else len(shape)
    options = {
        "axis": axis, "momentum": float(rng.choice([0.0, 0.5, 0.99, 1.0])),
        "epsilon": float(rng.choice([1e-5, 1e-3, 1.0])), "center": seed % 5 != 0, "scale": seed % 7 != 0,
    }  # fmt: skip
    theirs, ours = keras.layers.BatchNormalization(**options), layers.BatchNormalization(**options)
    theirs.build((None, *shape))
    ours.build(shape, rng, np.dtype(np.float64))
    assert [weight.name for weight in theirs.weights] == list(ours.params)
    for one, other in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    weights = weights_like(rng, ours.weights)
    theirs.set_weights(weights)
    ours.set_weights(weights)
    theirs.trainable = ours.trainable = not frozen
    count = int(rng.integers(1 if len(shape) == 3 else 2, 9))
    x, dy = 3 * rng.standard_normal((count, *shape)) + rng.standard_normal(shape), rng.standard_normal((count, *shape))
    expected = keras_passes(theirs, x, dy, training)
    for ops in (kernels, reference):
        found = our_passes(ours, x, dy, training, ops)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype == np.float64
            np.testing.assert_allclose(one, other, **CLOSE)


@pytest.mark.usefixtures("in_float64")
def test_batch_of_one_sample_is_normalized_as_by_keras(rng):
    theirs, ours = keras.layers.BatchNormalization(), layers.BatchNormalization()
    theirs.build((None, 4))
    ours.build((4,), rng, np.dtype(np.float64))
    weights = weights_like(rng, ours.weights)
    theirs.set_weights(weights)
    ours.set_weights(weights)
    x, dy = rng.standard_normal((2, 1, 4))
    expected = keras_passes(theirs, x, dy, True)
    for ops in (kernels, reference):
        for one, other in zip(our_passes(ours, x, dy, True, ops), expected, strict=True):
            np.testing.assert_allclose(one, other, **CLOSE)


def network(kind):
    """Layers without a bias before a normalization: its gradient is a rounding error, which Adam would magnify."""
    return [
        kind.BatchNormalization(momentum=0.5), kind.Conv2D(4, 3, use_bias=False), kind.BatchNormalization(momentum=0.8),
        kind.Activation("relu"), kind.MaxPooling2D(2), kind.Flatten(), kind.Dense(6, use_bias=False),
        kind.BatchNormalization(scale=False), kind.Dense(5, activation="softmax"),
    ]  # fmt: skip


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize("frozen", [(), (0,), (2,), (0, 2, 7)])
def test_fit_and_evaluate_equal_keras(rng, frozen):
    theirs = keras.Sequential([keras.layers.Input((9, 8, 2)), *network(keras.layers)])
    ours = Sequential([layers.Input((9, 8, 2)), *network(layers)], dtype="float64")
    ours.set_weights(theirs.get_weights())
    for model in (theirs, ours):
        for number in frozen:
            model.layers[number].trainable = False
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = rng.random((40, 9, 8, 2)) * 3 + 1, rng.integers(0, 5, 40)
    histories = [
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=(x[:9], y[:9])).history
        for model in (theirs, ours)
    ]
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-6)  # Keras adds losses up in float32
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x, verbose=0), rtol=1e-7, atol=1e-7)


def test_first_steps_on_real_digits_differ_from_keras_by_rounding_only():
    """In float32, from Glorot uniform weights and zero biases; the tolerances are those of `compare_with_keras`."""
    (x, y), _ = sample_digits()
    model = Sequential([
        layers.Conv2D(8, 3, use_bias=False, input_shape=(28, 28, 1)), layers.BatchNormalization(), layers.ReLU(),
        layers.Conv2D(16, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(32, use_bias=False), layers.BatchNormalization(), layers.ReLU(),
        layers.Dense(10, activation="softmax"),
    ], seed=0)  # fmt: skip
    model.compile("adam")
    found = compare_with_keras(model, x, y, steps=5, batch_size=128)
    assert found.agrees, str(found)
    statistics = [row for row in found.rows if row.place.parameter.startswith("moving_")]
    assert len(statistics) == 5 * 6
    assert all(row.tolerance < 0.01 * row.largest for row in statistics)
