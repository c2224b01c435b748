"""The description of a model for the page's engine: its steps with their settings and stored weights, and its loss."""

from __future__ import annotations

from typing import Any

from scratchcnn import activations
from scratchcnn.descriptions.registry import LIBRARY, kind_of
from scratchcnn.inspection.arguments import built_model, sample_shape
from scratchcnn.inspection.laboratory.stored_weights import store
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    LeakyReLU,
    MaxPooling2D,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
    ZeroPadding2D,
)
from scratchcnn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from scratchcnn.operands import Shape
from scratchcnn.sequential import Sequential

Data = dict[str, Any]

POOLING = ("pool_size", "strides", "padding")
SETTINGS: dict[type[Layer], tuple[str, ...]] = {
    AveragePooling2D: POOLING, MaxPooling2D: POOLING,
    BatchNormalization: ("momentum", "epsilon", "center", "scale"),
    Conv2D: ("filters", "kernel_size", "strides", "padding", "dilation_rate", "use_bias"),
    Dense: ("units", "use_bias"),
    Dropout: ("rate",),
    Flatten: (),
    GlobalAveragePooling2D: ("keepdims",), GlobalMaxPooling2D: ("keepdims",),
    Rescaling: ("scale", "offset"),
    Reshape: ("target_shape",),
    ZeroPadding2D: ("padding",),
}  # fmt: skip
"""The attributes of each class of layer that the engine needs."""

ACTIVATION_LAYERS = (Activation, LeakyReLU, ReLU, Softmax)
LOSSES: dict[type[Loss], str] = {
    BinaryCrossentropy: "binary_crossentropy",
    CategoricalCrossentropy: "categorical_crossentropy",
    MeanSquaredError: "mean_squared_error",
    SparseCategoricalCrossentropy: "categorical_crossentropy",
}


def network_data(model: Sequential) -> Data:
    """Return a description of a model for JSON, from which the page's engine computes it.

    Each layer is a step; an activation other than the identity is a further step, 'conv2d relu' after 'conv2d'. Inner
    models are replaced by their layers.

    Parameters
    ----------
    model : Sequential
        Built. If it is not compiled, or its loss is your own, 'loss' is None: the page then shows the forward pass.

    Returns
    -------
    dict
        'inputShape' and 'outputShape' of one sample; 'steps'; and 'loss'. Each step has 'name', 'layer' (the name of
        its layer), 'type', 'inputShape', 'outputShape', 'config' (settings under their Python names), 'trainable' and
        'parameters' (`stored_weights.store`, with the 'name'). The loss has 'name', 'at' (the number of the value that
        it is a function of: value i is the input of step i), 'fromLogits', 'sparse' (labels are class numbers) and
        'labelSmoothing'.

    Notes
    -----
    The loss of the page is that of the samples: as in `trace`, the penalties of regularizers are left out.

    Raises
    ------
    TypeError, ValueError
        Not a built Sequential; a layer or an activation function whose code is your own, or weights that are not
        finite.

    Examples
    --------
    >>> model = Sequential([Dense(2, activation="softmax", input_shape=(3,))])
    >>> model.compile()
    >>> data = network_data(model)
    >>> [step["name"] for step in data["steps"]]
    ['dense', 'dense softmax']
    >>> data["loss"]["at"], data["loss"]["fromLogits"]  # softmax and cross-entropy are computed together
    (1, True)
    """
    shape = sample_shape(built_model(model, "the laboratory"))
    steps: list[Data] = []
    for name, layer in zip(model.leaf_names, model.leaf_layers, strict=True):
        steps += _steps_of(name, layer, shape)
        shape = tuple(steps[-1]["outputShape"])
    return {
        "inputShape": list(sample_shape(model)),
        "outputShape": list(shape),
        "steps": steps,
        "loss": _loss_of(model, len(steps)),
    }


def _steps_of(name: str, layer: Layer, input_shape: Shape) -> list[Data]:
    """Return the step of a layer, and that of its activation."""
    kind = kind_of(layer)
    if kind is None or kind not in LIBRARY:
        raise ValueError(
            f"Expected layers of scratchcnn, received {layer.label}, whose forward and backward pass are your own "
            f"code: a page cannot run Python; use write_report, which shows the values that it computed."
        )
    output_shape = list(layer.compute_output_shape(input_shape))
    common = {"layer": name, "outputShape": output_shape, "trainable": layer.trainable}
    steps: list[Data] = []
    if kind not in ACTIVATION_LAYERS:
        config = {each: _plain(getattr(layer, each)) for each in SETTINGS[kind]}
        parameters = [{"name": key, **store(array, f"{name}/{key}")} for key, array in layer.params.items()]
        first = {"name": name, "type": kind.__name__, "inputShape": list(input_shape)}
        steps = [{**first, **common, "config": config, "parameters": parameters}]
    function = getattr(layer, "activation", activations.linear)
    if type(function) is not activations.Linear or not steps:
        config = _activation_of(layer, function)
        last = {"name": f"{name} {function.name}" if steps else name, "type": "Activation", "inputShape": output_shape}
        steps.append({**last, **common, "config": config, "parameters": []})
    return steps


def _activation_of(layer: Layer, function: activations.ActivationFunction) -> Data:
    """Return name and parameter of an activation function of this package."""
    known = type(function) in {type(each) for each in activations.KNOWN.values()}
    if not known or {"forward", "backward"} & vars(function).keys():
        raise ValueError(
            f"Expected an activation function of scratchcnn in layer {layer.label}, received {function!r}, your own "
            f"code: a page cannot run Python; use one of {', '.join(map(repr, activations.KNOWN))}."
        )
    return {"activation": function.name, "parameter": getattr(function, "parameter", 0.0)}


def _loss_of(model: Sequential, steps: int) -> Data | None:
    """Return the loss as the engine computes it; None without one that it knows."""
    if model.compiled is None:
        return None
    trainer = model.trainer
    loss, name = trainer.loss, LOSSES.get(type(trainer.loss))
    if name is None or {"forward", "backward"} & vars(loss).keys():
        return None
    merged = trainer.layers[-1] is not model.leaf_layers[-1]  # its activation is part of the loss
    return {
        "name": name,
        "at": steps - merged,
        "fromLogits": getattr(loss, "from_logits", False),
        "sparse": type(loss) is SparseCategoricalCrossentropy,
        "labelSmoothing": getattr(loss, "label_smoothing", 0.0),
    }


def _plain(value: Any) -> Any:
    """Return nested tuples as nested lists."""
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
