"""Subclasses: the gradient of a model in which any layer overrides its passes or its activation is the derivative."""

import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from scratchcnn import Sequential, activations
from scratchcnn.layers import Conv2D, Dense, Flatten, Layer, MaxPooling2D

STEP = 1e-6


class Scaled(activations.ReLU):
    """A user's activation that inherits from ReLU and is another function."""

    def forward(self, x, ops):
        return 2 * super().forward(x, ops)

    def backward(self, dy, y, ops):
        return 2 * super().backward(dy, y, ops)


class Shifted(activations.ReLU):
    """One whose outputs are zero where the gradient passes, and positive where it does not."""

    def forward(self, x, ops):
        return super().forward(x, ops) - 1

    def backward(self, dy, y, ops):
        return super().backward(dy, y + 1, ops)


def shift_output(kind):
    """Override forward alone: adds a constant, which the inherited backward needs not know."""

    class ShiftsOutput(kind):
        def forward(self, x, ops, training, rng):
            y, cache = super().forward(x, ops, training, rng)
            return y + 0.75, cache

    return ShiftsOutput


def scale_output(kind):
    """Override both passes."""

    class ScalesOutput(kind):
        def forward(self, x, ops, training, rng):
            y, cache = super().forward(x, ops, training, rng)
            return -2 * y, ("own", cache)

        def backward(self, dy, cache, ops, input_gradient=True):
            assert cache[0] == "own"
            return super().backward(-2 * dy, cache[1], ops, input_gradient)

    return ScalesOutput


def check_operands(kind):
    """Override backward alone, as documented: dy is an array of the shape of the output."""

    class ChecksOperands(kind):
        def backward(self, dy, cache, ops, input_gradient=True):
            assert type(dy) is np.ndarray
            assert dy.shape[1:] == self.output_shape
            return super().backward(dy, cache, ops, input_gradient)

    return ChecksOperands


KINDS = {"shifts output": shift_output, "scales output": scale_output, "checks operands": check_operands}
CHANGES = [*KINDS, "replaced method", "scaled activation", "shifted activation"]


def changed(layer: Layer, change: str) -> Layer:
    """A layer of the same arguments that differs from this package's in one way."""
    config = {**layer.get_config(), "name": None, "input_shape": layer.input_shape}
    if change in KINDS:
        return KINDS[change](type(layer))(**config)
    if change == "replaced method":
        inherited = layer.forward

        def forward(self, x, ops, training, rng):
            y, cache = inherited(x, ops, training, rng)
            return y - 0.5, cache

        layer.forward = types.MethodType(forward, layer)
    elif isinstance(layer, Conv2D):
        layer.activation = Scaled() if change == "scaled activation" else Shifted()
    return layer


def expect_derivative(model, x, y, rng):
    """Compare loss and gradient with the forward passes of the layers, one after the other, and their differences.

    The gradient w.r.t. each parameter is compared with central differences along random directions. The loss has kinks
    (ReLU, max pooling): a direction whose one-sided slopes differ has one within a step, and is skipped.
    """

    def loss_of_layers():
        outputs = x
        for layer in model.layers:
            outputs, _ = layer.forward(outputs, model.ops, training=True, rng=None)
        return float(-np.log(outputs[np.arange(len(y)), y]).mean())

    found, gradients = model.loss_and_gradients(x, y)
    loss = loss_of_layers()
    assert found == pytest.approx(loss, rel=1e-9)
    parameters = [array for layer in model.layers for array in layer.params.values()]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        original, smooth = parameter.copy(), 0
        for _ in range(20):
            direction = rng.standard_normal(parameter.shape)
            values = []
            for step in (STEP, -STEP):
                parameter[...] = original + step * direction
                values.append(loss_of_layers())
            parameter[...] = original
            right, left = (values[0] - loss) / STEP, (loss - values[1]) / STEP
            expected = (values[0] - values[1]) / (2 * STEP)
            # One-sided slopes differ by STEP * second derivative, and by the rounding of the losses.
            if abs(right - left) < 1e-4 * (abs(right) + abs(left)) + 1e-8:
                smooth += 1
                assert (gradient * direction).sum() == pytest.approx(expected, rel=1e-4, abs=1e-7)
            if smooth == 3:
                break
        assert smooth, "every direction had a kink"


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_gradient_is_the_derivative_whatever_a_layer_overrides(engine):
    @settings(max_examples=60 if engine == "kernels" else 15, deadline=None)
    @given(rows(channels=(1, 8), filters=(3, 8)), st.data())
    def check(row, data):
        seed = data.draw(st.integers(0, 999))
        for number, layer in enumerate(row):
            if data.draw(st.booleans()):
                row[number] = changed(layer, data.draw(st.sampled_from(CHANGES)))
        model = Sequential([*row, Flatten(), Dense(3, activation="softmax")], engine=engine, dtype="float64", seed=seed)
        model.compile()
        rng = np.random.default_rng(seed)
        model.set_weights([weight + 0.1 * rng.standard_normal(weight.shape) for weight in model.get_weights()])
        x = rng.standard_normal((2, *row[0].input_shape))
        expect_derivative(model, x, np.array([0, 2]), rng)

    check()


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("change", KINDS)
def test_overridden_convolution_in_front_of_pooling_gets_right_gradient(engine, change, rng):
    """With negative biases most ReLUs are inactive, so a mask taken from the wrong array would show."""
    kind = KINDS[change](Conv2D)

    def negative(shape, rng, dtype):
        return np.full(shape, -0.6, dtype)

    model = Sequential(
        [
            kind(4, 3, activation="relu", bias_initializer=negative, input_shape=(10, 10, 1)), MaxPooling2D(2),
            Flatten(), Dense(3, activation="softmax"),
        ], seed=1, dtype="float64", engine=engine,
    )  # fmt: skip
    model.compile()
    expect_derivative(model, rng.standard_normal((4, 10, 10, 1)), np.arange(4) % 3, rng)


def test_overridden_methods_are_called_in_training_and_prediction(rng):
    calls = []

    class Counting(Conv2D):
        def forward(self, x, ops, training, rng):
            calls.append("training" if training else "inference")
            return super().forward(x, ops, training, rng)

        def backward(self, dy, cache, ops, input_gradient=True):
            calls.append("backward")
            return super().backward(dy, cache, ops, input_gradient)

    model = Sequential([Counting(4, 3, activation="relu", input_shape=(9, 9, 1)), MaxPooling2D(), Flatten(), Dense(3)])
    model.compile(loss="sparse_categorical_crossentropy")
    model.layers[-1].activation = activations.get("softmax")
    x, y = rng.random((3, 9, 9, 1)), np.arange(3)
    model.train_on_batch(x, y)
    model.predict(x)
    assert calls == ["training", "backward", "inference"]
