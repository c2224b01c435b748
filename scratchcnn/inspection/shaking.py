"""How far rounding may move the numbers of a training run: found by shaking the run itself.

A computer rounds every product and every sum, so two right programs differ a little, and the question is how little is
little enough. One layer can be answered by a formula; but a whole run cannot: a ReLU whose sum is nearly zero may open
on one side only, two pixels that are nearly equal may each win their pool, and Adam divides by gradients that may be
nothing but rounding. So the run is done again a few times, with the operands of every layer (what comes in, the
parameters, the gradient that comes back) and its results changed at random, by about as much as rounding can change
what the layer makes of it. How far the numbers move is what rounding can do. This is Monte Carlo arithmetic.

A sum of n products, rounded on the way, is the exact sum of products of which each is changed by at most n * u, with u
the unit of rounding (half of eps; Higham 2002, "Accuracy and stability of numerical algorithms", section 3.1). As
roundings go up and down by chance, sqrt(n) * u is hardly ever passed (Higham & Mary 2019, "A new approach to
probabilistic rounding error analysis"), and half of it is about what a sum taken term by term comes to: by so much the
operands are changed here, each by chance, which tells of sums that cancel; and so is the result, which tells of sums
that do not, where the changes of the operands would cancel instead. Three things are rounded otherwise:

- A Winograd convolution adds up the pixels of a whole patch, and takes them apart again. Its roundings are those of the
  largest number of the patch, times a factor that its matrices tell; so a pixel that is zero may come out as a little
  more than zero, and open a ReLU.
- Equal logits are rounded alike, so the roundings of the softmax add up over a batch.
- Adam corrects by 1 - beta**t. Where beta**t is rounded to float32, as in Keras, hardly three digits are left of the
  first 1 - 0.999.

Parker 1997, "Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic".
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.kernels.conv2d.toom_cook import Transforms
from scratchcnn.kernels.conv2d.winograd_tiles import F2, F4
from scratchcnn.layers import Conv2D, Dense, Layer
from scratchcnn.layers.base import Cache, Gradients
from scratchcnn.losses import CategoricalCrossentropy, Loss
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers import Adam, Optimizer
from scratchcnn.schedules import rate_at

STRENGTH = 0.5  # times sqrt(n) * u
SOFTMAX = 4.0  # units of rounding in a probability: of an exponential, a sum and a quotient
PATCH = 5  # how far apart two pixels of a Winograd patch may be, in either direction


class Shaken(Layer):
    """A layer whose operands are changed a little at each pass, forward and backward; it shares its parameters.

    Parameters
    ----------
    layer : Layer
        Built.
    rng : numpy.random.Generator
    """

    def __init__(self, layer: Layer, rng: np.random.Generator) -> None:
        super().__init__(name=layer.name)
        self.layer, self.rng = layer, rng
        self.params, self.input_shape, self.output_shape = layer.params, layer.input_shape, layer.output_shape

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Cache]:
        """What the layer makes of operands that are changed; the cache goes with the layer that made it."""
        factor = amplification(self.layer)
        strength = math.sqrt(terms_forward(self.layer)) * factor
        shaken = copy.copy(self.layer)
        shaken.params = {name: shake(array, strength, self.rng) for name, array in self.params.items()}
        scale = None if factor == 1 else largest_around(x)
        y, cache = shaken.forward(shake(x, strength, self.rng, scale), ops, training, rng)
        return shake(y, strength, self.rng), (shaken, cache)

    def backward(
        self, dy: Array, cache: Cache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """The layer's gradients, from a gradient that is changed."""
        shaken, inner = cache
        strength = math.sqrt(terms_backward(self.layer, len(dy))) * amplification(self.layer)
        dx, gradients = shaken.backward(shake(dy, strength, self.rng), inner, ops, input_gradient)
        gradients = {name: shake(array, strength, self.rng) for name, array in gradients.items()}
        return None if dx is None else shake(dx, strength, self.rng), gradients


class ShakenLoss(CategoricalCrossentropy):
    """A loss whose probabilities are changed by about their last digit before its gradient is taken.

    Parameters
    ----------
    loss : Loss
    rng : numpy.random.Generator
    """

    def __init__(self, loss: Loss, rng: np.random.Generator) -> None:
        super().__init__(loss.from_logits)
        self.loss, self.rng = loss, rng

    def encode(self, y: Array, classes: int, dtype: np.dtype[np.floating]) -> Array:
        """As the loss."""
        return self.loss.encode(y, classes, dtype)

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        """As the loss."""
        return self.loss.forward(shake(outputs, 1, self.rng), targets, ops)

    def backward(self, probabilities: Array, targets: Array, ops: Operations) -> Array:
        """As the loss, of probabilities that are changed: all of one class alike, as equal logits are rounded alike."""
        unit = np.finfo(probabilities.dtype).eps / 2
        alike = 1 + self.rng.choice([-1, 1], (1, targets.shape[-1])) * SOFTMAX * unit
        changed = shake((probabilities * alike).astype(probabilities.dtype), math.sqrt(targets.shape[-1]), self.rng)
        return self.loss.backward(changed, targets, ops)


def shaken_rates(optimizer: Optimizer, dtype: np.dtype[np.floating], rng: np.random.Generator) -> Optimizer:
    """A copy of an optimizer whose learning rate is changed, each step, by what the correction of Adam may lose."""
    unit = np.finfo(dtype).eps / 2
    betas = [getattr(optimizer, name) for name in ("beta_1", "beta_2") if isinstance(optimizer, Adam)]

    def rate(steps: int) -> float:
        kept = [(steps + 1) * beta ** (steps + 1) / (1 - beta ** (steps + 1)) for beta in betas]
        return rate_at(optimizer.learning_rate, steps) * (1 + rng.choice([-1, 1]) * (2 + sum(kept)) * unit)

    twin = copy.copy(optimizer)
    twin.learning_rate = rate
    return twin


def shake(array: Array, strength: float, rng: np.random.Generator, scale: Array | None = None) -> Array:
    """The numbers, each changed by at most STRENGTH * strength units of rounding of itself, or of `scale`."""
    unit = np.finfo(array.dtype).eps / 2
    share = rng.uniform(-1, 1, array.shape) * (STRENGTH * strength * unit)
    return (array + share * (array if scale is None else scale)).astype(array.dtype)


def largest_around(images: Array) -> Array:
    """The largest magnitude that shares a Winograd patch with each pixel, in any channel: (N, H, W, 1)."""
    largest = abs(images).max(axis=-1, keepdims=True)
    for axis in (1, 2):
        near = np.pad(largest, [(PATCH, PATCH) if each == axis else (0, 0) for each in range(4)])
        largest = sliding_window_view(near, 2 * PATCH + 1, axis=axis).max(axis=-1)
    return largest


def terms_forward(layer: Layer) -> int:
    """Products in one of the sums of a layer's forward pass; 1 if it has no sums."""
    if isinstance(layer, Conv2D):  # Winograd's sums are those over the channels; the rest is its factor
        return math.prod(layer.params["kernel"].shape[2 if amplification(layer) > 1 else 0 : 3]) + 1
    return layer.params["kernel"].shape[0] + 1 if isinstance(layer, Dense) else 1


def terms_backward(layer: Layer, batch: int) -> int:
    """Products in the longest sum of a layer's backward pass, for a batch of so many; 1 if it has no sums."""
    if isinstance(layer, Conv2D):
        assert layer.output_shape is not None
        by_kernel = batch * math.prod(layer.output_shape[:2])
        return max(by_kernel, math.prod(layer.kernel_size) * layer.filters)
    return max(batch, layer.params["kernel"].shape[1]) if isinstance(layer, Dense) else 1


def amplification(layer: Layer) -> float:
    """How much more a rounding counts than in a plain sum: 1, but for Winograd convolutions."""
    choice: Any = layer.algorithm if isinstance(layer, Conv2D) else None
    used = () if choice is None else (choice.forward, choice.kernel_gradient, choice.input_gradient)
    known = {"winograd_2x2": F2, "winograd_4x4": F4}
    return max((winograd_amplification(known[name]) for name in used if name in known), default=1.0)


def winograd_amplification(matrices: Transforms) -> float:
    """How much larger, for random numbers, what a Winograd convolution sums is than what the plain sum does.

    Both as the root of the mean square. Along one axis y = A [(G g) * (B d)], so output i sums
    A[i, j]**2 |G[j]|**2 |B[j]|**2 over j, where the plain sum has one for each of its weights; two axes square the root
    of the quotient.
    """
    a, g, b = (np.square(matrix) for matrix in map(np.array, matrices))
    return float((a @ (g.sum(axis=1) * b.sum(axis=1))).max() / g.shape[1])
