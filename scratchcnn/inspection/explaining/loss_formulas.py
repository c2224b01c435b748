"""The terms of the gradient of the loss w.r.t. the model's last output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.inspection.explaining.forward_formulas import Position, magnitude_of, ones_inside
from scratchcnn.inspection.explaining.rounding import sum_bound
from scratchcnn.inspection.explaining.terms import Terms, every_position
from scratchcnn.losses import CategoricalCrossentropy, Loss
from scratchcnn.operands import Array
from scratchcnn.reference.cross_entropy import CLIP

if TYPE_CHECKING:
    from scratchcnn.inspection.tracing.trace import Trace


def loss_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of the gradient of the mean loss w.r.t. the model's last output."""
    loss = _known(trace.loss_function)
    return softmax_loss_terms(trace, position) if loss.from_logits else _probability_terms(trace, position)


def softmax_loss_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of the gradient w.r.t. a logit: (probability - target) / N."""
    _known(trace.loss_function)
    targets, j = _targets(trace)[position[0]], position[1]
    count, total = len(trace.x), float(targets.sum(dtype=np.float64))
    inputs = np.array([trace.probabilities[position], targets[j]])
    weights = np.array([total / count, -1 / count])
    notes = (
        "Softmax and cross-entropy together have this gradient: what the model says, less what is right, divided by "
        f"the {count} sample{'s' * (count != 1)} of the batch.",
    )
    return Terms(
        "dz = (probability - target) / N", inputs, weights, np.array([position, position]), ones_inside(inputs),
        "probabilities, targets", "1 / N, -1 / N", ("",), 0.0,
        sum_bound(magnitude_of(inputs, weights), targets.size + 1, inputs.dtype), notes,
    )  # fmt: skip


def _probability_terms(trace: Trace, position: Position) -> Terms:
    """dp_j = (dq_j - sum over i of dq_i * q_i) / total, where q = p / total and dq = - target / (q * N)."""
    (sample, j), targets = position, _targets(trace)[position[0]]
    outputs = trace.layers[-1].output[sample]
    total = outputs.sum(dtype=outputs.dtype)
    q = outputs / total
    inside = (q >= CLIP) & (q <= 1 - CLIP)
    dq = np.where(inside, -targets / np.where(inside, q, 1) / len(trace.x), 0).astype(outputs.dtype)
    weights = ((np.arange(q.size) == j) - q.astype(np.float64)) / float(total)
    size = (abs(float(dq[j])) + magnitude_of(dq, q)) / abs(float(total))
    notes = () if inside.all() else (f"Shares outside {CLIP:g} to 1 - {CLIP:g} are clipped and send nothing.",)
    return Terms(
        "dp[j] = sum over i of dq[i] * ([i = j] - q[i]) / total, dq = - target / (q N)", dq, weights,
        every_position(q.shape, (sample,)), ones_inside(dq), "targets", "([i = j] - q[i]) / total", ("unit",), 0.0,
        float(np.finfo(q.dtype).eps) * (4 * q.size + 12) * size, notes,
    )  # fmt: skip


def _targets(trace: Trace) -> Array:
    assert trace.targets is not None
    return trace.targets


def _known(loss: Loss | None) -> CategoricalCrossentropy:
    if not isinstance(loss, CategoricalCrossentropy) or type(loss).backward is not CategoricalCrossentropy.backward:
        raise ValueError(
            f"Expected one of the package's losses, received {type(loss).__name__}, whose formula is not known; ask "
            "for 'd_input' of the last layer instead."
        )
    return loss
