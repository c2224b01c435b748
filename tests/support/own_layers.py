"""Layers as a user would write them: without the package's operations, right or wrong in one element."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.layers import Layer


class Scale(Layer):
    """y = tanh(x * gain + shift), one gain and one shift for each place; `fault` is added to one element's gradient."""

    def __init__(self, wrong: tuple[int, ...] | None = None, fault: float = 0.01, **options: Any) -> None:
        super().__init__(**options)
        self.wrong, self.fault = wrong, fault

    def initial_params(self, input_shape, rng, dtype):
        return {"gain": rng.standard_normal(input_shape).astype(dtype), "shift": np.zeros(input_shape, dtype)}

    def forward(self, x, ops, training, rng):
        y = np.tanh(x * self.params["gain"] + self.params["shift"])
        return y, (x, y)

    def backward(self, dy, cache, ops, input_gradient=True):
        x, y = cache
        dz = dy * (1 - y * y)
        gradients = {"gain": (dz * x).sum(axis=0), "shift": dz.sum(axis=0)}
        if self.wrong is not None:
            gradients["gain"][self.wrong] += self.fault
        return dz * self.params["gain"] if input_gradient else None, gradients


class OwnReLU(Layer):
    """y = max(x + shift, 0), written by hand, so that its mask cannot be seen from outside."""

    def initial_params(self, input_shape, rng, dtype):
        return {"shift": np.zeros(input_shape[-1:], dtype)}

    def forward(self, x, ops, training, rng):
        z = x + self.params["shift"]
        return np.maximum(z, 0), z > 0

    def backward(self, dy, cache, ops, input_gradient=True):
        dz = dy * cache
        return dz, {"shift": dz.reshape(-1, dz.shape[-1]).sum(axis=0)}


class OwnMaxPooling(Layer):
    """2 x 2 max-pooling, written by hand."""

    def compute_output_shape(self, input_shape):
        height, width, channels = input_shape
        return height // 2, width // 2, channels

    def forward(self, x, ops, training, rng):
        count, height, width, channels = x.shape
        windows = x.reshape(count, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 5, 2, 4)
        windows = windows.reshape(*windows.shape[:4], 4)
        return windows.max(axis=-1), (windows.argmax(axis=-1), x.shape)

    def backward(self, dy, cache, ops, input_gradient=True):
        winners, shape = cache
        count, height, width, channels = shape
        windows = (np.arange(4) == winners[..., None]) * dy[..., None]
        windows = windows.reshape(count, height // 2, width // 2, channels, 2, 2).transpose(0, 1, 4, 2, 5, 3)
        return windows.reshape(shape), {}
