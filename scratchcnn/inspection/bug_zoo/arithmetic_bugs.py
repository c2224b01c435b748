"""Bugs in the arithmetic of a layer or a loss.

If backward is not the derivative of forward, a gradient check finds it. If both compute the same wrong function, or
backward is wrong at kinks only, no gradient check sees it, but a comparison with a correct layer does.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from scratchcnn.geometry import image_windows
from scratchcnn.inspection.bug_zoo.case import Case, Measured, accuracy, final_loss, healthy, train, validation_accuracy
from scratchcnn.inspection.bug_zoo.exhibit import Check, Exhibit
from scratchcnn.inspection.bug_zoo.planting import FEW, Backward, Rng, has_relu, in_model, input_of, position
from scratchcnn.inspection.gradients.check import check_gradients
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.layer_check import compare_layers
from scratchcnn.layers import Conv2D, Dense, Flatten, Layer, MaxPooling2D
from scratchcnn.layers.base import Cache
from scratchcnn.layers.conv2d import Conv2DCache
from scratchcnn.layers.dense import DenseCache
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations
from scratchcnn.optimizers import SGD
from scratchcnn.reference.im2col import unpad

NOT_IN_GRADIENTS = "Backward is the derivative of forward, so a gradient check finds nothing."
GRADIENTS = Check(
    "check_gradients(model, x, y)", lambda case: check_gradients(case.model, case.x[:FEW], case.y[:FEW], sample=8)
)


class Missing1OverN(SparseCategoricalCrossentropy):
    """A mean loss with the gradient of the sum."""

    def backward(self, probabilities: Array, targets: Array, ops: Operations) -> Array:
        return super().backward(probabilities, targets, ops) * probabilities.dtype.type(len(targets))


class KernelNotFlipped(Conv2D):
    """A convolution that computes its input gradient with the kernel of the forward pass, not rotated by 180°."""

    def backward(self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True) -> Backward:
        return Conv2D.backward(_with_kernel(self, self.params["kernel"][::-1, ::-1]), dy, cache, ops, input_gradient)


class BiasGradientOverWrongAxes(Conv2D):
    """A convolution whose bias gradient is summed as if the filters were the first axis: right shape, wrong values."""

    def backward(self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True) -> Backward:
        dx, gradients = super().backward(dy, cache, ops, input_gradient)
        dz = self.activation.backward(dy, cache.kept, ops)  # (N, OH, OW, F)
        return dx, {**gradients, "bias": dz.reshape(self.filters, -1).sum(axis=1)}


class ReluMaskFromGradient(Dense):
    """A dense layer whose ReLU masks the gradient where the gradient is negative, not where its input was."""

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        return super().backward(np.maximum(dy, 0), cache._replace(kept=np.ones_like(cache.kept)), ops, input_gradient)


class ActivationDerivativeForgotten(Dense):
    """A dense layer whose backward pass ignores its activation."""

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        return super().backward(dy, cache._replace(kept=np.ones_like(cache.kept)), ops, input_gradient)


class WrongFlattenOrder(Flatten):
    """A Flatten in channels-first order, while the weights of the next layer are in channels-last order."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Shape]:
        return np.ascontiguousarray(np.moveaxis(x, -1, 1)).reshape(len(x), -1), x.shape

    def backward(self, dy: Array, cache: Shape, ops: Operations, input_gradient: bool = True) -> Backward:
        if not input_gradient:
            return None, {}
        channels_first = (cache[0], cache[-1], *cache[1:-1])
        return np.ascontiguousarray(np.moveaxis(dy.reshape(channels_first), 1, -1)), {}


class Im2colColumnOrder(Conv2D):
    """A convolution by im2col whose columns are in order (ky, kx, c), but whose kernel rows are in (c, ky, kx)."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Conv2DCache]:
        return Conv2D.forward(_with_kernel(self, self._reordered()), x, ops, training, rng)

    def backward(self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True) -> Backward:
        dx, gradients = Conv2D.backward(_with_kernel(self, self._reordered()), dy, cache, ops, input_gradient)
        height, width, channels, filters = self.params["kernel"].shape
        dkernel = gradients["kernel"].reshape(channels, height, width, filters).transpose(1, 2, 0, 3)
        return dx, {**gradients, "kernel": np.ascontiguousarray(dkernel)}

    def _reordered(self) -> Array:
        kernel = self.params["kernel"]  # (KH, KW, C, F)
        return kernel.transpose(2, 0, 1, 3).reshape(kernel.shape)


class GradientToEveryTie(MaxPooling2D):
    """A max pooling that sends the gradient to every element that equals the maximum of its window."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Any]:
        y, _ = super().forward(x, ops, training, rng)
        return y, (x, y)

    def backward(self, dy: Array, cache: Cache, ops: Operations, input_gradient: bool = True) -> Backward:
        if not input_gradient:
            return None, {}
        x, y = cache
        rows, columns = windows = image_windows(x.shape[1:3], self.pool_size, self.strides, self.padding)
        around = ((0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0))
        padded = np.pad(x, around, constant_values=-np.inf)
        dx = np.zeros_like(padded)
        for ky, kx in np.ndindex(self.pool_size):
            down = slice(ky, ky + (rows.output - 1) * rows.stride + 1, rows.stride)
            right = slice(kx, kx + (columns.output - 1) * columns.stride + 1, columns.stride)
            dx[:, down, right] += dy * (padded[:, down, right] == y)
        return np.ascontiguousarray(unpad(dx, windows)), {}


def _with_kernel(layer: Conv2D, kernel: Array) -> Conv2D:
    other = copy.copy(layer)
    other.params = {**layer.params, "kernel": np.ascontiguousarray(kernel)}
    return other


def _direction(case: Case, of: str) -> Measured:
    """Cosine between a gradient of the last convolution, of its 'input' or 'bias', and the correct one."""
    place, ops = position(case.model, Conv2D), case.model.ops
    layer: Any = case.model.leaf_layers[place]
    y, cache = layer.forward(input_of(case, place), ops, training=False, rng=None)
    dy = np.random.default_rng(0).standard_normal(y.shape).astype(y.dtype)
    passes = layer.backward(dy, cache, ops), Conv2D.backward(layer, dy, cache, ops)
    one, other = ({"input": dx, **gradients}[of] for dx, gradients in passes)
    return Measured(float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum())), train(case)[1])


def _check(call: str, kind: type[Layer]) -> Check:
    """Compare the last layer of a class with one of this package that has the same arguments."""

    def run(case: Case) -> Findings:
        place = position(case.model, kind)
        layer = case.model.leaf_layers[place]
        return compare_layers(layer, kind.from_config(layer.get_config()), input_of(case, place))

    return Check(call, run)


def _transferred_accuracy(case: Case) -> Measured:
    """Validation accuracy with the weights that a healthy network has learned."""
    trained, losses = train(healthy())
    model = case.model.clone()
    model.set_weights(trained.get_weights())
    return Measured(accuracy(model, case.x_val, case.y_val), losses)


def _tie_gradient(case: Case) -> Measured:
    """Sum of the input gradient of the pooling over the sum of its output gradient, for digits on black."""
    layer: Any = case.model.leaf_layers[position(case.model, MaxPooling2D)]
    x = np.repeat(case.x[:8], 8, axis=-1).astype(case.model.dtype)
    y, cache = layer.forward(x, case.model.ops, training=False, rng=None)
    dx = layer.backward(np.ones_like(y), cache, case.model.ops)[0]
    return Measured(float(dx.sum() / y.size), np.zeros(0))


EXHIBITS = (
    Exhibit(
        name="missing_1_over_n",
        title="the gradient of the mean loss is not divided by N",
        bug="dlogits = probabilities - targets",
        fix="dlogits = (probabilities - targets) / N",
        symptom_text="With SGD every step is N times too long: the loss oscillates or becomes NaN, and the best "
        "learning rate depends on the batch size. Adam hides the bug, since it divides by the size of the gradient.",
        hint="Are all gradients wrong by the same factor, and is this factor the batch size?",
        check=GRADIENTS, plant=in_model(Missing1OverN), quantity="validation accuracy after 120 steps of SGD",
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
        check=GRADIENTS, plant=in_model(KernelNotFlipped),
        quantity="cosine between the layer's input gradient and the correct one",
        measure=lambda case: _direction(case, "input"), shift=-0.3,
    ),
    Exhibit(
        name="bias_gradient_over_wrong_axes",
        title="the bias gradient is summed over the wrong axes",
        bug="dbias = dz.reshape(F, -1).sum(axis=1)",
        fix="dbias = dz.sum(axis=(0, 1, 2))",
        symptom_text="The shape is correct, so there is no error message. The biases move in random directions, while "
        "the loss decreases almost as usual.",
        hint="With channels last, the filters are the last axis. Which values does the reshape put in one row?",
        check=GRADIENTS, plant=in_model(BiasGradientOverWrongAxes),
        quantity="cosine between the bias gradient and the correct one", measure=lambda case: _direction(case, "bias"),
        shift=-0.3,
    ),
    Exhibit(
        name="relu_mask_from_gradient",
        title="the backward pass of ReLU tests the sign of the gradient, not of the input",
        bug="dz = dy * (dy > 0)",
        fix="dz = dy * (z > 0)",
        symptom_text="The network learns slowly or not at all: each unit is updated in one direction only.",
        hint="ReLU is max(z, 0). Where is its derivative 1?",
        check=GRADIENTS, plant=in_model(ReluMaskFromGradient, has_relu), quantity="loss at the end of 120 steps",
        measure=final_loss, shift=0.05,
    ),
    Exhibit(
        name="activation_derivative_forgotten",
        title="the backward pass omits the derivative of the activation",
        bug="dz = dy",
        fix="dz = dy * (y > 0)",
        symptom_text="The network learns, but not as well as it could: inactive units are updated, too.",
        hint="By the chain rule, each function of the forward pass contributes one factor. Count them.",
        check=GRADIENTS, plant=in_model(ActivationDerivativeForgotten, has_relu),
        quantity="loss at the end of 120 steps", measure=final_loss, shift=0.02,
    ),
    Exhibit(
        name="wrong_flatten_order",
        title="Flatten uses channels-first order",
        bug="x.transpose(0, 3, 1, 2).reshape(N, -1)",
        fix="x.reshape(N, -1)",
        symptom_text="A network trained from scratch works normally. But with weights from Keras or from a "
        f"file the predictions are wrong, although all shapes fit. {NOT_IN_GRADIENTS}",
        hint="Which axis varies fastest? Flatten an array whose values are its indices.",
        check=_check("compare_layers(layer, Flatten(), x)", Flatten), plant=in_model(WrongFlattenOrder),
        quantity="accuracy with the weights of a trained healthy network", measure=_transferred_accuracy, shift=-0.3,
    ),
    Exhibit(
        name="im2col_column_order",
        title="the columns of im2col are in order (ky, kx, c), the rows of the kernel in (c, ky, kx)",
        bug="im2col(x) @ kernel.transpose(2, 0, 1, 3).reshape(-1, F)",
        fix="im2col(x) @ kernel.reshape(-1, F)",
        symptom_text="With one channel there is no difference. With more, the filters are scrambled: training from "
        f"scratch still works, but predictions with weights from another library are wrong. {NOT_IN_GRADIENTS}",
        hint="Test a convolution with at least two channels and a kernel that is not square.",
        check=_check("compare_layers(layer, Conv2D(...), x)", Conv2D), plant=in_model(Im2colColumnOrder),
        quantity="accuracy with the weights of a trained healthy network", measure=_transferred_accuracy, shift=-0.3,
    ),
    Exhibit(
        name="pool_gradient_to_every_tie",
        title="max pooling sends the gradient to every element that equals the maximum",
        bug="dx += dy * (window == maximum)",
        fix="dx[argmax(window)] += dy",
        symptom_text="Gradients are multiplied where an image is constant, such as the black background of a digit. "
        "Tests with random values pass, since these have no ties; and a gradient check cannot decide, since at a tie "
        "there is no derivative.",
        hint="For an image with constant regions, compare the sums of the input gradient and the output gradient.",
        check=_check("compare_layers(layer, MaxPooling2D(2), x)", MaxPooling2D), plant=in_model(GradientToEveryTie),
        quantity="sum of the input gradient over that of the output gradient", measure=_tie_gradient, shift=0.5,
    ),
)  # fmt: skip
