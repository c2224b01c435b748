"""Models inside models in every file format: the same layers, parameters, frozen layers and resumed training."""

import json
import tracemalloc

import h5py
import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nesting import nested
from networks import small_data
from npz_files import rewrite

from scratchcnn import Sequential, load_model, models
from scratchcnn.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from scratchcnn.storage import StorageError

X, Y = small_data(12)
MODELS, WEIGHTS = (".npz", ".keras", ".h5"), (".npz", ".weights.h5", ".h5")


def chain():
    """Layers of which some have parameters of equal shapes, so that a wrong order is noticed by the values only."""
    layers = [Conv2D(3, 3), Conv2D(3, 1), Conv2D(3, 1, use_bias=False), MaxPooling2D(), Flatten()]
    return [*layers, *(Dense(4) for _ in range(4)), Dense(5, activation="softmax")]


def model_of(parts):
    model = Sequential([Input((9, 8, 1)), *parts], seed=0, name="whole")
    model.compile(metrics="accuracy")
    model.fit(X, Y, verbose=0)
    return model


def twice(text):
    """A model in which inner models contain inner models, and some layers are frozen."""
    first, second, third, *rest = chain()
    deep = Sequential([second, Sequential([third, rest[0]], name="deeper")], name="deep")
    model = model_of([Sequential([first, deep], name=text), rest[1], Sequential(rest[2:5]), *rest[5:]])
    model.leaf_layers[0].trainable = model.leaf_layers[2].trainable = model.leaf_layers[6].trainable = False
    return model


def bits(arrays):
    return [array.tobytes() for array in arrays]


def expect_equal(found, model):
    assert found.leaf_paths == model.leaf_paths
    assert bits(found.weights) == bits(model.weights)
    assert [layer.trainable for layer in found.leaf_layers] == [layer.trainable for layer in model.leaf_layers]
    assert [layer.get_config() for layer in found.leaf_layers] == [layer.get_config() for layer in model.leaf_layers]
    assert (found.name, found.input_shape, found.dtype) == (model.name, model.input_shape, model.dtype)


@pytest.mark.parametrize("suffix", MODELS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_model_is_the_same_after_a_round_trip(suffix, tmp_path, data):
    layers = chain()
    for layer in layers:
        layer.trainable = data.draw(st.booleans())
    model = model_of(nested(lambda limit: data.draw(st.integers(0, limit - 1)), layers))
    model.save(tmp_path / f"model{suffix}")
    expect_equal(load_model(tmp_path / f"model{suffix}"), model)


@pytest.mark.parametrize("suffix", WEIGHTS)
def test_weights_return_to_their_layers(suffix, tmp_path):
    model, other = twice("a"), twice("a")
    other.set_weights([0 * array for array in other.weights])
    model.save_weights(tmp_path / f"w{suffix}")
    other.load_weights(tmp_path / f"w{suffix}")
    assert bits(other.weights) == bits(model.weights)


def test_weights_of_h5_return_to_layers_of_the_same_names_that_are_not_frozen(tmp_path):
    """Keras lists the trainable weights first, so their order depends on the frozen layers of the model that saved."""
    model, other = twice("a"), twice("a")
    other.trainable = True
    other.set_weights([0 * array for array in other.weights])
    model.save_weights(tmp_path / "w.h5")
    other.load_weights(tmp_path / "w.h5")
    assert bits(other.weights) == bits(model.weights)


def test_training_resumes_exactly_from_npz(tmp_path):
    model = twice("a")
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    for each in (model, loaded):
        each.fit(X, Y, verbose=0)
    assert bits(loaded.weights) == bits(model.weights)


def test_optimizer_state_is_restored_from_keras(tmp_path):
    model = twice("a")
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert loaded.optimizer_state.iterations == model.optimizer_state.iterations
    for found, expected in zip(loaded.optimizer_state.slots, model.optimizer_state.slots, strict=True):
        assert bits(found) == bits(expected)


def test_flat_models_are_written_in_the_versions_of_before(tmp_path):
    versions = []
    for number, parts in enumerate([chain(), [Sequential(chain())]]):
        model_of(parts).save(tmp_path / f"{number}.npz")
        header = np.load(tmp_path / f"{number}.npz")["header"].tobytes()
        versions.append(json.loads(header)["version"])
    assert versions == [1, 3]


@pytest.mark.parametrize("suffix", MODELS)
def test_file_with_an_inner_model_of_other_layers_names_the_layer(suffix, tmp_path):
    twice("a").save(tmp_path / f"m{suffix}")
    other = Sequential([Input((9, 8, 1)), Sequential([Conv2D(2, 3), Flatten()]), Dense(5)])
    before = other.get_weights()
    with pytest.raises(StorageError, match=r"layer 'conv2d' \(Conv2D\)|layer 'dense' \(Dense\)|nothing was changed"):
        other.load_weights(tmp_path / f"m{suffix}")
    assert bits(other.weights) == bits(before)


def test_further_layer_of_an_inner_model_in_a_file_is_an_error(tmp_path):
    Sequential([Input((3,)), Dense(2), Sequential([Flatten(), Dense(2)])]).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(StorageError, match="the model has no layer for 'sequential/layers/dense'"):
        Sequential([Input((3,)), Dense(2)]).load_weights(tmp_path / "m.weights.h5")


def test_json_and_config_describe_inner_models():
    model = twice("a")
    loaded = Sequential.from_config(json.loads(json.dumps(model.get_config())))
    loaded.set_weights(model.get_weights())
    expect_equal(loaded, model)
    assert models.model_from_json(model.to_json()).leaf_paths == model.leaf_paths


def test_onnx_graph_computes_the_same(tmp_path):
    model = twice("a")
    model.export(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    found = session.run(None, {"input": X.astype(np.float32)})[0]
    np.testing.assert_allclose(found, model.predict(X), rtol=2e-5, atol=1e-6)


def deep_config(depth):
    config = Sequential([Dense(2, input_shape=(3,))]).get_config()
    for _ in range(depth):
        config = {"name": "a", "layers": [{"class_name": "Sequential", "config": config}]}
    return config


def test_models_inside_models_to_any_depth_of_a_file_are_refused():
    assert len(Sequential.from_config(deep_config(10)).leaf_layers) == 1
    with pytest.raises(StorageError, match="models inside models to a depth of at most 16"):
        Sequential.from_config(deep_config(20))
    with pytest.raises(StorageError, match=r"^Expected the configuration of a Sequential, .*RecursionError"):
        Sequential.from_config(deep_config(5000))


def test_depth_of_an_npz_file_is_limited(tmp_path):
    model = Sequential([Input((3,)), Sequential([Dense(2)])])
    model.save(tmp_path / "m.npz")

    def nest(header):
        for _ in range(200):
            inner = {"class_name": "Sequential", "config": {"name": "a"}, "layers": header["model"]["layers"]}
            header["model"]["layers"] = [inner]

    rewrite(tmp_path / "m.npz", nest)
    with pytest.raises(StorageError, match="models inside models to a depth of at most 16"):
        load_model(tmp_path / "m.npz")


@pytest.mark.parametrize(("options", "message"), [
    ({"units": 10**7}, "Expected parameters of at most"),
    ({"units": 10**7, "input_shape": [3]}, "Expected parameters of at most"),
    ({"units": 10**4, "input_shape": [10**4]}, r"samples of shape \(3,\) for layer 'dense' .* input_shape=\(10000,\)"),
])  # fmt: skip
def test_gigantic_layer_of_an_inner_model_is_rejected_before_memory_is_allocated(tmp_path, options, message):
    path = tmp_path / "m.npz"
    Sequential([Input((3,)), Sequential([Sequential([Dense(2)])])]).save(path)
    rewrite(path, lambda header: header["model"]["layers"][0]["layers"][0]["layers"][0]["config"].update(options))
    tracemalloc.start()
    try:
        with pytest.raises(StorageError, match=message):
            load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_group_that_contains_itself_is_refused(tmp_path):
    model = Sequential([Input((3,)), Dense(2)])
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5", "a") as file:
        file["layers"].create_group("sequential")
        file["layers/sequential/layers"] = file["layers"]
    with pytest.raises(StorageError, match=r"at most 4096 layers|a path of at most"):
        model.load_weights(tmp_path / "m.weights.h5")
