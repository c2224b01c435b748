"""Convolutions and the max-pooling after them, computed together, are the same bits as each by itself."""

import numpy as np
import pytest

from scratchcnn import Sequential, activations, kernels
from scratchcnn.layers import Conv2D, Dense, Flatten, MaxPooling2D
from scratchcnn.training.step import forward


class Apart(MaxPooling2D):
    """A pooling with a forward pass of its own, so that no convolution does its work."""

    def forward(self, x, ops, training, rng):
        return super().forward(x, ops, training, rng)


class OwnConv2D(Conv2D):
    """A convolution with a forward pass of its own."""

    def forward(self, x, ops, training, rng):
        return super().forward(x, ops, training, rng)


class Leaky(activations.ActivationFunction):
    """An activation of a user's own, acting on each number by itself."""

    elementwise = True

    def forward(self, x, ops):
        return np.where(x > 0, x, x / 8)

    def backward(self, dy, y, ops):
        return np.where(y > 0, dy, dy / 8)


class NearlyReLU(activations.ReLU):
    """One that inherits from ReLU, and is another function."""

    def forward(self, x, ops):
        return 2 * super().forward(x, ops)

    def backward(self, dy, y, ops):
        return 2 * super().backward(dy, y, ops)


CONVOLUTIONS = {
    "after another": lambda activation: [
        Conv2D(16, 3, activation="relu", input_shape=(13, 12, 2)), Conv2D(20, 3, activation=activation),
    ],
    "as the first layer": lambda activation: [Conv2D(16, 3, activation=activation, input_shape=(13, 12, 16))],
    "without bias": lambda activation: [
        Conv2D(16, 3, use_bias=False, input_shape=(13, 12, 2)), Conv2D(16, 3, activation=activation, use_bias=False),
    ],
    "with strides, dilation and padding": lambda activation: [
        Conv2D(5, 3, padding="same", input_shape=(13, 12, 2)),
        Conv2D(7, 2, strides=(2, 1), dilation_rate=(1, 2), padding="same", activation=activation),
    ],
}  # fmt: skip
POOLINGS = {"2 x 2": {}, "overlapping": {"pool_size": 3, "strides": 2, "padding": "same"}}
ACTIVATIONS = {"linear": None, "relu": "relu", "softmax": "softmax", "leaky": Leaky(), "nearly relu": NearlyReLU()}


def built(convolutions, pooling, engine="kernels", dtype="float32"):
    layers = [*convolutions, pooling, Flatten(), Dense(5, activation="softmax")]
    model = Sequential(layers, seed=4, engine=engine, dtype=dtype)
    model.compile()
    return model


def all_bits(arrays):
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("pooling", POOLINGS.values(), ids=POOLINGS)
@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
@pytest.mark.parametrize("convolutions", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_together_and_apart_are_the_same_bits(rng, convolutions, activation, pooling, engine):
    together = built(convolutions(activation), MaxPooling2D(**pooling), engine)
    apart = built(convolutions(activation), Apart(**pooling), engine)
    number = len(together.layers) - 4  # of the convolution before the pooling
    fuses = activation in (None, "relu")
    assert together.layers[number].pools(together.layers[number + 1]) is fuses
    assert apart.layers[number].pools(apart.layers[number + 1]) is False
    if number == 1:  # the convolution makes its images again by the one before it, where Winograd computes it
        first, second, over, *_ = together.layers
        wide = second.kernel_size == (3, 3) and first.ends_in_relu
        assert second.stacks(first, over) is (fuses and wide and not pooling)
        assert not apart.layers[1].stacks(apart.layers[0], apart.layers[2])
    x = rng.random((9, *together.layers[0].input_shape)).astype(np.float32)
    y = np.arange(9) % 5
    assert together.predict(x).tobytes() == apart.predict(x).tobytes()
    one, other = (model.loss_and_gradients(x, y) for model in (together, apart))
    assert one[0] == other[0]
    assert all_bits(one[1]) == all_bits(other[1])
    for _ in range(3):
        assert together.train_on_batch(x, y) == apart.train_on_batch(x, y)
    assert all_bits(together.get_weights()) == all_bits(apart.get_weights())
    assert together.predict(x).tobytes() == apart.predict(x).tobytes()


def test_layers_with_a_forward_pass_of_their_own_are_asked_for_it():
    layers = Conv2D(4, 3, activation="relu"), OwnConv2D(4, 3, activation="relu"), MaxPooling2D(), Apart()
    usual, own, pooling, apart = layers
    assert usual.pools(pooling)
    assert not usual.pools(apart)
    assert not own.pools(pooling)
    assert not usual.pools(usual)


def test_only_the_first_convolution_is_made_again():
    """Of a later one the gradient by the images is wanted, and its own images would have to be made for it."""
    layers = [Conv2D(16, 1, activation="relu", input_shape=(12, 12, 2)), Conv2D(16, 1, activation="relu"),
              Conv2D(16, 3, activation="relu"), MaxPooling2D()]  # fmt: skip
    model = built(layers[:-1], layers[-1])
    assert layers[2].stacks(layers[1], layers[3])
    x = np.random.default_rng(0).random((3, 12, 12, 2)).astype(np.float32)
    _, passed = forward(model.layers, x, kernels, training=False, rng=None)
    assert [one.output is None for one in passed[:4]] == [False, False, True, False]


@pytest.mark.parametrize("activation", [None, "softmax", Leaky(), NearlyReLU()])
def test_a_layer_below_without_relu_is_kept(activation):
    layers = [Conv2D(16, 3, activation=activation, input_shape=(12, 12, 2)), Conv2D(16, 3), MaxPooling2D()]
    built(layers[:-1], layers[-1])
    assert not layers[1].stacks(layers[0], layers[2])


def test_a_layer_below_with_a_forward_pass_of_its_own_is_kept():
    layers = [OwnConv2D(16, 3, activation="relu", input_shape=(12, 12, 2)), Conv2D(16, 3), MaxPooling2D()]
    built(layers[:-1], layers[-1])
    assert not layers[1].stacks(layers[0], layers[2])


@pytest.mark.parametrize("first", [None, "relu"])
@pytest.mark.parametrize("pooling", [MaxPooling2D, Apart])
def test_what_is_not_finite_is_traced_to_the_convolution_and_not_to_its_pooling(rng, pooling, first):
    convolutions = [
        Conv2D(16, 3, activation=first, input_shape=(8, 8, 1), name="first"),
        Conv2D(16, 3, activation="relu", name="second"),
    ]
    model = built(convolutions, pooling())
    assert convolutions[1].stacks(convolutions[0], model.layers[2]) is (first == "relu" and pooling is MaxPooling2D)
    weights = model.get_weights()
    weights[2] = np.full_like(weights[2], 1e38)  # finite, but not the sum of its products
    weights[1][:] = 10
    model.set_weights(weights)
    x, y = rng.random((6, 8, 8, 1)), np.arange(6) % 5
    with pytest.raises(FloatingPointError, match=r"First seen in the output of layer 'second' \(Conv2D\), for sample"):
        model.train_on_batch(x, y)
    assert all_bits(model.get_weights()) == all_bits(weights)


@pytest.mark.parametrize("pooling", [MaxPooling2D, Apart])
def test_what_is_not_finite_is_traced_to_a_convolution_whose_pooling_drops_it(rng, pooling):
    """What goes on from a window of −infinity and 1e38 is finite; the layer after it is not."""
    model = built([Conv2D(2, 1, input_shape=(4, 4, 1), name="first")], pooling())
    weights = model.get_weights()
    weights[0][:] = -1e38
    weights[2][:] = np.where(np.arange(5) == 0, 1e38, -1e38)
    model.set_weights(weights)
    x = np.full((3, 4, 4, 1), -1.0)
    x[:, ::2] = 10.0
    with pytest.raises(FloatingPointError, match=r"First seen in the output of layer 'first' \(Conv2D\), for sample 0"):
        model.train_on_batch(x, np.arange(3))


class OwnBackwardPooling(MaxPooling2D):
    """A user's pooling that sends back twice the gradient."""

    def backward(self, dy, cache, ops, input_gradient=True):
        return super().backward(2 * dy, cache, ops, input_gradient)


class PlainConv2D(Conv2D):
    """A user's convolution that wants whole gradients."""

    takes_pooled_gradient = False


def gradients_of(convolution, pooling, rng_seed=0):
    rng = np.random.default_rng(rng_seed)
    x, y = rng.random((6, 12, 12, 1)), np.arange(6) % 3
    layers = [
        convolution(16, 3, activation="relu", input_shape=(12, 12, 1)), pooling(), Flatten(),
        Dense(3, activation="softmax"),
    ]  # fmt: skip
    model = Sequential(layers, seed=1, dtype="float64")
    model.compile()
    return model.loss_and_gradients(x, y)[1]


def test_a_pooling_with_a_backward_of_its_own_is_asked_for_it():
    usual, doubled = gradients_of(Conv2D, MaxPooling2D), gradients_of(Conv2D, OwnBackwardPooling)
    for one, other in zip(usual[:2], doubled[:2], strict=True):
        np.testing.assert_allclose(2 * one, other, rtol=1e-12, atol=1e-14)


def test_a_convolution_that_wants_whole_gradients_gets_them():
    for one, other in zip(gradients_of(Conv2D, MaxPooling2D), gradients_of(PlainConv2D, MaxPooling2D), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


class LiftedConv2D(Conv2D):
    """A user's convolution whose outputs are its ReLU's plus one: never zero, whether a gradient passes or not."""

    def forward(self, x, ops, training, rng):
        y, cache = super().forward(x, ops, training, rng)
        return y + 1, cache


def test_a_convolution_with_a_forward_of_its_own_shares_no_relu_with_the_next(rng):
    layers = [
        LiftedConv2D(16, 3, activation="relu", input_shape=(10, 10, 1)), Conv2D(16, 3, activation="relu"),
        MaxPooling2D(), Flatten(), Dense(3, activation="softmax"),
    ]  # fmt: skip
    model = Sequential(layers, seed=1, dtype="float64")
    model.compile()
    x, y = rng.standard_normal((4, 10, 10, 1)), np.arange(4) % 3
    found, kernel = model.loss_and_gradients(x, y)[1][0], layers[0].params["kernel"]
    for place in [(0, 0, 0, 0), (1, 2, 0, 5), (2, 1, 0, 11)]:
        losses = []
        for step in (1e-6, -2e-6):
            kernel[place] += step
            losses.append(model.loss_and_gradients(x, y)[0])
        kernel[place] += 1e-6
        assert found[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-4, abs=1e-8)
