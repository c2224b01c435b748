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

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.keras.perturbed_stages import perturbed, perturbed_plan
from scratchcnn.inspection.keras.side_by_side import FirstDifference, Row, Run, compare, differences
from scratchcnn.inspection.tracing.passes import layer_outputs, without_dropout
from scratchcnn.optimizers import Adam, Optimizer
from scratchcnn.schedules import rate_at
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Samples, as_input
from scratchcnn.training.penalties import penalized
from scratchcnn.training.step import loss_and_gradients, train_step
from scratchcnn.training.trainer import Trainer

LEAST_RUNS, MOST_RUNS = 4, 32  # more than the least only where they leave a difference unexplained
SAFETY = 2.0  # times the largest movement, as both programs round
LAST_DIGITS = 4.0  # rounding errors of the largest value of an array, which are always allowed


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


def leave_kinks(trainer: Trainer, rng: np.random.Generator) -> None:
    """Move parameters that are zero and have an L1 penalty to a side of the kink of |w|, where its gradient jumps.

    Keras's gradient at the kink is 0 on TensorFlow and PyTorch, as ours, and l1 on JAX.
    """
    for parameter, regularizer in penalized(trainer.layers):
        if getattr(regularizer, "l1", 0):
            zero = parameter == 0
            parameter[zero] = rng.choice([-1, 1], int(zero.sum())) * np.finfo(parameter.dtype).tiny


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
        leave_kinks(trainer, rng)
    encoded = [
        (as_input(batch.x, trainer.dtype), trainer.loss.encode(batch.y, trainer.output_shape, trainer.dtype))
        for batch in batches
    ]
    outputs = layer_outputs(plan, encoded[0][0])
    loss, gradients = loss_and_gradients(trainer, *encoded[0], training=True)
    if rng is not None:  # the mean over the batch is a sum, too, and so is every penalty
        terms = max(len(batches[0].x), *(each.parameter.size for each in penalized(trainer.layers)), 0)
        loss = float(perturbed(np.array(loss, trainer.dtype), rng, (1 + terms**0.5) / 2 * loss))
    weights = []
    for x, targets in encoded:
        train_step(trainer, x, targets)
        if rng is not None:
            for array in trainer.parameters:
                array[...] = perturbed(array, rng)
        weights.append([array.copy() for layer in clone.leaf_layers if layer.trainable for array in layer.weights])
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
        again = train(model, batches, np.random.default_rng(run)).arrays(model)
        moved = np.maximum(moved, [differences(one, two).max() for one, (_, two) in zip(ours, again, strict=True)])
        if run < LEAST_RUNS:
            continue
        tolerances = (SAFETY * moved + LAST_DIGITS * limits.eps / 2 * largest + limits.tiny).tolist()
        compared = [compare(*each) for each in zip(places, ours, others, tolerances, strict=True)]
        if all(row.agrees for row, _ in compared):
            break
    return compared
