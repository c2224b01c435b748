"""Convert the description of a Sequential model to Keras's configuration and back.

The layers of this package have Keras's names and arguments, so most entries are equal. An option that this package does
not have is rejected by name, unless it is disabled or irrelevant for a model whose parameters are known.
"""

from __future__ import annotations

import inspect
from typing import Any, NoReturn

from scratchcnn import activations, initializers, regularizers
from scratchcnn.configs import Config
from scratchcnn.descriptions.registry import LIBRARY, description_of
from scratchcnn.layers.row import LayerRow
from scratchcnn.storage import keras_chain, keras_names, objects, structure
from scratchcnn.storage.errors import StorageError, shortened
from scratchcnn.storage.objects import KNOWN
from scratchcnn.training.model import Model
from scratchcnn.training.warning import warn

KERAS_VERSION = "3.4.0"  # the oldest version that the extra `test` allows; nothing newer is written
LAYERS = tuple(kind.__name__ for kind in LIBRARY)

# Options that only Keras has, with the values for which they have no effect, besides None.
WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    "data_format": ("channels_last",), "groups": (1,), "use_ema": (False,), "axis": (-1,), "negative_slope": (0.0,),
    "threshold": (0.0,), "label_smoothing": (0.0,), "mode": (0,), "renorm": (False,), "synchronized": (False,),
    "reduction": ("sum_over_batch_size", "auto"), "decay": (0.0,),
}  # fmt: skip
# Options that do not affect the loaded model: random seeds, Keras's compilation, names of objects other than layers.
IGNORED = {
    "seed", "dtype", "ema_momentum", "ema_overwrite_frequency", "jit_compile", "name", "lora_alpha", "fn",
    "is_legacy_optimizer", "fused", "renorm_momentum",
}  # fmt: skip


# To Keras


def to_keras(model: Model) -> Config:
    """Return the content of config.json for a model, without its compilation.

    Raises
    ------
    StorageError
        Keras does not have a layer or an option of it; the message names the layer.
    """
    described = structure.describe(model)
    return _row_to_keras(model, described["layers"], described["dtype"])


def _row_to_keras(row: Model | LayerRow, described: list[Config], dtype: str) -> Config:
    """Return the entry of a model or an inner model."""
    shape = list(row.input_shape or ())
    layers = [_keras_object("InputLayer", {"batch_shape": shape, "dtype": dtype, "name": "input_layer"})]
    for layer, described_layer in zip(row.layers, described, strict=True):
        if isinstance(layer, LayerRow):
            layers.append(_row_to_keras(layer, described_layer["layers"], dtype))
            continue
        config = _keras_options(described_layer, f"layer {layer.label}")
        try:
            config = description_of(layer).keras_config(config)
        except ValueError as error:
            raise StorageError(str(error)) from error
        config |= {"trainable": layer.trainable, "dtype": dtype}
        built = {"build_config": {"input_shape": [None, *(layer.input_shape or ())]}}
        layers.append({**_keras_object(described_layer["class_name"], config), **built})
    config = {"name": row.name, "trainable": row.trainable, "dtype": dtype, "layers": layers}
    config["build_input_shape"] = shape
    built = {"build_config": {"input_shape": shape}}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None, **built}


def compiled_to_keras(model: Model) -> Config | None:
    """Return Keras's compile_config; None if the model is not compiled.

    Raises
    ------
    StorageError
        Keras does not have the optimizer, schedule, loss or a metric.
    """
    compiled = structure.describe_compiled(model)
    if compiled is None:
        return None
    return {
        "optimizer": _to_keras(compiled["optimizer"], "the optimizer"),
        "loss": _to_keras(compiled["loss"], "the loss"),
        "metrics": [_metric_to_keras(metric) for metric in compiled["metrics"]],
    }


def compiled_to_save(model: Model) -> Config | None:
    """Return Keras's compile_config; None if the model is not compiled or, with a warning, if Keras has no such one."""
    try:
        return compiled_to_keras(model)
    except StorageError as error:
        warn(f"{error} The model is saved uncompiled.")
        return None


def _metric_to_keras(serialized: Config) -> Any:
    name, is_known = serialized["config"].get("name"), not serialized.get("custom")
    if is_known and name in ("accuracy", "acc"):
        return name
    return _to_keras(serialized, f"the metric {name!r}")


def _to_keras(serialized: Config, what: str) -> Config:
    return _keras_object(serialized["class_name"], _keras_options(serialized, what))


def _keras_object(name: str, config: Config) -> Config:
    module, kind = keras_names.MODULES.get(name, "keras.layers"), name.rpartition(".")[2]
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def _keras_options(serialized: Config, what: str) -> Config:
    """Return the options of an object that Keras has, without custom initializers."""
    name = serialized["class_name"]
    if serialized.get("custom") or name not in (*LAYERS, *keras_names.MODULES):
        raise StorageError(f"Expected {what} of a class that Keras has, received {name}; use .npz.")
    config = {}
    for option, value in serialized["config"].items():
        if option == "learning_rate" and isinstance(value, dict):
            config[option] = _to_keras(value, "the learning rate")
        elif option.endswith("_initializer") and isinstance(value, dict):
            if not value.get("custom"):
                config[option] = _to_keras(value, f"the {option} of {what}")
        elif option.endswith("_regularizer") and value is not None:
            config[option] = _regularizer_to_keras(value, f"the {option} of {what}")
        elif isinstance(value, dict):
            raise StorageError(f"Expected {option} of {what} to be one that Keras has, received {value['class_name']}.")
        else:
            config[option] = value
    return config


def _regularizer_to_keras(value: Config | str, what: str) -> Config:
    """Return the config of a regularizer; not every version of Keras knows the name 'l1_l2'."""
    if isinstance(value, str):
        return _to_keras(objects.serialize(regularizers.KNOWN[value], what), what)
    return _to_keras(value, what)


# From Keras


def from_keras(description: Config) -> Config:
    """Convert the configuration of a model to a description as returned by `structure.describe`.

    The configuration is the content of config.json in a .keras file, or of the attribute model_config in an .h5 file,
    of Keras 1, 2 or 3. A layer is frozen if Keras's layer or the whole model has trainable=False.

    Raises
    ------
    StorageError
        The layers do not form a chain, or this package does not have a layer or an option, which the message names.
    """
    dtypes: set[str] = set()
    layers, shape = _row_from_keras(description, dtypes, True)
    if not isinstance(shape, list | tuple) or len(dtypes) > 1:
        raise StorageError(
            f"Expected a model with a known input shape and a single dtype, received {shortened(shape)} and {dtypes}."
        )
    sample = {"input_shape": list(shape[1:]), "dtype": dtypes.pop() if dtypes else "float32"}
    name = keras_chain.name_of(description)
    return {"class_name": "Sequential", "name": name, "engine": "kernels", "layers": layers, **sample}


def _row_from_keras(description: Config, dtypes: set[str], trainable: bool) -> tuple[list[Config], Any]:
    """Return the entries of the layers of a model or an inner model, and the shape of a batch of inputs.

    The dtypes of all layers are added to `dtypes`. The layers are frozen if `trainable` is False.
    """
    layers: list[Config] = []
    config = description["config"] if isinstance(description["config"], dict) else {}
    shape = config.get("build_input_shape")
    trainable = structure.trainable_in(config, "the model") and trainable
    for number, described in enumerate(keras_chain.layers_of(description)):
        what, config = keras_chain.label(described), described["config"]
        if described["class_name"] in keras_chain.MODELS:
            inner, of_inner = _row_from_keras(described, dtypes, trainable)
            name = keras_chain.name_of(described)
            layers.append({"class_name": "Sequential", "config": {"name": name}, "layers": inner})
            shape = (shape or of_inner) if number == 0 else shape
            continue
        if config.get("dtype") is not None:  # Keras 1 and 2 omit the dtype of some layers
            dtypes.add(_dtype(config["dtype"], what))
        if number == 0:
            shape = config.get("batch_shape") or config.get("batch_input_shape") or shape
        if described["class_name"] == "InputLayer":
            if number:
                raise StorageError(f"Expected a single input, received the further {what}.")
            continue
        options = {option: value for option, value in config.items() if option != "trainable"}
        ours = _from_keras(keras_names.layer({**described, "config": options}, what), LAYERS, what)
        ours["config"]["name"] = str(config["name"])
        layers.append({**ours, "trainable": structure.trainable_in(config, what) and trainable})
    return layers, shape


def compiled_from_keras(compiled: Config) -> Config:
    """Convert the compilation of a model to a description as returned by `structure.describe_compiled`.

    It is the compile_config of a .keras file, or the training_config of an .h5 file, of Keras 1, 2 or 3.

    Raises
    ------
    StorageError
        This package does not have an optimizer, loss, metric or option, which the message names.
    """
    compiled = keras_names.compilation(compiled)
    for option in ("loss_weights", "weighted_metrics", "sample_weight_mode"):
        if compiled.get(option):
            _reject(option, compiled[option], "compile")
    return {
        "optimizer": _name_or_object(compiled.get("optimizer"), keras_names.OPTIMIZERS, "the optimizer"),
        "loss": _name_or_object(compiled.get("loss"), keras_names.LOSSES, "the loss"),
        "metrics": [_name_or_object(metric, keras_names.METRICS, "a metric") for metric in compiled["metrics"]],
    }


def compile_model(model: Model, compiled: Config) -> bool:
    """Compile a model as a file of Keras describes it; return False, with a warning, if this package cannot."""
    try:
        structure.compile_model(model, compiled_from_keras(compiled), {})
    except ValueError as error:
        warn(f"{error} The model is loaded uncompiled: call compile.")
        return False
    return True


def _name_or_object(value: Any, kinds: tuple[str, ...], what: str) -> Any:
    """Convert an object's config; a name remains a name, since `compile` accepts Keras's names."""
    if not isinstance(value, (str, dict)):
        raise StorageError(f"Expected {what} as a name or a config, received {shortened(value)}.")
    return value if isinstance(value, str) else _from_keras(value, kinds, what)


def _from_keras(described: Config, kinds: tuple[str, ...], what: str) -> Config:
    kind, config = described["class_name"], described["config"]
    ours_by_keras = {name.rpartition(".")[2]: name for name in kinds}
    if not isinstance(kind, str) or kind not in ours_by_keras:
        raise StorageError(f"Expected {what} of a class among {', '.join(ours_by_keras)}, received {shortened(kind)}.")
    name = ours_by_keras[kind]
    accepted = inspect.signature(KNOWN[name]).parameters.keys() - {"input_shape", "input_dim", "data_format"}
    ours = {}
    for option, value in config.items():
        if option in accepted and (option != "name" or name in keras_names.METRICS):
            ours[option] = _value(option, value, what)
        elif option not in IGNORED and value not in (None, *WITHOUT_EFFECT.get(option, ())):
            _reject(option, value, what)
    return {"class_name": name, "config": {option: value for option, value in ours.items() if value is not _DEFAULT}}


_DEFAULT = object()


def _value(option: str, value: Any, what: str) -> Any:
    """Convert the value of an option that both packages have."""
    name: Any = value.get("class_name") if isinstance(value, dict) else value
    if option == "activation":
        name = value["config"] if name == "function" else value
        return name if name in activations.KNOWN else _reject(option, value, what)
    if option.endswith("_initializer"):
        return _initializer(value, what)
    if option.endswith("_regularizer") and value is not None:
        return _from_keras(_described(value, what), keras_names.REGULARIZERS, f"the {option} of {what}")
    if option == "learning_rate" and isinstance(value, dict):
        return _from_keras(value, keras_names.SCHEDULES, "the learning rate")
    return _reject(option, value, what) if isinstance(value, dict) else value


def _initializer(value: Any, what: str) -> Any:
    """Convert an initializer; one that only Keras has is replaced by the default, since the parameters are loaded."""
    name = initializers.ALIASES.get(value, value) if isinstance(value, str) else value
    if isinstance(name, str):
        return name if name in initializers.KNOWN else _DEFAULT
    try:
        ours = _from_keras(_described(value, what), keras_names.INITIALIZERS, what)
        objects.deserialize(ours, {})  # raises for arguments that only Keras accepts
    except StorageError:
        return _DEFAULT
    return ours


def _described(value: Any, what: str) -> Config:
    """Return the class name and the config of an object that may be described by its name."""
    if isinstance(value, str) and value in regularizers.KNOWN:
        return objects.serialize(regularizers.KNOWN[value], what)
    if not isinstance(value, dict) or "class_name" not in value or not isinstance(value.get("config"), dict):
        raise StorageError(f"Expected {what} with objects as name or config, received {shortened(value)}.")
    return value


def _dtype(value: Any, what: str) -> str:
    """Return 'float32' or 'float64', given Keras's dtype or dtype policy."""
    name = value["config"]["name"] if isinstance(value, dict) else value
    return name if name in ("float32", "float64") else _reject("dtype", value, what)


def _reject(option: str, value: object, what: str) -> NoReturn:
    raise StorageError(f"Expected {what} with options that scratchcnn supports, received {option}={shortened(value)}.")
