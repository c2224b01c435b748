"""Bugs in a backward pass, which is then not the derivative of its forward pass. A gradient check finds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.inspection.bug_zoo.case import (
    FEW,
    Case,
    Measured,
    final_loss,
    input_of,
    position,
    train,
    validation_accuracy,
)
from scratchcnn.inspection.bug_zoo.exhibit import Check, Exhibit
from scratchcnn.inspection.bug_zoo.planting import Backward, has_relu, in_layer, in_loss
from scratchcnn.inspection.gradients.check import check_gradients
from scratchcnn.layers import Conv2D, Dense
from scratchcnn.layers.conv2d import Conv2DCache
from scratchcnn.layers.dense import DenseCache
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers import SGD

CHECK = Check(
    "check_gradients(model, x, y)", lambda case: check_gradients(case.model, case.x[:FEW], case.y[:FEW], sample=8)
)


class Missing1OverN(SparseCategoricalCrossentropy):
    """A mean loss with the gradient of the sum."""

    def backward(self, probabilities: Array, targets: Array, ops: Operations) -> Array:
        """Compute probabilities - targets, not divided by N."""
        return super().backward(probabilities, targets, ops) * probabilities.dtype.type(len(targets))


class KernelNotFlipped(Conv2D):
    """A convolution that computes its input gradient with the kernel of the forward pass, not rotated by 180°."""

    def backward(self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """Flip the kernel once before the correct operation flips it back."""
        gradients = super().backward(dy, cache, ops, False)[1]
        if not input_gradient:
            return None, gradients
        dz = self.activation.backward(dy, cache.y, ops)
        flipped = np.ascontiguousarray(self.params["kernel"][::-1, ::-1])
        windows = self.strides, self.padding, self.dilation_rate
        return ops.conv2d_input_gradient(dz, flipped, cache.x.shape, *windows), gradients


class BiasGradientOverWrongAxes(Conv2D):
    """A convolution whose bias gradient is summed as if the filters were the first axis: right shape, wrong values."""

    def backward(self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """Compute dbias = dz.reshape(F, -1).sum(axis=1)."""
        dx, gradients = super().backward(dy, cache, ops, input_gradient)
        dz = self.activation.backward(dy, cache.y, ops)  # (N, OH, OW, F)
        return dx, {**gradients, "bias": dz.reshape(self.filters, -1).sum(axis=1)}


class ReluMaskFromGradient(Dense):
    """A dense layer whose ReLU masks the gradient where the gradient is negative, not where its input was."""

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """Compute dz = dy * (dy > 0)."""
        return super().backward(np.maximum(dy, 0), cache._replace(y=np.ones_like(cache.y)), ops, input_gradient)


class ActivationDerivativeForgotten(Dense):
    """A dense layer whose backward pass ignores its activation."""

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """Compute dz = dy."""
        return super().backward(dy, cache._replace(y=np.ones_like(cache.y)), ops, input_gradient)


def _gradients(layer: Any, case: Case, x: Array) -> tuple[Array, dict[str, Array], Array]:
    """Input gradient and parameter gradients of a layer for a random dy, and the correct bias gradient."""
    y, cache = layer.forward(x, case.model.ops, training=False, rng=None)
    dy = np.random.default_rng(0).standard_normal(y.shape).astype(y.dtype)
    dx, gradients = layer.backward(dy, cache, case.model.ops)
    return dx, gradients, (dy * (y > 0) if has_relu(layer) else dy).sum(axis=(0, 1, 2))


def _cosine(one: Array, other: Array) -> float:
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


def _input_gradient_direction(case: Case) -> Measured:
    """Cosine between the input gradient of the last convolution and that of a correct one."""
    place = position(case.model, Conv2D)
    layer: Any = case.model.layers[place]
    correct: Any = Conv2D.from_config(layer.get_config())
    x = input_of(case, place)
    correct.build(x.shape[1:], np.random.default_rng(0), x.dtype)
    correct.params = layer.params
    return Measured(_cosine(*(_gradients(each, case, x)[0] for each in (layer, correct))), train(case)[1])


def _bias_gradient_direction(case: Case) -> Measured:
    """Cosine between the bias gradient of the last convolution and the correct one."""
    place = position(case.model, Conv2D)
    _, gradients, correct = _gradients(case.model.layers[place], case, input_of(case, place))
    return Measured(_cosine(gradients["bias"], correct), train(case)[1])


EXHIBITS = (
    Exhibit(
        name="missing_1_over_n",
        title="the gradient of the mean loss is not divided by N",
        bug="dlogits = probabilities - targets",
        fix="dlogits = (probabilities - targets) / N",
        symptom_text="With SGD every step is N times too long: the loss oscillates or becomes NaN, and the best "
        "learning rate depends on the batch size. Adam hides the bug, since it divides by the size of the gradient.",
        hint="Are all gradients wrong by the same factor, and is this factor the batch size?",
        check=CHECK, plant=in_loss(Missing1OverN), quantity="validation accuracy after 120 steps of SGD",
        measure=lambda case: validation_accuracy(case, SGD(0.05)), shift=-0.2,
    ),
    Exhibit(
        name="kernel_not_flipped",
        title="the input gradient of a convolution uses the kernel without flipping it",
        bug="dx = convolve(pad(dz), kernel)",
        fix="dx = convolve(pad(dz), kernel[::-1, ::-1])",
        symptom_text="The network learns, since the gradients of this convolution and of all later layers are "
        "correct; only the earlier layers receive a wrong gradient. A gradient check is the only way to see it.",
        hint="From the loss down, which gradient is the first wrong one? Test an asymmetric kernel.",
        check=CHECK, plant=in_layer(KernelNotFlipped, Conv2D),
        quantity="cosine between the layer's input gradient and the correct one", measure=_input_gradient_direction,
        shift=-0.3,
    ),
    Exhibit(
        name="bias_gradient_over_wrong_axes",
        title="the bias gradient is summed over the wrong axes",
        bug="dbias = dz.reshape(F, -1).sum(axis=1)",
        fix="dbias = dz.sum(axis=(0, 1, 2))",
        symptom_text="The shape is correct, so there is no error message. The biases move in random directions, while "
        "the loss decreases almost as usual.",
        hint="With channels last, the filters are the last axis. Which values does the reshape put in one row?",
        check=CHECK, plant=in_layer(BiasGradientOverWrongAxes, Conv2D),
        quantity="cosine between the bias gradient and the correct one", measure=_bias_gradient_direction, shift=-0.3,
    ),
    Exhibit(
        name="relu_mask_from_gradient",
        title="the backward pass of ReLU tests the sign of the gradient, not of the input",
        bug="dz = dy * (dy > 0)",
        fix="dz = dy * (z > 0)",
        symptom_text="The network learns slowly or not at all: each unit is updated in one direction only.",
        hint="ReLU is max(z, 0). Where is its derivative 1?",
        check=CHECK, plant=in_layer(ReluMaskFromGradient, Dense, has_relu),
        quantity="loss at the end of 120 steps", measure=final_loss, shift=0.05,
    ),
    Exhibit(
        name="activation_derivative_forgotten",
        title="the backward pass omits the derivative of the activation",
        bug="dz = dy",
        fix="dz = dy * (y > 0)",
        symptom_text="The network learns, but not as well as it could: inactive units are updated, too.",
        hint="By the chain rule, each function of the forward pass contributes one factor. Count them.",
        check=CHECK, plant=in_layer(ActivationDerivativeForgotten, Dense, has_relu),
        quantity="loss at the end of 120 steps", measure=final_loss, shift=0.02,
    ),
)  # fmt: skip
