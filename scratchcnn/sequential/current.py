"""Current: the plan and the trainer of a model, made when they are needed and again when its layers have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.optimizers import State
from scratchcnn.training.logits_loss import on_logits
from scratchcnn.training.model import Compiled
from scratchcnn.training.trainer import Trainer, carried_over, trainable_parameters


class Current:
    """The plan and the trainer of a model.

    Parameters
    ----------
    engine : {'kernels', 'reference'}
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._plan: Plan | None = None
        self._trainer: Trainer | None = None
        self._trained: tuple[Plan, list[Array]] | None = None  # plan and parameters for which the trainer was made

    def discard_trainer(self) -> None:
        """Discard the trainer, and the optimizer state with it."""
        self._trainer = None

    def plan(self, layers: Sequence[Layer]) -> Plan:
        """Return the plan of the layers."""
        if self._plan is None or not self._plan.fits(layers):
            self._plan = Plan(layers, self._engine)
        return self._plan

    def trainer(
        self,
        layers: Sequence[Layer],
        compiled: Compiled,
        dtype: np.dtype[np.floating],
        generators: Mapping[str, np.random.Generator],
    ) -> Trainer:
        """Return the trainer; it keeps the optimizer state of the parameters that were trainable before."""
        plan = self.plan(layers)
        if self._trainer is None or self._trained is None or self._trained[0] is not plan:
            trained_layers, loss = on_logits(layers, compiled.loss)
            trained = trainable_parameters(trained_layers)
            state = compiled.optimizer.start(trained)
            if self._trainer is not None and self._trained is not None:
                state = carried_over(self._trainer.optimizer_state, self._trained[1], trained, state)
            self._trainer = Trainer(
                Plan(trained_layers, self._engine), loss, compiled.metrics, compiled.optimizer, state, dtype,
                generators["shuffle"], generators["dropout"],
            )  # fmt: skip
            self._trained = plan, trained
        return self._trainer

    def optimizer_state(self, layers: Sequence[Layer], compiled: Compiled | None) -> State | None:
        """Return the optimizer state for the layers as they are now; documented at `Sequential.optimizer_state`."""
        if self._trainer is None or self._trained is None or compiled is None:
            return None
        state, (plan, trained) = self._trainer.optimizer_state, self._trained
        if plan.fits(layers):
            return state
        now_trained = trainable_parameters(layers)
        return carried_over(state, trained, now_trained, compiled.optimizer.start(now_trained))
