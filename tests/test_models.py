"""The modules of Keras: models from JSON, copies without state, one-hot rows."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import small_data, small_model

import scratchcnn
from scratchcnn import Sequential, models, utils
from scratchcnn.layers import Dense, Layer
from scratchcnn.storage import StorageError

X, Y = small_data(20)


def test_json_keeps_the_layers_and_options():
    model = small_model(seed=0, dtype="float64")
    model.get_layer("dense").trainable = False
    other = models.model_from_json(model.to_json(indent=2))
    assert [repr(layer) for layer in other.layers] == [repr(layer) for layer in model.layers]
    assert [layer.get_config() for layer in other.layers] == [layer.get_config() for layer in model.layers]
    assert (other.dtype, other.get_layer("dense").trainable) == (model.dtype, False)
    other.set_weights(model.get_weights())
    assert other.predict(X).tobytes() == model.predict(X).tobytes()


@pytest.mark.parametrize("text", [
    "", "{", "[]", "3", "null", "{}", '{"class_name": "Sequential"}', '{"class_name": "Functional", "config": {}}',
    '{"class_name": "Sequential", "config": {"layers": 3}}', "[" * 100_000, b"\xff", None,
])  # fmt: skip
def test_text_that_is_no_model_is_an_error(text):
    with pytest.raises(StorageError, match=r"^Expected"):
        models.model_from_json(text)


def test_json_of_a_gigantic_model_allocates_nothing():
    text = Sequential([Dense(3, input_shape=(4,))]).to_json()
    described = json.loads(text)
    described["config"]["layers"][-1]["config"]["units"] = 10**12
    with pytest.raises(StorageError, match="parameters of at most"):
        models.model_from_json(json.dumps(described))


def test_config_makes_an_equal_model_with_new_parameters():
    model = small_model(seed=0, name="small")
    other = Sequential.from_config(model.get_config())
    assert (other.name, other.compiled, other.to_json()) == ("small", None, model.to_json())
    assert not (other.layers[0].kernel == model.layers[0].kernel).all()


def test_config_of_a_subclass_makes_the_subclass():
    class Own(Sequential):
        """A model of a user."""

    assert type(Own.from_config(Own([Dense(3, input_shape=(4,))]).get_config())) is Own


@pytest.mark.parametrize("config", [None, 3, {}, {"layers": 3}, {"layers": [{}]}, [], {"layers": []}, "text"])
def test_what_is_no_config_is_an_error(config):
    with pytest.raises(StorageError, match=r"^Expected"):
        Sequential.from_config(config)


@pytest.mark.parametrize("use", [Sequential.get_config, Sequential.to_json])
def test_model_of_unknown_shape_has_no_config(use):
    with pytest.raises(ValueError, match="does not know the shape of its input"):
        use(Sequential([Dense(3)]))


def test_clone_model_has_new_parameters_and_no_compilation():
    model = small_model(seed=0)
    other = models.clone_model(model)
    assert [repr(layer) for layer in other.layers] == [repr(layer) for layer in model.layers]
    assert other.compiled is None
    assert not (other.layers[0].kernel == model.layers[0].kernel).all()


def test_custom_layer_has_no_json_of_keras():
    class Own(Layer):
        pass

    with pytest.raises(StorageError, match="of a class that Keras has, received Own"):
        Sequential([Own(input_shape=(3,))]).to_json()


@given(st.lists(st.integers(0, 12), min_size=1), st.integers(0, 3))
def test_one_hot_rows_are_undone_by_argmax(numbers, more):
    classes = max(numbers) + 1 + more
    rows = utils.to_categorical(numbers, classes)
    assert rows.shape == (len(numbers), classes)
    assert rows.argmax(axis=1).tolist() == numbers
    assert rows.sum() == len(numbers)
    np.testing.assert_array_equal(utils.to_categorical(np.array(numbers)[:, None], classes), rows)


@pytest.mark.parametrize(("call", "kind", "message"), [
    (lambda: utils.to_categorical([0.5]), TypeError, r"x as integers, received dtype float64; use x.astype\(int\)"),
    (lambda: utils.to_categorical([3], 3), ValueError, "class numbers from 0 to 2, received 3"),
    (lambda: utils.to_categorical([-1]), ValueError, "received -1"),
    (lambda: utils.to_categorical(np.zeros(0, int)), ValueError, "at least one class number"),
    (lambda: utils.to_categorical([1], 0), ValueError, "num_classes as a whole number of at least 1, received 0"),
])  # fmt: skip
def test_class_numbers_that_do_not_fit_are_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_names_of_keras_are_those_of_the_package():
    assert models.Sequential is scratchcnn.Sequential
    assert models.load_model is scratchcnn.load_model
    assert utils.plot_model is scratchcnn.plot_model
    assert models.Input is scratchcnn.Input
