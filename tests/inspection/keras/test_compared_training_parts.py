"""compare_with_keras finds no difference for any loss and optimizer, and finds those that are planted."""

import keras
import numpy as np
import pytest

from scratchcnn import Sequential, losses, optimizers
from scratchcnn.inspection import compare_with_keras
from scratchcnn.layers import Conv2D, Dense, Flatten

# The __array__ of Keras's variables has no `copy` argument, which NumPy 2 passes; NumPy falls back with a warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def model_of(loss, optimizer, last="sigmoid"):
    model = Sequential([
        Conv2D(3, 3, activation="relu", input_shape=(6, 6, 1)), Flatten(), Dense(8, "tanh"), Dense(2, last),
    ], seed=1)  # fmt: skip
    model.compile(optimizer, loss)
    return model


def data():
    rng = np.random.default_rng(4)
    return rng.random((24, 6, 6, 1)), rng.integers(0, 2, (24, 2))


OPTIMIZERS = [
    optimizers.RMSprop(0.01), optimizers.RMSprop(0.01, momentum=0.5, centered=True, epsilon=1e-3),
    optimizers.AdamW(0.01, weight_decay=0.1), optimizers.Adagrad(0.1, clipnorm=0.05),
    optimizers.Adadelta(1.0, epsilon=1e-3, global_clipnorm=0.1), optimizers.SGD(0.1, 0.9, clipvalue=0.01),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
def test_optimizers_agree(optimizer):
    found = compare_with_keras(model_of("bce", optimizer), *data(), steps=3, batch_size=8)
    assert found.agrees, str(found)


LOSSES = [
    ("mse", None), ("mse", "sigmoid"), ("bce", "sigmoid"), ("bce", "softmax"),
    (losses.BinaryCrossentropy(True, 0.1), None), (losses.BinaryCrossentropy(label_smoothing=0.3), "sigmoid"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "last"), LOSSES)
def test_losses_agree(loss, last):
    found = compare_with_keras(model_of(loss, "sgd", last), *data(), steps=2, batch_size=8)
    assert found.agrees, str(found)


def test_other_settings_are_found():
    model = model_of("bce", optimizers.SGD(0.1, clipnorm=0.01))
    other = keras.Sequential([
        keras.layers.Input((6, 6, 1)), keras.layers.Conv2D(3, 3, activation="relu"), keras.layers.Flatten(),
        keras.layers.Dense(8, "tanh"), keras.layers.Dense(2, "sigmoid"),
    ])  # fmt: skip
    other.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    found = compare_with_keras(model, *data(), 2, 8, keras_model=other)
    assert found.first_difference.place.stage == "weights"
    other.compile(keras.optimizers.SGD(0.1, clipnorm=0.01), keras.losses.BinaryCrossentropy(label_smoothing=0.1))
    assert compare_with_keras(model, *data(), 2, 8, keras_model=other).first_difference.place.stage == "loss"
