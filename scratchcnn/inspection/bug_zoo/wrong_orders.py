"""Exhibits that compute something else than they should, consistently: found by a layer that is known to be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.inspection.bug_zoo import sick_layers
from scratchcnn.inspection.bug_zoo.case import Case, Measured, position, reaching, transplanted_accuracy
from scratchcnn.inspection.bug_zoo.exhibit import Exhibit
from scratchcnn.inspection.bug_zoo.planting import in_layer
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.layer_comparison import compare_layers
from scratchcnn.layers import Conv2D, Flatten, Layer, MaxPooling2D


def beside_the_package(kind: type[Layer]) -> Callable[[Case], Findings]:
    """The last layer of a kind beside one of this package with the same arguments."""

    def examine(case: Case) -> Findings:
        place = position(case.model, kind)
        layer = case.model.layers[place]
        return compare_layers(layer, kind.from_config(layer.get_config()), reaching(case, place))

    return examine


def _gradient_through_ties(case: Case) -> Measured:
    """How much gradient leaves the pooling for one that arrives, over digits on their black ground."""
    layer: Any = case.model.layers[position(case.model, MaxPooling2D)]
    x = np.repeat(case.x[:8], 8, axis=-1).astype(case.model.dtype)
    y, cache = layer.forward(x, case.model.ops, training=False, rng=None)
    dx = layer.backward(np.ones_like(y), cache, case.model.ops)[0]
    return Measured(float(dx.sum() / y.size), np.zeros(0))


EXHIBITS = (
    Exhibit(
        name="wrong_flatten_order",
        title="Flatten lays out channel by channel",
        wrong="x.transpose(0, 3, 1, 2).reshape(N, -1)",
        right="x.reshape(N, -1)",
        symptom_text="Trained from scratch it is as good as any; but weights from Keras, or from a file, give "
        "nonsense, though all shapes are right. Backward belongs to forward: a gradient check sees nothing.",
        hint="Which axis is the fastest? Try an input in which every number tells its place.",
        tool="compare_layers(layer, Flatten(), x)", place="model",
        quantity="accuracy with weights that a healthy network has learned", shift=-0.3,
        sicken=in_layer(sick_layers.WrongFlattenOrder, Flatten), examine=beside_the_package(Flatten),
        measure=transplanted_accuracy,
    ),
    Exhibit(
        name="im2col_column_order",
        title="im2col's columns run (ky, kx, c), the kernel's rows (c, ky, kx)",
        wrong="im2col(x) @ kernel.transpose(2, 0, 1, 3).reshape(-1, F)",
        right="im2col(x) @ kernel.reshape(-1, F)",
        symptom_text="With one channel all is well. With more the filters are scrambled, though it trains as well as "
        "any from scratch: weights from elsewhere give nonsense. Backward belongs to forward here too.",
        hint="Test a convolution with two channels or more and a kernel that is not square.",
        tool="compare_layers(layer, Conv2D(...), x)", place="model",
        quantity="accuracy with weights that a healthy network has learned", shift=-0.3,
        sicken=in_layer(sick_layers.Im2colColumnOrder, Conv2D), examine=beside_the_package(Conv2D),
        measure=transplanted_accuracy,
    ),
    Exhibit(
        name="pool_gradient_to_every_tie",
        title="max-pooling sends the gradient to every number that equals the largest",
        wrong="dx += dy * (window == maximum)",
        right="dx[argmax(window)] += dy",
        symptom_text="Gradients multiply where an image is flat: a digit's black ground is nothing but ties. Random "
        "numbers have none, so tests with them pass; at a tie there is no derivative, so a gradient check is silent.",
        hint="As much gradient must leave a pooling as enters it: add up both, for an image with a flat ground.",
        tool="compare_layers(layer, MaxPooling2D(2), x)", place="model",
        quantity="gradient that leaves the pooling for one that enters", shift=0.5,
        sicken=in_layer(sick_layers.GradientToEveryTie, MaxPooling2D), examine=beside_the_package(MaxPooling2D),
        measure=_gradient_through_ties,
    ),
)  # fmt: skip
