"""The terms of the gradient of the loss w.r.t. the model's last output."""

from __future__ import annotations

import numpy as np

from scratchcnn.descriptions.rounding import magnitude_of, sum_bound
from scratchcnn.descriptions.terms import Position, Terms, grid
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.losses import CategoricalCrossentropy, Loss
from scratchcnn.reference.cross_entropy import CLIP


def loss_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of the gradient of the mean loss w.r.t. the model's last output."""
    loss = _known(trace.loss_function)
    return softmax_loss_terms(trace, position) if loss.from_logits else _probability_terms(trace, position)


def softmax_loss_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of the gradient w.r.t. a logit: (probability - target) / N."""
    _known(trace.loss_function)
    assert trace.targets is not None
    targets, j, count = trace.targets[position[0]], position[1], len(trace.x)
    inputs = np.array([trace.probabilities[position], targets[j]])
    weights = np.array([float(targets.sum(dtype=np.float64)) / count, -1 / count])
    notes = ("The gradient of softmax and cross-entropy together, averaged over the samples of the batch.",)
    bound = sum_bound(magnitude_of(inputs, weights), targets.size + 1, inputs.dtype)
    return Terms(
        "dz = (probability - target) / N", inputs, weights, np.array([position, position]), np.ones(2, bool),
        "probabilities, targets", "1 / N, -1 / N", ("",), 0.0, bound, notes,
    )  # fmt: skip


def _probability_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of dp[j] = (dq[j] - sum over i of dq[i] * q[i]) / total, where q = p / total."""
    assert trace.targets is not None
    (sample, j), targets = position, trace.targets[position[0]]
    outputs = trace.layers[-1].output[sample]
    total = outputs.sum(dtype=outputs.dtype)
    q = outputs / total
    inside = (q >= CLIP) & (q <= 1 - CLIP)
    dq = np.where(inside, -targets / np.where(inside, q, 1) / len(trace.x), 0).astype(outputs.dtype)
    weights = ((np.arange(q.size) == j) - q.astype(np.float64)) / float(total)
    size = (abs(float(dq[j])) + magnitude_of(dq, q)) / abs(float(total))
    clipped = f"Probabilities outside of {CLIP:g} to 1 - {CLIP:g} are clipped, and their gradient is zero."
    return Terms(
        "dp[j] = sum over i of dq[i] * ([i = j] - q[i]) / total, dq[i] = -target[i] / (q[i] * N)", dq, weights,
        grid(sample, np.arange(q.size)), np.ones(q.shape, bool), "dq", "([i = j] - q[i]) / total", ("unit",), 0.0,
        float(np.finfo(q.dtype).eps) * (4 * q.size + 12) * size, () if inside.all() else (clipped,),
    )  # fmt: skip


def _known(loss: Loss | None) -> CategoricalCrossentropy:
    if not isinstance(loss, CategoricalCrossentropy) or type(loss).backward is not CategoricalCrossentropy.backward:
        raise ValueError(
            f"Expected a loss of scratchcnn, received {type(loss).__name__}, whose formula is not known; explain "
            "'d_input' of the last layer instead."
        )
    return loss
