"""Models and data that several tests use."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn import History, Sequential
from scratchcnn.datasets import mnist
from scratchcnn.layers import AveragePooling2D, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.optimizers import State


def article_model(**options: Any) -> Sequential:
    """The network of the article, compiled as in the article."""
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


def lenet5(**options: Any) -> Sequential:
    """LeNet-5 (LeCun et al. 1998), with the output layer of today."""
    model = Sequential(
        [
            Conv2D(6, 5, padding="same", activation="tanh", input_shape=(28, 28, 1)),
            AveragePooling2D(),
            Conv2D(16, 5, activation="tanh"),
            AveragePooling2D(),
            Flatten(),
            Dense(120, activation="tanh"),
            Dense(84, activation="tanh"),
            Dense(10, activation="softmax"),
        ],
        **options,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def small_model(**options: Any) -> Sequential:
    """A network of the same types of layers, small enough for many runs: images of shape (9, 8, 1), 5 classes."""
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
    """Random images and labels for `small_model`."""
    rng = np.random.default_rng(seed)
    return rng.random((count, 9, 8, 1)), rng.integers(0, 5, count)


def set_random_weights(model: Any, rng: np.random.Generator, scale: float = 1.0) -> None:
    """Set the weights of a model of this package or of Keras at random; a moving variance is positive."""
    for layer in model.layers:
        weights = [scale * rng.standard_normal(weight.shape) for weight in layer.get_weights()]
        if type(layer).__name__ == "BatchNormalization":
            weights[-1] = 0.5 + abs(weights[-1])
        layer.set_weights(weights)


def sample_digits() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The embedded MNIST sample, preprocessed for the model: float32 in [0, 1], with a channel axis."""
    (x_train, y_train), (x_test, y_test) = mnist.load_sample()
    scale = np.float32(255)
    return (x_train[..., None] / scale, y_train), (x_test[..., None] / scale, y_test)


def constant_model(value: int = 0, model: Sequential | None = None) -> Sequential:
    """A model in which every saved number has the same value: parameters, optimizer state, history."""
    if model is None:
        model = Sequential([Dense(256, input_shape=(256,)), Dense(10, activation="softmax")], seed=0)
        model.compile(optimizer="adam")
    trainer = model.trainer
    trainer.optimizer_state = State(value, trainer.optimizer_state.slots)
    for array in [*trainer.parameters, *(slot for slots in trainer.optimizer_state.slots for slot in slots)]:
        array[...] = value
    model.history = History()
    model.history.append(value, {"loss": float(value)})
    return model


def values_in(model: Sequential) -> set[float]:
    """The distinct values in a `constant_model`: exactly one if no two saves were mixed."""
    state = model.optimizer_state
    assert state is not None
    assert model.history is not None
    arrays = [*model.get_weights(), *(slot for slots in state.slots for slot in slots)]
    return {
        float(state.iterations), *map(float, model.history.epoch), *model.history.history["loss"],
        *(value for array in arrays for value in (float(array.min()), float(array.max()))),
    }  # fmt: skip
