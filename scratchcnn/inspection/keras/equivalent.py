"""The equivalent Keras model: the same layers, weights, optimizer and loss, run step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.inspection.keras.backends import as_array, loss_and_gradients, outputs_of, update
from scratchcnn.inspection.keras.run import Run
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.storage import keras_config
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import KNOWN
from scratchcnn.training.data import Samples


def equivalent_model(keras: Any, model: Sequential) -> Any:
    """Return a Keras model of the same layers, compiled with the same optimizer and loss.

    Raises
    ------
    ValueError
        Keras has no such layer, option, optimizer or loss; the message names it.
    """
    for layer in model.layers:
        kind = type(layer)
        if kind.__name__ not in keras_config.LAYERS or KNOWN.get(kind.__name__) is not kind:
            raise ValueError(
                f"Expected layers that Keras has too, {', '.join(keras_config.LAYERS)}, received {layer.label}, a "
                "custom layer; pass a Keras model with an equivalent of it, as keras_model=..., or compare the model "
                "without it."
            )
    plain = model.clone()
    loss, optimizer, _ = plain.expect_compiled("the equivalent Keras model")
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


def expect_comparable(given: Any, model: Sequential) -> None:
    """Raise an error for a Keras model that cannot be compared with ours layer by layer.

    Raises
    ------
    TypeError
        Not a Keras model with a list of layers.
    ValueError
        It is not built, or has another dtype or number of layers, or a layer, which is named, has another output shape,
        other shapes of weights, or is frozen in one model only.
    """
    if not hasattr(given, "layers") or not hasattr(given, "trainable_variables"):
        raise TypeError(f"Expected keras_model as a Sequential of Keras, received {type(given).__name__}.")
    if not given.built:
        raise ValueError("Expected a built Keras model, received one of unknown shape; begin it with keras.Input.")
    if len(given.layers) != len(model.layers):
        raise ValueError(
            f"Expected a Keras model of {len(model.layers)} layers, as ours has, received {len(given.layers)}; omit "
            "keras_model to compare with the equivalent model."
        )
    dtypes = {str(given.inputs[0].dtype), *(str(layer.compute_dtype) for layer in given.layers)}
    if dtypes != {model.dtype.name}:
        raise ValueError(
            f"Expected a Keras model that computes in {model.dtype.name}, as ours, received "
            f"{' and '.join(sorted(dtypes))}; call keras.config.set_floatx({model.dtype.name!r}) and "
            f"keras.config.set_dtype_policy({model.dtype.name!r}) before you create it."
        )
    for layer, other in zip(model.layers, given.layers, strict=True):
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


class KerasModel:
    """A Keras model that performs the same passes and training steps as ours, from the same weights.

    Parameters
    ----------
    keras : module
    model : Sequential
        Compiled.
    given : keras.Sequential, optional
        Comparable with it (`expect_comparable`); it is not changed. Default: the equivalent model.
    """

    def __init__(self, keras: Any, model: Sequential, given: Any = None) -> None:
        self.keras, self.dtype = keras, model.dtype
        if given is not None:
            expect_comparable(given, model)
        compiled = given if getattr(given, "optimizer", None) is not None else equivalent_model(keras, model)
        given = compiled if given is None else given
        # Where our loss is computed from logits, so is that of Keras: from probabilities, it would clip them.
        from_logits = bool(getattr(model.trainer.loss, "from_logits", False))
        self.whole, self.trained = _clone(keras, given, softmax=True), _clone(keras, given, softmax=not from_logits)
        set_weights(self.whole, model.get_weights())
        set_weights(self.trained, model.get_weights())
        self.optimizer = type(compiled.optimizer).from_config(compiled.optimizer.get_config())  # with a new state
        self.optimizer.build(self.trained.trainable_variables)
        self.loss = _loss_of(keras, compiled.loss, model.dtype, from_logits)

    def train(self, batches: Sequence[Samples]) -> Run:
        """Perform one step per batch, without dropout, and record the run."""
        keras = self.keras
        outputs = outputs_of(keras, self.whole, np.asarray(batches[0].x, self.dtype))
        losses, weights = [], []
        gradients_of_first: list[Array] = []
        for batch in batches:
            x = np.asarray(batch.x, self.dtype)
            loss, gradients = loss_and_gradients(keras, self.trained, self.loss, x, batch.y)
            losses.append(float(as_array(keras, loss)))
            gradients_of_first = gradients_of_first or [as_array(keras, gradient) for gradient in gradients]
            update(keras, self.trained, self.optimizer, gradients)
            weights.append([as_array(keras, variable.value) for variable in self.trained.trainable_variables])
        return Run(outputs, losses[0], gradients_of_first, weights)


def set_weights(model: Any, weights: Sequence[Array]) -> None:
    """Set the parameters of a Keras model to ours."""
    for variable, array in zip(model.weights, weights, strict=True):
        variable.assign(array)


def _clone(keras: Any, model: Any, softmax: bool) -> Any:
    """Return the same layers with weights of their own, the last one without its softmax if `softmax` is False."""

    def copied(layer: Any) -> Any:
        config = layer.get_config()
        if not softmax and layer is model.layers[-1]:
            if isinstance(layer, keras.layers.Softmax):
                return keras.layers.Activation("linear", dtype=config["dtype"], name=layer.name)
            if getattr(layer, "activation", None) is keras.activations.softmax:
                config["activation"] = "linear"
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=copied)


def _loss_of(keras: Any, loss: Any, dtype: np.dtype[np.floating], from_logits: bool) -> Any:
    """Return a loss of Keras that computes in `dtype`, from logits or probabilities."""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None)
    known = {"sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
             "categorical_crossentropy": keras.losses.CategoricalCrossentropy}  # fmt: skip
    loss = known[name]() if name in known else loss
    if not hasattr(loss, "get_config"):
        return loss
    config = {**loss.get_config(), "dtype": dtype.name}
    return type(loss).from_config({**config, "from_logits": from_logits} if "from_logits" in config else config)
