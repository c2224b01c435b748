"""Models inside models: files of both packages, in every format and both directions, with equal predictions."""

import keras
import numpy as np
import pytest
from networks import small_data

from scratchcnn import Sequential, load_model
from scratchcnn.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

X, Y = small_data(12)
X = X.astype(np.float32)
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


def ours():
    deep = Sequential([MaxPooling2D(), Sequential([Flatten(), Dense(6, name="deepest")])], name="deep")
    base = Sequential([Input((9, 8, 1)), Conv2D(4, 3, activation="relu"), Conv2D(4, 1), deep], name="base")
    head = Sequential([Dense(6), Dense(6), Dense(5, activation="softmax")], name="head")
    model = Sequential([base, Dense(6, name="middle"), head], seed=0, name="whole")
    base.layers[0].trainable = head.layers[1].trainable = False
    model.compile(metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    return model


def functional(name=None, frozen=False):
    x = inputs = keras.Input((9, 8, 1))
    for layer in (keras.layers.Conv2D(3, 3), keras.layers.Flatten(), keras.layers.Dense(6), keras.layers.Dense(6)):
        x = layer(x)
    model = keras.Model(inputs, x, name=name)
    model.layers[1].trainable = model.layers[3].trainable = not frozen
    return model


def functional_of_models():
    x = inputs = keras.Input((9, 8, 1))
    for part in (functional("first"), keras.Sequential([keras.layers.Dense(6)]), keras.layers.Dense(6)):
        x = part(x)
    return keras.Model(inputs, x)


def frozen_model():
    inner = functional("inner")
    inner.trainable = False
    return keras.Sequential([keras.Input((9, 8, 1)), inner, keras.layers.Dense(5)])


THEIRS = {
    "functional in sequential": lambda: keras.Sequential([keras.Input((9, 8, 1)), functional(), keras.layers.Dense(5)]),
    "without input layer": lambda: keras.Sequential([functional(), keras.layers.Dense(5)]),
    "partly frozen": lambda: keras.Sequential([functional(frozen=True), keras.layers.Dense(5)]),
    "frozen": frozen_model,
    "sequential and functional in functional": functional_of_models,
    "both kinds": lambda: keras.Sequential(
        [functional(), *(keras.Sequential([keras.layers.Dense(6)]) for _ in range(2)), keras.layers.Dense(6)]
    ),
}


def frozen_arrays(model):
    return sum(not layer.trainable for layer in model.leaf_layers for _ in layer.params)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_keras_loads_our_inner_models_and_returns_them(suffix, tmp_path):
    model = ours()
    model.save(tmp_path / f"m{suffix}")
    loaded = keras.models.load_model(tmp_path / f"m{suffix}")
    assert [layer.name for layer in loaded.layers] == ["base", "middle", "head"]
    assert [layer.name for layer in loaded.layers[0].layers] == ["conv2d", "conv2d_1", "deep"]
    for found, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert found.tobytes() == expected.tobytes()
    assert len(loaded.non_trainable_weights) == frozen_arrays(model) == 4
    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X), **TOLERANCE)
    loaded.fit(X, Y, verbose=0)
    loaded.save(tmp_path / f"back{suffix}")
    back = load_model(tmp_path / f"back{suffix}")
    assert back.leaf_paths == model.leaf_paths
    assert [layer.trainable for layer in back.leaf_layers] == [layer.trainable for layer in model.leaf_layers]
    np.testing.assert_allclose(back.predict(X), loaded.predict(X, verbose=0), **TOLERANCE)


def test_optimizer_state_of_inner_models_is_exchanged(tmp_path):
    model = ours()
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    arrays = [np.asarray(variable) for variable in loaded.optimizer.variables[2:]]
    expected = [array for slots in model.optimizer_state.slots for array in slots]
    assert [array.tobytes() for array in arrays] == [array.tobytes() for array in expected]


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_weights_are_exchanged(suffix, tmp_path):
    model = ours()
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", compile=False)
    loaded.set_weights([0 * array for array in loaded.get_weights()])
    model.save_weights(tmp_path / f"w{suffix}")
    loaded.load_weights(tmp_path / f"w{suffix}")
    for found, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("make", THEIRS.values(), ids=THEIRS)
def test_models_of_keras_with_inner_models_are_loaded(make, suffix, tmp_path):
    model = make()
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    np.testing.assert_allclose(loaded.predict(X), model.predict(X, verbose=0), rtol=1e-5, atol=1e-5)
    assert frozen_arrays(loaded) == len(model.non_trainable_weights)
    assert [array.shape for array in loaded.weights] == [tuple(variable.shape) for variable in model.weights]


@pytest.mark.parametrize("make", THEIRS.values(), ids=THEIRS)
def test_weights_of_keras_with_inner_models_are_loaded(make, tmp_path):
    model = make()
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    model.set_weights([array + 1 for array in model.get_weights()])
    model.save_weights(tmp_path / "w.weights.h5")
    loaded.load_weights(tmp_path / "w.weights.h5")
    for found, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert found.tobytes() == expected.tobytes()


def test_config_is_exchanged():
    model = ours()
    theirs = keras.Sequential.from_config(model.get_config())
    assert [tuple(variable.shape) for variable in theirs.weights] == [array.shape for array in model.weights]
    back = Sequential.from_config(theirs.get_config())
    assert back.leaf_paths == model.leaf_paths
    assert [layer.get_config() for layer in back.leaf_layers] == [layer.get_config() for layer in model.leaf_layers]
