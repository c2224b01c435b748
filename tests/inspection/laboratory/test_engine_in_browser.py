"""The engine in a browser: values and gradients of every layer, activation and loss equal those of Python."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from engine_page import Pair, assert_equal, open_engine, pairs_of, run_pass
from hypothesis import HealthCheck, given, settings
from networks import article_model, lenet5, sample_digits, set_random_weights
from random_models import models

from scratchcnn import Sequential, activations
from scratchcnn.inspection import trace
from scratchcnn.inspection.laboratory.network import network_data
from scratchcnn.inspection.laboratory.stored_weights import with_stored_weights
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalMaxPooling2D,
    LeakyReLU,
    MaxPooling2D,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
    ZeroPadding2D,
)
from scratchcnn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

FORWARD, BACKWARD = 30, 100  # milliseconds for one image of the article's network; about 7 and 20 were measured


@pytest.fixture(scope="module", autouse=True)
def opened(driver) -> None:
    open_engine(driver)


def compare(
    driver: Any, model: Sequential, x: np.ndarray, y: np.ndarray | None, training: bool = False, seed: int = 0
) -> None:
    """The engine's pass and that of Python, in float64, have the same values, gradients, losses and statistics."""
    exact = with_stored_weights(model)
    generator = np.random.default_rng(seed)
    dropouts = [layer for layer in model.leaf_layers if isinstance(layer, Dropout) and layer.rate and training]
    keys = [generator.integers(2**64, dtype=np.uint64) for _ in dropouts]
    expected = trace(exact, x, y, training=training, rng=np.random.default_rng(seed))
    found = run_pass(driver, model, x, y, training, keys)
    values, gradients = pairs_of(found, network_data(model)["steps"], expected)
    assert_equal(values)
    assert_equal([Pair("predictions", np.array(found["predictions"]), expected.probabilities.ravel())])
    if y is None:
        return
    assert_equal(gradients)
    assert_equal([Pair("losses", np.array(found["losses"]), expected.losses)])
    assert len(gradients) >= found["at"] + sum(len(layer.learned_params) for layer in model.leaf_layers)
    if training:
        statistics = [
            Pair(f"{layer.name}/{name}", np.array(found["statistics"][layer.name][name]), array)
            for layer, of_pass in zip(exact.leaf_layers, expected, strict=True)
            if isinstance(layer, BatchNormalization) and layer.trainable
            for name, array in layer.next_statistics(of_pass.cache).items()
        ]
        assert_equal(statistics)


def built(*layers: Any, loss: Any = "sparse_categorical_crossentropy", scale: float = 0.5) -> Sequential:
    """A float64 model on the reference engine with random weights."""
    model = Sequential(list(layers), dtype="float64", engine="reference", seed=0)
    model.compile(loss=loss)
    set_random_weights(model, np.random.default_rng(1), scale)
    return model


@given(case=models(engine="reference", own_activation=False, dtypes=("float64",)))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_random_models_have_the_values_and_gradients_of_python(driver, case):
    model, x, y = case
    for training in (False, True):
        compare(driver, model, x, y, training)


@pytest.mark.parametrize("activation", [*activations.KNOWN, activations.ELU(0.3), activations.LeakyReLU(0.7)], ids=str)
def test_activations_are_those_of_python_for_small_and_large_inputs(driver, activation, rng):
    model = built(Activation(activation, input_shape=(60,)), Dense(3, "softmax"))
    x = np.concatenate(
        [[0.0, -0.0], rng.standard_normal(38), 8 * rng.standard_normal(10), 100 * rng.standard_normal(10)]
    )
    compare(driver, model, x[None], np.array([1]))


@pytest.mark.parametrize("layer", [ReLU(), LeakyReLU(), LeakyReLU(0.5), Softmax(), Activation("linear")], ids=repr)
def test_activation_layers_are_steps_of_their_own(driver, layer, rng):
    model = built(Conv2D(3, 2, input_shape=(5, 4, 2)), layer, Flatten(), Dense(3, "softmax"))
    compare(driver, model, rng.standard_normal((2, 5, 4, 2)), np.array([1, 2]))


@pytest.mark.parametrize(
    "layers",
    [
        [Conv2D(5, (3, 2), strides=(2, 3), padding="same")],
        [Conv2D(3, 3, padding="same", dilation_rate=(2, 3), use_bias=False)],
        [Conv2D(4, (2, 3), strides=(1, 2), dilation_rate=(2, 1))],
        [Conv2D(33, 3, activation="relu"), Conv2D(5, 3)],  # 297 products in a sum: two blocks
        [MaxPooling2D((3, 2), strides=(1, 2), padding="same")],
        [AveragePooling2D((2, 3), strides=(2, 1), padding="same")],
        [MaxPooling2D((3, 2), strides=(4, 3))],
        [ZeroPadding2D(((1, 2), (0, 3))), ReLU(), AveragePooling2D(2)],
        [GlobalMaxPooling2D(keepdims=True), Rescaling(3, -1)],
        [Reshape((4, -1, 5)), Conv2D(2, 2)],
        [Flatten(), Dense(300, "tanh"), Dense(7, use_bias=False)],
        [BatchNormalization(center=False), BatchNormalization(scale=False, epsilon=0.01, momentum=0.5)],
        [Sequential([Conv2D(2, 1, name="a"), Sequential([Conv2D(3, 2, name="a")], dtype="float64")], dtype="float64")],
    ],
    ids=lambda layers: "-".join(type(each).__name__ for each in layers),
)
@pytest.mark.parametrize("count", [1, 6])
def test_layers_have_the_values_and_gradients_of_python(driver, layers, count, rng):
    model = built(Rescaling(1, input_shape=(9, 10, 2)), *layers, Flatten(), Dense(4, "softmax"))
    x, y = rng.standard_normal((count, 9, 10, 2)), rng.integers(0, 4, count)
    compare(driver, model, x, y)
    compare(driver, model, x, y, training=True)


def test_frozen_layers_use_moving_averages_in_training(driver, rng):
    model = built(Dense(4, input_shape=(3,)), BatchNormalization(), Dense(2, "softmax"))
    model.layers[1].trainable = False
    x, y = rng.standard_normal((5, 3)), rng.integers(0, 2, 5)
    compare(driver, model, x, y, training=True)
    found = run_pass(driver, model, x, y, training=True)
    stored = with_stored_weights(model).layers[1].params
    assert found["statistics"]["batch_normalization"]["moving_mean"] == stored["moving_mean"].tolist()


class OwnDense(Dense):
    """A class of a user's own: its activation is not computed together with the loss."""


LOSSES = {
    "softmax of the last layer": ([Dense(4, "softmax")], SparseCategoricalCrossentropy()),
    "softmax as a layer": ([Dense(4), Softmax()], SparseCategoricalCrossentropy()),
    "logits": ([Dense(4)], SparseCategoricalCrossentropy(from_logits=True)),
    "probabilities": ([OwnDense(4, "softmax")], SparseCategoricalCrossentropy()),
    "rows of probabilities": ([Dense(4, "softmax")], CategoricalCrossentropy()),
    "rows of probabilities, unmerged": ([OwnDense(4, "softmax")], CategoricalCrossentropy()),
    "sigmoid of the last layer": ([Dense(4, "sigmoid")], BinaryCrossentropy()),
    "sigmoid, smoothed": ([Dense(4, "sigmoid")], BinaryCrossentropy(label_smoothing=0.2)),
    "binary logits": ([Dense(4)], BinaryCrossentropy(from_logits=True)),
    "binary probabilities": ([OwnDense(4, "sigmoid")], BinaryCrossentropy(label_smoothing=0.1)),
    "squares": ([Dense(4, "tanh")], MeanSquaredError()),
    "squares of images": ([Reshape((3, 2, 1)), Conv2D(2, 2)], MeanSquaredError()),
}


@pytest.mark.parametrize("scale", [0.5, 60.0])
@pytest.mark.parametrize("case", LOSSES)
def test_losses_and_their_gradients_are_those_of_python(driver, case, scale, rng):
    """With the larger weights, probabilities are 0 or 1 to all digits: they are clipped where Python clips them."""
    layers, loss = LOSSES[case]
    model = built(Dense(6, "tanh", input_shape=(5,)), *layers, loss=loss, scale=scale)
    y: np.ndarray = rng.integers(0, 4, 7)
    if not isinstance(loss, SparseCategoricalCrossentropy):
        y = rng.random((7, *model.layers[-1].output_shape))
    compare(driver, model, rng.standard_normal((7, 5)), y)


@pytest.mark.parametrize("make", [article_model, lenet5])
def test_networks_of_digits_have_the_values_and_gradients_of_python(driver, make):
    (x, y), _ = sample_digits()
    model = make(dtype="float64", engine="reference", seed=3)
    compare(driver, model, x[:2].astype(np.float64), y[:2])


def test_model_without_loss_has_a_forward_pass(driver, rng):
    model = Sequential([Dense(3, "relu", input_shape=(4,))], dtype="float64")
    compare(driver, model, rng.standard_normal((2, 4)), None)
    message = driver.execute_script(
        "const network = engine.createNetwork(arguments[0]);"
        "try { engine.lossOf(network, engine.forward(network, [1, 2, 3, 4], 1), [0]); }"
        "catch (error) { return error.message; }",
        network_data(model),
    )
    assert message.startswith("Expected a network with a loss")


@pytest.mark.parametrize(
    ("images", "count", "labels", "message"),
    [
        ([1.0, 2.0, 3.0], 1, [0], "Expected 4 values for 1 images, received 3."),
        ([1.0, 2.0, 3.0, 4.0], 1, [3], "Expected labels from 0 to 2, received 3."),
        ([1.0, 2.0, 3.0, 4.0], 1, [0, 1], "Expected 1 labels or targets, received 2."),
    ],
)
def test_wrong_input_is_an_error(driver, images, count, labels, message):
    found = driver.execute_script(
        "const [description, images, count, labels] = arguments, network = engine.createNetwork(description);"
        "try { engine.lossOf(network, engine.forward(network, images, count), labels); }"
        "catch (error) { return error.message; }",
        network_data(built(Dense(3, "softmax", input_shape=(4,)))), images, count, labels,
    )  # fmt: skip
    assert found == message


def test_shapes_that_the_engine_computes_otherwise_are_an_error(driver):
    description = json.loads(json.dumps(network_data(built(Conv2D(3, 2, input_shape=(4, 4, 1)), loss="mse"))))
    description["steps"][0]["config"]["padding"] = "same"
    found = driver.execute_script(
        "try { engine.createNetwork(arguments[0]); } catch (error) { return error.message; }", description
    )
    assert found.startswith("Expected shapes [[4,4,3]")


def test_passes_of_the_articles_network_are_fast(driver):
    (x, y), _ = sample_digits()
    forward, backward = driver.execute_script(
        """
        const [description, image, label] = arguments, network = engine.createNetwork(description);
        const forward = [], backward = [];
        for (let i = 0; i < 20; i++) {
            const started = performance.now();
            const pass = engine.forward(network, image, 1), middle = performance.now();
            engine.backward(network, pass, engine.lossOf(network, pass, [label]).gradient);
            forward.push(middle - started);
            backward.push(performance.now() - middle);
        }
        return [forward, backward];
        """,
        network_data(article_model(seed=0)), x[0].ravel().astype(float).tolist(), int(y[0]),
    )  # fmt: skip
    assert min(forward) <= FORWARD
    assert min(backward) <= BACKWARD
