"""Passes and copies that several tools use: all layer outputs of a batch, and a model without dropout."""

from __future__ import annotations

from scratchcnn.fusion.plan import Plan
from scratchcnn.layers import Dropout
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.step import forward


def without_dropout(clone: Sequential) -> Sequential:
    """Set the rate of every Dropout of a clone to 0, and return the clone."""
    for layer in clone.layers:
        if isinstance(layer, Dropout):
            layer.rate = 0.0
    return clone


def layer_outputs(plan: Plan, x: Array) -> list[Array]:
    """Return the output of each layer for a batch, without dropout; the plan has no fused stages."""
    return [output for output, _ in forward(plan, x, training=False, rng=None)[1]]
