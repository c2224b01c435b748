"""Files written by Keras are loaded here, and files written here are loaded by Keras, with equal predictions."""

import json
import zipfile

import keras
import numpy as np
import pytest
from keras_floats import floats
from networks import set_random_weights

import scratchcnn
from scratchcnn import Sequential, layers, load_model, losses, metrics, optimizers
from scratchcnn.optimizers import schedules
from scratchcnn.storage import StorageError

# The __array__ of Keras's variables has no `copy` argument, which NumPy 2 passes; NumPy falls back with a warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32, sums of at most a thousand terms of order one
SHAPE = (9, 10, 2)


def article(kind):
    return [
        kind.Conv2D(4, (3, 3), activation="relu"), kind.Conv2D(6, (3, 3), activation="relu"),
        kind.MaxPooling2D((2, 2)), kind.Dropout(0.25), kind.Flatten(), kind.Dense(12, activation="relu"),
        kind.Dropout(0.5), kind.Dense(5, activation="softmax"),
    ]  # fmt: skip


def options(kind):
    """A model in which options differ from their defaults."""
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


def activated(kind):
    """A model with every activation that is defined by a formula."""
    return [
        kind.Conv2D(3, 3, activation="gelu"), kind.Activation("leaky_relu"), kind.Conv2D(3, 2, activation="elu"),
        kind.Flatten(), kind.Dense(7, activation="sigmoid"), kind.Dense(7, activation="swish"), kind.Dense(7, "tanh"),
        kind.Dense(5, activation="softplus"),
    ]  # fmt: skip


def functions(kind):
    """A model with the layers that are one function each."""
    return [
        kind.Conv2D(3, 3), kind.ReLU(), kind.Conv2D(3, 2), kind.LeakyReLU(), kind.Flatten(), kind.Dense(7),
        kind.LeakyReLU(negative_slope=0.1), kind.Dense(5), kind.Softmax(),
    ]  # fmt: skip


def normalized(kind):
    """A model with batch normalization of images and of vectors."""
    return [
        kind.BatchNormalization(), kind.Conv2D(3, 3), kind.BatchNormalization(axis=3, momentum=0.9, epsilon=0.01),
        kind.ReLU(), kind.Flatten(), kind.Dense(7), kind.BatchNormalization(center=False, name="one"),
        kind.BatchNormalization(scale=False, moving_mean_initializer="ones"), kind.Dense(5, activation="softmax"),
    ]  # fmt: skip


def pooled(kind):
    """A model with average pooling, zero padding and reshaping, as in LeNet-5."""
    return [
        kind.ZeroPadding2D(((1, 0), (2, 1))), kind.Conv2D(6, 3, activation="tanh"), kind.AveragePooling2D(2),
        kind.Reshape((-1, 4, 3)), kind.ZeroPadding2D(1), kind.AveragePooling2D((3, 2), strides=(1, 2), padding="same"),
        kind.Conv2D(4, 2, padding="same"), kind.GlobalMaxPooling2D(keepdims=True), kind.Flatten(), kind.Dense(5),
        kind.Softmax(),
    ]  # fmt: skip


def global_average(kind):
    """A model that ends as small modern networks do."""
    return [
        kind.Conv2D(6, 3, activation="relu"), kind.AvgPool2D(2), kind.Conv2D(8, 2, activation="relu"),
        kind.GlobalAveragePooling2D(), kind.Reshape((2, 4)), kind.Flatten(), kind.Dense(5, activation="softmax"),
    ]  # fmt: skip


def regularized(kind):
    """A model with initializers and regularizers, by name and as objects."""
    package = keras if kind is keras.layers else scratchcnn
    initializers, regularizers = package.initializers, package.regularizers
    return [
        kind.Conv2D(3, 3, kernel_initializer="he_uniform", kernel_regularizer="l1"),
        kind.Conv2D(3, 2, kernel_initializer=initializers.RandomNormal(0.1, 0.2), bias_initializer="ones",
                    kernel_regularizer=regularizers.L1L2(0.1, 0.2), bias_regularizer=regularizers.L2(0.3)),
        kind.Flatten(),
        kind.Dense(7, kernel_initializer=initializers.VarianceScaling(2.0, "fan_out", "uniform"),
                   bias_initializer=initializers.Constant(0.5)),
        kind.Dense(7, kernel_initializer=initializers.Orthogonal(2.0), kernel_regularizer="l2"),
        kind.Dense(5, "softmax", kernel_initializer=initializers.TruncatedNormal(stddev=0.1)),
    ]  # fmt: skip


MODELS = {
    "article": article, "options": options, "activated": activated, "functions": functions, "normalized": normalized,
    "pooled": pooled, "global average": global_average, "regularized": regularized,
}  # fmt: skip
COMPILED = {
    "adam": lambda kind, schedule: kind.Adam(0.01, beta_1=0.8, epsilon=1e-6),
    "adam with a schedule": lambda kind, schedule: kind.Adam(
        schedule.CosineDecay(0.01, 9, warmup_target=0.02, warmup_steps=2)),
    "sgd": lambda kind, schedule: kind.SGD(0.05),
    "nesterov": lambda kind, schedule: kind.SGD(
        schedule.PiecewiseConstantDecay([1, 3], [0.1, 0.05, 0.01]), momentum=0.5, nesterov=True),
    "sgd with a schedule": lambda kind, schedule: kind.SGD(
        schedule.ExponentialDecay(0.1, 5, 0.5, staircase=True), momentum=0.9),
    "rmsprop": lambda kind, schedule: kind.RMSprop(0.002, rho=0.8),
    "rmsprop with momentum, centered": lambda kind, schedule: kind.RMSprop(
        0.002, momentum=0.5, centered=True, epsilon=1e-3),
    "rmsprop, centered": lambda kind, schedule: kind.RMSprop(0.002, centered=True, epsilon=1e-3, clipvalue=0.01),
    "adamw": lambda kind, schedule: kind.AdamW(0.01, weight_decay=0.1, clipnorm=0.1, epsilon=1e-6),
    "adagrad": lambda kind, schedule: kind.Adagrad(0.05, initial_accumulator_value=0.2, global_clipnorm=0.5),
    "adadelta": lambda kind, schedule: kind.Adadelta(schedule.CosineDecay(1.0, 9), weight_decay=0.01),
}  # fmt: skip


@pytest.fixture(params=["keras", "h5"])
def path(request, tmp_path):
    """The path of a model in each of Keras's formats."""
    return tmp_path / f"model.{request.param}"


def theirs_of(make, rng):
    model = keras.Sequential([keras.layers.Input(SHAPE), *make(keras.layers)])
    set_random_weights(model, rng, 0.3)
    return model


def ours_of(make, rng, dtype="float32"):
    model = Sequential([layers.Input(SHAPE), *make(layers)], seed=1, engine="reference", dtype=dtype)
    set_random_weights(model, rng, 0.3)
    return model


def images(rng, count=4):
    return rng.standard_normal((count, *SHAPE)).astype(np.float32)


def assert_equal_predictions(ours, theirs, x):
    np.testing.assert_allclose(ours.predict(x), np.asarray(theirs.predict(x, verbose=0)), **CLOSE)


def train_steps(model, x, y):
    """Train on batches of 4, in order; for models without dropout, whose masks differ between the packages."""
    for start in range(0, len(x), 4):
        model.train_on_batch(x[start : start + 4], y[start : start + 4])


@pytest.mark.parametrize("name", MODELS)
def test_model_saved_by_keras_predicts_the_same_here(path, rng, name):
    theirs = theirs_of(MODELS[name], rng)
    theirs.save(path)
    ours = load_model(path)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert_equal_predictions(ours, theirs, images(rng))
    with pytest.raises(RuntimeError, match="compile"):
        ours.train_on_batch(images(rng), np.zeros(4, int))


@pytest.mark.parametrize("name", MODELS)
def test_model_saved_here_predicts_the_same_in_keras(path, rng, name):
    ours = ours_of(MODELS[name], rng)
    ours.save(path)
    theirs = keras.saving.load_model(path)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert not theirs.compiled
    assert_equal_predictions(ours, theirs, images(rng))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("suffix", ["weights.h5", "h5", "hdf5"])
def test_weights_are_exchanged_in_both_directions(tmp_path, rng, name, suffix):
    theirs, ours = theirs_of(MODELS[name], rng), ours_of(MODELS[name], rng)
    x = images(rng)
    # Keras 3 writes the older layout as a part of a whole model only, and Keras 2 as in `test_files_of_keras_2`.
    (theirs.save_weights if suffix == "weights.h5" else theirs.save)(tmp_path / f"theirs.{suffix}")
    ours.save_weights(tmp_path / f"ours.{suffix}")
    before = ours.predict(x)
    ours.load_weights(tmp_path / f"theirs.{suffix}")
    assert_equal_predictions(ours, theirs, x)
    again = ours_of(MODELS[name], rng)
    again.load_weights(tmp_path / f"ours.{suffix}")
    np.testing.assert_array_equal(again.predict(x), before)
    theirs.load_weights(tmp_path / f"ours.{suffix}")
    np.testing.assert_allclose(np.asarray(theirs.predict(x, verbose=0)), before, **CLOSE)
    for whole in ("keras", "h5"):
        theirs.save(tmp_path / f"whole.{whole}")
        other = ours_of(MODELS[name], rng)
        other.load_weights(tmp_path / f"whole.{whole}")
        np.testing.assert_array_equal(other.predict(x), before)


def test_float64_models_are_exchanged_in_both_directions(path, tmp_path, rng):
    with floats("float64"):
        theirs = theirs_of(options, rng)
        theirs.save(path)
        ours = load_model(path)
        assert ours.dtype == np.float64
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
        ours.save(tmp_path / f"ours{path.suffix}")
        again = keras.saving.load_model(tmp_path / f"ours{path.suffix}")
        assert {layer.dtype for layer in again.layers} == {"float64"}
        assert_equal_predictions(ours, again, images(rng))


# Compilation and optimizer state


def without_dropout(kind):
    """The article's model without dropout, so that training steps are equal."""
    return [layer for layer in article(kind) if not isinstance(layer, kind.Dropout)]


@pytest.mark.parametrize("name", COMPILED)
def test_training_started_in_keras_is_resumed_here(path, rng, name):
    theirs, x, y = theirs_of(without_dropout, rng), images(rng, 12), rng.integers(0, 5, 12)
    optimizer = COMPILED[name](keras.optimizers, keras.optimizers.schedules)
    theirs.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    train_steps(theirs, x, y)
    theirs.save(path)
    ours = load_model(path)
    state = ours.optimizer_state
    assert state.iterations == 3
    expected = [np.asarray(value) for value in theirs.optimizer.variables][-len(state.slots) * len(state.slots[0]) :]
    by_kind = zip(*state.slots, strict=True) if name.startswith("rmsprop") else state.slots
    if name != "sgd":
        for slot, variable in zip([slot for slots in by_kind for slot in slots], expected, strict=True):
            np.testing.assert_array_equal(slot, variable)
    for model in (ours, theirs):
        train_steps(model, x, y)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)
    assert [metric.name for metric in ours.compiled.metrics] == ["accuracy"]


@pytest.mark.parametrize("name", COMPILED)
def test_training_started_here_is_resumed_in_keras(tmp_path, rng, name):
    ours, x, y = ours_of(without_dropout, rng), images(rng, 12), rng.integers(0, 5, 12)
    ours.compile(COMPILED[name](optimizers, schedules), metrics=["accuracy"])
    train_steps(ours, x, y)
    ours.save(tmp_path / "model.keras")
    theirs = keras.saving.load_model(tmp_path / "model.keras")
    assert int(theirs.optimizer.iterations) == 3
    again = load_model(tmp_path / "model.keras")
    for model in (ours, theirs, again):
        train_steps(model, x, y)
    for a, b, c in zip(ours.get_weights(), theirs.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)
        np.testing.assert_allclose(a, c, **CLOSE)
    loss, accuracy = ours.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(theirs.evaluate(x, y, verbose=0), [loss, accuracy], rtol=1e-3)


@pytest.mark.parametrize("name", COMPILED)
def test_training_with_new_optimizer_state_is_equal_after_loading_an_h5_file_in_keras(tmp_path, rng, name):
    ours, x, y = ours_of(without_dropout, rng), images(rng, 12), rng.integers(0, 5, 12)
    ours.compile(COMPILED[name](optimizers, schedules), metrics=["accuracy"])
    train_steps(ours, x, y)
    ours.save(tmp_path / "model.h5")
    theirs, again = keras.saving.load_model(tmp_path / "model.h5"), load_model(tmp_path / "model.h5")
    for model in (theirs, again):
        train_steps(model, x, y)
    assert int(theirs.optimizer.iterations) == again.optimizer_state.iterations == 3
    assert_close_weights(again, theirs)


OBJECTS = [
    (lambda kind: kind.CategoricalCrossentropy(from_logits=True), lambda kind: kind.CategoricalAccuracy(name="a")),
    (lambda kind: kind.BinaryCrossentropy(True, 0.1), lambda kind: kind.MeanAbsoluteError(name="b")),
    (lambda kind: kind.MeanSquaredError(), lambda kind: kind.BinaryAccuracy(name="c", threshold=0.4)),
    (lambda kind: kind.MeanSquaredError(), lambda kind: kind.MeanSquaredError()),
]


@pytest.mark.parametrize(("loss", "metric"), OBJECTS)
def test_loss_and_metric_objects_are_exchanged_in_both_directions(path, tmp_path, rng, loss, metric):
    theirs = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
    theirs.compile("adam", loss(keras.losses), metrics=[metric(keras.metrics)])
    theirs.save(path)
    ours = load_model(path)
    for found, expected in ((ours.compiled.loss, loss(losses)), (ours.compiled.metrics[0], metric(metrics))):
        assert type(found) is type(expected)
        assert found.get_config() == expected.get_config()
    ours.save(tmp_path / f"ours{path.suffix}")
    again, x, y = keras.saving.load_model(tmp_path / f"ours{path.suffix}"), *(rng.random((6, n)) for n in (4, 3))
    y = np.eye(3)[y.argmax(axis=1)]
    expected = again.evaluate(x, y, verbose=0)
    if not getattr(ours.compiled.loss, "label_smoothing", 0):  # Keras computes its metrics from the logits
        np.testing.assert_allclose(expected, ours.evaluate(x, y, verbose=0), rtol=1e-4)
    np.testing.assert_allclose(expected[0], ours.evaluate(x, y, verbose=0)[0], rtol=1e-4)


def test_regularizers_and_initializers_are_exchanged_in_both_directions(path, tmp_path, rng):
    ours, theirs = ours_of(regularized, rng), theirs_of(regularized, rng)
    theirs.save(path)
    ours.save(tmp_path / f"ours{path.suffix}")
    again, loaded = keras.saving.load_model(tmp_path / f"ours{path.suffix}"), load_model(path)
    for ours_layer, loaded_layer in zip(ours.layers, loaded.layers, strict=True):
        for name, regularizer in ours_layer.regularizers.items():  # JAX stores the factor of L1 as float32
            assert type(loaded_layer.regularizers[name]) is type(regularizer)
            assert loaded_layer.regularizers[name].get_config() == pytest.approx(regularizer.get_config())
        for option in ("kernel_initializer", "bias_initializer"):
            if hasattr(ours_layer, option):
                one, other = (getattr(layer, option) for layer in (ours_layer, loaded_layer))
                assert (type(one), one.get_config()) == (type(other), other.get_config())
    for theirs_layer, again_layer in zip(theirs.layers, again.layers, strict=True):
        for option, value in theirs_layer.get_config().items():
            if option.endswith(("_initializer", "_regularizer")) and value is not None:
                config = again_layer.get_config()[option]
                assert config["class_name"] == value["class_name"]
                assert config["config"] == pytest.approx(value["config"])
    for model in (ours, theirs, again, loaded):
        model.compile("sgd", "mse")
    x, y = images(rng), rng.random((4, 5))
    for mine, other in ((ours, again), (loaded, theirs)):
        assert mine.evaluate(x, y, verbose=0) == pytest.approx(other.evaluate(x, y, verbose=0), rel=1e-5)


def test_amsgrad_is_loaded_without_its_optimizer_state(path, rng):
    theirs = theirs_of(without_dropout, rng)
    theirs.compile(keras.optimizers.Adam(amsgrad=True), "sparse_categorical_crossentropy")
    train_steps(theirs, images(rng, 4), np.arange(4))
    theirs.save(path)
    with pytest.warns(UserWarning, match="loaded without the optimizer state") as caught:
        ours = load_model(path)
    assert caught[0].filename == __file__
    assert ours.optimizer.amsgrad
    assert ours.optimizer_state.iterations == 0


def test_amsgrad_of_a_model_that_was_not_trained_is_loaded_without_a_warning(path, rng):
    theirs = theirs_of(without_dropout, rng)
    theirs.compile(keras.optimizers.Adam(amsgrad=True), "sparse_categorical_crossentropy")
    theirs.save(path)
    assert load_model(path).optimizer.amsgrad


def test_custom_metric_named_accuracy_is_not_saved_as_that_of_keras(path, rng):
    class Errors(metrics.Metric):
        def of_samples(self, targets, outputs):
            return targets.argmax(axis=1) != outputs.argmax(axis=1)

    ours = ours_of(without_dropout, rng)
    ours.compile(metrics=[Errors("accuracy")])
    with pytest.warns(UserWarning, match="the metric 'accuracy' of a class that Keras has, received Errors"):
        ours.save(path)
    assert not keras.saving.load_model(path).compiled


@pytest.mark.parametrize(
    ("compiled", "message"),
    [
        ({"optimizer": "nadam", "loss": "sparse_categorical_crossentropy"}, "received 'Nadam'"),
        ({"optimizer": "adam", "loss": "mae"}, "received 'mae'"),
        (
            {"optimizer": keras.optimizers.Adam(use_ema=True), "loss": "categorical_crossentropy"},
            "received use_ema=True",
        ),
        ({"loss": keras.losses.CategoricalCrossentropy(label_smoothing=0.1)}, "received label_smoothing=0.1"),
        ({"loss": "categorical_crossentropy", "metrics": [keras.metrics.AUC()]}, "received 'AUC'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_model_compiled_with_unsupported_parts_is_loaded_uncompiled(path, rng, compiled, message):
    theirs = theirs_of(without_dropout, rng)
    theirs.compile(**{"optimizer": "adam", **compiled})
    theirs.save(path)
    with pytest.warns(UserWarning, match=f"{message}.* loaded uncompiled: call compile"):
        ours = load_model(path)
    assert_equal_predictions(ours, theirs, images(rng))


@pytest.mark.parametrize("rate", [schedules.OneCycle(0.1, 9), lambda step: 0.1])
def test_model_compiled_with_a_schedule_unknown_to_keras_is_saved_uncompiled(path, rng, rate):
    ours = ours_of(without_dropout, rng)
    ours.compile(optimizers.SGD(rate))
    with pytest.warns(UserWarning, match=r"The model is saved uncompiled"):
        ours.save(path)
    assert_equal_predictions(ours, keras.saving.load_model(path), images(rng))


# Frozen layers

FROZEN = [[0], [1, 4], [5], [0, 1, 4, 5]]  # indices in `without_dropout`


def freeze(model, frozen):
    for number in frozen:
        model.layers[number].trainable = False


def flags(model):
    return [layer.trainable for layer in model.layers]


def assert_close_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


@pytest.mark.parametrize("frozen", FROZEN, ids=str)
@pytest.mark.parametrize("name", ["adam", "sgd", "nesterov"])
def test_training_with_frozen_layers_started_in_keras_is_resumed_here(path, rng, name, frozen):
    theirs, x, y = theirs_of(without_dropout, rng), images(rng, 12), rng.integers(0, 5, 12)
    freeze(theirs, frozen)
    theirs.compile(COMPILED[name](keras.optimizers, keras.optimizers.schedules), "sparse_categorical_crossentropy")
    train_steps(theirs, x, y)
    theirs.save(path)
    ours = load_model(path)
    assert flags(ours) == flags(theirs)
    state, before = ours.optimizer_state, ours.get_weights()
    assert state.iterations == int(theirs.optimizer.iterations)  # 3; 0 if all layers are frozen
    assert len(state.slots) == 2 * (4 - len(frozen))
    slots = [slot for slots in state.slots for slot in slots]
    if name != "sgd" and slots:
        for slot, variable in zip(slots, theirs.optimizer.variables[-len(slots) :], strict=True):
            np.testing.assert_array_equal(slot, np.asarray(variable))
    for model in (ours, theirs):
        train_steps(model, x, y)
    assert_close_weights(ours, theirs)
    trained = [flag for layer in theirs.layers for flag in [layer.trainable] * len(layer.weights)]
    assert [not np.array_equal(a, b) for a, b in zip(before, ours.get_weights(), strict=True)] == trained


@pytest.mark.parametrize("frozen", FROZEN, ids=str)
@pytest.mark.parametrize("name", ["adam", "sgd", "nesterov"])
@pytest.mark.parametrize("late", [False, True], ids=["from the start", "after some steps"])
def test_training_with_frozen_layers_started_here_is_resumed_in_keras(tmp_path, rng, name, frozen, late):
    ours, x, y = ours_of(without_dropout, rng), images(rng, 12), rng.integers(0, 5, 12)
    ours.compile(COMPILED[name](optimizers, schedules))
    if not late:
        freeze(ours, frozen)
    train_steps(ours, x, y)
    freeze(ours, frozen)
    ours.save(tmp_path / "model.keras")
    theirs, again = keras.saving.load_model(tmp_path / "model.keras"), load_model(tmp_path / "model.keras")
    assert flags(theirs) == flags(again) == flags(ours)
    assert int(theirs.optimizer.iterations) == again.optimizer_state.iterations == 3
    for model in (ours, theirs, again):
        train_steps(model, x, y)
    assert_close_weights(theirs, ours)
    assert_close_weights(again, ours)


def test_sequential_of_keras_with_trainable_false_is_loaded_frozen(path, rng):
    frozen = theirs_of(without_dropout, rng)
    frozen.trainable = False
    by_argument = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)], trainable=False)
    for theirs in (frozen, by_argument):
        theirs.save(path)
        ours = load_model(path)
        assert theirs.trainable_variables == []
        assert flags(ours) == [False] * len(ours.layers)
    ours.save(path)
    assert keras.saving.load_model(path).trainable_variables == []


def test_weights_are_exchanged_between_frozen_and_trainable_models(tmp_path, rng):
    theirs, ours, x = theirs_of(article, rng), ours_of(article, rng), images(rng)
    freeze(theirs, [0, 5])
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    assert_equal_predictions(ours, theirs, x)
    assert all(flags(ours))
    other = theirs_of(article, rng)
    freeze(ours, [1])
    ours.save_weights(tmp_path / "ours.weights.h5")
    other.load_weights(tmp_path / "ours.weights.h5")
    assert_equal_predictions(ours, other, x)
    assert all(flags(other))


# Unsupported layers and options


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            keras.layers.LayerNormalization(name="it"),
            r"layer 'it' \('LayerNormalization'\) of a class among .*received 'LayerNormalization'",
        ),
        (keras.layers.BatchNormalization(axis=1, name="it"), r"'it' .* expected the last axis .*received axis=1"),
        (keras.layers.BatchNormalization(gamma_regularizer="l2", name="it"), r"'it' .*received gamma_regularizer="),
        (keras.layers.BatchNormalization(beta_constraint="non_neg", name="it"), r"'it' .*received beta_constraint="),
        (keras.layers.Conv2D(4, 3, groups=2, name="it"), r"layer 'it' \('Conv2D'\) .*received groups=2"),
        (keras.layers.MaxPooling2D(2, data_format="channels_first", name="it"), r"data_format='channels_first'"),
        (keras.layers.Flatten(data_format="channels_first", name="it"), r"data_format='channels_first'"),
        (keras.layers.Conv2D(4, 3, activation="selu", name="it"), r"received activation='selu'"),
        (keras.layers.AveragePooling2D(2, data_format="channels_first", name="it"), r"data_format='channels_first'"),
        (keras.layers.GlobalMaxPooling2D("channels_first", name="it"), r"data_format='channels_first'"),
        (keras.layers.ZeroPadding2D(1, "channels_first", name="it"), r"data_format='channels_first'"),
        (keras.layers.Conv2D(4, 3, kernel_constraint="max_norm", name="it"), r"received kernel_constraint="),
        (keras.layers.Conv2D(4, 3, activity_regularizer="l2", name="it"), r"received activity_regularizer="),
        (
            keras.layers.Dense(4, kernel_regularizer=keras.regularizers.OrthogonalRegularizer(), name="it"),
            r"the kernel_regularizer of layer 'it' .* received 'OrthogonalRegularizer'",
        ),
        (keras.layers.ReLU(6.0, name="it"), r"received max_value=6\.0"),
        (keras.layers.ReLU(negative_slope=0.1, name="it"), r"received negative_slope=0\.1"),
        (keras.layers.Softmax(axis=1, name="it"), r"received axis=1"),
        (keras.layers.Dropout(0.5, noise_shape=(None, 1, 1, 2), name="it"), r"received noise_shape="),
        (keras.layers.Conv2D(4, 3, dtype="mixed_float16", name="it"), r"received dtype="),
        (keras.layers.Rescaling([1.0, 2.0], name="it"), r"Expected arguments that Rescaling accepts"),
        (keras.layers.Dense(4, name="it"), r"'it' \(Dense\) expected samples of shape \(units\)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, keras.layers.Layer) else "",
)
def test_unsupported_layer_or_option_raises_storage_error_that_names_it(path, layer, message):
    keras.Sequential([keras.layers.Input(SHAPE), layer]).save(path)
    with pytest.raises(StorageError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", MODELS)
def test_functional_model_that_is_a_chain_predicts_the_same_here(path, rng, name):
    x = inputs = keras.layers.Input(SHAPE)
    for layer in MODELS[name](keras.layers):
        x = layer(x)
    if name == "activated":  # the loss expects probabilities
        x = keras.layers.Softmax()(x)
    theirs = keras.Model(inputs, x)
    set_random_weights(theirs, rng, 0.3)
    theirs.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    theirs.train_on_batch(images(rng), np.arange(4))
    theirs.save(path)
    ours = load_model(path)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers[1:]]
    assert ours.optimizer_state.iterations == 1
    assert_equal_predictions(ours, theirs, images(rng))


@pytest.mark.parametrize("name", ["", "pixels"])
def test_functional_chain_of_layers_that_were_made_in_another_order_is_loaded(path, rng, name):
    last, middle = keras.layers.Dense(3, activation="softmax"), keras.layers.Dense(5, activation="relu")
    inputs = keras.layers.Input((4,), name=name or None)
    theirs = keras.Model(inputs, last(middle(inputs)))
    theirs.save(path)
    ours, x = load_model(path), rng.standard_normal((6, 4)).astype(np.float32)
    assert [layer.name for layer in ours.layers] == [middle.name, last.name]
    assert_equal_predictions(ours, theirs, x)


def branching(x):
    return keras.layers.Add(name="sum")([keras.layers.Dense(3, name="a")(x), keras.layers.Dense(3, name="b")(x)])


def shared(x):
    layer = keras.layers.Dense(4, name="twice")
    return layer(layer(x))


def noisy(x):
    return keras.layers.Dropout(0.5, name="noise")(x, training=True)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (branching, r"layer 'b' \('Dense'\) with the output of 'a' as its only input, .*received '\w+'"),
        (shared, r"layer 'twice' \('Dense'\) with the output of '\w+' as its only input.*received '\w+', 'twice'"),
        (noisy, r"layer 'noise' \('Dropout'\) to be called with its input only, received {'training': True}"),
    ],
)
def test_functional_model_that_is_not_a_chain_raises_storage_error_that_names_the_layer(path, graph, message):
    x = keras.layers.Input((4,))
    keras.Model(x, graph(x)).save(path)
    with pytest.raises(StorageError, match=message):
        load_model(path)


def test_functional_model_with_an_output_inside_the_chain_raises_storage_error(path):
    x = keras.layers.Input((4,))
    hidden = keras.layers.Dense(3, name="hidden")(x)
    keras.Model(x, [hidden, keras.layers.Dense(2, name="last")(hidden)]).save(path)
    with pytest.raises(StorageError, match=r"output_layers as \['last'\], received \['hidden', 'last'\]"):
        load_model(path)


def test_unsupported_initializer_is_ignored(path, rng):
    theirs = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, kernel_initializer="random_normal")])
    theirs.save(path)
    np.testing.assert_array_equal(load_model(path).get_weights()[0], theirs.get_weights()[0])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: layers.Conv2D(3, 2, strides=2, dilation_rate=2, name="it"), r"both for layer 'it' \(Conv2D\)"),
        (lambda: type("Own", (layers.Activation,), {})("relu", name="it"), r"layer 'it' \(Own\) of a class that Keras"),
    ],
)
def test_layer_or_option_unknown_to_keras_is_not_saved(path, layer, message):
    with pytest.raises(StorageError, match=message):
        Sequential([layers.Input(SHAPE), layer()]).save(path)
    assert not list(path.parent.iterdir())


def test_weights_of_another_model_raise_storage_error_that_names_the_layer(tmp_path, rng):
    theirs_of(article, rng).save_weights(tmp_path / "theirs.weights.h5")
    ours = ours_of(options, rng)
    before = ours.get_weights()
    with pytest.raises(
        StorageError, match=r"Expected 1 parameters \(kernel\) for layer 'conv2d' .*received the 2 of layer 'conv2d'"
    ):
        ours.load_weights(tmp_path / "theirs.weights.h5")
    for a, b in zip(ours.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_keras_file_without_weights_raises_storage_error(tmp_path, rng):
    path = tmp_path / "model.keras"
    theirs_of(article, rng).save(path)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    with pytest.raises(StorageError, match=r"Expected an archive member 'model.weights.h5', received config.json"):
        load_model(path)


def test_keras_cannot_train_after_loading_an_optimizer_state_from_h5(tmp_path, rng):
    """The reason why our .h5 files contain none; if this fails, Keras can, and they should."""
    x, y = rng.standard_normal((4, 6)).astype(np.float32), np.arange(4) % 3
    theirs = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3, activation="softmax")])
    theirs.compile("adam", "sparse_categorical_crossentropy")
    theirs.fit(x, y, verbose=0)
    theirs.save(tmp_path / "theirs.h5")
    loaded = keras.saving.load_model(tmp_path / "theirs.h5")
    with pytest.raises(ValueError, match="the optimizer was built with 0 variables"):
        loaded.fit(x, y, verbose=0)
    ours = load_model(tmp_path / "theirs.h5")
    assert ours.optimizer_state.iterations == 1
    ours.save(tmp_path / "ours.h5")
    keras.saving.load_model(tmp_path / "ours.h5").fit(x, y, verbose=0)
