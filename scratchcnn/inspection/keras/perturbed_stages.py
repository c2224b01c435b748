"""Stages of a plan that add random errors to their results, of the size of their rounding errors.

`perturbation` explains their sizes.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.activations import Tanh, linear
from scratchcnn.fusion.plan import Plan
from scratchcnn.fusion.stage import SingleLayer
from scratchcnn.inspection.tracing.passes import stages_of
from scratchcnn.layers import AveragePooling2D, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D
from scratchcnn.layers.activation import without_activation
from scratchcnn.layers.base import Gradients
from scratchcnn.layers.batch_normalization import BatchNormalizationCache
from scratchcnn.operands import Array
from scratchcnn.reference import softmax

# Magnitudes that a Winograd convolution sums, relative to those of the direct sum: root mean square, random operands.
WINOGRAD = {"winograd_2x2": 1.7, "winograd_4x4": 10.5}
PATCH = 5  # distance of two pixels of the largest Winograd patch, at most, along each axis
SOFTMAX = 4.0  # rounding errors in a probability: of an exponential, a sum and a quotient
TANH = 4.0  # rounding errors in a tanh, which has no bound in the standard, and in its gradient


class PerturbedStage:
    """A stage of one layer that adds random errors to its results, of the size of their rounding errors.

    If its outputs are the logits of a cross-entropy loss, it adds the rounding errors of the probabilities to the
    gradient of the loss: p[n, j] * d[j] / N, with the same d[j] for all rows n.
    """

    def __init__(self, stage: SingleLayer, rng: np.random.Generator, logits: bool) -> None:
        self.stage, self.rng, self.logits = stage, rng, logits
        self.layers, self.choices = stage.layers, stage.choices
        self.has_tanh = type(getattr(stage.layer, "activation", None)) is Tanh
        # The sums alone, without the activation; None for layers that compute no sums.
        self.sums: Any = None
        if type(stage.layer) in (Conv2D, Dense):
            self.sums = without_activation(stage.layer)
        elif type(stage.layer) in (AveragePooling2D, GlobalAveragePooling2D):
            self.sums = stage.layer

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, Any]:
        """Compute the output with errors added to its sums, before the activation."""
        layer: Any = self.stage.layer
        ops = self.stage.ops
        if self.sums is None:
            y, cache = self.stage.forward(x, training, rng)
            y = perturbed(y, self.rng)
        else:
            absolute = copy.copy(self.sums)  # a layer of the products' magnitudes
            absolute.params = {
                name: abs(array) if name == "kernel" else np.zeros_like(array) for name, array in layer.params.items()
            }
            z, cache = self.sums.forward(x, ops, training, rng)
            products, absolute_cache = absolute.forward(abs(x), ops, training, rng)
            z = self._with_errors(z, products, _terms(layer, x)[0], "forward")
            activation = getattr(layer, "activation", linear)
            y = activation.forward(z, ops)
            cache = activation.kept(z, y), cache, absolute, absolute_cache
        if self.has_tanh:
            y = perturbed(y, self.rng, TANH * _single(y.dtype) * y)
        return y, (cache, softmax(y) if self.logits else None)

    def backward(self, dy: Array, cache: Any, input_gradient: bool = True) -> tuple[Array | None, list[Gradients]]:
        """Compute the gradients with errors added to their sums."""
        layer: Any = self.stage.layer
        ops, (cache, probabilities) = self.stage.ops, cache
        dy = self._received(dy, probabilities)
        if self.sums is None:
            dx, (gradients,) = self.stage.backward(dy, cache, input_gradient)
            return dx, [{name: perturbed(array, self.rng) for name, array in gradients.items()}]
        kept, cache, absolute, absolute_cache = cache
        dz = getattr(layer, "activation", linear).backward(dy, kept, ops)
        dx, gradients = self.sums.backward(dz, cache, ops, input_gradient)
        dx_products, products = absolute.backward(abs(dz), absolute_cache, ops, input_gradient)
        for name, array in gradients.items():
            gradients[name] = self._with_errors(array, products[name], dz.size // dz.shape[-1], f"{name}_gradient")
        if dx is not None:
            dx = self._with_errors(dx, dx_products, _terms(layer, dx)[1], "input_gradient")
        return dx, [gradients]

    def next_statistics(self, cache: Any) -> list[tuple[Array, Array]]:
        """Return the next statistics of the layer, perturbed."""
        return [(array, perturbed(value, self.rng)) for array, value in self.stage.next_statistics(cache[0])]

    def _received(self, dy: Array, probabilities: Array | None) -> Array:
        """Add errors to the gradient w.r.t. the output; `probabilities` if it is that of a cross-entropy."""
        dy = perturbed(dy, self.rng, TANH * _single(dy.dtype) * dy if self.has_tanh else None)
        if probabilities is None:
            return dy
        errors = SOFTMAX * np.finfo(dy.dtype).eps / 2 * self.rng.choice([-1, 1], dy.shape[-1])
        received: Array = (dy + probabilities * errors / len(dy)).astype(dy.dtype)
        return received

    def _with_errors(self, sums: Array, products: Array, terms: int, operation: str) -> Array:
        """Add rounding errors to sums of so many products, given the sums of the products' magnitudes."""
        factor, empty = WINOGRAD.get(getattr(self.choices[0], operation, ""), 1.0), products == 0
        if factor > 1 and operation != "kernel_gradient":
            products = largest_around(products)
        if type(self.stage.layer) is GlobalAveragePooling2D:
            factor = _single(sums.dtype)
        return perturbed(sums, self.rng, np.where(empty, 0, factor / 2 * (products + terms**0.5 * abs(sums))))


class PerturbedNormalization(PerturbedStage):
    """The stage of a BatchNormalization, with random errors in its statistics, outputs and gradients."""

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, Any]:
        """Normalize, and add the effect of errors in the statistics of a batch, and errors of each output."""
        y, cache = self.stage.forward(x, training, rng)
        _, mean, variance, of_batch = cache
        summands = (abs(x) + abs(mean)) * abs(self._scale(variance)) + abs(y)
        if of_batch:
            count, unit = x.size // mean.size, np.finfo(x.dtype).eps / 2
            size = (abs(x).mean(axis=tuple(range(x.ndim - 1)), dtype=np.float64) + count**0.5 * abs(mean)) / 2
            cache = cache._replace(
                mean=mean + self.rng.standard_normal(mean.shape) * unit * size,
                variance=variance * (1 + self.rng.standard_normal(mean.shape) * unit * (1 + count**0.5) / 2),
            )
            y = y + self._normalized(cache) - self._normalized(cache._replace(mean=mean, variance=variance))
        y = perturbed(y.astype(x.dtype), self.rng, summands)
        return y, (cache, softmax(y) if self.logits else None)

    def backward(self, dy: Array, cache: Any, input_gradient: bool = True) -> tuple[Array | None, list[Gradients]]:
        """Compute the gradients, and add errors in the sums over the batch, and errors of each element."""
        cache, probabilities = cache
        dy = self._received(dy, probabilities)
        dx, (gradients,) = self.stage.backward(dy, cache, input_gradient)
        x, mean, variance, of_batch = cache
        others, count, deviation = tuple(range(x.ndim - 1)), x.size // mean.size, np.sqrt(variance + self._epsilon)
        normalized, dtype = (x - mean) / deviation, dy.dtype
        errors = {}  # of the sums of dy * normalized and of dy, (C,)
        for name, products, size in (
            ("gamma", dy * normalized, abs(dy) * (abs(x) + abs(mean)) / deviation),
            ("beta", dy, abs(dy)),
        ):
            total = products.sum(axis=others, dtype=np.float64)
            size = (size.sum(axis=others, dtype=np.float64) + count**0.5 * abs(total)) / 2
            errors[name] = self.rng.standard_normal(mean.shape) * np.finfo(dtype).eps / 2 * size
        gradients = {name: (array + errors[name]).astype(dtype) for name, array in gradients.items()}
        if dx is None:
            return None, [gradients]
        scale = self._scale(variance)
        summands = abs(dy * scale) + abs(dx)
        if of_batch:
            dx = dx - scale / count * (errors["beta"] + normalized * errors["gamma"])
        return perturbed(dx.astype(dtype), self.rng, summands), [gradients]

    @property
    def _epsilon(self) -> float:
        layer: Any = self.stage.layer
        return float(layer.epsilon)

    def _scale(self, variance: Array) -> Array:
        """gamma / sqrt(variance + epsilon), in float64."""
        gamma = self.stage.layer.params.get("gamma", np.ones(variance.shape))
        scale: Array = gamma / np.sqrt(variance + self._epsilon)
        return scale

    def _normalized(self, cache: BatchNormalizationCache) -> Array:
        """The normalized and scaled input, in float64, without beta."""
        normalized: Array = (cache.x - cache.mean) * self._scale(cache.variance)
        return normalized


def _terms(layer: Any, x: Array) -> tuple[int, int]:
    """Return of how many terms an output is a sum, and a gradient w.r.t. the input x."""
    if "kernel" in layer.params:
        kernel = layer.params["kernel"]
        return kernel.size // kernel.shape[-1], kernel.size // x.shape[-1]
    rows, columns = layer.windows(x.shape[1:])  # of a pooling; an input is in at most as many windows
    return rows.kernel * columns.kernel, rows.kernel * columns.kernel


def _single(dtype: np.dtype[Any]) -> float:
    """Return the rounding error of float32 in units of that of a dtype."""
    return float(np.finfo(np.float32).eps / np.finfo(dtype).eps)


def perturbed(array: Array, rng: np.random.Generator, size: Array | float | None = None) -> Array:
    """Add normal errors with standard deviations of u times `size`; by default, of u times the elements."""
    unit = np.finfo(array.dtype).eps / 2
    return (array + rng.standard_normal(array.shape) * unit * (array if size is None else size)).astype(array.dtype)


def largest_around(images: Array) -> Array:
    """Return, for each pixel, the maximum over the pixels that may share a Winograd patch with it, per channel."""
    for axis in (1, 2):
        near = np.pad(images, [(PATCH, PATCH) if each == axis else (0, 0) for each in range(4)])
        images = sliding_window_view(near, 2 * PATCH + 1, axis=axis).max(axis=-1)
    return images


def perturbed_plan(plan: Plan, rng: np.random.Generator, logits: bool = False) -> Plan:
    """Return the plan of the same layers, one perturbed stage for each; `logits`: whether the outputs are logits."""
    changed = Plan(plan.layers, plan.engine, fuse=False)
    stages = stages_of(changed)
    changed.stages = [
        (PerturbedNormalization if type(stage.layer) is BatchNormalization else PerturbedStage)(
            stage, rng, logits and stage is stages[-1]
        )
        for stage in stages
    ]
    return changed
