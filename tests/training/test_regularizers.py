"""Regularizers: penalties in losses and gradients, on both engines; frozen layers; and user-defined regularizers."""

import numpy as np
import pytest
from own_layers import Scale

from scratchcnn import Sequential, layers, load_model, optimizers, regularizers
from scratchcnn.inspection import OptimizerMicroscope, check_gradients, trace

ENGINES = pytest.mark.parametrize("engine", ["kernels", "reference"])


def model_of(engine="kernels", dtype="float32", **options):
    model = Sequential([
        layers.Conv2D(3, 3, activation="relu", input_shape=(6, 6, 1), **options), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(4, "softmax", **options),
    ], engine=engine, dtype=dtype, seed=0)  # fmt: skip
    model.compile("sgd")
    return model


def data(rng, count=9):
    return rng.random((count, 6, 6, 1)), rng.integers(0, 4, count)


@ENGINES
def test_penalty_and_its_gradient_are_added(rng, engine):
    x, y = data(rng)
    plain = model_of(engine, "float64")
    model = model_of(engine, "float64", kernel_regularizer=regularizers.L1L2(0.1, 0.2), bias_regularizer="l2")
    model.set_weights([rng.standard_normal(array.shape) for array in plain.weights])
    plain.set_weights(model.get_weights())
    kernels, biases = plain.weights[::2], plain.weights[1::2]
    penalty = sum(0.1 * abs(w).sum() + 0.2 * (w**2).sum() for w in kernels) + sum(0.01 * (b**2).sum() for b in biases)
    loss, gradients = model.loss_and_gradients(x, y)
    loss_without, gradients_without = plain.loss_and_gradients(x, y)
    assert loss == pytest.approx(loss_without + penalty)
    for number, (found, without, w) in enumerate(zip(gradients, gradients_without, plain.weights, strict=True)):
        added = 0.02 * w if number % 2 else 0.1 * np.sign(w) + 0.4 * w
        np.testing.assert_allclose(found, without + added, rtol=1e-12)
    weights = rng.random(9)
    expected = plain.evaluate(x, y, sample_weight=weights, verbose=0) + penalty
    assert model.evaluate(x, y, sample_weight=weights, verbose=0) == pytest.approx(expected)
    assert model.test_on_batch(x, y, weights) == pytest.approx(expected)
    assert model.train_on_batch(x, y, weights) == pytest.approx(expected)


@ENGINES
@pytest.mark.parametrize("regularizer", ["l1", "l2", "l1_l2", regularizers.L1(0.3)])
def test_gradients_equal_differences(rng, engine, regularizer):
    model = model_of(engine, kernel_regularizer=regularizer, bias_regularizer=regularizer)
    found = check_gradients(model, *data(rng))
    assert found.ok, str(found)


class WrongSign(regularizers.L2):
    def add_gradient(self, gradient, parameter, ops):
        return gradient - 2 * self.l2 * parameter


def test_check_gradients_finds_a_wrong_gradient_of_a_penalty(rng):
    assert not check_gradients(model_of(kernel_regularizer=WrongSign(0.3)), *data(rng)).ok
    assert check_gradients(model_of(kernel_regularizer=regularizers.L2(0.3)), *data(rng)).ok


def test_trained_weights_are_smaller(rng):
    x, y = data(rng, 40)
    models = [model_of(), model_of(kernel_regularizer=regularizers.L2(0.1))]
    sizes = []
    for model in models:
        model.compile(optimizers.SGD(0.1))
        model.fit(x, y, epochs=5, verbose=0)
        sizes.append([np.linalg.norm(array) for array in model.weights[::2]])
    assert (np.array(sizes[1]) < np.array(sizes[0])).all()


def test_l2_with_gradient_descent_is_weight_decay(rng):
    x, y = data(rng)
    one, other = (model_of(dtype="float64") for _ in range(2))
    for layer in one.layers:
        if layer.params:
            layer.kernel_regularizer = layer.bias_regularizer = regularizers.L2(0.05)
    one.compile(optimizers.SGD(0.1))
    other.compile(optimizers.SGD(0.1, weight_decay=0.1))
    for model in (one, other):
        model.fit(x, y, epochs=3, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_frozen_layer_has_no_penalty(rng):
    x, y = data(rng)
    model, plain = model_of(kernel_regularizer="l2"), model_of()
    model.trainable = False
    assert model.evaluate(x, y, verbose=0) == plain.evaluate(x, y, verbose=0)
    model.layers[0].trainable = True
    expected = plain.evaluate(x, y, verbose=0) + 0.01 * (plain.weights[0] ** 2).sum()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected)
    assert len(model.loss_and_gradients(x, y)[1]) == 2
    assert trace(model, x, y).loss == pytest.approx(plain.evaluate(x, y, verbose=0))  # of the samples alone


def test_regularizer_of_a_bias_that_does_not_exist_has_no_effect(rng):
    model = model_of(use_bias=False, bias_regularizer="l2")
    x, y = data(rng)
    assert model.layers[0].regularizers == {}
    assert model.evaluate(x, y, verbose=0) == model_of(use_bias=False).evaluate(x, y, verbose=0)


def test_regularizer_that_is_set_later_takes_effect_or_raises(rng):
    x, y = data(rng)
    model = model_of()
    before = model.evaluate(x, y, verbose=0)
    model.layers[0].kernel_regularizer = "l2"
    assert model.evaluate(x, y, verbose=0) > before
    model.layers[0].kernel_regularizer = 0.1
    with pytest.raises(ValueError, match=r"regularizer as one of 'l1', 'l2', 'l1_l2', received 0\.1"):
        model.evaluate(x, y, verbose=0)


@pytest.mark.parametrize("layer", [layers.Dense, layers.Conv2D])
def test_activity_regularizer_is_refused(layer):
    with pytest.raises(TypeError, match=r"received 'activity_regularizer'; use kernel_regularizer or bias_regularizer"):
        layer(3, activity_regularizer="l2")


class Nuclear(regularizers.Regularizer):
    """The sum of all weights, squared."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def get_config(self):
        return {"factor": self.factor}

    def penalty(self, parameter, ops):
        return self.factor * float(parameter.sum()) ** 2

    def add_gradient(self, gradient, parameter, ops):
        return gradient + parameter.dtype.type(2 * self.factor) * parameter.sum()


def test_user_defined_regularizer_is_trained_checked_and_saved(rng, tmp_path):
    model, (x, y) = model_of(kernel_regularizer=Nuclear(0.1)), data(rng)
    assert check_gradients(model, x, y).ok
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", custom_objects={"Nuclear": Nuclear})
    assert loaded.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    with pytest.raises(ValueError, match=r"the kernel_regularizer of .* that Keras has, received Nuclear"):
        model.save(tmp_path / "model.keras")


@ENGINES
def test_penalty_on_a_parameter_of_a_users_layer(rng, engine):
    own = Scale(input_shape=(6, 6, 1))
    model = Sequential([own, layers.Flatten(), layers.Dense(4, "softmax")], engine=engine, dtype="float64", seed=0)
    model.compile("sgd")
    x, y = data(rng)
    loss, (gradient, *_) = model.loss_and_gradients(x, y)
    own.gain_regularizer = regularizers.L2(0.5)
    gain = own.params["gain"]
    with_penalty, (found, *_) = model.loss_and_gradients(x, y)
    assert with_penalty == pytest.approx(loss + 0.5 * (gain**2).sum())
    np.testing.assert_allclose(found, gradient + gain, rtol=1e-12)
    assert check_gradients(model, x, y, sample=5).ok


def test_microscope_records_the_gradient_with_the_penalty(rng):
    x, y = data(rng)
    model = model_of(dtype="float64", kernel_regularizer="l2")
    expected = model.loss_and_gradients(x, y)[1][0][1, 2, 0, 1]
    microscope = OptimizerMicroscope(model, "conv2d", "kernel", (1, 2, 0, 1))
    model.fit(x, y, verbose=0, shuffle=False, callbacks=microscope)
    assert microscope.result.gradients[0] == pytest.approx(expected)


def test_penalty_that_is_not_finite_is_diagnosed(rng):
    model, (x, y) = model_of(kernel_regularizer="l2"), data(rng)
    model.layers[3].params["kernel"][:] = np.inf
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="parameter 'kernel' of layer 'dense'"):
        model.fit(x, y, verbose=0)
