"""The terms of a gradient w.r.t. an output of the model, which the loss computes."""

from __future__ import annotations

import numpy as np

from scratchcnn.descriptions.rounding import magnitude_of, sum_bound
from scratchcnn.descriptions.terms import Position, Terms, grid
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError
from scratchcnn.operands import Array
from scratchcnn.reference.losses.cross_entropy import CLIP


def loss_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of the gradient of the mean loss w.r.t. an output or a logit.

    Raises
    ------
    ValueError
        The loss, or its backward pass, is not one of this package.
    """
    loss = trace.loss_function
    if isinstance(loss, CategoricalCrossentropy) and type(loss).backward is CategoricalCrossentropy.backward:
        return (_softmax_logit_terms if loss.from_logits else _class_probability_terms)(trace, position)
    if isinstance(loss, BinaryCrossentropy) and type(loss).backward is BinaryCrossentropy.backward:
        return _binary_terms(trace, loss, position)
    if isinstance(loss, MeanSquaredError) and type(loss).backward is MeanSquaredError.backward:
        return _squared_error_terms(trace, position)
    raise ValueError(
        f"Expected a loss of scratchcnn, received {type(loss).__name__}, whose formula is not known; explain "
        "'d_input' of the last layer instead."
    )


def _softmax_logit_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of the gradient w.r.t. a logit: (probability - target) / N."""
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


def _class_probability_terms(trace: Trace, position: Position) -> Terms:
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


def _binary_terms(trace: Trace, loss: BinaryCrossentropy, position: Position) -> Terms:
    """Return the terms of (p - t) / (N * J), or of (p - t) / (p * (1 - p) * N * J) w.r.t. a probability."""
    assert trace.targets is not None
    target, p = trace.targets[position], trace.probabilities[position]
    real, smoothing = target.dtype.type, loss.label_smoothing
    smoothed = target * real(1 - smoothing) + real(smoothing / 2) if smoothing else target
    note = f"The target {float(target):g} is smoothed to {float(smoothed):.6g}." if smoothing else ""
    factor = 1 / trace.targets.size
    if loss.from_logits:
        notes = ("The gradient of sigmoid and cross-entropy together, averaged over outputs and samples.",)
        return _difference("dz = (probability - target) / (N * J)", p, smoothed, factor, position, 3, (*notes, note))
    inside = bool(CLIP <= p <= 1 - CLIP)
    clipped = "" if inside else f"Probabilities below {CLIP:g} or above 1 - {CLIP:g} are clipped: the gradient is zero."
    factor = factor / (float(p) * (1 - float(p))) if inside else 0.0
    formula = "dp = (probability - target) / (probability * (1 - probability) * N * J)"
    # 1 - p is rounded to a multiple of the unit roundoff, which counts where p is nearly 1.
    roundings = 6 + (int(1 / (1 - float(p))) if inside else 0)
    return _difference(formula, p, smoothed, factor, position, roundings, (note, clipped))


def _squared_error_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of 2 * (y - t) / (N * J)."""
    assert trace.targets is not None
    values = trace.probabilities[position], trace.targets[position]
    notes = ("The gradient of the squared error, averaged over outputs and samples.",)
    return _difference(
        "dy = 2 * (output - target) / (N * J)", *values, 2 / trace.targets.size, position, 3, notes, "outputs, targets"
    )


def _difference(
    formula: str, output: Array, target: Array, factor: float, position: Position, roundings: int,
    notes: tuple[str, ...], names: str = "probabilities, targets",
) -> Terms:  # fmt: skip
    """Return the terms of (output - target) * factor."""
    inputs, weights = np.array([output, target]), np.array([factor, -factor])
    bound = sum_bound(magnitude_of(inputs, weights), roundings, inputs.dtype)
    return Terms(
        formula, inputs, weights, np.array([position, position]), np.ones(2, bool), names, "factor", ("",),
        0.0, bound, tuple(filter(None, notes)),
    )  # fmt: skip
