"""Callbacks, sample weights and validation splits of `fit`, compared with Keras on JAX in float64."""

from inspect import signature

import keras
import numpy as np
import pytest

from scratchcnn import Sequential, callbacks, layers

# Keras's variables accept no `copy` argument in __array__, which NumPy 2 passes; NumPy warns and omits it.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
EPOCHS = 14
SERIES = {
    "falls and rises": [9, 7, 8, 6, 6.5, 6.4, 6, 5.5, 7, 7, 7, 5.4, 5.45, 5.46],
    "stays": [3.0] * EPOCHS,
    "rises": [1 + epoch / 10 for epoch in range(EPOCHS)],
    "falls by too little": [1 - epoch / 100 for epoch in range(EPOCHS)],
    "negative": [-1, -2, -1.5, -3, -2.9, -2.8, -2.7, -2.6, -5, -4, -4, -4, -4, -4],
    "NaN at first": [np.nan, *np.linspace(5, 2, EPOCHS - 1)],
    "NaN later": [3, 2, np.nan, 2.5, 1, np.nan, np.nan, np.nan, 0.5, 4, 4, 4, 4, 4],
}


@pytest.fixture(autouse=True, scope="module")
def _keras_in_float64():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def network(kind):
    return [kind.Conv2D(3, 3, activation="relu"), kind.Flatten(), kind.Dense(4, activation="softmax")]


def data(rng, count=40):
    return rng.random((count, 6, 5, 2)), rng.integers(4, size=count)


@pytest.fixture
def pair(rng):
    """The model of Keras and ours, with the same weights, optimizer, loss and metric."""
    theirs = keras.Sequential([keras.layers.Input((6, 5, 2)), *network(keras.layers)])
    ours = Sequential([layers.Input((6, 5, 2)), *network(layers)], dtype="float64")
    weights = [0.3 * rng.standard_normal(weight.shape) for weight in theirs.get_weights()]
    for model in (theirs, ours):
        model.set_weights(weights)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return theirs, ours


def assert_close(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


# Decisions of callbacks for the same monitored values, without the cost of training


class ScriptedModel:
    """What callbacks use of a model, in Keras and here; it is also its own optimizer."""

    def __init__(self, learning_rate=1.0):
        self.optimizer, self.learning_rate = self, learning_rate
        self.stop_training, self.weights, self.history = False, None, None
        self.compiled, self.metrics = None, []  # no metrics: whether to minimize or maximize follows from the name

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def run(callback, values):
    """Return the number of epochs, the learning rate after each, and the epoch whose weights the model ends with."""
    model, rates = ScriptedModel(), []
    callback.set_model(model)
    callback.on_train_begin({})
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch, {})
        model.weights = [np.array(epoch)]
        callback.on_epoch_end(epoch, {"val_loss": value})
        rates.append(model.learning_rate)
        if model.stop_training:
            break
    callback.on_train_end({})
    return len(rates), rates, int(model.weights[0])


STOPPING = [
    {"patience": patience, "restore_best_weights": True, "min_delta": min_delta, "mode": mode, **more}
    for patience in (0, 1, 3)
    for min_delta in (0, 0.05, -0.5)
    for mode in ("min", "max", "auto")
    for more in ({}, {"baseline": 5.8}, {"start_from_epoch": 3}, {"baseline": 2, "start_from_epoch": 2})
]


@pytest.mark.parametrize("series", SERIES)
def test_early_stopping_stops_and_restores_as_in_keras(series):
    for options in STOPPING:
        found, expected = (run(kind.EarlyStopping(**options), SERIES[series]) for kind in (callbacks, keras.callbacks))
        assert found == expected, options


PLATEAUS = [
    {"factor": factor, "patience": patience, "cooldown": cooldown, "min_lr": min_lr, "mode": mode, **more}
    for factor in (0.1, 0.5)
    for patience in (0, 1, 2)
    for cooldown in (0, 2)
    for min_lr in (0.0, 0.2)
    for mode in ("min", "max", "auto")
    for more in ({}, {"min_delta": 0.5})
]


@pytest.mark.parametrize("series", SERIES)
def test_reduce_lr_on_plateau_gives_the_learning_rates_of_keras(series):
    for options in PLATEAUS:
        found, expected = (
            run(kind.ReduceLROnPlateau(**options), SERIES[series]) for kind in (callbacks, keras.callbacks)
        )
        assert found == expected, options


# Whole training runs


def fit_both(pair, x, y, make_callbacks=lambda kind: None, **options):
    """Return both histories. The samples are not shuffled, since the two draw different random orders."""
    return [
        model.fit(x, y, verbose=0, shuffle=False, callbacks=make_callbacks(kind), **options)
        for model, kind in zip(pair, (keras.callbacks, callbacks), strict=True)
    ]


def assert_close_histories(found, expected):
    assert found.epoch == expected.epoch
    assert found.history.keys() == expected.history.keys()
    for name in expected.history:  # Keras's learning rates are float32
        np.testing.assert_allclose(found.history[name], expected.history[name], rtol=1e-7)


def test_training_with_callbacks_gives_history_and_weights_of_keras(rng, pair):
    x, y = data(rng)
    for model in pair:
        model.optimizer.learning_rate = 1 / 64  # exact in float32, in which Keras stores it

    def make(kind):
        return [
            kind.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch == 2 else rate),
            kind.ReduceLROnPlateau("val_accuracy", factor=0.5, patience=1),
            kind.EarlyStopping("val_accuracy", patience=4, restore_best_weights=True),
        ]

    expected, found = fit_both(pair, x, y, make, batch_size=8, epochs=12, validation_split=0.3)
    assert_close_histories(found, expected)
    assert len(set(found.history["learning_rate"])) > 2
    assert_close(pair[1].get_weights(), pair[0].get_weights())


@pytest.mark.parametrize("fraction", [0.2, 0.33, 0.97])
def test_validation_split_selects_the_samples_that_keras_selects(rng, pair, fraction):
    x, y = data(rng, 37)
    expected, found = fit_both(pair, x, y, batch_size=16, validation_split=fraction)
    assert_close_histories(found, expected)
    assert_close(pair[1].get_weights(), pair[0].get_weights())


WEIGHTS = {
    "samples": lambda rng, y: {"sample_weight": rng.random(len(y)) * 3},
    "some zero": lambda rng, y: {"sample_weight": rng.integers(0, 2, len(y)).astype(float)},
    "classes": lambda rng, y: {"class_weight": {0: 2.0, 3: 0.25}},
    "validation samples": lambda rng, y: {"validation_data": (*data(rng, 19), rng.random(19) * 3)},
    "samples and validation split": lambda rng, y: {"sample_weight": rng.random(len(y)) * 3, "validation_split": 0.3},
}


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_training_with_sample_or_class_weights_equals_keras(rng, pair, weights):
    x, y = data(rng)
    expected, found = fit_both(pair, x, y, batch_size=16, epochs=3, **weights(rng, y))
    assert_close_histories(found, expected)
    assert_close(pair[1].get_weights(), pair[0].get_weights())


def test_evaluation_with_sample_weights_equals_keras(rng, pair):
    x, y = data(rng)
    weights = rng.random(40) * 3
    expected, found = (model.evaluate(x, y, 16, 0, weights) for model in pair)
    assert_close(found, expected)


def test_training_on_a_generator_equals_keras(rng, pair):
    x, y = data(rng)

    def batches():
        while True:
            for start in range(0, 40, 10):
                rows = slice(start, start + 10)
                yield x[rows], y[rows], 1.0 + np.arange(10)

    expected, found = (
        model.fit(batches(), epochs=3, steps_per_epoch=3, verbose=0, shuffle=False, validation_data=(x, y))
        for model in pair
    )
    assert_close_histories(found, expected)
    assert_close(pair[1].get_weights(), pair[0].get_weights())


def test_arguments_of_fit_and_callbacks_have_the_order_and_defaults_of_keras():
    def arguments(function):
        parameters = signature(function).parameters.values()
        return [(one.name, one.default) for one in parameters if one.name not in ("self", "kwargs")]

    ours, theirs = arguments(Sequential.fit), arguments(keras.Sequential.fit)
    assert [name for name, _ in ours] == [name for name, _ in theirs][: len(ours)]
    assert ours[2:] == theirs[2:]
    for name in ("evaluate", "predict", "train_on_batch", "test_on_batch", "get_layer"):
        ours, theirs = ([argument for argument, _ in arguments(getattr(model, name))] for model in (
            Sequential, keras.Sequential))  # fmt: skip
        assert ours == theirs, name
    for name in callbacks.__all__:
        if name not in ("Callback", "LiveView", "TerminateOnNaN"):
            assert arguments(getattr(callbacks, name)) == arguments(getattr(keras.callbacks, name)), name


def test_methods_of_callbacks_are_called_in_the_order_of_keras(rng, pair):
    x, y = data(rng)
    calls = [], []

    def recording(kind, record):
        """A callback of Keras or ours that records every call of a method, without the logs."""

        def method(name):
            return lambda self, *arguments, logs=None: record.append((name, *arguments[:1]) if "batch" in name or
                                                                     "epoch" in name else (name,))  # fmt: skip

        names = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_")]
        return type("Recording", (kind.Callback,), {name: method(name) for name in names})()

    for model, kind, record in zip(pair, (keras.callbacks, callbacks), calls, strict=True):
        callback = recording(kind, record)
        model.fit(x, y, epochs=3, verbose=0, callbacks=[callback], validation_data=(x, y), validation_freq=2,
                  validation_batch_size=7)  # fmt: skip
        model.evaluate(x, y, 16, verbose=0, callbacks=[callback])
        model.predict(x, 16, verbose=0, callbacks=[callback])
    assert calls[1] == calls[0]
    assert len({name for name, *_ in calls[1]}) == 14


@pytest.mark.parametrize("frequency", [1, 2, 3, [1, 4], [2]])
def test_validation_frequency_gives_the_history_of_keras(rng, pair, frequency):
    x, y = data(rng)
    expected, found = fit_both(pair, x, y, epochs=5, validation_split=0.3, validation_freq=frequency)
    assert_close_histories(found, expected)


def test_single_batches_and_named_results_equal_keras(rng, pair):
    x, y = data(rng)
    theirs, ours = pair
    np.testing.assert_allclose(ours(x), theirs(x), **CLOSE)
    np.testing.assert_allclose(ours.predict_on_batch(x), theirs.predict_on_batch(x), **CLOSE)
    assert ours.count_params() == theirs.count_params()
    assert [w.shape for w in ours.trainable_weights] == [w.shape for w in theirs.trainable_weights]
    weights = rng.random(len(y))
    found, expected = (model.train_on_batch(x, y, sample_weight=weights, return_dict=True) for model in (ours, theirs))
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-6)  # Keras's means are float32
    assert_close(ours.get_weights(), theirs.get_weights())
    found, expected = (model.evaluate(x, y, verbose=0, return_dict=True) for model in (ours, theirs))
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[name] for name in expected], list(expected.values()), rtol=1e-6)
