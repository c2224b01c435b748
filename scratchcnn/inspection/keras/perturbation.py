"""Monte Carlo rounding perturbation: how far rounding errors may move the values of a training run.

Two correct programs differ by rounding errors, so a comparison needs a tolerance. For a single sum there is a bound.
For a whole run there is none, as a small error may have a large effect: a ReLU whose input is nearly zero may be active
in one program only, either of two nearly equal pixels may be the maximum of a pooling window, and Adam divides by
gradients that may consist of rounding errors. Therefore the run is repeated a few times, with a random error of the
size of a rounding error added to every sum. The largest movement of a value estimates the effect of rounding on it
(Parker 1997, "Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic").

A sum s of n products p[k], accumulated term by term, rounds n partial sums, each by at most u (the unit roundoff, half
of eps) times its magnitude. For independent errors, and products of similar magnitudes in random order, the standard
deviation of the error of s is at most about

    u * (sum over k of |p[k]| + sqrt(n) * |s|) / 2

(the first term for products of random signs, the second for products of equal sign; Higham & Mary 2019, "A new approach
to probabilistic rounding error analysis"). It is zero where all products are zero: such a window of a convolution gives
exactly the bias in every program. Four operations round differently:

- A Winograd convolution adds the pixels of a patch and separates them again. Its errors are those of the largest sum
  that shares a patch, times a factor that follows from the transforms.
- The gradient of the loss w.r.t. a logit is (p - target) / N. The rounding error of the probability p is relative to p,
  not to the difference, which is much smaller where p is nearly 1. Equal logits give equal errors, which do not average
  out over a batch.
- The mean and the variance of a batch normalization are sums over the batch. Their errors are the same for all values
  of a channel, so they do not average out either. Keras computes x * scale + (beta - mean * scale), where the summands
  may be much larger than their sum.
- Keras computes tanh and the mean of a GlobalAveragePooling2D in float32, also in a float64 model (except on
  TensorFlow).
- Adam divides by 1 - beta**t. Keras rounds beta**t to float32, which leaves 1 - 0.999 with four significant digits.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.activations import Tanh, linear
from scratchcnn.fusion.plan import Plan
from scratchcnn.fusion.stage import SingleLayer
from scratchcnn.inspection.keras.side_by_side import FirstDifference, Row, Run, compare, differences
from scratchcnn.inspection.tracing.passes import layer_outputs, stages_of, without_dropout
from scratchcnn.layers import AveragePooling2D, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D
from scratchcnn.layers.activation import without_activation
from scratchcnn.layers.base import Gradients
from scratchcnn.layers.batch_normalization import BatchNormalizationCache
from scratchcnn.operands import Array
from scratchcnn.optimizers import Adam, Optimizer
from scratchcnn.reference import softmax
from scratchcnn.schedules import rate_at
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Samples, as_input
from scratchcnn.training.step import loss_and_gradients, train_step

# Magnitudes that a Winograd convolution sums, relative to those of the direct sum: root mean square, random operands.
WINOGRAD = {"winograd_2x2": 1.7, "winograd_4x4": 10.5}
PATCH = 5  # distance of two pixels of the largest Winograd patch, at most, along each axis
SOFTMAX = 4.0  # rounding errors in a probability: of an exponential, a sum and a quotient
TANH = 4.0  # rounding errors in a tanh, which has no bound in the standard, and in its gradient
LEAST_RUNS, MOST_RUNS = 4, 32  # more than the least only where they leave a difference unexplained
SAFETY = 2.0  # times the largest movement, as both programs round
LAST_DIGITS = 4.0  # rounding errors of the largest value of an array, which are always allowed


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


def perturbed_rates(optimizer: Optimizer, dtype: np.dtype[np.floating], rng: np.random.Generator) -> Optimizer:
    """Return a copy of an optimizer whose learning rates have the rounding errors of Adam's bias correction."""
    unit = np.finfo(dtype).eps / 2
    betas = [getattr(optimizer, name) for name in ("beta_1", "beta_2") if isinstance(optimizer, Adam)]

    def rate(steps: int) -> float:
        corrections = [(steps + 1) * beta ** (steps + 1) / (1 - beta ** (steps + 1)) for beta in betas]
        return rate_at(optimizer.learning_rate, steps) * (1 + rng.choice([-1, 1]) * (2 + sum(corrections)) * unit)

    changed = copy.copy(optimizer)
    changed.learning_rate = rate
    return changed


def train(model: Sequential, batches: Sequence[Samples], rng: np.random.Generator | None = None) -> Run:
    """Train a copy of a model, one step per batch, without dropout and with a new optimizer state.

    With `rng`, every result is perturbed by about its rounding error.
    """
    clone = without_dropout(model.clone())
    trainer, plan = clone.trainer, Plan(clone.leaf_layers, clone.engine, fuse=False)
    if rng is not None:
        logits = getattr(trainer.loss, "from_logits", False)
        plan, trainer.plan = perturbed_plan(plan, rng), perturbed_plan(trainer.plan, rng, logits)
        trainer.optimizer = perturbed_rates(trainer.optimizer, trainer.dtype, rng)
    encoded = [
        (as_input(batch.x, trainer.dtype), trainer.loss.encode(batch.y, trainer.output_shape, trainer.dtype))
        for batch in batches
    ]
    outputs = layer_outputs(plan, encoded[0][0])
    loss, gradients = loss_and_gradients(trainer, *encoded[0], training=True)
    if rng is not None:  # the mean over the batch is a sum, too
        terms = len(batches[0].x)
        loss = float(perturbed(np.array(loss, trainer.dtype), rng, (1 + terms**0.5) / 2 * loss))
    weights = []
    for x, targets in encoded:
        train_step(trainer, x, targets)
        if rng is not None:
            for array in trainer.parameters:
                array[...] = perturbed(array, rng)
        weights.append([array.copy() for layer in clone.layers if layer.trainable for array in layer.weights])
    return Run(outputs, loss, gradients, weights)


def compared_runs(
    model: Sequential, batches: Sequence[Samples], theirs: Run
) -> list[tuple[Row, FirstDifference | None]]:
    """Compare our run with theirs, array by array, with tolerances from perturbed runs.

    A single perturbed run may cross a kink or not, and may move a single value, such as the loss, by little or much.
    Therefore further runs are made while there is a difference.
    """
    places, ours = zip(*train(model, batches).arrays(model), strict=True)
    others = [array for _, array in theirs.arrays(model)]
    limits = np.finfo(model.dtype)
    largest = np.array([abs(array.astype(np.float64)).max() for array in ours])
    moved, compared = np.zeros(len(ours)), []
    for run in range(1, MOST_RUNS + 1):
        perturbed = train(model, batches, np.random.default_rng(run)).arrays(model)
        moved = np.maximum(moved, [differences(one, two).max() for one, (_, two) in zip(ours, perturbed, strict=True)])
        if run < LEAST_RUNS:
            continue
        tolerances = (SAFETY * moved + LAST_DIGITS * limits.eps / 2 * largest + limits.tiny).tolist()
        compared = [compare(*each) for each in zip(places, ours, others, tolerances, strict=True)]
        if all(row.agrees for row, _ in compared):
            break
    return compared
