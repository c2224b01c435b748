"""The equivalent Keras model: the same layers and weights, run step by step on any backend of Keras with gradients."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.storage import keras_config
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import KNOWN

BACKENDS = ("jax", "tensorflow", "torch")


def keras_module() -> Any:
    """Keras itself, with a backend that has gradients.

    Raises
    ------
    ImportError
        Keras or its backend is not installed; the message says what to install or set.
    RuntimeError
        Keras runs on a backend without gradients.
    """
    try:
        keras = import_module("keras")
    except ImportError as error:
        if error.name == "keras":
            raise ImportError(
                "Expected Keras to compare with, found none; python -m pip install 'scratchcnn[twin]' installs it, "
                "with JAX."
            ) from error
        asked = os.environ.get("KERAS_BACKEND")
        raise ImportError(
            f"Expected a backend that Keras can run on, received {f'KERAS_BACKEND={asked}' if asked else 'none'} "
            f"({error}); python -m pip install 'scratchcnn[twin]' installs JAX, and KERAS_BACKEND=jax, set before "
            f"Python starts, makes Keras use it."
        ) from error
    if keras.backend.backend() not in BACKENDS:
        raise RuntimeError(
            f"Expected Keras on a backend that computes gradients, {', '.join(BACKENDS)}, received "
            f"{keras.backend.backend()!r}; set KERAS_BACKEND=jax before Python starts."
        )
    return keras


def made_in_keras(keras: Any, model: Sequential) -> Any:
    """Return a Keras model of the same layers, compiled with the same optimizer and loss.

    Raises
    ------
    ValueError
        A layer, an option, the optimizer or the loss is one that Keras does not have; the message names it.
    """
    for layer in model.layers:
        _expect_known(layer)
    plain = model.clone()
    loss, optimizer, _ = plain.expect_compiled("the equivalent Keras model")  # metrics are not compared
    plain.compile(optimizer, loss)
    try:
        described, compiled = keras_config.to_keras(plain), keras_config.compiled_to_keras(plain)
    except StorageError as error:
        reason = str(error).removesuffix("; use .npz.").rstrip(".")
        raise ValueError(f"{reason}; what Keras does not have cannot be compared with it.") from error
    assert compiled is not None
    twin = keras.models.Sequential.from_config(described["config"])
    twin.compile(
        optimizer=keras.optimizers.deserialize(compiled["optimizer"]), loss=keras.losses.deserialize(compiled["loss"])
    )
    return twin


def _expect_known(layer: Layer) -> None:
    kind = type(layer)
    if kind.__name__ not in keras_config.LAYERS or KNOWN.get(kind.__name__) is not kind:
        raise ValueError(
            f"Expected layers that Keras has too, {', '.join(keras_config.LAYERS)}, received {layer.label}, a layer of "
            f"your own; give a Keras model with a twin of it, as keras_model=..., or compare the model without it."
        )


def expect_alike(theirs: Any, model: Sequential) -> None:
    """Raise an error for a Keras model that cannot be compared with ours layer by layer.

    Raises
    ------
    TypeError
        No Keras model of layers in a row.
    ValueError
        Another dtype or number of layers, or a layer with another output shape, other weights, or frozen on one side
        only, which is named.
    """
    if not hasattr(theirs, "layers") or not hasattr(theirs, "trainable_variables"):
        raise TypeError(f"Expected keras_model as a Sequential of Keras, received {type(theirs).__name__}.")
    if not theirs.built:
        raise ValueError("Expected a built Keras model, received one of unknown shape; begin it with keras.Input.")
    if len(theirs.layers) != len(model.layers):
        raise ValueError(
            f"Expected a Keras model of {len(model.layers)} layers, as ours has, received {len(theirs.layers)}; leave "
            f"keras_model out, and a twin is made."
        )
    dtypes = {str(theirs.inputs[0].dtype), *(str(layer.compute_dtype) for layer in theirs.layers)}
    if dtypes != {model.dtype.name}:
        raise ValueError(
            f"Expected a Keras model that computes in {model.dtype.name}, as ours, received "
            f"{' and '.join(sorted(dtypes))}; call keras.config.set_floatx({model.dtype.name!r}) and "
            f"keras.config.set_dtype_policy({model.dtype.name!r}) before it is made."
        )
    for layer, other in zip(model.layers, theirs.layers, strict=True):
        ours, found = (None, *(layer.output_shape or ())), tuple(other.output.shape)
        if ours != found:
            raise ValueError(f"Expected {other.name!r} of Keras to give {ours}, as {layer.label}, received {found}.")
        shapes = [array.shape for array in layer.params.values()]
        others = [tuple(variable.shape) for variable in other.weights]
        if shapes != others:
            raise ValueError(f"Expected {other.name!r} of Keras to have weights {shapes}, received {others}.")
        if shapes and layer.trainable != other.trainable:
            raise ValueError(
                f"Expected {other.name!r} of Keras to have trainable={layer.trainable}, as {layer.label}, received "
                f"{other.trainable}."
            )


class KerasTwin:
    """A Keras model that performs the same passes and the same training steps as ours.

    Parameters
    ----------
    keras : module
    model : keras.Sequential
        Compiled; it is not changed.
    dtype : float32 or float64
    from_logits : bool
        Whether ours computes its loss from logits, a last softmax being part of the loss. Then so does the twin: a
        loss that is handed probabilities must clip them, and has no gradient where it does.
    """

    def __init__(self, keras: Any, model: Any, dtype: np.dtype[np.floating], from_logits: bool) -> None:
        self.keras, self.dtype = keras, dtype
        self.trained = _clone(keras, model, softmax=not from_logits)
        self.optimizer = type(model.optimizer).from_config(model.optimizer.get_config())  # without any memory
        self.optimizer.build(self.trained.trainable_variables)
        every = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
        loss = _loss_of(keras, model.loss, dtype, from_logits)
        self._runner = RUNNERS[keras.backend.backend()](every, self.trained, loss, self.optimizer)

    def activations(self, x: Array) -> list[Array]:
        """What each layer makes of a batch, dropout off."""
        found = self._runner.outputs(x)
        return [self._array(output) for output in (found if isinstance(found, list | tuple) else [found])]

    def step(self, x: Array, y: Array) -> tuple[float, list[Array]]:
        """Perform one training step without dropout; return the loss before it, and the gradients."""
        loss, gradients = self._runner.loss_and_gradients(x, y)
        arrays = [self._array(gradient).copy() for gradient in gradients]
        self._runner.apply(gradients)
        return float(self._array(loss)), arrays

    def weights(self) -> list[Array]:
        """Return copies of the trainable parameters."""
        return [self._array(variable.value).copy() for variable in self.trained.trainable_variables]

    def _array(self, tensor: Any) -> Array:
        return np.asarray(self.keras.ops.convert_to_numpy(tensor))


def set_weights(theirs: Any, weights: Sequence[Array]) -> None:
    """Set the parameters of a Keras model to ours."""
    for variable, array in zip(theirs.weights, weights, strict=True):
        variable.assign(array)


def _clone(keras: Any, model: Any, softmax: bool) -> Any:
    """The same layers with weights of their own; without the last softmax if so asked."""
    last = model.layers[-1]

    def same(layer: Any) -> Any:
        config = layer.get_config()
        if softmax or layer is not last:
            return type(layer).from_config(config)
        if isinstance(layer, keras.layers.Softmax):
            return keras.layers.Activation("linear", dtype=config["dtype"], name=layer.name)
        if getattr(layer, "activation", None) is keras.activations.softmax:
            return type(layer).from_config({**config, "activation": "linear"})
        return type(layer).from_config(config)

    twin = keras.models.clone_model(model, clone_function=same)
    for new, old in zip(twin.weights, model.weights, strict=True):
        new.assign(old.value)
    return twin


def _loss_of(keras: Any, loss: Any, dtype: np.dtype[np.floating], from_logits: bool) -> Any:
    """A loss of Keras that computes in `dtype`, from logits if so asked."""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None)
    known = {"sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
             "categorical_crossentropy": keras.losses.CategoricalCrossentropy}  # fmt: skip
    loss = known[name]() if name in known else loss
    if not hasattr(loss, "get_config"):
        return loss
    config = {**loss.get_config(), "dtype": dtype.name}
    return type(loss).from_config({**config, "from_logits": from_logits} if "from_logits" in config else config)


# Gradients are the one thing that Keras leaves to its backend.


class _Runner:
    """Runs a Keras model operation by operation, on any backend that says how it takes gradients.

    Parameters
    ----------
    every : keras.Model
        Gives the outputs of all layers.
    trained : keras.Model
    loss, optimizer : of Keras
    """

    def __init__(self, every: Any, trained: Any, loss: Any, optimizer: Any) -> None:
        self.every, self.trained, self.loss, self.optimizer = every, trained, loss, optimizer

    def outputs(self, x: Array) -> Any:
        return self.every(x, training=False)

    def loss_and_gradients(self, x: Array, y: Array) -> tuple[Any, Sequence[Any]]:
        raise NotImplementedError

    def apply(self, gradients: Sequence[Any]) -> None:
        self.optimizer.apply(gradients, self.trained.trainable_variables)


class _Tensorflow(_Runner):
    def loss_and_gradients(self, x: Array, y: Array) -> tuple[Any, Sequence[Any]]:
        with import_module("tensorflow").GradientTape() as tape:
            value = self.loss(y, self.trained(x, training=False))
        return value, tape.gradient(value, [variable.value for variable in self.trained.trainable_variables])


class _Torch(_Runner):
    def loss_and_gradients(self, x: Array, y: Array) -> tuple[Any, Sequence[Any]]:
        value = self.loss(y, self.trained(x, training=False))
        variables = [variable.value for variable in self.trained.trainable_variables]
        return value.detach(), import_module("torch").autograd.grad(value, variables)

    def apply(self, gradients: Sequence[Any]) -> None:
        with import_module("torch").no_grad():
            super().apply(gradients)


class _Jax(_Runner):
    """Compiles each part, as Keras itself does on JAX."""

    def __init__(self, every: Any, trained: Any, loss: Any, optimizer: Any) -> None:
        super().__init__(every, trained, loss, optimizer)
        jax = import_module("jax")

        def outputs_of(variables: Any, x: Any) -> Any:
            return every.stateless_call(variables, _values(every.non_trainable_variables), x, training=False)[0]

        def loss_of(variables: Any, x: Any, y: Any) -> Any:
            state = _values(trained.non_trainable_variables)
            return loss(y, trained.stateless_call(variables, state, x, training=False)[0])

        self._outputs, self._gradients = jax.jit(outputs_of), jax.jit(jax.value_and_grad(loss_of))
        self._apply = jax.jit(optimizer.stateless_apply)

    def outputs(self, x: Array) -> Any:
        return self._outputs(_values(self.every.trainable_variables), x)

    def loss_and_gradients(self, x: Array, y: Array) -> tuple[Any, Sequence[Any]]:
        return self._gradients(_values(self.trained.trainable_variables), x, y)

    def apply(self, gradients: Sequence[Any]) -> None:
        remembered, weights = self.optimizer.variables, self.trained.trainable_variables
        after = self._apply(_values(remembered), gradients, _values(weights))
        for variables, values in zip((weights, remembered), after, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)


def _values(variables: Sequence[Any]) -> list[Any]:
    return [variable.value for variable in variables]


RUNNERS: dict[str, type[_Runner]] = {"jax": _Jax, "tensorflow": _Tensorflow, "torch": _Torch}


@contextmanager
def computing_in(keras: Any, dtype: np.dtype[np.floating]) -> Iterator[None]:
    """While inside, what Keras makes is of this dtype, learning rates too; afterwards as before.

    Raises
    ------
    RuntimeError
        float64 on JAX, which was started without it.
    """
    if dtype == np.float64 and keras.backend.backend() == "jax" and not import_module("jax").config.jax_enable_x64:
        raise RuntimeError(
            "Expected JAX with float64, for a float64 model, received one without; set JAX_ENABLE_X64=true before "
            "Python starts, or compare a float32 model."
        )
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype.name)
    keras.config.set_dtype_policy(dtype.name)
    try:
        with warnings.catch_warnings():
            # Keras's variables take no `copy` in __array__, which NumPy 2 asks for; NumPy does without, and says so.
            warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
            yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
