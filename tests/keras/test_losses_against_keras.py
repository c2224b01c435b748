"""Mean squared error and binary cross-entropy, and metrics, compared with Keras in float64: values and gradients."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras_floats import floats

from scratchcnn import Sequential, kernels, layers, losses, metrics, reference

# The __array__ of Keras's variables has no `copy` argument, which NumPy 2 passes; NumPy falls back with a warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

TOLERANCE = {"rtol": 1e-6, "atol": 1e-12}  # Keras rounds the factor of a mean to float32
SHAPES = [(6, 1), (6, 4), (3, 5, 4, 2)]
BINARY = [
    {"from_logits": from_logits, "label_smoothing": smoothing}
    for from_logits in (False, True)
    for smoothing in (0.0, 0.1, 1.0)
]
CASES = [("MeanSquaredError", {}), *(("BinaryCrossentropy", arguments) for arguments in BINARY)]


@pytest.mark.parametrize(("name", "arguments"), CASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_losses_and_gradients_equal_those_of_keras(rng, name, arguments, shape):
    outputs = rng.standard_normal(shape) * 3
    targets = rng.random(shape) if name == "MeanSquaredError" else rng.integers(0, 2, shape).astype(np.float64)
    if name == "BinaryCrossentropy" and not arguments["from_logits"]:
        outputs = rng.random(shape)
        outputs.flat[:2] = 0, 1  # clipped
    with floats("float64"):
        theirs = getattr(keras.losses, name)(**arguments, dtype="float64")
        loss, gradient = jax.value_and_grad(lambda x: theirs(jnp.asarray(targets), x))(jnp.asarray(outputs))
    ours = getattr(losses, name)(**arguments)
    np.testing.assert_allclose(ours(targets, outputs), loss, **TOLERANCE)
    assert ours.check(targets, len(targets), shape[1:]) is targets
    for ops in (kernels, reference):
        of_samples, predictions = ours.forward(outputs, targets, ops)
        assert of_samples.shape == shape[:1]
        np.testing.assert_allclose(of_samples.mean(), loss, **TOLERANCE)
        np.testing.assert_allclose(ours.backward(predictions, targets, ops), gradient, **TOLERANCE)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["BinaryAccuracy", "MeanSquaredError", "MeanAbsoluteError", "CategoricalAccuracy"])
def test_metrics_equal_those_of_keras(rng, name, shape):
    outputs, targets = rng.random(shape), rng.integers(0, 2, shape)
    outputs.flat[:3] = 0.5  # at the threshold
    theirs = getattr(keras.metrics, name)(dtype="float64")
    theirs.update_state(targets, outputs)
    of_samples = getattr(metrics, name)().of_samples(targets, outputs)
    assert of_samples.shape == shape[:1]
    np.testing.assert_allclose(of_samples.mean(), float(theirs.result()), rtol=1e-6)  # Keras adds in float32


NAMES = ["mse", "MSE", "mean_squared_error", "bce", "BCE", "binary_crossentropy", "categorical_crossentropy"]
METRICS = ["accuracy", "mae", "mse", "binary_accuracy"]


@pytest.mark.parametrize("name", NAMES)
def test_names_stand_for_the_losses_of_keras(name):
    assert losses.get(name).name == keras.losses.get(name).__name__


@pytest.mark.parametrize(("units", "last"), [(1, "sigmoid"), (3, "sigmoid"), (3, "softmax")])
@pytest.mark.parametrize("name", ["mse", "bce"])
def test_fit_and_evaluate_report_the_values_of_keras(rng, name, units, last):
    x, y = rng.standard_normal((11, 4)), rng.integers(0, 2, (11, units))
    y = y[:, 0] if units == 1 else y
    with floats("float64"):
        theirs = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(units, last)])
        ours = Sequential([layers.Input((4,)), layers.Dense(units, last)], dtype="float64")
        initial = [np.asarray(weight) for weight in theirs.get_weights()]
        ours.set_weights(initial)
        theirs.compile(keras.optimizers.SGD(0.1), name, metrics=METRICS)
        ours.compile("sgd", name, metrics=METRICS)
        ours.optimizer.learning_rate = 0.1
        weights = rng.random(11)
        arguments = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0, "sample_weight": weights}
        found, expected = ours.fit(x, y, **arguments).history, theirs.fit(x, y, **arguments).history
        assert found.keys() == expected.keys()
        for key in found:  # Keras accumulates the means in float32, and so is its learning rate
            if key == "loss":
                np.testing.assert_allclose(found[key], expected[key], rtol=1e-6)
        for a, b, start in zip(ours.get_weights(), theirs.get_weights(), initial, strict=True):
            np.testing.assert_allclose(a - start, b - start, rtol=1e-6, atol=1e-6 * abs(b - start).max())
        values = [model.evaluate(x, y, verbose=0, return_dict=True) for model in (ours, theirs)]
        assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_binary_accuracy_of_a_loss_on_logits_is_that_of_the_probabilities(rng):
    x, y = rng.standard_normal((40, 4)), rng.integers(0, 2, 40)
    on_logits = Sequential([layers.Dense(1, input_shape=(4,))], seed=3)
    on_logits.compile("sgd", losses.BinaryCrossentropy(from_logits=True), "accuracy")
    ending = Sequential([layers.Dense(1, "sigmoid", input_shape=(4,))], seed=3)
    ending.compile("sgd", "bce", "accuracy")
    expected = ((on_logits.predict(x)[:, 0] > 0) == y).mean()
    assert on_logits.evaluate(x, y, verbose=0) == ending.evaluate(x, y, verbose=0)
    assert on_logits.evaluate(x, y, verbose=0)[1] == pytest.approx(expected)


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_model_that_ends_in_sigmoid_is_trained_on_its_logits(engine):
    model = Sequential([layers.Dense(1, "sigmoid", input_shape=(1,))], engine=engine)
    model.compile("sgd", "bce")
    model.set_weights([np.array([[1000.0]]), np.zeros(1)])
    loss, gradients = model.loss_and_gradients([[-1.0]], [1])
    assert loss == 1000
    assert gradients[0] == 1
