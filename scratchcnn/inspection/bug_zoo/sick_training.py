"""Losses and optimizers with a mistake in them."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers import Adam, State
from scratchcnn.schedules import rate_at


class Missing1OverN(SparseCategoricalCrossentropy):
    """A mean loss whose gradient is that of the sum."""

    def backward(self, probabilities: Array, targets: Array, ops: Operations) -> Array:
        """probabilities - targets, not divided by N."""
        return super().backward(probabilities, targets, ops) * probabilities.dtype.type(len(targets))


class SoftmaxWithoutMax(SparseCategoricalCrossentropy):
    """A loss whose softmax does not take the largest logit off first."""

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        """exp(z) / sum of exp(z), and its logarithm."""
        if not self.from_logits:
            return super().forward(outputs, targets, ops)
        with np.errstate(all="ignore"):
            exponentials = np.exp(outputs)
            probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
            chosen = (probabilities * targets).sum(axis=1)
            return -np.log(chosen), probabilities


class AdamWithoutBiasCorrection(Adam):
    """An Adam that takes m and v as they are, though both began at zero."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """parameter -= rate * m / (sqrt(v) + epsilon)."""
        step = state.iterations + 1
        correction = (1 - self.beta_2**step) ** 0.5 / (1 - self.beta_1**step)
        plain = copy.copy(self)
        plain.learning_rate = rate_at(self.learning_rate, state.iterations) / correction
        return Adam.step(plain, parameters, gradients, state, ops)


class Uphill(Adam):
    """An Adam that adds where it should subtract."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """parameter += rate * m / (sqrt(v) + epsilon)."""
        return super().step(parameters, [-gradient for gradient in gradients], state, ops)
