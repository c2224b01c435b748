"""Keras's description of a Sequential model (config.json) from ours, and ours from Keras's.

The layers here bear Keras's names and take Keras's arguments, so most of it is the same on both sides. What Keras has
and this package has not is refused by name, unless it is switched off or has no bearing on a model whose parameters are
known.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NoReturn

from scratchcnn import activations, initializers
from scratchcnn.configs import Config
from scratchcnn.storage import structure
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import KNOWN

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential

LAYERS = ("Activation", "Conv2D", "Dense", "Dropout", "Flatten", "MaxPooling2D", "Rescaling")
OPTIMIZERS, LOSSES = ("Adam", "SGD"), ("CategoricalCrossentropy", "SparseCategoricalCrossentropy")
METRICS = ("CategoricalAccuracy", "SparseCategoricalAccuracy")
SCHEDULES = ("CosineDecay", "ExponentialDecay", "PiecewiseConstantDecay")
MODULES = {
    **dict.fromkeys(LAYERS, "keras.layers"), **dict.fromkeys(OPTIMIZERS, "keras.optimizers"),
    **dict.fromkeys(LOSSES, "keras.losses"), **dict.fromkeys(METRICS, "keras.metrics"),
    **dict.fromkeys(SCHEDULES, "keras.optimizers.schedules"),
}  # fmt: skip

# Options that only Keras has, with the value that leaves them without effect; for any other option that is None.
WITHOUT_EFFECT = {
    "trainable": True, "data_format": "channels_last", "groups": 1, "use_ema": False, "axis": -1,
    "label_smoothing": 0.0, "reduction": "sum_over_batch_size",
}  # fmt: skip
# Options without a bearing on what is taken over: how chance is drawn, how Keras compiles, names of things but layers.
PASSED_OVER = {"seed", "dtype", "ema_momentum", "ema_overwrite_frequency", "jit_compile", "name", "lora_alpha"}


# Ours to Keras's


def to_keras(model: Sequential) -> Config:
    """The model's config.json, without how it was compiled.

    Raises
    ------
    StorageError
        Keras has no such layer, or not with such options; the message names the layer.
    """
    described = structure.describe(model)
    dtype, shape = described["dtype"], [None, *described["input_shape"]]
    head = _keras_object("InputLayer", {"batch_shape": shape, "dtype": dtype, "name": "input_layer"})
    layers = [head]
    for layer, packed in zip(model.layers, described["layers"], strict=True):
        config = _keras_options(packed, f"layer {layer.label}")
        if max(config.get("strides", [1])) > 1 and max(config.get("dilation_rate", [1])) > 1:
            raise StorageError(f"Expected strides or dilation_rate above 1 for Keras, received both: {layer.label}.")
        built = {"build_config": {"input_shape": [None, *(layer.input_shape or ())]}}
        layers.append({**_keras_object(packed["class_name"], {**config, "trainable": True, "dtype": dtype}), **built})
    config = {"name": model.name, "trainable": True, "dtype": dtype, "layers": layers, "build_input_shape": shape}
    built = {"build_config": {"input_shape": shape}}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None, **built}


def compiled_to_keras(model: Sequential) -> Config | None:
    """Keras's compile_config; None if the model is not compiled.

    Raises
    ------
    StorageError
        Keras has no such optimizer, schedule, loss or metric.
    """
    compiled = structure.describe_compiled(model)
    if compiled is None:
        return None
    return {
        "optimizer": _to_keras(compiled["optimizer"], "the optimizer"),
        "loss": _to_keras(compiled["loss"], "the loss"),
        "metrics": [_metric_to_keras(metric) for metric in compiled["metrics"]],
    }


def _metric_to_keras(packed: Config) -> Any:
    name = packed["config"].get("name")
    return name if name in ("accuracy", "acc") else _to_keras(packed, f"the metric {name!r}")


def _to_keras(packed: Config, what: str) -> Config:
    return _keras_object(packed["class_name"], _keras_options(packed, what))


def _keras_object(name: str, config: Config) -> Config:
    module = MODULES.get(name, "keras.layers")
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def _keras_options(packed: Config, what: str) -> Config:
    """The options of an object as Keras takes them: without the algorithm and without a user's own initializers."""
    if packed.get("custom") or packed["class_name"] not in MODULES:
        raise StorageError(f"Expected {what} of a class that Keras has, received {packed['class_name']}; use .npz.")
    config = {}
    for option, value in packed["config"].items():
        if option == "learning_rate" and isinstance(value, dict):
            config[option] = _to_keras(value, "the learning rate")
        elif option.endswith("_initializer") and isinstance(value, dict):
            continue
        elif isinstance(value, dict):
            raise StorageError(f"Expected {option} of {what} to be one of Keras's, received {value['class_name']}.")
        elif option != "algorithm":
            config[option] = value
    return config


# Keras's to ours


def from_keras(description: Config) -> Config:
    """Our description of a model, as `structure.describe` gives it, from Keras's.

    Raises
    ------
    StorageError
        No Sequential model, or a layer or option that this package has not; the message names them.
    """
    if description["class_name"] != "Sequential":
        raise StorageError(f"Expected a Sequential model, received {_shortly(description['class_name'])}.")
    layers, dtypes = [], set()
    shape = description["config"].get("build_input_shape")
    for layer in description["config"]["layers"]:
        kind, config = layer["class_name"], layer["config"]
        what = f"layer {_shortly(config.get('name'))} ({_shortly(kind)})"
        dtypes.add(_dtype(config.get("dtype"), what))
        if kind == "InputLayer":
            shape = config.get("batch_shape") or config.get("batch_input_shape")
        else:
            layers.append(_from_keras(layer, LAYERS, what))
            layers[-1]["config"]["name"] = str(config["name"])
    if not isinstance(shape, list) or len(dtypes) != 1:
        raise StorageError(
            f"Expected a model of known shape and of one dtype, received {_shortly(shape)} and {dtypes}."
        )
    sample = {"input_shape": shape[1:], "dtype": dtypes.pop()}
    return {"class_name": "Sequential", "engine": "kernels", "layers": layers, **sample}


def compiled_from_keras(compiled: Config) -> Config:
    """Our description of how a model was compiled, as `structure.describe_compiled` gives it, from Keras's.

    Raises
    ------
    StorageError
        An optimizer, loss, metric or option that this package has not; the message names it.
    """
    for option in ("loss_weights", "weighted_metrics"):
        if compiled.get(option):
            _refuse(option, compiled[option], "compile")
    return {
        "optimizer": _named(compiled.get("optimizer"), OPTIMIZERS, "the optimizer"),
        "loss": _named(compiled.get("loss"), LOSSES, "the loss"),
        "metrics": [_named(metric, METRICS, "a metric") for metric in compiled.get("metrics") or []],
    }


def _named(value: Any, kinds: tuple[str, ...], what: str) -> Any:
    """A name stays one: `compile` knows Keras's."""
    if not isinstance(value, (str, dict)):
        raise StorageError(f"Expected {what} by name or with a config, received {_shortly(value)}.")
    return value if isinstance(value, str) else _from_keras(value, kinds, what)


def _from_keras(described: Config, kinds: tuple[str, ...], what: str) -> Config:
    kind, config = described["class_name"], described["config"]
    if kind not in kinds:
        raise StorageError(f"Expected {what} among {', '.join(kinds)}, received {_shortly(kind)}, which is not here.")
    taken = inspect.signature(KNOWN[kind]).parameters.keys() - {"input_shape"}
    ours = {}
    for option, value in config.items():
        if option in taken and (option != "name" or kind in METRICS):
            ours[option] = _value(option, value, what)
        elif option not in PASSED_OVER and value != WITHOUT_EFFECT.get(option):
            _refuse(option, value, what)
    return {"class_name": kind, "config": {option: value for option, value in ours.items() if value is not _DEFAULT}}


_DEFAULT = object()


def _value(option: str, value: Any, what: str) -> Any:
    """An option that both have, as ours."""
    name = value["class_name"] if isinstance(value, dict) else value
    if option == "activation":
        name = value["config"] if name == "function" else value
        return name if name in activations.KNOWN else _refuse(option, value, what)
    if option.endswith("_initializer"):  # parameters are known, so how they began matters no more
        known = {type(initializer).__name__: key for key, initializer in initializers.KNOWN.items()}
        return known.get(name, name if name in initializers.KNOWN else _DEFAULT)
    if option == "learning_rate" and isinstance(value, dict):
        return _from_keras(value, SCHEDULES, "the learning rate")
    return _refuse(option, value, what) if isinstance(value, dict) else value


def _dtype(value: Any, what: str) -> str:
    """'float32' or 'float64', from Keras's dtype or policy."""
    name = value["config"]["name"] if isinstance(value, dict) else value
    return name if name in ("float32", "float64") else _refuse("dtype", value, what)


def _refuse(option: str, value: object, what: str) -> NoReturn:
    raise StorageError(f"Expected {what} with options that this package has, received {option}={_shortly(value)}.")


def _shortly(value: object) -> str:
    text = repr(value)
    return text if len(text) < 120 else f"{text[:120]}..."
