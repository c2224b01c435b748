"""A network in Keras, with the backend given by the environment variable KERAS_BACKEND.

The training step is compiled as a whole, by `tf.function` or `jax.jit`, without the bookkeeping of `train_on_batch`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
from architectures import Architecture
from keras import layers, losses

from contestants import build_layers

Array = np.ndarray[Any, Any]


class Network:
    """See `contestants.Network`."""

    def __init__(
        self,
        architecture: Architecture,
        threads: int,
        weights: Sequence[Array] | None,
        from_bytes: bool,
        setting: str,
    ) -> None:
        if keras.backend.backend() == "tensorflow":
            _set_tensorflow_threads(threads)
        keras.config.set_floatx("float32")  # overrides the user's keras.json
        keras.config.set_image_data_format("channels_last")
        keras.utils.set_random_seed(0)
        of_images = keras.Input(architecture.input_shape, dtype="uint8" if from_bytes else "float32")
        self.model = keras.Sequential([of_images, *build_layers(architecture, layers, from_bytes)])
        if weights is not None:
            self.model.set_weights(weights)
        # jit_compile remains 'auto': XLA with JAX, but not with TensorFlow on a CPU.
        self.model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        self.model.optimizer.build(self.model.trainable_variables)
        self._step: Any = _TensorFlowStep(self.model, setting == "XLA") if _on_tensorflow() else _JaxStep(self.model)

    @staticmethod
    def settings(architecture: Architecture) -> Sequence[str]:
        """Return how the step can be compiled."""
        return ["graph", "XLA"] if _on_tensorflow() else ["jit"]

    def loss(self, x: Array, y: Array) -> float:
        """Return the mean loss of a batch without dropout."""
        self._step.finish()
        self.model.reset_metrics()  # otherwise Keras returns the mean over all previous batches
        return float(self.model.test_on_batch(x, y, return_dict=True)["loss"])

    def batch(self, x: Array, y: Array) -> Any:
        """Return tensors of the backend."""
        return keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(y)

    def step(self, batch: Any) -> None:
        """Take one training step with Adam and dropout."""
        self._step(*batch)

    def fit(self, x: Array, y: Array, batch_size: int) -> None:
        """Train one epoch with `fit`."""
        self._step.finish()
        self.model.fit(x, y, batch_size=batch_size, verbose=0)

    def predict(self, x: Array, batch_size: int) -> Array:
        """Return probabilities (N, 10); `predict` returns the same and takes twice as long with TensorFlow."""
        self._step.finish()
        batches = [x[start : start + batch_size] for start in range(0, len(x), batch_size)]
        return np.concatenate([self.model.predict_on_batch(batch) for batch in batches])


class _TensorFlowStep:
    """A training step that updates the variables of the model."""

    def __init__(self, model: keras.Model, xla: bool) -> None:
        import tensorflow as tf

        @tf.function(jit_compile=xla)
        def step(x: Any, y: Any) -> None:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(losses.sparse_categorical_crossentropy(y, model(x, training=True)))
            model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

        self.step = step

    def __call__(self, x: Any, y: Any) -> None:
        self.step(x, y)

    def finish(self) -> None:
        """Do nothing: the model has the current values."""


class _JaxStep:
    """A training step that takes the arrays out of the model and reuses their memory; `finish` puts them back."""

    def __init__(self, model: keras.Model) -> None:
        self.groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
        self.state: Any = None
        self.step = _jax_step(model)

    def __call__(self, x: Any, y: Any) -> None:
        import jax

        state = self.state or jax.tree.map(lambda variable: variable.value, self.groups)
        self.state = jax.block_until_ready(self.step(state, x, y))

    def finish(self) -> None:
        """Assign the current values to the variables of the model."""
        if self.state is not None:
            for variables, values in zip(self.groups, self.state, strict=True):
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(value)
            self.state = None


def _jax_step(model: keras.Model) -> Callable[..., Any]:
    import jax

    def objective(trainable: Any, others: Any, x: Any, y: Any) -> Any:
        outputs, others = model.stateless_call(trainable, others, x, training=True)
        return losses.sparse_categorical_crossentropy(y, outputs).mean(), others

    @partial(jax.jit, donate_argnums=0)
    def step(state: Any, x: Any, y: Any) -> Any:
        trainable, others, of_optimizer = state
        (_, others), gradients = jax.value_and_grad(objective, has_aux=True)(trainable, others, x, y)
        trainable, of_optimizer = model.optimizer.stateless_apply(of_optimizer, gradients, trainable)
        return trainable, others, of_optimizer

    return step


def _on_tensorflow() -> bool:
    return keras.backend.backend() == "tensorflow"


def _set_tensorflow_threads(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
