"""Models that several tests use."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn import History, Sequential
from scratchcnn.datasets import mnist
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.optimizers import State


def article_model(**options: Any) -> Sequential:
    """The article's network, compiled as there."""
    model = Sequential(**options)
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(Conv2D(64, (3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def small_model(**options: Any) -> Sequential:
    """The same kinds of layers, small enough for many runs: images of (9, 8, 1), 5 classes."""
    model = Sequential(
        [
            Conv2D(4, 3, activation="relu", input_shape=(9, 8, 1)),
            MaxPooling2D(2),
            Dropout(0.25),
            Flatten(),
            Dense(8, activation="relu"),
            Dropout(0.5),
            Dense(5, activation="softmax"),
        ],
        **options,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def small_data(count: int = 40, seed: int = 0) -> tuple[Any, Any]:
    """Images and labels for `small_model`."""
    rng = np.random.default_rng(seed)
    return rng.random((count, 9, 8, 1)), rng.integers(0, 5, count)


def sample_digits() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The embedded sample as the model takes it: float32 in [0, 1], with a channel axis."""
    (x_train, y_train), (x_test, y_test) = mnist.load_sample()
    scale = np.float32(255)
    return (x_train[..., None] / scale, y_train), (x_test[..., None] / scale, y_test)


def numbered_model(number: int = 0, model: Sequential | None = None) -> Sequential:
    """A model in which all that a file holds is one number: parameters, optimizer, history."""
    if model is None:
        model = Sequential([Dense(256, input_shape=(256,)), Dense(10, activation="softmax")], seed=0)
        model.compile(optimizer="adam")
    trainer = model._ready_trainer()
    trainer.optimizer_state = State(number, trainer.optimizer_state.slots)
    for array in [*trainer.parameters, *(slot for slots in trainer.optimizer_state.slots for slot in slots)]:
        array[...] = number
    model.history = History()
    model.history.append(number, {"loss": float(number)})
    return model


def numbers_of(model: Sequential) -> set[float]:
    """The numbers in a `numbered_model`: just one, if it is whole."""
    assert model._trainer is not None
    assert model.history is not None
    state = model._trainer.optimizer_state
    arrays = [*model.get_weights(), *(slot for slots in state.slots for slot in slots)]
    return {
        float(state.iterations), *map(float, model.history.epoch), *model.history.history["loss"],
        *(value for array in arrays for value in (float(array.min()), float(array.max()))),
    }  # fmt: skip
