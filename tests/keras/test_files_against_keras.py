"""Files that Keras wrote are read here, and files written here are read by Keras: the predictions are the same."""

import contextlib
import json
import zipfile

import keras
import numpy as np
import pytest

from scratchcnn import Sequential, layers, load_model, optimizers
from scratchcnn.optimizers import schedules
from scratchcnn.storage import StorageError

# Keras's variables take no `copy` argument in __array__, which NumPy 2 asks for; it falls back, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32, sums of at most a thousand numbers of order one
SHAPE = (9, 10, 2)


def article(kind):
    return [
        kind.Conv2D(4, (3, 3), activation="relu"), kind.Conv2D(6, (3, 3), activation="relu"),
        kind.MaxPooling2D((2, 2)), kind.Dropout(0.25), kind.Flatten(), kind.Dense(12, activation="relu"),
        kind.Dropout(0.5), kind.Dense(5, activation="softmax"),
    ]  # fmt: skip


def options(kind):
    """Everything that has an option, set to something else than its default."""
    return [
        kind.Rescaling(1 / 8, offset=0.5, name="scaled"),
        kind.Conv2D(3, (2, 3), strides=(2, 1), padding="same", use_bias=False, kernel_initializer="he_normal"),
        kind.Activation("relu"),
        kind.Conv2D(4, 2, dilation_rate=(1, 2), activation="relu", name="wide", bias_initializer="zeros"),
        kind.MaxPooling2D((3, 2), strides=(1, 2), padding="same"),
        kind.Flatten(),
        kind.Dense(5, use_bias=False),
        kind.Activation("softmax", name="last"),
    ]


MODELS = {"article": article, "options": options}
COMPILED = {
    "adam": lambda kind, schedule: kind.Adam(0.01, beta_1=0.8, epsilon=1e-6),
    "adam by a schedule": lambda kind, schedule: kind.Adam(
        schedule.CosineDecay(0.01, 9, warmup_target=0.02, warmup_steps=2)),
    "sgd": lambda kind, schedule: kind.SGD(0.05),
    "nesterov": lambda kind, schedule: kind.SGD(
        schedule.PiecewiseConstantDecay([1, 3], [0.1, 0.05, 0.01]), momentum=0.5, nesterov=True),
    "falling sgd": lambda kind, schedule: kind.SGD(
        schedule.ExponentialDecay(0.1, 5, 0.5, staircase=True), momentum=0.9),
}  # fmt: skip


def theirs_of(make, rng):
    model = keras.Sequential([keras.layers.Input(SHAPE), *make(keras.layers)])
    model.set_weights([rng.standard_normal(weight.shape) * 0.3 for weight in model.get_weights()])
    return model


def ours_of(make, rng, dtype="float32"):
    model = Sequential([layers.Input(SHAPE), *make(layers)], seed=1, engine="reference", dtype=dtype)
    model.set_weights([rng.standard_normal(weight.shape) * 0.3 for weight in model.get_weights()])
    return model


def images(rng, count=4):
    return rng.standard_normal((count, *SHAPE)).astype(np.float32)


def agree(ours, theirs, x):
    np.testing.assert_allclose(ours.predict(x), np.asarray(theirs.predict(x, verbose=0)), **CLOSE)


def learn(model, x, y):
    """A few steps, in order and the same in both: without dropout, which each draws in its own way."""
    for start in range(0, len(x), 4):
        model.train_on_batch(x[start : start + 4], y[start : start + 4])


@contextlib.contextmanager
def floats(dtype):
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_keras_predicts_here(tmp_path, rng, name):
    theirs = theirs_of(MODELS[name], rng)
    theirs.save(tmp_path / "model.keras")
    ours = load_model(tmp_path / "model.keras")
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    agree(ours, theirs, images(rng))
    with pytest.raises(RuntimeError, match="compile"):
        ours.train_on_batch(images(rng), np.zeros(4, int))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_from_here_predicts_in_keras(tmp_path, rng, name):
    ours = ours_of(MODELS[name], rng)
    ours.save(tmp_path / "model.keras")
    theirs = keras.saving.load_model(tmp_path / "model.keras")
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert not theirs.compiled
    agree(ours, theirs, images(rng))


@pytest.mark.parametrize("name", MODELS)
def test_weights_go_both_ways(tmp_path, rng, name):
    theirs, ours = theirs_of(MODELS[name], rng), ours_of(MODELS[name], rng)
    x = images(rng)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.save_weights(tmp_path / "ours.weights.h5")
    before = ours.predict(x)
    ours.load_weights(tmp_path / "theirs.weights.h5")
    agree(ours, theirs, x)
    theirs.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(np.asarray(theirs.predict(x, verbose=0)), before, **CLOSE)
    theirs.save(tmp_path / "theirs.keras")
    ours.load_weights(tmp_path / "theirs.keras")
    np.testing.assert_array_equal(ours.predict(x), before)


def test_float64_goes_both_ways(tmp_path, rng):
    with floats("float64"):
        theirs = theirs_of(options, rng)
        theirs.save(tmp_path / "theirs.keras")
        ours = load_model(tmp_path / "theirs.keras")
        assert ours.dtype == np.float64
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
        ours.save(tmp_path / "ours.keras")
        again = keras.saving.load_model(tmp_path / "ours.keras")
        assert {layer.dtype for layer in again.layers} == {"float64"}
        agree(ours, again, images(rng))


# How a model was compiled, and where its training stands


def quiet(kind):
    """The article without dropout, so that both take the same steps."""
    return [layer for layer in article(kind) if not isinstance(layer, kind.Dropout)]


@pytest.mark.parametrize("name", COMPILED)
def test_training_begun_in_keras_goes_on_here(tmp_path, rng, name):
    theirs, x, y = theirs_of(quiet, rng), images(rng, 12), rng.integers(0, 5, 12)
    optimizer = COMPILED[name](keras.optimizers, keras.optimizers.schedules)
    theirs.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    learn(theirs, x, y)
    theirs.save(tmp_path / "model.keras")
    ours = load_model(tmp_path / "model.keras")
    state = ours._trainer.optimizer_state
    assert state.iterations == 3
    kept = [np.asarray(value) for value in theirs.optimizer.variables][-len(state.slots) * len(state.slots[0]) :]
    if name != "sgd":
        for found, expected in zip([slot for one in state.slots for slot in one], kept, strict=True):
            np.testing.assert_array_equal(found, expected)
    for model in (ours, theirs):
        learn(model, x, y)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    assert [metric.name for metric in ours._compiled[2]] == ["accuracy"]


@pytest.mark.parametrize("name", COMPILED)
def test_training_begun_here_goes_on_in_keras(tmp_path, rng, name):
    ours, x, y = ours_of(quiet, rng), images(rng, 12), rng.integers(0, 5, 12)
    ours.compile(COMPILED[name](optimizers, schedules), metrics=["accuracy"])
    learn(ours, x, y)
    ours.save(tmp_path / "model.keras")
    theirs = keras.saving.load_model(tmp_path / "model.keras")
    assert int(theirs.optimizer.iterations) == 3
    again = load_model(tmp_path / "model.keras")
    for model in (ours, theirs, again):
        learn(model, x, y)
    for a, b, c in zip(ours.get_weights(), theirs.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-4)
    loss, accuracy = ours.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(theirs.evaluate(x, y, verbose=0), [loss, accuracy], rtol=1e-3)


def test_a_loss_object_and_other_metrics_go_both_ways(tmp_path, rng):
    theirs = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
    loss, metric = keras.losses.CategoricalCrossentropy(from_logits=True), keras.metrics.CategoricalAccuracy(name="a")
    theirs.compile("adam", loss, metrics=[metric])
    theirs.save(tmp_path / "theirs.keras")
    ours = load_model(tmp_path / "theirs.keras")
    assert (ours._compiled[0].from_logits, ours._compiled[2][0].name) == (True, "a")
    ours.save(tmp_path / "ours.keras")
    again = keras.saving.load_model(tmp_path / "ours.keras")
    x, y = rng.standard_normal((6, 4)), np.eye(3)[rng.integers(0, 3, 6)]
    np.testing.assert_allclose(again.evaluate(x, y, verbose=0), ours.evaluate(x, y, verbose=0), rtol=1e-4)


def test_amsgrad_is_taken_over_without_its_memory(tmp_path, rng):
    theirs = theirs_of(quiet, rng)
    theirs.compile(keras.optimizers.Adam(amsgrad=True), "sparse_categorical_crossentropy")
    learn(theirs, images(rng, 4), np.arange(4))
    theirs.save(tmp_path / "model.keras")
    ours = load_model(tmp_path / "model.keras")
    assert ours._compiled[1].amsgrad
    assert ours._trainer.optimizer_state.iterations == 0


@pytest.mark.parametrize(
    ("compiled", "said"),
    [
        ({"optimizer": "rmsprop", "loss": "sparse_categorical_crossentropy"}, "received 'RMSprop', which is not here"),
        ({"optimizer": "adam", "loss": "mse"}, "received 'mse'"),
        (
            {"optimizer": keras.optimizers.Adam(clipnorm=1.0), "loss": "categorical_crossentropy"},
            "received clipnorm=1.0",
        ),
        ({"loss": keras.losses.CategoricalCrossentropy(label_smoothing=0.1)}, "received label_smoothing=0.1"),
        ({"loss": "categorical_crossentropy", "metrics": [keras.metrics.AUC()]}, "received 'AUC'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_it_cannot_be_compiled_with_here_leaves_a_model_that_predicts(tmp_path, rng, compiled, said):
    theirs = theirs_of(quiet, rng)
    theirs.compile(**{"optimizer": "adam", **compiled})
    theirs.save(tmp_path / "model.keras")
    with pytest.warns(UserWarning, match=f"{said}.* loaded uncompiled: call compile"):
        ours = load_model(tmp_path / "model.keras")
    agree(ours, theirs, images(rng))


@pytest.mark.parametrize("rate", [schedules.OneCycle(0.1, 9), lambda step: 0.1])
def test_what_keras_cannot_be_compiled_with_leaves_a_model_that_predicts_there(tmp_path, rng, rate):
    ours = ours_of(quiet, rng)
    ours.compile(optimizers.SGD(rate))
    with pytest.warns(UserWarning, match=r"saved as if it were not compiled"):
        ours.save(tmp_path / "model.keras")
    agree(ours, keras.saving.load_model(tmp_path / "model.keras"), images(rng))


# What this package has not


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (keras.layers.BatchNormalization(name="it"), r"layer 'it' \('BatchNormalization'\) among .*which is not here"),
        (keras.layers.Conv2D(4, 3, groups=2, name="it"), r"layer 'it' \('Conv2D'\) .*received groups=2"),
        (keras.layers.MaxPooling2D(2, data_format="channels_first", name="it"), r"data_format='channels_first'"),
        (keras.layers.Flatten(data_format="channels_first", name="it"), r"data_format='channels_first'"),
        (keras.layers.Conv2D(4, 3, activation="gelu", name="it"), r"received activation='gelu'"),
        (keras.layers.Conv2D(4, 3, kernel_regularizer="l2", name="it"), r"received kernel_regularizer="),
        (keras.layers.Dropout(0.5, noise_shape=(None, 1, 1, 2), name="it"), r"received noise_shape="),
        (keras.layers.Conv2D(4, 3, trainable=False, name="it"), r"received trainable=False"),
        (keras.layers.Conv2D(4, 3, dtype="mixed_float16", name="it"), r"received dtype="),
        (keras.layers.Rescaling([1.0, 2.0], name="it"), r"Expected arguments that Rescaling takes"),
        (keras.layers.Dense(4, name="it"), r"'it' \(Dense\) expected samples of shape \(units\)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, keras.layers.Layer) else "",
)
def test_a_layer_or_an_option_that_is_not_here_is_refused_by_name(tmp_path, layer, said):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.layers.Input(SHAPE), layer]).save(path)
    with pytest.raises(StorageError, match=said) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_a_functional_model_is_refused(tmp_path):
    x = keras.layers.Input((4,))
    keras.Model(x, keras.layers.Dense(3)(x)).save(tmp_path / "model.keras")
    with pytest.raises(StorageError, match="Expected a Sequential model, received 'Functional'"):
        load_model(tmp_path / "model.keras")


def test_initializers_that_are_not_here_do_not_matter(tmp_path, rng):
    theirs = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, kernel_initializer="random_normal")])
    theirs.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "model.keras").get_weights()[0], theirs.get_weights()[0])


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (layers.Conv2D(3, 2, strides=2, dilation_rate=2, name="it"), r"received both: 'it' \(Conv2D\)"),
        (type("Own", (layers.Activation,), {})("relu", name="it"), r"layer 'it' \(Own\) of a class that Keras has"),
    ],
)
def test_what_keras_has_not_is_not_written(tmp_path, layer, said):
    with pytest.raises(StorageError, match=said):
        Sequential([layers.Input(SHAPE), layer]).save(tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def test_weights_of_another_model_are_refused_by_the_layers_name(tmp_path, rng):
    theirs_of(article, rng).save_weights(tmp_path / "theirs.weights.h5")
    ours = ours_of(options, rng)
    before = ours.get_weights()
    with pytest.raises(
        StorageError, match=r"Expected 1 parameters \(kernel\) for layer 'conv2d' .*received 2 of 'conv2d'"
    ):
        ours.load_weights(tmp_path / "theirs.weights.h5")
    for a, b in zip(ours.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_article_of_keras_in_a_zip_without_its_weights_is_refused(tmp_path, rng):
    path = tmp_path / "model.keras"
    theirs_of(article, rng).save(path)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    with pytest.raises(StorageError, match=r"Expected a member 'model.weights.h5', received config.json"):
        load_model(path)
