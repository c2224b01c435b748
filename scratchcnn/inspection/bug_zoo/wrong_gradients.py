"""Exhibits whose backward does not belong to their forward: found by differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.activations import ReLU
from scratchcnn.inspection.bug_zoo import sick_layers, sick_training
from scratchcnn.inspection.bug_zoo.case import (
    FEW,
    Case,
    Measured,
    accuracy,
    final_loss,
    position,
    reaching,
    train,
)
from scratchcnn.inspection.bug_zoo.exhibit import Exhibit
from scratchcnn.inspection.bug_zoo.planting import in_layer, in_loss
from scratchcnn.inspection.gradients.check import check_gradients
from scratchcnn.inspection.gradients.table import GradientCheck
from scratchcnn.layers import Conv2D, Dense, Layer
from scratchcnn.operands import Array
from scratchcnn.optimizers import SGD

SAMPLE = 8
TOOL = "check_gradients(model, x, y)"


def whole_model(case: Case) -> GradientCheck:
    """Gradients of the model by a few images."""
    return check_gradients(case.model, case.x[:FEW], case.y[:FEW], sample=SAMPLE)


def _relu(layer: Layer) -> bool:
    return isinstance(getattr(layer, "activation", None), ReLU)


def _trained_by_sgd(case: Case) -> Measured:
    """Adam divides by the size of the gradient, and would hide a factor."""
    model, losses = train(case, SGD(0.05))
    return Measured(accuracy(model, case.x_val, case.y_val), losses)


def _true_direction(case: Case) -> Measured:
    """Cosine between dX of the last convolution as backward says, and as the healthy layer does, for one gradient."""
    place = position(case.model, Conv2D)
    layer: Any = case.model.layers[place]
    well: Any = Conv2D.from_config(layer.get_config())
    x = reaching(case, place)
    well.build(x.shape[1:], np.random.default_rng(0), x.dtype)
    well.params = layer.params
    dx, right = (_input_gradient(each, x, case) for each in (layer, well))
    losses = train(case)[1]
    return Measured(float((dx * right).sum() / np.sqrt((dx**2).sum() * (right**2).sum())), losses)


def _bias_direction(case: Case) -> Measured:
    """Cosine between the bias gradient of the last convolution and the sum of dz over images and places."""
    place = position(case.model, Conv2D)
    layer: Any = case.model.layers[place]
    x = reaching(case, place)
    y, cache = layer.forward(x, case.model.ops, training=False, rng=None)
    dy = np.random.default_rng(0).standard_normal(y.shape).astype(y.dtype)
    found = layer.backward(dy, cache, case.model.ops)[1]["bias"]
    right = (dy * (y > 0) if _relu(layer) else dy).sum(axis=(0, 1, 2))
    losses = train(case)[1]
    return Measured(float((found * right).sum() / np.sqrt((found**2).sum() * (right**2).sum())), losses)


def _input_gradient(layer: Any, x: Array, case: Case) -> Array:
    y, cache = layer.forward(x, case.model.ops, training=False, rng=None)
    dy = np.random.default_rng(0).standard_normal(y.shape).astype(y.dtype)
    return layer.backward(dy, cache, case.model.ops)[0]


EXHIBITS = (
    Exhibit(
        name="missing_1_over_n",
        title="the gradient of the mean loss is not divided by N",
        wrong="dlogits = probabilities - targets",
        right="dlogits = (probabilities - targets) / N",
        symptom_text="With SGD every step is N times too long: the loss jumps about or becomes NaN, and a learning "
        "rate that suits one batch size does not suit another. Adam, which divides by the gradient's own size, hides "
        "it.",
        hint="Do all gradients differ from the differences by the same factor, and is that the batch size?",
        tool=TOOL, place="model", quantity="validation accuracy after 120 steps of SGD", shift=-0.2,
        sicken=in_loss(sick_training.Missing1OverN), examine=whole_model, measure=_trained_by_sgd,
    ),
    Exhibit(
        name="kernel_not_turned_round",
        title="dX of a convolution with the kernel as it is, not turned round",
        wrong="dx = convolve(pad(dz), kernel)",
        right="dx = convolve(pad(dz), kernel[::-1, ::-1])",
        symptom_text="It learns, since the layers above are right; only what lies below this convolution gets a "
        "gradient that points elsewhere. Nothing but a gradient check shows it.",
        hint="Which gradients are right, and which is the first, from the loss down, that is wrong? With a kernel of "
        "1 x 1, or one that is symmetric, there is nothing to turn.",
        tool=TOOL, place="model", quantity="cosine between the layer's dX and the true one", shift=-0.3,
        sicken=in_layer(sick_layers.KernelNotTurnedRound, Conv2D), examine=whole_model, measure=_true_direction,
    ),
    Exhibit(
        name="bias_gradient_over_wrong_axes",
        title="the bias gradient is summed over the wrong axes",
        wrong="dbias = dz.reshape(F, -1).sum(axis=1)",
        right="dbias = dz.sum(axis=(0, 1, 2))",
        symptom_text="The shape is right, so nothing complains; biases wander, and the loss goes down nearly as usual.",
        hint="Channels last: the filters are the last axis. A reshape changes which numbers stand together.",
        tool=TOOL, place="model", quantity="cosine between the bias gradient and the true one", shift=-0.3,
        sicken=in_layer(sick_layers.BiasGradientOverWrongAxes, Conv2D), examine=whole_model, measure=_bias_direction,
    ),
    Exhibit(
        name="relu_gate_on_wrong_side",
        title="ReLU's backward asks for the sign of the gradient, not of its input",
        wrong="dz = dy * (dy > 0)",
        right="dz = dy * (z > 0)",
        symptom_text="It learns slowly, or hardly: units are pushed one way only.",
        hint="Which number has to be positive for a unit to have had a say in the loss?",
        tool=TOOL, place="model", quantity="loss at the end of 120 steps", shift=0.05,
        sicken=in_layer(sick_layers.ReluGateOnWrongSide, Dense, _relu), examine=whole_model, measure=final_loss,
    ),
    Exhibit(
        name="activation_derivative_forgotten",
        title="backward goes past the activation as if there were none",
        wrong="dz = dy",
        right="dz = dy * (y > 0)",
        symptom_text="It learns, and less well than it could: units that were off are changed too.",
        hint="Every function of the forward pass has its derivative in the backward pass; count them.",
        tool=TOOL, place="model", quantity="loss at the end of 120 steps", shift=0.02,
        sicken=in_layer(sick_layers.ActivationDerivativeForgotten, Dense, _relu), examine=whole_model,
        measure=final_loss,
    ),
)  # fmt: skip
