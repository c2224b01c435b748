"""Regularizers, compared with Keras: penalty in the reported losses, gradients, and frozen layers."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_floats import floats

from scratchcnn import Sequential, layers, regularizers
from scratchcnn.inspection import compare_with_keras

# The __array__ of Keras's variables has no `copy` argument, which NumPy 2 passes; NumPy falls back with a warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

FACTORS = st.sampled_from([0.0, 0.01, 0.3])
REGULARIZERS = st.one_of(
    st.just(None),
    st.sampled_from(["l1", "l2"]).map(lambda name: (name.upper(), {})),
    FACTORS.map(lambda l1: ("L1", {"l1": l1})),
    FACTORS.map(lambda l2: ("L2", {"l2": l2})),
    st.tuples(FACTORS, FACTORS).map(lambda pair: ("L1L2", {"l1": pair[0], "l2": pair[1]})),
)
OPTIMIZERS = st.sampled_from(["sgd", "adam", "rmsprop"])


def made(package, described):
    return None if described is None else getattr(package, described[0])(**described[1])


def model_of(module, sequential, chosen):
    one, two, three = ({"kernel_regularizer": kernel, "bias_regularizer": bias} for kernel, bias in chosen)
    return sequential([
        module.Input((6, 6, 1)), module.Conv2D(3, 3, activation="relu", **one), module.Flatten(),
        module.Dense(5, "tanh", **two), module.Dense(3, "softmax", **three),
    ])  # fmt: skip


@settings(max_examples=6)
@given(st.lists(REGULARIZERS, min_size=6, max_size=6), OPTIMIZERS, st.sets(st.integers(0, 3)), st.integers(0, 999))
def test_fit_and_evaluate_equal_keras(described, optimizer, frozen, seed):
    rng = np.random.default_rng(seed)
    x, y, weights = rng.random((11, 6, 6, 1)), rng.integers(0, 3, 11), rng.random(11)
    with floats("float64"):
        pairs = [
            [(made(package, kernel), made(package, bias)) for kernel, bias in zip(*[iter(described)] * 2, strict=True)]
            for package in (regularizers, keras.regularizers)
        ]
        ours = model_of(layers, lambda row: Sequential(row, dtype="float64", seed=0), pairs[0])
        theirs = model_of(keras.layers, keras.Sequential, pairs[1])
        # No weight is near zero, where the sign in the gradient of L1 is a matter of rounding.
        initial = [rng.uniform(0.1, 0.5, array.shape) * rng.choice([-1, 1], array.shape) for array in ours.weights]
        for model in (ours, theirs):
            model.set_weights(initial)
            for number in frozen:
                model.layers[number].trainable = False
            model.compile(optimizer, "sparse_categorical_crossentropy")
            model.optimizer.learning_rate = 0.001
        arguments = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
        found, expected = (
            model.fit(x, y, sample_weight=weights, validation_data=(x, y), **arguments).history
            for model in (ours, theirs)
        )
        assert found.keys() == expected.keys()
        for key in found:
            np.testing.assert_allclose(found[key], expected[key], rtol=1e-6)  # Keras adds the losses in float32
        # Keras rounds the factor of a mean to float32. Adam and RMSprop divide by gradients, which magnifies it.
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
        assert ours.evaluate(x, y, verbose=0) == pytest.approx(theirs.evaluate(x, y, verbose=0), rel=1e-6)
        total = ours.loss_and_gradients(x, y)[0]
        assert total == pytest.approx(ours.evaluate(x, y, verbose=0))
        assert total == pytest.approx(ours.test_on_batch(x, y))


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_comparison_with_keras_includes_the_penalties(rng, optimizer):
    regularizer = regularizers.L1L2(0.01, 0.1)
    model = model_of(layers, lambda row: Sequential(row, seed=1), [(regularizer, "l2"), (None, "l1"), ("l2", None)])
    model.compile(optimizer)
    x, y = rng.random((40, 6, 6, 1)), rng.integers(0, 3, 40)
    compared = compare_with_keras(model, x, y, steps=3, batch_size=16)
    assert compared.agrees, str(compared)
    without = model.clone()
    without.layers[0].kernel_regularizer = None
    other = model_of(keras.layers, keras.Sequential, [(None, "l2"), (None, "l1"), ("l2", None)])
    other.compile(optimizer, "sparse_categorical_crossentropy")
    assert compare_with_keras(without, x, y, 3, 16, other).agrees
    assert not compare_with_keras(model, x, y, 3, 16, other).agrees
