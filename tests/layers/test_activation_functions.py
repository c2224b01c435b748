"""Activation functions by name, as objects with arguments, and as a user writes them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numerical import expect_equal_gradients, numerical_gradient

from scratchcnn import Sequential, activations
from scratchcnn.activations import ELU, ActivationFunction, LeakyReLU, Sigmoid
from scratchcnn.layers import Activation, Conv2D, Dense, Flatten, ReLU, Softmax
from scratchcnn.layers import LeakyReLU as LeakyReLULayer
from scratchcnn.operations import engine

NAMES = ["sigmoid", "tanh", "elu", "leaky_relu", "gelu", "silu", "softplus"]
AWAY_FROM_ZERO = st.floats(0.1, 30) | st.floats(-30, -0.1)  # where elu and leaky_relu have a kink


@pytest.mark.parametrize("name", activations.KNOWN)
def test_name_is_looked_up_and_serialized(name):
    found = activations.get(name)
    assert activations.get(found) is found
    assert activations.serialize(found) == {"swish": "silu"}.get(name, name)
    assert found is getattr(activations, activations.serialize(found))


def test_activation_with_other_arguments_is_serialized_as_an_object():
    for changed, same in ((ELU(0.5), ELU(1)), (LeakyReLU(0.3), LeakyReLU())):
        assert activations.serialize(changed) is changed
        assert activations.serialize(same) == same.name


def test_representation_contains_the_arguments():
    assert repr([ELU(0.5), activations.leaky_relu, activations.get("swish")]) == (
        "[ELU(alpha=0.5), LeakyReLU(negative_slope=0.2), SiLU()]"
    )


def test_argument_of_an_activation_is_checked_and_cannot_be_changed():
    for wrong in (-1, np.inf, np.nan, "a", True):
        with pytest.raises(ValueError, match=r"alpha as a finite number of at least 0"):
            ELU(wrong)
        with pytest.raises(ValueError, match=r"negative_slope as a finite number of at least 0"):
            LeakyReLU(wrong)
    with pytest.raises(AttributeError):
        activations.elu.alpha = 3.0
    with pytest.raises(AttributeError, match=r"'slope', which would have no effect"):
        activations.leaky_relu.slope = 3.0


@settings(max_examples=60)
@given(
    st.sampled_from([*NAMES, ELU(0.5), LeakyReLU(2)]), st.lists(AWAY_FROM_ZERO, min_size=1, max_size=6),
    st.sampled_from(["kernels", "reference"]),
)  # fmt: skip
def test_gradient_equals_that_of_differences(name, values, engine_name):
    layer, ops, x = Activation(name), engine(engine_name), np.array([values])
    upstream = np.linspace(-1, 2, x.size).reshape(x.shape)
    cache = layer.forward(x, ops, training=True, rng=None)[1]
    found = layer.backward(upstream, cache, ops)[0]
    numerical, rounding = numerical_gradient(
        lambda: float((layer.forward(x, ops, training=True, rng=None)[0] * upstream).sum()), x
    )
    truncation = 1e-9  # of order step^4
    assert (abs(found - numerical) <= rounding + truncation + 1e-7 * abs(numerical)).all()


class Square(ActivationFunction):
    """y = x^2, whose derivative cannot be computed from y."""

    name, elementwise = "square", True

    def forward(self, x, ops):
        return x * x

    def kept(self, x, y):
        return x

    def backward(self, dy, y, ops):
        return 2 * y * dy


class Half(Sigmoid):
    """A subclass, which is not the function of its base class."""

    def forward(self, x, ops):
        return super().forward(x, ops) / 2

    def kept(self, x, y):
        return 2 * y

    def backward(self, dy, y, ops):
        return super().backward(dy, y, ops) / 2


@pytest.mark.parametrize("activation", [Square(), Half()])
@pytest.mark.parametrize("make", [lambda a: Conv2D(2, 2, activation=a), lambda a: Dense(3, a), Activation])
def test_custom_activation_chooses_what_its_layer_keeps(make, activation, rng):
    layer, ops = make(activation), engine("kernels")
    shape = (3, 4, 1) if isinstance(layer, Conv2D) else (4,)
    layer.build(shape, rng, np.dtype(np.float64))
    x = rng.standard_normal((2, *shape))
    y, cache = layer.forward(x, ops, training=True, rng=None)
    upstream = rng.standard_normal(y.shape)
    dx, _ = layer.backward(upstream, cache, ops)
    loss = lambda: float((layer.forward(x, ops, training=True, rng=None)[0] * upstream).sum())  # noqa: E731
    expect_equal_gradients(dx, *numerical_gradient(loss, x))


@pytest.mark.parametrize("activation", NAMES)
def test_both_engines_train_alike(activation, rng):
    x, y = rng.standard_normal((16, 6, 6, 1)), rng.integers(0, 3, 16)
    losses = []
    for name in ("kernels", "reference"):
        layers = [Conv2D(4, 3, activation=activation, input_shape=(6, 6, 1)), Flatten(), Dense(8, activation)]
        model = Sequential([*layers, Dense(3, "softmax")], seed=0, engine=name, dtype="float64")
        model.compile()
        losses.append(model.fit(x, y, epochs=4, batch_size=8, verbose=0).history["loss"])
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9)  # eight steps in float64


@pytest.mark.parametrize("end", [Softmax, lambda: Activation("softmax")])
def test_softmax_layer_at_the_end_is_computed_with_the_loss(end, rng):
    x, y = 100 * rng.standard_normal((8, 4)), rng.integers(0, 3, 8)
    losses = []
    for layers in ([Dense(3), end()], [Dense(3, "softmax")]):
        model = Sequential([Dense(6, "relu", input_shape=(4,)), *layers], seed=0, dtype="float64")
        model.compile("sgd")
        losses.append(model.fit(x, y, epochs=2, batch_size=4, verbose=0).history["loss"])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("layer", [ReLU(), LeakyReLULayer(), Softmax()])
def test_layer_of_one_function_equals_activation_and_refuses_other_options(layer):
    x = np.array([[-1.0, 2.0]])
    same = {"ReLU": "relu", "LeakyReLU": LeakyReLU(0.3), "Softmax": "softmax"}[type(layer).__name__]
    for ops in map(engine, ("kernels", "reference")):
        found, expected = (each.forward(x, ops, training=False, rng=None)[0] for each in (layer, Activation(same)))
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(AttributeError, match="which would have no effect"):
        layer.max_value = 6
    with pytest.raises(ValueError, match="negative_slope as a finite number of at least 0"):
        LeakyReLULayer(-1)
