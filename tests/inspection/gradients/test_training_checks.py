"""check_optimizer, check_loss and overfit_one_batch: correct parts pass, and each kind of error is found."""

import copy

import numpy as np
import pytest
from networks import small_data, small_model
from own_layers import Scale

from scratchcnn import Sequential, losses
from scratchcnn.inspection import check_loss, check_optimizer, overfit_one_batch
from scratchcnn.layers import Activation, BatchNormalization, Dense, Flatten
from scratchcnn.optimizers import KNOWN, SGD, Adadelta, Adagrad, Adam, AdamW, RMSprop, schedules
from scratchcnn.regularizers import L2


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("optimizer", [
    Adam(), Adam(0.1, 0.5, 0.9, 1e-3), Adam(amsgrad=True), SGD(), SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True), Adam(schedules.CosineDecay(0.001, decay_steps=5)),
    *(kind() for kind in KNOWN.values()), AdamW(weight_decay=10.0), RMSprop(0.1, momentum=0.5, centered=True),
    SGD(0.1, clipnorm=0.1), Adagrad(0.1, clipvalue=0.1), Adadelta(1.0, global_clipnorm=0.1),
])  # fmt: skip
def test_correct_optimizers_pass(optimizer, engine):
    found = check_optimizer(optimizer, engine=engine)
    assert found.ok, str(found)
    assert found["all steps"].ok


class Backwards(SGD):
    def step(self, parameters, gradients, state, ops):
        return super().step(parameters, [-gradient for gradient in gradients], state, ops)


class Clipping(SGD):
    def step(self, parameters, gradients, state, ops):
        for gradient in gradients:
            np.clip(gradient, -0.1, 0.1, out=gradient)
        return super().step(parameters, gradients, state, ops)


class AlwaysFirstStep(Adam):
    def step(self, parameters, gradients, state, ops):
        return super().step(parameters, gradients, state._replace(iterations=0), ops)


class WithoutSquares(RMSprop):
    def update(self, parameter, gradient, slots, step, learning_rate, ops):
        super().update(parameter, np.sign(gradient) * abs(gradient) ** 0.5, slots, step, learning_rate, ops)


class CoupledDecay(AdamW):
    def update(self, parameter, gradient, slots, step, learning_rate, ops):
        super().update(parameter, gradient + 0.1 * parameter, slots, step, learning_rate, ops)


class WithoutClipping(SGD):
    def clipped(self, gradients, ops):
        return gradients


@pytest.mark.parametrize(("optimizer", "wrong"), [
    (WithoutSquares(), ["first step", "all steps"]),
    (CoupledDecay(), ["first step", "all steps"]),
    (WithoutClipping(clipnorm=0.01), ["first step", "all steps"]),
    (Backwards(), ["descent", "first step", "all steps"]),
    (Clipping(), ["gradients", "all steps"]),
    (AlwaysFirstStep(), ["all steps"]),
])  # fmt: skip
def test_errors_of_optimizers_are_found(optimizer, wrong):
    found = check_optimizer(optimizer)
    assert [point.name for point in found.wrong] == wrong, str(found)


def test_optimizer_without_formula_must_descend():
    class Sign:
        learning_rate = 0.1

        def start(self, parameters):
            return None

        def step(self, parameters, gradients, state, ops):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= 0.1 * np.sign(gradient)

    found = check_optimizer(Sign())
    assert found.ok
    assert [point.name for point in found.points] == ["descent", "gradients"]
    with pytest.raises(TypeError, match="Expected an optimizer"):
        check_optimizer("adam")


@pytest.mark.parametrize("loss", [
    losses.SparseCategoricalCrossentropy(), losses.CategoricalCrossentropy(from_logits=True),
])  # fmt: skip
@pytest.mark.parametrize("classes", [2, 10])
def test_correct_losses_pass(loss, classes):
    before = copy.copy(loss.__dict__)
    assert check_loss(loss, classes=classes).ok
    assert loss.__dict__ == before


def scaled(by):
    class Scaled(losses.CategoricalCrossentropy):
        def backward(self, probabilities, targets, ops):
            return by * super().backward(probabilities, targets, ops)

    return Scaled()


class InBits(losses.CategoricalCrossentropy):
    def forward(self, outputs, targets, ops):
        found, probabilities = super().forward(outputs, targets, ops)
        return found / np.log(2), probabilities


def test_errors_of_losses_are_found():
    assert [point.name for point in check_loss(scaled(4)).wrong] == ["gradient"]
    assert "4 times" in check_loss(scaled(4))["gradient"].text
    assert [point.name for point in check_loss(scaled(1.00001)).wrong] == ["gradient"]
    assert [point.name for point in check_loss(InBits()).wrong] == ["equal logits", "gradient"]
    with pytest.raises(TypeError, match="Expected a loss"):
        check_loss("sparse_categorical_crossentropy")


def test_correct_model_memorizes_a_batch():
    x, y = small_data(16)
    model = small_model(seed=0)
    before = model.get_weights()
    found = overfit_one_batch(model, x, y, samples=8)
    assert found["end"].ok, str(found)
    assert found.ok
    assert len(found.losses) < 300
    assert found.losses[-1] < 0.1 * np.log(5) < found.losses[-2]
    early = overfit_one_batch(model, x, y, steps=80)
    assert early.ok
    assert early["end"].ok is None
    assert "still decreasing" in early["end"].text
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_model_that_cannot_learn_is_found():
    x, y = small_data(8)
    zeros = small_model(seed=0)
    zeros.set_weights([np.zeros_like(weight) for weight in zeros.get_weights()])
    found = overfit_one_batch(zeros, x, y)
    assert [point.name for point in found.wrong] == ["end", "parameters"]
    assert "dense kernel" in found["parameters"].text
    twice = Sequential([Flatten(input_shape=(9, 8, 1)), Dense(5, activation="softmax"), Activation("softmax")], seed=0)
    twice.compile()
    found = overfit_one_batch(twice, x, y, steps=300, learning_rate=0.03)
    assert [point.name for point in found.wrong] == ["end"]
    assert "softmax is applied twice" in found["end"].text
    assert found.losses.min() > np.log(1 + 4 / np.e)


def test_frozen_layer_is_not_reported_as_constant():
    x, y = small_data(20)
    layers = [Flatten(input_shape=(9, 8, 1)), BatchNormalization(), Dense(16, "relu"), Dense(5, "softmax")]
    model = Sequential(layers, seed=0)
    model.layers[1].trainable = False
    model.compile()
    found = overfit_one_batch(model, x, y)
    assert found.ok, str(found)
    model.layers[2].set_weights([np.zeros((72, 16)), np.zeros(16)])  # zeros after ReLU, with the gradient 0
    text = overfit_one_batch(model, x, y)["parameters"].text
    assert text.startswith("constant in training: dense kernel, dense bias")


def test_loss_that_is_not_finite_is_reported():
    x, y = small_data(8)
    found = overfit_one_batch(small_model(seed=0), x, y, learning_rate=1e30)
    assert "is not finite" in found["end"].text
    with pytest.raises(RuntimeError, match="Expected a compiled model"):
        overfit_one_batch(Sequential([Dense(3, input_shape=(2,))]), x, y)


def test_model_with_batch_normalization_memorizes_its_batch_although_the_moving_averages_lag():
    x, y = small_data(20)
    layers = [Flatten(input_shape=(9, 8, 1)), Dense(16), BatchNormalization(momentum=0.999), Activation("relu")]
    model = Sequential([*layers, Dense(5, activation="softmax")], seed=0)
    model.compile()
    found = overfit_one_batch(model, x, y)
    assert found.ok, str(found)
    assert found["end"].text.endswith("memorized")


def test_regularizers_are_off_also_those_of_a_users_layer():
    x, y = small_data(20)
    own = Scale(input_shape=(9, 8, 1))
    layers = [own, Flatten(), Dense(16, "relu", kernel_regularizer=L2(100.0)), Dense(5, activation="softmax")]
    model = Sequential(layers, seed=0)
    own.gain_regularizer = L2(100.0)
    model.compile()
    assert model.evaluate(x, y, verbose=0) > 1000
    found = overfit_one_batch(model, x, y)
    assert found.ok, str(found)
    assert found.losses[0] < 10
    assert [list(layer.regularizers) for layer in model.layers] == [["gain"], [], ["kernel"], []]
