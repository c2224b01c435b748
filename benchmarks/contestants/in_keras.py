"""The article's network in Keras, on the backend that the environment variable KERAS_BACKEND names."""

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
        keras.config.set_floatx("float32")  # a user's keras.json may say otherwise
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
        # jit_compile stays 'auto': XLA on JAX, and none on TensorFlow on a CPU, where it makes a step six times slower.
        self.model.compile("adam", "sparse_categorical_crossentropy")

    def loss(self, x: Array, y: Array) -> float:
        """Mean loss of a batch with dropout off."""
        self.model.reset_metrics()  # else Keras reports the mean over all batches since
        return float(self.model.test_on_batch(x, y))

    def step(self, x: Array, y: Array) -> None:
        """One step of Adam, dropout on; a step of `fit` takes as long."""
        self.model.train_on_batch(x, y)
        if keras.backend.backend() == "jax":
            self._wait_for_jax()

    def _wait_for_jax(self) -> None:
        """JAX returns at once and computes on; the loss that Keras hands back may be there before the weights are."""
        import jax

        jax.block_until_ready([variable.value for variable in (*self.model.variables, *self.model.optimizer.variables)])

    def predict(self, x: Array, batch_size: int) -> Array:
        """Probabilities (N, 10), batch by batch: `predict` gives the same and took twice as long on TensorFlow."""
        batches = [x[start : start + batch_size] for start in range(0, len(x), batch_size)]
        return np.concatenate([self.model.predict_on_batch(batch) for batch in batches])


def _set_tensorflow_threads(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
