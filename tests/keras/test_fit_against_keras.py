"""fit's callbacks, weights and splits against a live Keras on JAX, in float64."""

import keras
import numpy as np
import pytest

from scratchcnn import Sequential, callbacks, layers

# Keras's variables take no `copy` argument in __array__, which NumPy 2 asks for; it falls back, and says so.
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
    """Keras's model and ours, with the same weights, compiled alike."""
    theirs = keras.Sequential([keras.layers.Input((6, 5, 2)), *network(keras.layers)])
    ours = Sequential([layers.Input((6, 5, 2)), *network(layers)], dtype="float64")
    weights = [0.3 * rng.standard_normal(weight.shape) for weight in theirs.get_weights()]
    for model in (theirs, ours):
        model.set_weights(weights)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return theirs, ours


def agree(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


# Decisions of callbacks over the same numbers; the training around them is a stand-in, which costs no time


class Scripted:
    """A model whose weights are the number of the epoch, and whose monitored numbers are given."""

    def __init__(self, rate=1.0):
        self.optimizer, self.stop_training, self.weights, self.history = self, False, None, None
        self.learning_rate, self._compiled, self.metrics = rate, None, []

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def run(callback, values):
    """Epochs done, the learning rate after each, and whose weights are there in the end."""
    model, rates = Scripted(), []
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
def test_early_stopping_stops_and_restores_where_that_of_keras_does(series):
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
def test_reduce_lr_on_plateau_gives_the_rates_of_keras(series):
    for options in PLATEAUS:
        found, expected = (
            run(kind.ReduceLROnPlateau(**options), SERIES[series]) for kind in (callbacks, keras.callbacks)
        )
        assert found == expected, options


# Whole trainings


def fit_both(pair, x, y, make_callbacks=lambda kind: None, **options):
    """The histories of both, trained in order; a random order is everybody's own."""
    return [
        model.fit(x, y, verbose=0, shuffle=False, callbacks=make_callbacks(kind), **options)
        for model, kind in zip(pair, (keras.callbacks, callbacks), strict=True)
    ]


def histories_agree(expected, found):
    assert found.epoch == expected.epoch
    assert found.history.keys() == expected.history.keys()
    for name in expected.history:
        np.testing.assert_allclose(found.history[name], expected.history[name], rtol=1e-7)  # rates are float32 there


def test_callbacks_in_training_give_the_history_and_the_weights_of_keras(rng, pair):
    x, y = data(rng)
    for model in pair:
        model.optimizer.learning_rate = 1 / 64  # exact in float32, which Keras keeps it in, and float64

    def make(kind):
        return [
            kind.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch == 2 else rate),
            kind.ReduceLROnPlateau("val_accuracy", factor=0.5, patience=1),
            kind.EarlyStopping("val_accuracy", patience=4, restore_best_weights=True),
        ]

    expected, found = fit_both(pair, x, y, make, batch_size=8, epochs=12, validation_split=0.3)
    histories_agree(expected, found)
    assert len(set(found.history["learning_rate"])) > 2
    agree(pair[1].get_weights(), pair[0].get_weights())


@pytest.mark.parametrize("share", [0.2, 0.33, 0.97])
def test_validation_split_is_that_of_keras(rng, pair, share):
    x, y = data(rng, 37)
    expected, found = fit_both(pair, x, y, batch_size=16, validation_split=share)
    histories_agree(expected, found)
    agree(pair[1].get_weights(), pair[0].get_weights())


WEIGHTS = {
    "samples": lambda rng, y: {"sample_weight": rng.random(len(y)) * 3},
    "some samples of none": lambda rng, y: {"sample_weight": rng.integers(0, 2, len(y)).astype(float)},
    "classes": lambda rng, y: {"class_weight": {0: 2.0, 3: 0.25}},
    "validation samples": lambda rng, y: {"validation_data": (*data(rng, 19), rng.random(19) * 3)},
    "samples and a split": lambda rng, y: {"sample_weight": rng.random(len(y)) * 3, "validation_split": 0.3},
}


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_train_as_in_keras(rng, pair, weights):
    x, y = data(rng)
    expected, found = fit_both(pair, x, y, batch_size=16, epochs=3, **weights(rng, y))
    histories_agree(expected, found)
    agree(pair[1].get_weights(), pair[0].get_weights())


def test_weighted_evaluation_is_that_of_keras(rng, pair):
    x, y = data(rng)
    weights = rng.random(40) * 3
    expected, found = (model.evaluate(x, y, 16, 0, weights) for model in pair)
    agree(found, expected)


def test_batches_train_as_in_keras(rng, pair):
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
    histories_agree(expected, found)
    agree(pair[1].get_weights(), pair[0].get_weights())


def test_the_arguments_of_fit_and_of_callbacks_have_the_order_and_defaults_of_keras():
    from inspect import signature

    def arguments(function):
        every = signature(function).parameters.values()
        return [(one.name, one.default) for one in every if one.name not in ("self", "kwargs")]

    ours, theirs = arguments(Sequential.fit), arguments(keras.Sequential.fit)
    assert [name for name, _ in ours] == [name for name, _ in theirs][: len(ours)]
    assert ours[2:] == theirs[2 : len(ours)]
    for name in callbacks.__all__:
        if name not in ("Callback", "TerminateOnNaN"):
            assert arguments(getattr(callbacks, name)) == arguments(getattr(keras.callbacks, name)), name
