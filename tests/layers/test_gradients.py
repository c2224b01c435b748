"""Gradients of every layer and option, against central differences: every element, random upstream gradients."""

import itertools

import numpy as np
import pytest
from numerical import expect_equal_gradients, numerical_gradient

from scratchcnn import Sequential, activations, losses
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    LeakyReLU,
    MaxPooling2D,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
    ZeroPadding2D,
)
from scratchcnn.operations import engine

WITH_FORMULA = ["sigmoid", "tanh", "elu", "leaky_relu", "gelu", "silu", "softplus"]
FLOAT64 = np.dtype(np.float64)
IMAGE = (6, 5, 2)


class Centred(activations.ActivationFunction):
    """An activation of a user's own that does not act on each number by itself: takes off the mean of the channels."""

    def forward(self, x, ops):
        return x - x.mean(axis=-1, keepdims=True)

    def backward(self, dy, y, ops):
        return dy - dy.mean(axis=-1, keepdims=True)


class Doubled(activations.ReLU):
    """One that is nearly ReLU, and must not be taken for it."""

    def forward(self, x, ops):
        return 2 * super().forward(x, ops)

    def backward(self, dy, y, ops):
        return 2 * super().backward(dy, y, ops)


def frozen(layer):
    layer.trainable = False
    return layer


LAYERS = {
    "batch_normalization": (lambda: BatchNormalization(), IMAGE),
    "batch_normalization without beta": (lambda: BatchNormalization(center=False), IMAGE),
    "batch_normalization without gamma": (lambda: BatchNormalization(scale=False), IMAGE),
    "batch_normalization of vectors": (lambda: BatchNormalization(epsilon=0.5), (7,)),
    "batch_normalization frozen": (lambda: frozen(BatchNormalization()), IMAGE),
    "conv2d": (lambda: Conv2D(3, (3, 2)), IMAGE),
    "conv2d with strides": (lambda: Conv2D(3, (2, 3), strides=(2, 3)), IMAGE),
    "conv2d with strides beyond the kernel": (lambda: Conv2D(2, 2, strides=(3, 4)), IMAGE),
    "conv2d with dilation": (lambda: Conv2D(3, 2, dilation_rate=(3, 2)), IMAGE),
    "conv2d same": (lambda: Conv2D(3, (4, 3), padding="same"), IMAGE),
    "conv2d same with strides": (lambda: Conv2D(3, 3, strides=2, padding="same"), IMAGE),
    "conv2d same with dilation": (lambda: Conv2D(2, 3, padding="same", dilation_rate=2), IMAGE),
    "conv2d with strides and dilation": (lambda: Conv2D(2, 2, strides=(2, 3), dilation_rate=(3, 2)), IMAGE),
    "conv2d without bias": (lambda: Conv2D(3, 1, use_bias=False), IMAGE),
    "conv2d relu": (lambda: Conv2D(3, 3, activation="relu"), IMAGE),
    "conv2d softmax": (lambda: Conv2D(3, 3, activation="softmax"), IMAGE),
    "max_pooling2d": (lambda: MaxPooling2D(2), IMAGE),
    "max_pooling2d overlapping": (lambda: MaxPooling2D((3, 2), strides=1), IMAGE),
    "max_pooling2d same": (lambda: MaxPooling2D((3, 4), strides=(2, 3), padding="same"), IMAGE),
    "max_pooling2d with gaps": (lambda: MaxPooling2D(1, strides=2), IMAGE),
    "average_pooling2d": (lambda: AveragePooling2D(2), IMAGE),
    "average_pooling2d overlapping": (lambda: AveragePooling2D((3, 2), strides=1), IMAGE),
    "average_pooling2d same": (lambda: AveragePooling2D((3, 4), strides=(2, 3), padding="same"), IMAGE),
    "average_pooling2d with gaps": (lambda: AveragePooling2D(1, strides=(2, 3)), IMAGE),
    "global_average_pooling2d": (lambda: GlobalAveragePooling2D(), IMAGE),
    "global_average_pooling2d keepdims": (lambda: GlobalAveragePooling2D(keepdims=True), IMAGE),
    "global_max_pooling2d": (lambda: GlobalMaxPooling2D(), IMAGE),
    "global_max_pooling2d keepdims": (lambda: GlobalMaxPooling2D(keepdims=True), IMAGE),
    "zero_padding2d": (lambda: ZeroPadding2D(((1, 0), (2, 3))), IMAGE),
    "reshape": (lambda: Reshape((4, -1)), IMAGE),
    "dense": (lambda: Dense(4), (7,)),
    "dense relu": (lambda: Dense(9, activation="relu"), (7,)),
    "dense softmax": (lambda: Dense(4, activation="softmax"), (7,)),
    "dense without bias": (lambda: Dense(4, use_bias=False), (7,)),
    "dropout": (lambda: Dropout(0.4), IMAGE),
    "flatten": (lambda: Flatten(), IMAGE),
    "rescaling": (lambda: Rescaling(-0.5, offset=3), IMAGE),
    "activation relu": (lambda: Activation("relu"), IMAGE),
    **{f"conv2d {name}": (lambda name=name: Conv2D(2, 2, activation=name), IMAGE) for name in WITH_FORMULA},
    **{f"dense {name}": (lambda name=name: Dense(9, name), (7,)) for name in WITH_FORMULA},
    "dense elu with a kink": (lambda: Dense(9, activations.ELU(0.5)), (7,)),
    "activation leaky_relu with a large slope": (lambda: Activation(activations.LeakyReLU(1.5)), IMAGE),
    "relu": (lambda: ReLU(), IMAGE),
    "leaky_relu": (lambda: LeakyReLU(0.1), IMAGE),
    "softmax": (lambda: Softmax(), IMAGE),
    "activation silu": (lambda: Activation("silu"), IMAGE),
    "activation softmax": (lambda: Activation("softmax"), (7,)),
}


@pytest.mark.parametrize("engine_name", ["kernels", "reference"])
@pytest.mark.parametrize("name", LAYERS)
def test_backward_is_the_derivative_of_forward(name, engine_name):
    make, input_shape = LAYERS[name]
    layer, ops, rng = make(), engine(engine_name), np.random.default_rng(5)
    output_shape = layer.build(input_shape, rng, FLOAT64)
    x = rng.standard_normal((2, *input_shape))
    for parameter in layer.params.values():
        parameter[...] += 0.1 * rng.standard_normal(parameter.shape)  # a zero bias would hide much
    upstream = rng.standard_normal((2, *output_shape))

    def forward():
        return layer.forward(x, ops, training=True, rng=np.random.default_rng(7))  # the same units are dropped

    def loss():
        return float((forward()[0] * upstream).sum())

    dx, gradients = layer.backward(upstream, forward()[1], ops)
    assert list(gradients) == list(layer.learned_params)
    expect_equal_gradients(dx, *numerical_gradient(loss, x))
    for key, parameter in layer.learned_params.items():
        expect_equal_gradients(gradients[key], *numerical_gradient(loss, parameter))


def small_model(engine_name, loss, last_activation="softmax"):
    model = Sequential(
        [
            Conv2D(3, 3, activation="relu", input_shape=(7, 6, 2)),
            Conv2D(4, (2, 3), activation="relu", padding="same"),
            MaxPooling2D(2),
            Dropout(0.25),
            Flatten(),
            Dense(6, activation="relu"),
            Dropout(0.5),
            Dense(5, activation=last_activation),
        ],
        engine=engine_name,
        dtype="float64",
        seed=3,
    )
    model.compile(loss=loss, optimizer="adam")
    rng = np.random.default_rng(11)
    model.set_weights([weight + 0.1 * rng.standard_normal(weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("engine_name", "loss", "last_activation"),
    [
        *itertools.product(
            ["kernels", "reference"],
            [losses.SparseCategoricalCrossentropy(), losses.CategoricalCrossentropy()],
            ["softmax"],
        ),
        ("kernels", losses.SparseCategoricalCrossentropy(from_logits=True), None),
        ("reference", losses.CategoricalCrossentropy(from_logits=True), None),
    ],
)
def test_model_gradients_are_the_derivatives_of_its_loss(engine_name, loss, last_activation):
    model = small_model(engine_name, loss, last_activation)
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((3, 7, 6, 2)), rng.integers(0, 5, 3)
    if not isinstance(loss, losses.SparseCategoricalCrossentropy):
        y = rng.dirichlet(np.ones(5), size=3)  # soft targets: rows of probabilities
    exact = model.loss_and_gradients(x, y)[1]
    parameters = [parameter for layer in model.layers for parameter in layer.params.values()]
    for gradient, parameter in zip(exact, parameters, strict=True):
        numerical, rounding = numerical_gradient(lambda: model.loss_and_gradients(x, y)[0], parameter)
        expect_equal_gradients(gradient, numerical, rounding)


@pytest.mark.parametrize("engine_name", ["kernels", "reference"])
@pytest.mark.parametrize("activation", [None, "relu", "softmax", Centred(), Doubled()])
def test_gradients_through_pooling_are_the_derivatives_of_the_loss(engine_name, activation):
    model = Sequential(
        [
            Conv2D(4, 2, input_shape=(6, 7, 1)),
            Conv2D(3, 2, activation=activation),  # rows of 2 * 4 numbers: whole vectors, so zeros are skipped
            MaxPooling2D(2, strides=(1, 2)),  # windows overlap, and numbers win twice
            MaxPooling2D(2),
            Flatten(),
            Dense(5, activation="softmax"),
        ],
        engine=engine_name,
        dtype="float64",
        seed=3,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((3, 6, 7, 1)), rng.integers(0, 5, 3)
    exact = model.loss_and_gradients(x, y)[1]
    parameters = [parameter for layer in model.layers for parameter in layer.params.values()]
    for gradient, parameter in zip(exact, parameters, strict=True):
        numerical, rounding = numerical_gradient(lambda: model.loss_and_gradients(x, y)[0], parameter)
        expect_equal_gradients(gradient, numerical, rounding)


@pytest.mark.parametrize("engine_name", ["kernels", "reference"])
def test_gradient_of_a_loss_of_probabilities_is_its_derivative(engine_name):
    ops, rng = engine(engine_name), np.random.default_rng(4)
    outputs, targets = rng.uniform(0.1, 3, (3, 5)), rng.dirichlet(np.ones(5), size=3)  # rows that do not sum to 1
    loss = losses.CategoricalCrossentropy()
    exact = loss.backward(loss.forward(outputs, targets, ops)[1], targets, ops)
    numerical, rounding = numerical_gradient(lambda: float(loss.forward(outputs, targets, ops)[0].mean()), outputs)
    expect_equal_gradients(exact, numerical, rounding)
