"""The description of a model for the page's engine, and the stored weights."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import numpy as np
import pytest
from networks import article_model, sample_digits, small_model
from own_layers import Scale
from random_models import Leaky

from scratchcnn import Sequential
from scratchcnn.datasets import mnist
from scratchcnn.inspection.laboratory.network import network_data
from scratchcnn.inspection.laboratory.stored_weights import rounded, rounding_errors, store, with_stored_weights
from scratchcnn.layers import Activation, Conv2D, Dense, Flatten
from scratchcnn.losses import MeanSquaredError

WHOLE = Path(os.environ.get("MNIST_FOLDER", "no folder"))
HALF_UNIT = 2.0**-11  # relative rounding error of float16


def decoded(spec: dict) -> np.ndarray:
    """The numbers that `store` describes."""
    halves = np.frombuffer(base64.b64decode(spec["data"]), "<f2").astype(np.float64)
    return (halves * spec["scale"]).reshape(spec["shape"])


@pytest.mark.parametrize("size", [1e-30, 1e-5, 1.0, 3e4, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stored_weights_have_eleven_significant_bits(rng, size, dtype):
    array = (size * rng.standard_normal((7, 3, 5))).astype(dtype)
    spec = json.loads(json.dumps(store(array)))
    assert (decoded(spec) == rounded(array)).all()
    assert rounded(array).dtype == dtype
    large = np.abs(array) >= 2.0**-28 * np.abs(array).max()
    assert large.any()
    errors = np.abs(decoded(spec) - array)
    assert (errors[large] <= HALF_UNIT * np.abs(array[large])).all()
    assert (errors[~large] <= HALF_UNIT * 2.0**-28 * np.abs(array).max()).all()


def test_largest_weight_may_round_up_to_a_power_of_two():
    array = np.array([2 - 2.0**-13, -1.0])
    assert rounded(array).tolist() == [2.0, -1.0]


def test_zeros_and_empty_arrays_are_stored():
    assert decoded(store(np.zeros((2, 3)))).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert decoded(store(np.zeros((0, 3)))).shape == (0, 3)


def test_weights_that_are_not_finite_are_an_error():
    model = small_model(seed=0)
    kernel = model.layers[0].params["kernel"].copy()
    kernel[0, 0, 0, 0] = np.inf
    model.layers[0].set_weights([kernel, model.layers[0].params["bias"]])
    with pytest.raises(ValueError, match="Expected finite weights in conv2d/kernel, received infinity or NaN"):
        network_data(model)


def test_rounding_errors_are_those_of_the_stored_weights():
    model = small_model(seed=0)
    copied = with_stored_weights(model)
    errors = {error.parameter: error for error in rounding_errors(model)}
    assert list(errors)[:2] == ["conv2d/kernel", "conv2d/bias"]
    for layer, other in zip(model.leaf_layers, copied.leaf_layers, strict=True):
        for name, array in layer.params.items():
            exact = np.abs(array.astype(np.float64) - other.params[name]).max()
            found = errors[f"{layer.name}/{name}"]
            assert found.absolute == exact
            assert found.relative == (exact / np.abs(array).max() if array.any() else 0)
            assert found.relative <= HALF_UNIT
    assert errors["conv2d/kernel"].relative > 0


def test_activations_are_steps_of_their_own_and_inner_models_are_flat():
    inner = Sequential([Conv2D(2, 2, activation="tanh"), Activation("relu")], name="inner")
    model = Sequential([Conv2D(3, 2, input_shape=(5, 5, 1)), inner, Flatten(), Dense(4, "softmax")])
    names = [step["name"] for step in network_data(model)["steps"]]
    assert names == ["conv2d", "inner/conv2d", "inner/conv2d tanh", "activation", "flatten", "dense", "dense softmax"]


def test_description_is_json_with_the_shapes_of_the_layers():
    model = article_model(seed=0)
    data = json.loads(json.dumps(network_data(model)))
    assert data["inputShape"] == [28, 28, 1]
    assert data["outputShape"] == [10]
    shapes = {step["layer"]: step["outputShape"] for step in data["steps"]}
    assert shapes == {layer.name: list(layer.output_shape) for layer in model.layers}
    stored = {f"{step['layer']}/{each['name']}": decoded(each) for step in data["steps"] for each in step["parameters"]}
    for layer in with_stored_weights(model).layers:
        for name, array in layer.params.items():
            assert (stored[f"{layer.name}/{name}"] == array).all()
    assert len(json.dumps(data)) < 1.02 * 4 / 3 * 2 * model.count_params() + 10_000  # two bytes each, in base64


def test_own_layer_is_an_error_that_names_it():
    model = Sequential([Scale(input_shape=(3,)), Dense(2)])
    with pytest.raises(ValueError, match=r"received 'scale' \(Scale\), whose forward and backward pass are your own"):
        network_data(model)


def test_method_replaced_on_a_layer_is_an_error():
    model = Sequential([Dense(2, input_shape=(3,), name="changed")])
    vars(model.layers[0])["forward"] = lambda *_: None
    with pytest.raises(ValueError, match=r"received 'changed' \(Dense\), whose forward and backward pass"):
        network_data(model)


def test_own_activation_is_an_error_that_names_the_known_ones():
    model = Sequential([Dense(2, Leaky(), input_shape=(3,))])
    with pytest.raises(
        ValueError, match=r"in layer 'dense' \(Dense\), received Leaky\(\).* use one of 'linear', 'relu'"
    ):
        network_data(model)


def test_own_loss_is_left_out():
    class OwnError(MeanSquaredError):
        pass

    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(loss=OwnError())
    assert network_data(model)["loss"] is None


def test_model_that_is_not_built_is_an_error():
    with pytest.raises(ValueError, match="laboratory"):
        network_data(Sequential([Dense(2)]))
    with pytest.raises(TypeError, match="Expected a Sequential for the laboratory, received str"):
        network_data("model")


def test_stored_weights_predict_like_the_exact_ones_on_the_sample():
    (x, y), (x_test, _) = sample_digits()
    model = article_model(seed=0)
    model.fit(x, y, batch_size=128, epochs=1, verbose=0)
    answers, stored = (each.predict(x_test, verbose=0).argmax(axis=1) for each in (model, with_stored_weights(model)))
    assert (answers != stored).sum() <= 1


@pytest.mark.skipif(not WHOLE.is_dir(), reason="MNIST_FOLDER is not a folder with all of MNIST")
def test_stored_weights_change_at_most_five_of_ten_thousand_predictions():
    (x, y), (x_test, _) = mnist.load_data(WHOLE)
    x, x_test = (images[..., None].astype(np.float32) / 255 for images in (x, x_test))
    model = article_model(seed=0)
    model.fit(x[:12_000], y[:12_000], batch_size=128, epochs=1, verbose=0)
    answers, stored = (each.predict(x_test, verbose=0).argmax(axis=1) for each in (model, with_stored_weights(model)))
    assert (answers != stored).sum() <= 5
