"""Trainer: everything that a training step needs, gathered from a compiled model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.kernels.runtime.workspace import Workspace
from scratchcnn.layers import Layer
from scratchcnn.losses import Loss
from scratchcnn.metrics import Metric
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations
from scratchcnn.optimizers import Optimizer, State
from scratchcnn.training.data import Samples, as_input


@dataclass
class Trainer:
    """Everything that a training step needs, gathered from a compiled model.

    Attributes
    ----------
    plan : Plan
        The stages of the model's layers; a final softmax or sigmoid is part of the loss (`training.logits_loss`).
    loss, metrics, optimizer, optimizer_state
    dtype : float32 or float64
    shuffle_rng, dropout_rng : numpy.random.Generator
        The random generators for the order of the samples and for dropout masks.
    workspace : Workspace
        Memory that is reused from step to step.
    """

    plan: Plan
    loss: Loss
    metrics: list[Metric]
    optimizer: Optimizer
    optimizer_state: State
    dtype: np.dtype[np.floating]
    shuffle_rng: np.random.Generator
    dropout_rng: np.random.Generator
    workspace: Workspace = field(default_factory=Workspace)

    @property
    def layers(self) -> list[Layer]:
        """The layers of the plan."""
        return self.plan.layers

    @property
    def ops(self) -> Operations:
        """The primitive operations of the model's engine."""
        return self.plan.ops

    @property
    def parameters(self) -> list[Array]:
        """The parameters that the optimizer updates, in layer order."""
        return trainable_parameters(self.layers)

    @property
    def output_shape(self) -> Shape:
        """Shape of one output of the model."""
        shape = self.layers[-1].output_shape
        assert shape is not None
        return shape

    def encoded(self, batch: Samples) -> tuple[Array, Array]:
        """Return a checked batch as a training step takes it: images (N, *input_shape) and encoded targets."""
        targets = self.loss.encode(batch.y, self.output_shape, self.dtype)
        return as_input(batch.x, self.dtype), targets


def trainable_parameters(layers: Sequence[Layer]) -> list[Array]:
    """Return the parameters that the optimizer updates, in layer order: neither frozen ones nor statistics."""
    return [array for layer in layers for array in layer.trainable_weights]


def carried_over(before: State, old: Sequence[Array], new: Sequence[Array], fresh: State) -> State:
    """Return the optimizer state for parameters of which some were frozen or unfrozen.

    The step count and the arrays of each parameter that was trained before are kept; the others start from zero.

    Parameters
    ----------
    before : State
        The state for `old`.
    old, new : sequences of arrays
        The trainable parameters before and after the change.
    fresh : State
        The initial state for `new`.
    """
    slots = {id(parameter): arrays for parameter, arrays in zip(old, before.slots, strict=True)}
    kept = [slots.get(id(parameter), zeros) for parameter, zeros in zip(new, fresh.slots, strict=True)]
    return State(before.iterations, kept)
