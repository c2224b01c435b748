"""The article's network in Keras, with the backend given by the environment variable KERAS_BACKEND."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

Array = np.ndarray[Any, Any]


class Network:
    """See `contestants.Network`."""

    def __init__(self, threads: int, weights: Sequence[Array] | None, from_bytes: bool) -> None:
        if keras.backend.backend() == "tensorflow":
            _set_tensorflow_threads(threads)
        keras.config.set_floatx("float32")  # overrides the user's keras.json
        keras.config.set_image_data_format("channels_last")
        keras.utils.set_random_seed(0)
        self.model = keras.Sequential(
            [
                keras.Input((28, 28, 1), dtype="uint8" if from_bytes else "float32"),
                *([layers.Rescaling(1 / 255)] if from_bytes else []),
                layers.Conv2D(32, (3, 3), activation="relu"),
                layers.Conv2D(64, (3, 3), activation="relu"),
                layers.MaxPooling2D((2, 2)),
                layers.Dropout(0.25),
                layers.Flatten(),
                layers.Dense(128, activation="relu"),
                layers.Dropout(0.5),
                layers.Dense(10, activation="softmax"),
            ]
        )
        if weights is not None:
            self.model.set_weights(weights)
        # jit_compile remains 'auto': XLA with JAX, but not with TensorFlow on a CPU, where XLA makes a step
        # six times slower.
        self.model.compile("adam", "sparse_categorical_crossentropy")

    def loss(self, x: Array, y: Array) -> float:
        """Return the mean loss of a batch without dropout."""
        self.model.reset_metrics()  # otherwise Keras returns the mean over all previous batches
        return float(self.model.test_on_batch(x, y))

    def step(self, x: Array, y: Array) -> None:
        """Take one training step with Adam and dropout; a step of `fit` takes the same time."""
        self.model.train_on_batch(x, y)
        if keras.backend.backend() == "jax":
            self._wait_for_jax()

    def _wait_for_jax(self) -> None:
        """Wait for JAX, which computes asynchronously: the loss may be available before the weights."""
        import jax

        jax.block_until_ready([variable.value for variable in (*self.model.variables, *self.model.optimizer.variables)])

    def predict(self, x: Array, batch_size: int) -> Array:
        """Return probabilities (N, 10); `predict` returns the same and takes twice as long with TensorFlow."""
        batches = [x[start : start + batch_size] for start in range(0, len(x), batch_size)]
        return np.concatenate([self.model.predict_on_batch(batch) for batch in batches])


def _set_tensorflow_threads(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
