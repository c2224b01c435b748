"""The classes that Keras has, too; and configurations of Keras 1 and 2, converted to the names of Keras 3."""

from __future__ import annotations

from typing import Any

from scratchcnn import initializers, losses, optimizers, regularizers
from scratchcnn.configs import Config
from scratchcnn.storage.errors import StorageError, shortened

OPTIMIZERS = tuple(kind.__name__ for kind in optimizers.KNOWN.values())
LOSSES = tuple(dict.fromkeys(kind.__name__ for kind in losses.KNOWN.values()))
METRICS = (
    "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "metrics.MeanAbsoluteError",
    "metrics.MeanSquaredError",
)  # fmt: skip
SCHEDULES = ("CosineDecay", "ExponentialDecay", "InverseTimeDecay", "PiecewiseConstantDecay")
INITIALIZERS = tuple(kind.__name__ for kind in initializers.CLASSES)
REGULARIZERS = tuple(kind.__name__ for kind in regularizers.CLASSES)
MODULES = {
    **dict.fromkeys(OPTIMIZERS, "keras.optimizers"), **dict.fromkeys(LOSSES, "keras.losses"),
    **dict.fromkeys(METRICS, "keras.metrics"),
    **dict.fromkeys(SCHEDULES, "keras.optimizers.schedules"), **dict.fromkeys(INITIALIZERS, "keras.initializers"),
    **dict.fromkeys(REGULARIZERS, "keras.regularizers"),
}  # fmt: skip
"""Keras's module of each class that both packages have, by the name in `objects.KNOWN`."""

CLASSES = {
    "Convolution2D": "Conv2D", "AtrousConvolution2D": "Conv2D",
    **dict.fromkeys(("BatchNormalizationV1", "BatchNormalizationV2"), "BatchNormalization"),
}  # fmt: skip
OPTIONS = {
    "nb_filter": "filters", "border_mode": "padding", "subsample": "strides", "atrous_rate": "dilation_rate",
    "dim_ordering": "data_format", "output_dim": "units", "init": "kernel_initializer", "bias": "use_bias",
    "p": "rate", "W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint", "b_constraint": "bias_constraint",
    "beta_init": "beta_initializer", "gamma_init": "gamma_initializer",
}  # fmt: skip
REGULARIZERS_1 = {"L1L2Regularizer", "WeightRegularizer"}
"""The classes of Keras 1, whose descriptions contain 'name', 'l1' and 'l2'."""

SHAPES = {"batch_input_shape", "input_dim", "input_dtype"}
"""Options of a first layer that repeat the shape and dtype of the model's input."""

METRIC_FUNCTIONS = {
    "categorical_accuracy": "CategoricalAccuracy", "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "binary_accuracy": "BinaryAccuracy", "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
}  # fmt: skip


def layer(described: Config, what: str) -> Config:
    """Return the entry of a layer in the names of Keras 3.

    Parameters
    ----------
    described : dict
        With 'class_name' and 'config'.
    what : str
        The layer, for messages.

    Raises
    ------
    StorageError
        The layer computes on images with the channels first, or an option is given under both names.
    """
    kind = described["class_name"]
    config: Config = {}
    given = {option: value for option, value in described["config"].items() if option not in SHAPES}
    if "nb_row" in given:
        config["kernel_size"] = [given.pop("nb_row"), given.pop("nb_col")]
    for option, value in given.items():
        if option in ("dim_ordering", "data_format") and value in ("th", "channels_first"):
            raise StorageError(
                f"Expected {what} with channels last, received {option}={value!r}: this layer computes on images "
                f"(channels, height, width), which scratchcnn does not have, and with them Flatten orders the inputs "
                f"of Dense differently; build the model with channels_last in Keras, transfer its weights, and save it."
            )
        if option == "dim_ordering" and value == "tf":
            value = "channels_last"
        if option == "axis" and isinstance(value, list) and len(value) == 1:  # BatchNormalization of Keras 2
            value = value[0]
        if kind == "ZeroPadding2D" and option == "padding":
            value = _margins(value)
        name = OPTIONS.get(option, option)
        if name.endswith("_regularizer") and isinstance(value, dict) and value.get("name") in REGULARIZERS_1:
            value = {"class_name": "L1L2", "config": {key: value[key] for key in ("l1", "l2") if key in value}}
        if name in config:
            raise StorageError(f"Expected {name} of {what} once, received it also as {option}={shortened(value)}.")
        config[name] = value
    return {**described, "class_name": CLASSES.get(kind, kind) if isinstance(kind, str) else kind, "config": config}


def _margins(padding: Any) -> Any:
    """Return the padding of a ZeroPadding2D in the form of Keras 2 and 3, given also that of Keras 1.

    >>> _margins([1, 2, 3, 4]), _margins({"top_pad": 1})
    ([[1, 2], [3, 4]], [[1, 0], [0, 0]])
    """
    sides = ("top_pad", "bottom_pad", "left_pad", "right_pad")
    if isinstance(padding, dict) and padding.keys() <= set(sides):
        padding = [padding.get(side, 0) for side in sides]
    return [padding[:2], padding[2:]] if isinstance(padding, list) and len(padding) == 4 else padding


def compilation(compiled: Config) -> Config:
    """Return a compile_config in the names of Keras 3, given one of any version, or a training_config of an .h5 file.

    Keras 2 nests the metrics in one list for each output and wraps functions; Keras 1 calls the learning rate lr.
    """
    optimizer = compiled.get("optimizer_config", compiled.get("optimizer"))
    return {
        **{option: value for option, value in compiled.items() if option != "optimizer_config"},
        "optimizer": _optimizer(optimizer) if isinstance(optimizer, dict) else optimizer,
        "loss": _single(compiled.get("loss")),
        "metrics": [_metric(metric) for metric in _flat(compiled.get("metrics") or [])],
    }


def _optimizer(described: Config) -> Config:
    config = {"learning_rate" if name == "lr" else name: value for name, value in described["config"].items()}
    if config.get("epsilon", 0) is None:  # Keras 2.1: the default
        del config["epsilon"]
    kind = described["class_name"]
    return {**described, "class_name": kind.rpartition(">")[2] if isinstance(kind, str) else kind, "config": config}


def _metric(described: Any) -> Any:
    """Return a metric; the function in a MeanMetricWrapper becomes the class of that name."""
    if not isinstance(described, dict) or described.get("class_name") != "MeanMetricWrapper":
        return described
    name, function = described["config"].get("name"), described["config"].get("fn")
    if not isinstance(function, str) or function not in METRIC_FUNCTIONS:
        return described
    return {"class_name": METRIC_FUNCTIONS[function], "config": {"name": name}}


def _single(value: Any) -> Any:
    """Return the loss of a model with one output, which may be in a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _flat(metrics: Any) -> list[Any]:
    flat: list[Any] = []
    for metric in metrics if isinstance(metrics, list) else [metrics]:
        flat += metric if isinstance(metric, list) else [metric]
    return flat
