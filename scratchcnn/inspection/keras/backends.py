"""Keras and its backend: their import, their dtype, and gradients, which Keras leaves to JAX, TensorFlow or Torch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from scratchcnn.operands import Array

BACKENDS = ("jax", "tensorflow", "torch")
INSTALL = "python -m pip install 'scratchcnn[compare]'"


def keras_module() -> Any:
    """Return the module `keras`, running on a backend with gradients.

    Raises
    ------
    ImportError
        Keras or its backend is not installed; the message names the remedy.
    RuntimeError
        Keras runs on a backend without gradients.
    """
    try:
        keras = import_module("keras")
    except ImportError as error:
        if error.name == "keras":
            raise ImportError(f"Expected Keras, which is not installed; {INSTALL} installs it with JAX.") from error
        chosen = os.environ.get("KERAS_BACKEND")
        raise ImportError(
            f"Expected a backend that Keras can run on, received {f'KERAS_BACKEND={chosen}' if chosen else 'none'} "
            f"({error}); {INSTALL} installs JAX, and KERAS_BACKEND=jax, set before Python starts, selects it."
        ) from error
    if keras.backend.backend() not in BACKENDS:
        raise RuntimeError(
            f"Expected Keras on a backend that computes gradients, {', '.join(BACKENDS)}, received "
            f"{keras.backend.backend()!r}; set KERAS_BACKEND=jax before Python starts."
        )
    return keras


@contextmanager
def computing_in(keras: Any, dtype: np.dtype[np.floating]) -> Iterator[None]:
    """Set the dtype of everything that Keras creates, including learning rates, and restore it at the end.

    Raises
    ------
    RuntimeError
        float64 on JAX without float64 support.
    """
    if dtype == np.float64 and keras.backend.backend() == "jax" and not import_module("jax").config.jax_enable_x64:
        raise RuntimeError(
            "Expected JAX with float64, for a float64 model, received JAX without; set JAX_ENABLE_X64=true before "
            "Python starts, or compare a float32 model."
        )
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype.name)
    keras.config.set_dtype_policy(dtype.name)
    try:
        with warnings.catch_warnings():
            # The variables of Keras do not accept the argument `copy` of __array__, which NumPy 2 passes first.
            warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
            yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def outputs_of(keras: Any, model: Any, x: Array) -> list[Array]:
    """Return the output of each layer for a batch, without dropout."""
    every = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
    found = every(x, training=False)
    return [as_array(keras, output) for output in (found if isinstance(found, list | tuple) else [found])]


def loss_and_gradients(keras: Any, model: Any, loss: Any, x: Array, y: Array) -> tuple[Any, Sequence[Any]]:
    """Return the loss of a batch, without dropout, and its gradients w.r.t. the trainable parameters."""
    backend, parameters = keras.backend.backend(), [variable.value for variable in model.trainable_variables]
    if backend == "tensorflow":
        with import_module("tensorflow").GradientTape() as tape:
            value = loss(y, model(x, training=False))
        return value, tape.gradient(value, parameters)
    if backend == "torch":
        value = loss(y, model(x, training=False))
        return value.detach(), import_module("torch").autograd.grad(value, parameters)
    fixed = [variable.value for variable in model.non_trainable_variables]

    def loss_value(values: Any) -> Any:
        return loss(y, model.stateless_call(values, fixed, x, training=False)[0])

    return import_module("jax").value_and_grad(loss_value)(parameters)


def update(keras: Any, model: Any, optimizer: Any, gradients: Sequence[Any]) -> None:
    """Perform a step of the optimizer."""
    torch = keras.backend.backend() == "torch"
    with import_module("torch").no_grad() if torch else nullcontext():
        optimizer.apply(gradients, model.trainable_variables)


def as_array(keras: Any, tensor: Any) -> Array:
    """Return a copy of a tensor as a NumPy array."""
    return np.array(keras.ops.convert_to_numpy(tensor))
