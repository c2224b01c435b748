"""Monte Carlo rounding perturbation: how far rounding errors may move the values of a training run.

Every product and every sum is rounded, so two correct programs differ slightly, and a comparison needs a tolerance. For
one layer there is a formula. For a whole run there is none: a ReLU whose input is nearly zero may be active in one
program only, one of two nearly equal pixels may be the maximum of a pooling window, and Adam divides by gradients that
may consist of rounding errors. Therefore the run is repeated a few times with the operands of every layer (its input,
its parameters, the gradient w.r.t. its output) and its results perturbed at random, by about as much as rounding can
change the results of the layer. The largest movement of a value estimates the effect of rounding on it. This is Monte
Carlo arithmetic.

A sum of n rounded products is the exact sum of products each of which is changed by at most a factor 1 + n * u, with u
the unit roundoff (half of eps; Higham 2002, "Accuracy and stability of numerical algorithms", section 3.1). As products
are rounded up and down at random, sqrt(n) * u is hardly ever exceeded (Higham & Mary 2019, "A new approach to
probabilistic rounding error analysis"), and a sum accumulated term by term comes to about half of it. By so much the
operands are perturbed, which accounts for sums that cancel, and so is the result, which accounts for sums in which the
perturbations of the operands cancel instead. Three things are rounded in another way:

- A Winograd convolution adds the pixels of a whole patch and separates them again. Its rounding errors are those of the
  largest element of the patch, times a factor that follows from its matrices.
- Equal logits are rounded alike, so the rounding errors of the softmax add up over a batch.
- Adam corrects by 1 - beta**t. Where beta**t is rounded to float32, as in Keras, hardly three digits remain of the
  first 1 - 0.999.

Parker 1997, "Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic".
"""

from __future__ import annotations

import copy
import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.algorithms import Choice
from scratchcnn.fusion.plan import Plan
from scratchcnn.fusion.stage import SingleLayer
from scratchcnn.inspection.tracing.passes import stages_of
from scratchcnn.kernels.conv2d.toom_cook import Transforms
from scratchcnn.kernels.conv2d.winograd_tiles import F2, F4
from scratchcnn.layers import Conv2D, Dense, Layer
from scratchcnn.layers.base import Cache, Gradients
from scratchcnn.losses import Loss
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations
from scratchcnn.optimizers import Adam, Optimizer
from scratchcnn.schedules import rate_at

STRENGTH = 0.5  # times sqrt(n) * u
SOFTMAX = 4.0  # units of rounding in a probability: of an exponential, a sum and a quotient
PATCH = 5  # how far apart two pixels of a Winograd patch may be, in either direction


class PerturbedStage:
    """A stage of one layer whose operands and results are perturbed in each pass, forward and backward.

    Parameters
    ----------
    stage : SingleLayer
    rng : numpy.random.Generator
    """

    def __init__(self, stage: SingleLayer, rng: np.random.Generator) -> None:
        self.stage, self.rng = stage, rng
        self.layers, self.choices = stage.layers, stage.choices
        self.amplification = amplification(stage.choices[0])

    def forward(
        self, x: Array, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, tuple[SingleLayer, Cache]]:
        """Compute the output for perturbed input and parameters; the cache belongs to the stage with these."""
        layer, factor = self.stage.layer, self.amplification
        strength = math.sqrt(terms_forward(layer, factor > 1)) * factor
        perturbed = copy.copy(layer)
        perturbed.params = {name: shake(array, strength, self.rng) for name, array in layer.params.items()}
        stage = SingleLayer(perturbed, self.stage.ops)
        scale = None if factor == 1 else largest_around(x)
        y, cache = stage.forward(shake(x, strength, self.rng, scale), training, rng)
        return shake(y, strength, self.rng), (stage, cache)

    def backward(
        self, dy: Array, cache: tuple[SingleLayer, Cache], input_gradient: bool = True
    ) -> tuple[Array | None, list[Gradients]]:
        """Compute the gradients for a perturbed output gradient, and perturb them."""
        stage, inner = cache
        strength = math.sqrt(terms_backward(stage.layer, len(dy))) * self.amplification
        dx, (gradients,) = stage.backward(shake(dy, strength, self.rng), inner, input_gradient)
        gradients = {name: shake(array, strength, self.rng) for name, array in gradients.items()}
        return None if dx is None else shake(dx, strength, self.rng), [gradients]


def perturbed_plan(plan: Plan, rng: np.random.Generator) -> Plan:
    """Return the plan of the same layers without fused stages, each stage perturbed."""
    perturbed = Plan(plan.layers, plan.engine, fuse=False)
    perturbed.stages = [PerturbedStage(stage, rng) for stage in stages_of(perturbed)]
    return perturbed


class PerturbedLoss(Loss):
    """A loss whose predictions are perturbed by about their last digit before its gradient is computed.

    Parameters
    ----------
    loss : Loss
    rng : numpy.random.Generator
    """

    def __init__(self, loss: Loss, rng: np.random.Generator) -> None:
        self.loss, self.rng = loss, rng

    def encode(self, y: Array, output_shape: Shape, dtype: np.dtype[np.floating]) -> Array:
        """Encode targets as the loss does."""
        return self.loss.encode(y, output_shape, dtype)

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        """Compute the loss of perturbed outputs."""
        return self.loss.forward(shake(outputs, 1, self.rng), targets, ops)

    def backward(self, predictions: Array, targets: Array, ops: Operations) -> Array:
        """Compute the gradient for perturbed predictions; each class shares a factor, as equal logits round alike."""
        unit = np.finfo(predictions.dtype).eps / 2
        alike = 1 + self.rng.choice([-1, 1], (1, targets.shape[-1])) * SOFTMAX * unit
        changed = shake((predictions * alike).astype(predictions.dtype), math.sqrt(targets.shape[-1]), self.rng)
        return self.loss.backward(changed, targets, ops)


def perturbed_rates(optimizer: Optimizer, dtype: np.dtype[np.floating], rng: np.random.Generator) -> Optimizer:
    """Return a copy of an optimizer whose learning rates are perturbed by the rounding of Adam's bias correction."""
    unit = np.finfo(dtype).eps / 2
    betas = [getattr(optimizer, name) for name in ("beta_1", "beta_2") if isinstance(optimizer, Adam)]

    def rate(steps: int) -> float:
        kept = [(steps + 1) * beta ** (steps + 1) / (1 - beta ** (steps + 1)) for beta in betas]
        return rate_at(optimizer.learning_rate, steps) * (1 + rng.choice([-1, 1]) * (2 + sum(kept)) * unit)

    twin = copy.copy(optimizer)
    twin.learning_rate = rate
    return twin


def shake(array: Array, strength: float, rng: np.random.Generator, scale: Array | None = None) -> Array:
    """Perturb each element by at most STRENGTH * strength units of rounding, of itself or of `scale`."""
    unit = np.finfo(array.dtype).eps / 2
    share = rng.uniform(-1, 1, array.shape) * (STRENGTH * strength * unit)
    return (array + share * (array if scale is None else scale)).astype(array.dtype)


def largest_around(images: Array) -> Array:
    """Return the largest magnitude that shares a Winograd patch with each pixel, in any channel: (N, H, W, 1)."""
    largest = abs(images).max(axis=-1, keepdims=True)
    for axis in (1, 2):
        near = np.pad(largest, [(PATCH, PATCH) if each == axis else (0, 0) for each in range(4)])
        largest = sliding_window_view(near, 2 * PATCH + 1, axis=axis).max(axis=-1)
    return largest


def terms_forward(layer: Layer, winograd: bool) -> int:
    """Return the number of products in one sum of a layer's forward pass; 1 if it has no sums."""
    if isinstance(layer, Conv2D):  # Winograd's sums are those over the channels; the rest is its amplification
        return math.prod(layer.params["kernel"].shape[2 if winograd else 0 : 3]) + 1
    return layer.params["kernel"].shape[0] + 1 if isinstance(layer, Dense) else 1


def terms_backward(layer: Layer, batch: int) -> int:
    """Return the number of products in the longest sum of a layer's backward pass; 1 if it has no sums."""
    if isinstance(layer, Conv2D):
        assert layer.output_shape is not None
        of_kernel = batch * math.prod(layer.output_shape[:2])
        return max(of_kernel, math.prod(layer.kernel_size) * layer.filters)
    return max(batch, layer.params["kernel"].shape[1]) if isinstance(layer, Dense) else 1


def amplification(choice: Choice | None) -> float:
    """Return how much larger rounding errors are than in a plain sum: 1, except for Winograd convolutions."""
    known = {"winograd_2x2": F2, "winograd_4x4": F4}
    used = () if choice is None else choice[:3]
    return max((winograd_amplification(known[name]) for name in used if name in known), default=1.0)


def winograd_amplification(matrices: Transforms) -> float:
    """How much larger, for random numbers, what a Winograd convolution sums is than what the plain sum does.

    Both as the root of the mean square. Along one axis y = A [(G g) * (B d)], so output i sums
    A[i, j]**2 |G[j]|**2 |B[j]|**2 over j, where the plain sum has one for each of its weights; two axes square the root
    of the quotient.
    """
    a, g, b = (np.square(matrix) for matrix in map(np.array, matrices))
    return float((a @ (g.sum(axis=1) * b.sum(axis=1))).max() / g.shape[1])
