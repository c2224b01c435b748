"""Which description belongs to a layer: the table of described layer classes, and the registration of your own."""

from __future__ import annotations

from typing import Any

from scratchcnn.descriptions.activation import ActivationDescription
from scratchcnn.descriptions.average_pooling2d import AveragePooling2DDescription, GlobalAveragePooling2DDescription
from scratchcnn.descriptions.base import LayerDescription
from scratchcnn.descriptions.batch_normalization import BatchNormalizationDescription
from scratchcnn.descriptions.conv2d import Conv2DDescription
from scratchcnn.descriptions.copying import FlattenDescription, ReshapeDescription, ZeroPadding2DDescription
from scratchcnn.descriptions.dense import DenseDescription
from scratchcnn.descriptions.dropout import DropoutDescription
from scratchcnn.descriptions.max_pooling2d import GlobalMaxPooling2DDescription, MaxPooling2DDescription
from scratchcnn.descriptions.rescaling import RescalingDescription
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

LIBRARY: dict[type[Layer], type[LayerDescription[Any]]] = {
    Activation: ActivationDescription,
    BatchNormalization: BatchNormalizationDescription,
    AveragePooling2D: AveragePooling2DDescription,
    Conv2D: Conv2DDescription,
    Dense: DenseDescription,
    Dropout: DropoutDescription,
    Flatten: FlattenDescription,
    GlobalAveragePooling2D: GlobalAveragePooling2DDescription,
    GlobalMaxPooling2D: GlobalMaxPooling2DDescription,
    LeakyReLU: ActivationDescription,
    MaxPooling2D: MaxPooling2DDescription,
    ReLU: ActivationDescription,
    Rescaling: RescalingDescription,
    Reshape: ReshapeDescription,
    Softmax: ActivationDescription,
    ZeroPadding2D: ZeroPadding2DDescription,
}
"""The layer classes of this package that compute something."""

DESCRIPTIONS = dict(LIBRARY)
"""All described layer classes: those of this package, and those registered with `describe`."""


def describe(layer_class: type[Layer], description: type[LayerDescription[Any]]) -> None:
    """Register the description of your own layer class; it replaces an earlier one.

    Afterwards the tools treat the layer like one of this package: `trace`, `explain`, `check_gradients`, receptive
    fields, the report and the export to ONNX; `load_model` finds the class without `custom_objects`.

    Parameters
    ----------
    layer_class : type
        A subclass of `Layer`.
    description : type
        A subclass of `LayerDescription`.

    Raises
    ------
    TypeError
        Not such classes.
    ValueError
        A class of this package, which is already described.

    Examples
    --------
    >>> from scratchcnn.descriptions import weighted_sum
    >>> class Double(Layer):
    ...     def forward(self, x, ops, training, rng):
    ...         return 2 * x, None
    ...     def backward(self, dy, cache, ops, input_gradient=True):
    ...         return 2 * dy, {}
    >>> class DoubleDescription(LayerDescription):
    ...     def output_terms(self, values, position):
    ...         return weighted_sum(values, "input", position, 2.0, "y = 2 * x")
    >>> describe(Double, DoubleDescription)
    >>> kind_of(Double()).__name__
    'Double'
    >>> del DESCRIPTIONS[Double]
    """
    for name, given, base in (("layer_class", layer_class, Layer), ("description", description, LayerDescription)):
        if not isinstance(given, type) or not issubclass(given, base):
            raise TypeError(f"Expected {name} as a subclass of {base.__name__}, received {given!r}; pass the class.")
    if layer_class in LIBRARY:
        raise ValueError(
            f"Expected a layer class of your own, received {layer_class.__name__} of scratchcnn; describe a subclass."
        )
    DESCRIPTIONS[layer_class] = description


def kind_of(layer: Layer) -> type[Layer] | None:
    """Return the described class whose forward and backward pass a layer has; None if there is none.

    A layer whose class or instance replaces `forward` or `backward` computes something else than the described class.
    """
    kind = next((each for each in type(layer).__mro__ if each in DESCRIPTIONS), None)
    if kind is None or {"forward", "backward"} & vars(layer).keys():
        return None
    same = type(layer).forward is kind.forward and type(layer).backward is kind.backward
    return kind if same else None


def description_of(layer: Layer) -> LayerDescription[Any]:
    """Return the description of a layer; that of the base class, which describes nothing, if its class has none."""
    kind = kind_of(layer)
    return LayerDescription(layer) if kind is None else DESCRIPTIONS[kind](layer)


def is_custom(layer: Layer) -> bool:
    """Whether a layer has a forward or backward pass of a user's own, described or not."""
    return kind_of(layer) not in LIBRARY
