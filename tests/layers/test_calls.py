"""Calls of a layer or a model on arrays, without compile and fit; and what Keras's functional calls lead to."""

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import Sequential, reference
from scratchcnn.layers import (
    Activation,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    LeakyReLU,
    MaxPooling2D,
    ReLU,
    Rescaling,
    Softmax,
)

X, _ = small_data(4)
LAYERS = [
    Conv2D(3, 3, activation="relu"), MaxPooling2D(), Flatten(), Dropout(0.5), Rescaling(0.5), ReLU(), LeakyReLU(),
    Softmax(), Activation("tanh"),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_call_builds_the_layer_and_computes_its_output(layer):
    new = layer.unbuilt()
    found = new(X.astype(np.float32))
    expected, _ = new.forward(X.astype(np.float32), reference, training=False, rng=None)
    assert (new.input_shape, new.output_shape) == (X.shape[1:], found.shape[1:])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_calls_of_all_layers_are_the_prediction():
    model, y = small_model(seed=0), X.astype(np.float32)
    for layer in model.layers:
        y = layer(y)
    np.testing.assert_allclose(y, model.predict(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "values", [[[1, 2], [3, 4]], np.ones((2, 2), np.uint8), np.ones((2, 2)), np.ones((2, 2), bool)]
)
def test_numbers_of_any_type_are_converted_to_the_dtype_of_the_layer(values):
    layer = Dense(3)
    assert layer(values).dtype == layer.kernel.dtype == np.float32
    assert Sequential([Dense(3, input_shape=(2,))], dtype="float64").layers[0](values).dtype == np.float64
    assert (layer(values) == layer(np.asarray(values, np.float32))).all()


def test_dropout_is_active_in_training_only():
    x = np.ones((1, 1000), np.float32)
    assert (Dropout(0.5)(x) == x).all()
    assert set(np.unique(Dropout(0.5)(x, training=True))) == {0.0, 2.0}


def test_called_layer_keeps_its_parameters_in_a_model():
    layer = Dense(3)
    expected = layer(np.ones((1, 4)))
    model = Sequential([Input((4,)), layer])
    np.testing.assert_array_equal(model.predict(np.ones((1, 4))), expected)


def test_users_layer_can_be_called():
    class Double(Layer):
        def forward(self, x, ops, training, rng):
            return 2 * x, None

    assert (Double()(np.ones((2, 3))) == 2).all()


def test_call_of_a_model_of_unknown_shape_builds_it():
    model = Sequential([Flatten(), Dense(3)])
    assert model(X).shape == (4, 3)
    assert model.input_shape == (None, *X.shape[1:])


@pytest.mark.parametrize("thing", [Dense(3), Sequential([Dense(3)])], ids=["layer", "model"])
@pytest.mark.parametrize("symbol", [Input((4,)), Dense(4), Sequential([Dense(4)])], ids=["Input", "layer", "model"])
def test_functional_call_leads_to_a_list_of_layers(thing, symbol):
    with pytest.raises(TypeError, match=r"an array for a call of .*; connect layers and models in a list: Sequential"):
        thing(symbol)


@pytest.mark.parametrize(("call", "kind", "message"), [
    (lambda: Dense(3)(np.ones(4)), ValueError, r"a batch \(N, ...\) .*received shape \(4,\); of one sample, give x"),
    (lambda: Dense(3)(3.0), ValueError, r"received shape \(\)"),
    (lambda: Dense(3)("text"), TypeError, "Expected numbers for a call of layer 'dense'"),
    (lambda: Dense(3)(np.ones((0, 4))), ValueError, r"received shape \(0, 4\)"),
    (lambda: Dense(3)(np.ones((2, 2, 2))), ValueError, r"expected samples of shape \(units\)"),
    (lambda: Dense(3, input_shape=(4,))(np.ones((2, 5))), ValueError, "given input_shape=.4,., but receives"),
    (lambda: small_model().layers[-1](np.ones((2, 5))), ValueError, r"\('N', 8\) for layer 'dense_1'.*\(2, 5\); make"),
    (lambda: Dense(3)(np.ones((2, 5)), training=1), ValueError, "training as True or False"),
    (lambda: Sequential([Dense(3)])(3.0), ValueError, "Expected"),
    (lambda: Sequential()(np.ones((2, 3))), ValueError, "has no layers yet"),
])  # fmt: skip
def test_calls_that_cannot_work_are_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_failed_call_leaves_the_layer_unbuilt():
    layer = Dense(3)
    with pytest.raises(ValueError, match="units"):
        layer(np.ones((2, 2, 2)))
    assert (layer.output_shape, layer.params) == (None, {})


@pytest.mark.parametrize(("x", "options"), [
    (np.array([["a", "b"]]), {}), (np.ones((0, 2)), {}), (np.full((1, 2), np.nan), {}), (np.ones(2), {}),
    (np.ones((1, 2)), {"training": "yes"}), (np.ones((1, 2, 2)), {}),
])  # fmt: skip
def test_failed_call_leaves_the_model_unbuilt(x, options):
    model = Sequential([Dense(3)])
    with pytest.raises((TypeError, ValueError), match=r"^Expected|'dense'"):
        model(x, **options)
    assert (model.input_shape, model.output_shape, model.weights) == (None, None, [])
