"""Layers with a mistake in them: each is a layer of this package but for one or two lines, which are wrong."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from scratchcnn.geometry import image_windows
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.layers.base import Cache, Gradients
from scratchcnn.layers.conv2d import Conv2DCache
from scratchcnn.layers.dense import DenseCache
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations

Rng = np.random.Generator | None
Backward = tuple[Array | None, Gradients]
EARLY_RATE = 0.02  # of the layer that does not wait for the optimizer


class KernelNotTurnedRound(Conv2D):
    """A convolution whose dX slides the kernel over the gradient as the forward pass does, not turned round."""

    def backward(self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """dx with rows and columns of the kernel the wrong way round."""
        gradients = super().backward(dy, cache, ops, False)[1]
        if not input_gradient:
            return None, gradients
        dz = self.activation.backward(dy, cache.y, ops)
        turned = np.ascontiguousarray(self.params["kernel"][::-1, ::-1])
        return ops.conv2d_input_gradient(
            dz, turned, cache.x.shape, self.strides, self.padding, self.dilation_rate
        ), gradients  # fmt: skip


class BiasGradientOverWrongAxes(Conv2D):
    """A convolution that sums the bias gradient as if the filters were the first axis: right shape, wrong numbers."""

    def backward(self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """dbias = dz.reshape(F, -1).sum(axis=1)."""
        dx, gradients = super().backward(dy, cache, ops, input_gradient)
        dz = self.activation.backward(dy, cache.y, ops)  # (N, OH, OW, F)
        return dx, {**gradients, "bias": dz.reshape(self.filters, -1).sum(axis=1)}


class Im2colColumnOrder(Conv2D):
    """A convolution by im2col whose columns run (ky, kx, c) while its kernel's rows run (c, ky, kx)."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Conv2DCache]:
        """A convolution with a kernel whose numbers stand at other places."""
        return Conv2D.forward(self._scrambled(), x, ops, training, rng)

    def backward(self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """The gradients of just that: forward and backward belong to each other."""
        dx, gradients = Conv2D.backward(self._scrambled(), dy, cache, ops, input_gradient)
        height, width, channels, filters = self.params["kernel"].shape
        dkernel = gradients["kernel"].reshape(channels, height, width, filters).transpose(1, 2, 0, 3)
        return dx, {**gradients, "kernel": np.ascontiguousarray(dkernel)}

    def _scrambled(self) -> Im2colColumnOrder:
        kernel = self.params["kernel"]  # (KH, KW, C, F)
        other = copy.copy(self)
        other.params = {**self.params, "kernel": kernel.transpose(2, 0, 1, 3).reshape(kernel.shape)}
        return other


class GradientToEveryTie(MaxPooling2D):
    """A max-pooling that sends the gradient to every number that equals the largest of its window."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Any]:
        """As it should be; the cache is the images and the outputs."""
        y, _ = super().forward(x, ops, training, rng)
        return y, (x, y)

    def backward(self, dy: Array, cache: Cache, ops: Operations, input_gradient: bool = True) -> Backward:
        """dx += dy * (window == maximum), for each element of the window."""
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


class WrongFlattenOrder(Flatten):
    """A Flatten that lays out channel by channel, as with channels first, where the kernel expects channels last."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Shape]:
        """The last axis becomes the slowest."""
        return np.ascontiguousarray(np.moveaxis(x, -1, 1)).reshape(len(x), -1), x.shape

    def backward(self, dy: Array, cache: Shape, ops: Operations, input_gradient: bool = True) -> Backward:
        """The same way back: forward and backward belong to each other."""
        if not input_gradient:
            return None, {}
        channels_first = (cache[0], cache[-1], *cache[1:-1])
        return np.ascontiguousarray(np.moveaxis(dy.reshape(channels_first), 1, -1)), {}


class DropoutNotScaled(Dropout):
    """A dropout that drops, and does not divide what stays by 1 - rate."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Array | None]:
        """What is kept goes on as it is."""
        _, kept = super().forward(x, ops, training, rng)
        return (x if kept is None else x * kept.astype(x.dtype)), kept

    def backward(self, dy: Array, cache: Array | None, ops: Operations, input_gradient: bool = True) -> Backward:
        """The gradient of just that."""
        if not input_gradient:
            return None, {}
        return (dy if cache is None else dy * cache.astype(dy.dtype)), {}


class DropoutOnAtTestTime(Dropout):
    """A dropout that does not ask whether it is training."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(rate, **options)
        self.chance = np.random.default_rng(0)

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Array | None]:
        """Drops always."""
        return super().forward(x, ops, True, rng or self.chance)


class ReluGateOnWrongSide(Dense):
    """A dense layer whose ReLU lets a gradient through where the gradient is positive, not where the input was."""

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """dz = dy * (dy > 0)."""
        return super().backward(np.maximum(dy, 0), cache._replace(y=np.ones_like(cache.y)), ops, input_gradient)


class ActivationDerivativeForgotten(Dense):
    """A dense layer whose backward pass knows nothing of its activation."""

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """dz = dy."""
        return super().backward(dy, cache._replace(y=np.ones_like(cache.y)), ops, input_gradient)


class StaleCache(Dense):
    """A dense layer that keeps the last input on itself."""

    last: DenseCache

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Any]:
        """self.last = x."""
        y, self.last = super().forward(x, ops, training, rng)
        return y, None

    def backward(self, dy: Array, cache: None, ops: Operations, input_gradient: bool = True) -> Backward:  # type: ignore[override]
        """Whatever pass dy belongs to, it is taken for that of the last input."""
        count = min(len(dy), len(self.last.x))
        last = DenseCache(self.last.x[:count], self.last.y[:count])
        return super().backward(dy[:count], last, ops, input_gradient)


class GradientNotReset(Dense):
    """A dense layer that adds its gradients up on itself, and is never told to begin anew."""

    def __init__(self, units: int, *arguments: Any, **options: Any) -> None:
        super().__init__(units, *arguments, **options)
        self.total: Gradients = {}

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """self.dW += x.T @ dz."""
        dx, gradients = super().backward(dy, cache, ops, input_gradient)
        self.total = {name: self.total.get(name, 0) + gradient for name, gradient in gradients.items()}
        return dx, dict(self.total)


class UpdatedTooEarly(Dense):
    """A dense layer that changes its kernel before the gradient for the layer below is taken with it."""

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        """W -= rate * dW; dx = dz @ W.T."""
        gradients = super().backward(dy, cache, ops, False)[1]
        for name, gradient in gradients.items():
            self.params[name] -= self.params[name].dtype.type(EARLY_RATE) * gradient
        return super().backward(dy, cache, ops, input_gradient)[0], gradients
