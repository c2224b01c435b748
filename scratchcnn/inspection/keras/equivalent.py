"""Keras's side: its import and backend, the equivalent model, and its training, step by step."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from scratchcnn import losses
from scratchcnn.inspection.arguments import sample_shape
from scratchcnn.inspection.keras.side_by_side import Run
from scratchcnn.layers import BatchNormalization, Input, Layer
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.storage import keras_config
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import KNOWN
from scratchcnn.training.data import Samples

BACKENDS = ("jax", "tensorflow", "torch")
INSTALL = "python -m pip install 'scratchcnn[compare]'"


def keras_module() -> Any:
    """Return the module `keras`; ImportError if it or its backend is not installed, RuntimeError without gradients."""
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
    """Set the dtype of everything that Keras creates, including learning rates, and restore it at the end."""
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


def loss_and_gradients(
    keras: Any, model: Any, loss: Any, x: Array, y: Array, training: bool
) -> tuple[Any, Sequence[Any]]:
    """Return the loss of a batch with all penalties, and its gradients w.r.t. the trainable parameters.

    With `training`, layers like BatchNormalization update their statistics.
    """
    backend, parameters = keras.backend.backend(), [variable.value for variable in model.trainable_variables]
    if backend == "tensorflow":
        with import_module("tensorflow").GradientTape() as tape:
            value = loss(y, model(x, training=training))
            value = sum(model.losses, value)
        return value, tape.gradient(value, parameters)
    if backend == "torch":
        value = loss(y, model(x, training=training))
        value = sum(model.losses, value)
        return value.detach(), import_module("torch").autograd.grad(value, parameters)
    fixed = [variable.value for variable in model.non_trainable_variables]

    def loss_value(values: Any) -> Any:
        outputs, statistics, penalties = model.stateless_call(values, fixed, x, training=training, return_losses=True)
        return sum(penalties, loss(y, outputs)), statistics

    (value, statistics), gradients = import_module("jax").value_and_grad(loss_value, has_aux=True)(parameters)
    for variable, statistic in zip(model.non_trainable_variables, statistics, strict=True):
        variable.assign(statistic)
    return value, gradients


def as_array(keras: Any, tensor: Any) -> Array:
    """Return a copy of a tensor as a NumPy array."""
    return np.array(keras.ops.convert_to_numpy(tensor))


def equivalent_model(keras: Any, model: Sequential) -> Any:
    """Return a Keras model of the same layers, without inner models, compiled with the same optimizer and loss."""
    for layer in model.leaf_layers:
        kind = type(layer)
        if kind.__name__ not in keras_config.LAYERS or KNOWN.get(kind.__name__) is not kind:
            raise ValueError(
                f"Expected layers that Keras has too, {', '.join(keras_config.LAYERS)}, received {layer.label}, a "
                "custom layer; pass a Keras model with an equivalent of it, as keras_model=..., or compare the model "
                "without it."
            )
    loss, optimizer, _ = model.expect_compiled("the equivalent Keras model")
    plain = Sequential([Input(sample_shape(model)), *_named_copies(model)], dtype=model.dtype.name)
    plain.compile(optimizer, loss)  # without metrics, which are not compared
    try:
        described, compiled = keras_config.to_keras(plain), keras_config.compiled_to_keras(plain)
    except StorageError as error:
        reason = str(error).removesuffix("; use .npz.").rstrip(".")
        raise ValueError(f"{reason}; what Keras does not have cannot be compared with it.") from error
    assert compiled is not None
    made = keras.models.Sequential.from_config(described["config"])
    made.compile(keras.optimizers.deserialize(compiled["optimizer"]), keras.losses.deserialize(compiled["loss"]))
    return made


def _named_copies(model: Sequential) -> list[Layer]:
    """Return unbuilt copies of the layers of a model and its inner models, with unique names that Keras accepts."""
    copies = [layer.unbuilt() for layer in model.leaf_layers]
    for number, layer in enumerate(copies):  # Keras does not accept the '/' of `leaf_names`
        layer.name = f"{layer.name}_{number}"
    return copies


def without_inner_models(keras: Any, given: Any) -> Any:
    """Return a Keras model of copies of the layers, with those of inner models in their places and new parameters."""
    if not any(hasattr(layer, "layers") for layer in getattr(given, "layers", ())):
        return given
    leaves, rest = [], list(reversed(given.layers))
    while rest:
        layer = rest.pop()
        if hasattr(layer, "layers"):
            rest += reversed(layer.layers)
        elif not isinstance(layer, keras.layers.InputLayer):
            leaves.append(layer)
    configs = [{**layer.get_config(), "name": f"{layer.name}_{number}"} for number, layer in enumerate(leaves)]
    copies = [type(layer).from_config(config) for layer, config in zip(leaves, configs, strict=True)]
    return keras.Sequential([keras.Input(batch_shape=given.input_shape, dtype=given.inputs[0].dtype), *copies])


def expect_comparable(given: Any, model: Sequential) -> None:
    """Raise TypeError or ValueError if a Keras model cannot be compared with ours layer by layer."""
    if not hasattr(given, "layers") or not hasattr(given, "trainable_variables"):
        raise TypeError(f"Expected keras_model as a Sequential of Keras, received {type(given).__name__}.")
    if not given.built:
        raise ValueError("Expected a built Keras model, received one of unknown shape; begin it with keras.Input.")
    if len(given.layers) != len(model.leaf_layers):
        raise ValueError(
            f"Expected a Keras model of {len(model.leaf_layers)} layers, as ours has, received {len(given.layers)}; "
            "omit keras_model to compare with the equivalent model."
        )
    dtype, dtypes = model.dtype.name, {given.inputs[0].dtype, *(layer.compute_dtype for layer in given.layers)}
    if dtypes != {dtype}:
        raise ValueError(
            f"Expected a Keras model that computes in {dtype}, as ours, received {' and '.join(sorted(dtypes))}; call "
            f"keras.config.set_floatx({dtype!r}) and keras.config.set_dtype_policy({dtype!r}) before you create it."
        )
    for layer, other in zip(model.leaf_layers, given.layers, strict=True):
        shapes = [array.shape for array in layer.params.values()]
        pairs = [
            ("output shape", (None, *(layer.output_shape or ())), tuple(other.output.shape)),
            ("weights of shapes", shapes, [tuple(variable.shape) for variable in other.weights]),
            ("trainable =", layer.trainable, other.trainable if shapes else layer.trainable),
        ]
        for what, ours, found in pairs:
            if ours != found:
                raise ValueError(
                    f"Expected layer {other.name!r} of Keras with {what} {ours}, as {layer.label}, received {found}."
                )


def _clone(keras: Any, model: Any, without: str | None) -> Any:
    """Return the same layers with weights of their own; the last one without its activation if that is `without`.

    Dropout is off, also in training.
    """
    clone = keras.models.clone_model(model)
    for layer in clone.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    last = clone.layers[-1]
    if without == "softmax" and isinstance(last, keras.layers.Softmax):
        return keras.Model(clone.inputs[0], last.input)
    if without is not None and getattr(last, "activation", None) is getattr(keras.activations, without):
        last.activation = keras.activations.linear
    return clone


def _loss_of(keras: Any, loss: Any, dtype: np.dtype[np.floating], from_logits: bool) -> Any:
    """Return a loss of Keras that computes in `dtype`, from logits or probabilities."""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None)
    known = {known: getattr(keras.losses, kind.__name__) for known, kind in losses.KNOWN.items()}
    loss = known[name]() if name in known else loss
    if not hasattr(loss, "get_config"):
        return loss
    config = {**loss.get_config(), "dtype": dtype.name}
    return type(loss).from_config({**config, "from_logits": from_logits} if "from_logits" in config else config)


def train_keras(keras: Any, model: Sequential, batches: Sequence[Samples], given: Any = None) -> Run:
    """Train a Keras model as `perturbation.train` trains ours, from the same weights, and record the run.

    `given` is a compiled or uncompiled Keras model, of which a copy is trained; None: the equivalent model.
    """
    flat = None if given is None else without_inner_models(keras, given)
    if flat is not None:
        expect_comparable(flat, model)
    computed = keras.backend.result_type(model.dtype.name, "float32")  # in which Keras normalizes
    normalizing = next((layer for layer in model.leaf_layers if isinstance(layer, BatchNormalization)), None)
    if normalizing is not None and computed != model.dtype.name:
        raise ValueError(
            f"Expected a float32 model for layer {normalizing.label}, which Keras on {keras.backend.backend()} always "
            f"computes in {computed}, received {model.dtype}; compare a model with dtype='float32'."
        )
    compiled = given if getattr(given, "optimizer", None) is not None else equivalent_model(keras, model)
    # Where our loss is computed from logits, so is that of Keras: from probabilities, it would clip them.
    from_logits = bool(getattr(model.trainer.loss, "from_logits", False))
    cloned = compiled if flat is None else flat
    without = model.trainer.loss.activation if from_logits else None
    whole, trained = _clone(keras, cloned, None), _clone(keras, cloned, without)
    for each in (whole, trained):
        each.set_weights(model.get_weights())
    optimizer = type(compiled.optimizer).from_config(compiled.optimizer.get_config())  # with a new state
    optimizer.build(trained.trainable_variables)
    loss_function = _loss_of(keras, compiled.loss, model.dtype, from_logits)
    outputs = outputs_of(keras, whole, np.asarray(batches[0].x, model.dtype))
    training = any(layer.statistics for layer in model.leaf_layers)  # else both modes are equal without dropout
    recorded = []
    for batch in batches:
        x = np.asarray(batch.x, model.dtype)
        loss, gradients = loss_and_gradients(keras, trained, loss_function, x, batch.y, training)
        found = float(as_array(keras, loss)), [as_array(keras, gradient) for gradient in gradients]
        with import_module("torch").no_grad() if keras.backend.backend() == "torch" else nullcontext():
            optimizer.apply(gradients, trained.trainable_variables)
        variables = [variable for layer in trained.layers if layer.trainable for variable in layer.weights]
        recorded.append((*found, [as_array(keras, variable.value) for variable in variables]))
    losses, first_gradients, weights = zip(*recorded, strict=True)
    return Run(outputs, losses[0], first_gradients[0], list(weights))
