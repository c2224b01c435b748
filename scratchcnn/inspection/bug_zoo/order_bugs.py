"""Bugs in forward and backward alike, or at kinks only, which no gradient check sees. A correct layer reveals them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from scratchcnn.geometry import image_windows
from scratchcnn.inspection.bug_zoo.case import Case, Measured, accuracy, healthy, input_of, position, train
from scratchcnn.inspection.bug_zoo.exhibit import Check, Exhibit
from scratchcnn.inspection.bug_zoo.planting import Backward, Rng, in_layer
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.layer_check import compare_layers
from scratchcnn.layers import Conv2D, Flatten, Layer, MaxPooling2D
from scratchcnn.layers.base import Cache
from scratchcnn.layers.conv2d import Conv2DCache
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations

NOT_IN_GRADIENTS = "Backward is the derivative of forward, so a gradient check finds nothing."


class WrongFlattenOrder(Flatten):
    """A Flatten in channels-first order, while the weights of the next layer are in channels-last order."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Shape]:
        """Make the last axis the slowest."""
        return np.ascontiguousarray(np.moveaxis(x, -1, 1)).reshape(len(x), -1), x.shape

    def backward(self, dy: Array, cache: Shape, ops: Operations, input_gradient: bool = True) -> Backward:
        """Apply the inverse: backward is the derivative of forward."""
        if not input_gradient:
            return None, {}
        channels_first = (cache[0], cache[-1], *cache[1:-1])
        return np.ascontiguousarray(np.moveaxis(dy.reshape(channels_first), 1, -1)), {}


class Im2colColumnOrder(Conv2D):
    """A convolution by im2col whose columns are in order (ky, kx, c), but whose kernel rows are in (c, ky, kx)."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Conv2DCache]:
        """Convolve with the reordered kernel."""
        return Conv2D.forward(self._reordered(), x, ops, training, rng)

    def backward(self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """Compute the gradients of this forward pass."""
        dx, gradients = Conv2D.backward(self._reordered(), dy, cache, ops, input_gradient)
        height, width, channels, filters = self.params["kernel"].shape
        dkernel = gradients["kernel"].reshape(channels, height, width, filters).transpose(1, 2, 0, 3)
        return dx, {**gradients, "kernel": np.ascontiguousarray(dkernel)}

    def _reordered(self) -> Im2colColumnOrder:
        kernel = self.params["kernel"]  # (KH, KW, C, F)
        other = copy.copy(self)
        other.params = {**self.params, "kernel": kernel.transpose(2, 0, 1, 3).reshape(kernel.shape)}
        return other


class GradientToEveryTie(MaxPooling2D):
    """A max pooling that sends the gradient to every element that equals the maximum of its window."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Any]:
        """Compute the correct output, and keep input and output as the cache."""
        y, _ = super().forward(x, ops, training, rng)
        return y, (x, y)

    def backward(self, dy: Array, cache: Cache, ops: Operations, input_gradient: bool = True) -> Backward:
        """Compute dx += dy * (window == maximum), for each element of the window."""
        if not input_gradient:
            return None, {}
        x, y = cache
        rows, columns = image_windows(x.shape[1:3], self.pool_size, self.strides, self.padding)
        around = ((0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0))
        padded = np.pad(x, around, constant_values=-np.inf)
        dx = np.zeros_like(padded)
        for ky, kx in np.ndindex(self.pool_size):
            down = slice(ky, ky + (rows.output - 1) * rows.stride + 1, rows.stride)
            right = slice(kx, kx + (columns.output - 1) * columns.stride + 1, columns.stride)
            dx[:, down, right] += dy * (padded[:, down, right] == y)
        inside = dx[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size]
        return np.ascontiguousarray(inside), {}


def _check(call: str, kind: type[Layer]) -> Check:
    """Compare the last layer of a class with one of this package that has the same arguments."""

    def run(case: Case) -> Findings:
        place = position(case.model, kind)
        layer = case.model.layers[place]
        return compare_layers(layer, kind.from_config(layer.get_config()), input_of(case, place))

    return Check(call, run)


def _accuracy_with_trained_weights(case: Case) -> Measured:
    """Validation accuracy with the weights that a healthy network has learned."""
    trained, losses = train(healthy())
    model = case.model.clone()
    model.set_weights(trained.get_weights())
    return Measured(accuracy(model, case.x_val, case.y_val), losses)


def _gradient_through_ties(case: Case) -> Measured:
    """Sum of the input gradient of the pooling over the sum of its output gradient, for digits on black."""
    layer: Any = case.model.layers[position(case.model, MaxPooling2D)]
    x = np.repeat(case.x[:8], 8, axis=-1).astype(case.model.dtype)
    y, cache = layer.forward(x, case.model.ops, training=False, rng=None)
    dx = layer.backward(np.ones_like(y), cache, case.model.ops)[0]
    return Measured(float(dx.sum() / y.size), np.zeros(0))


EXHIBITS = (
    Exhibit(
        name="wrong_flatten_order",
        title="Flatten uses channels-first order",
        bug="x.transpose(0, 3, 1, 2).reshape(N, -1)",
        fix="x.reshape(N, -1)",
        symptom_text="A network trained from scratch works normally. But with weights from Keras or from a "
        f"file the predictions are wrong, although all shapes fit. {NOT_IN_GRADIENTS}",
        hint="Which axis varies fastest? Flatten an array whose values are its indices.",
        check=_check("compare_layers(layer, Flatten(), x)", Flatten), plant=in_layer(WrongFlattenOrder, Flatten),
        quantity="accuracy with the weights of a trained healthy network", measure=_accuracy_with_trained_weights,
        shift=-0.3,
    ),
    Exhibit(
        name="im2col_column_order",
        title="the columns of im2col are in order (ky, kx, c), the rows of the kernel in (c, ky, kx)",
        bug="im2col(x) @ kernel.transpose(2, 0, 1, 3).reshape(-1, F)",
        fix="im2col(x) @ kernel.reshape(-1, F)",
        symptom_text="With one channel there is no difference. With more channels the filters are scrambled: training "
        "from scratch still works, but predictions with weights from another library are wrong. "
        f"{NOT_IN_GRADIENTS}",
        hint="Test a convolution with at least two channels and a kernel that is not square.",
        check=_check("compare_layers(layer, Conv2D(...), x)", Conv2D), plant=in_layer(Im2colColumnOrder, Conv2D),
        quantity="accuracy with the weights of a trained healthy network", measure=_accuracy_with_trained_weights,
        shift=-0.3,
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
        check=_check("compare_layers(layer, MaxPooling2D(2), x)", MaxPooling2D),
        plant=in_layer(GradientToEveryTie, MaxPooling2D),
        quantity="sum of the input gradient over that of the output gradient", measure=_gradient_through_ties,
        shift=0.5,
    ),
)  # fmt: skip
