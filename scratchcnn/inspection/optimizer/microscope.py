"""OptimizerMicroscope: a callback that records one weight, its gradient and its optimizer state in every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.callbacks.base import Logs
from scratchcnn.configs import Configured
from scratchcnn.inspection.arguments import built_model, find_layer, position_in
from scratchcnn.inspection.optimizer.watching import Observed, Watcher
from scratchcnn.inspection.optimizer.weight_history import WeightHistory
from scratchcnn.names import look_up
from scratchcnn.optimizers import SGD, Adam
from scratchcnn.schedules import rate_at
from scratchcnn.sequential import Sequential


class _Step(NamedTuple):
    number: int
    rate: float
    gradient: Any
    before: Any
    slots_before: list[Any]
    after: Any = None
    slots: Sequence[Any] = ()


class OptimizerMicroscope(Watcher):
    """A callback that follows one weight through `fit`.

        microscope = OptimizerMicroscope(model, "dense", "kernel", (3, 7))
        model.fit(x, y, callbacks=[microscope])
        print(microscope.result)

    Parameters
    ----------
    model : Sequential
        Built.
    layer : str, int or Layer
    parameter : str
        'kernel' or 'bias', or the name of a custom layer's parameter.
    position : int or tuple of int
        Index of the element.

    Raises
    ------
    ValueError, TypeError
        The model is not built; there is no such layer or parameter; or the position is outside its shape.

    References
    ----------
    Kingma & Ba 2015, arXiv 1412.6980, algorithm 1: g, m, v, m_hat, v_hat and the update.
    """

    def __init__(self, model: Sequential, layer: object, parameter: str, position: int | Sequence[int]) -> None:
        super().__init__()
        chosen = find_layer(built_model(model, "an optimizer microscope"), layer)
        if not chosen.params:
            raise ValueError(f"Expected a layer with parameters, received {chosen.label}; choose a Dense or Conv2D.")
        array = look_up(f"parameter of {chosen.label}", parameter, chosen.params)
        self.layer, self.parameter = str(chosen.name), parameter
        self.position = position_in(position, array.shape)
        self._watched, self._index = model, 0  # of the parameter among the trainable ones
        self._steps_seen: list[_Step] = []
        self._current: _Step | None = None
        self._optimizer: object = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check the model, and that the layer is trainable; a second `fit` continues the same record."""
        if self.model is not self._watched:
            raise ValueError(
                "Expected fit of the model that this microscope was made for, received another model; make a "
                "microscope for it."
            )
        named = [(each.name, name) for each in self.model.layers if each.trainable for name in each.params]
        if (self.layer, self.parameter) not in named:
            raise ValueError(f"Expected layer {self.layer!r} to be trained, received a frozen one; set trainable=True.")
        self._index = named.index((self.layer, self.parameter))
        super().on_train_begin(logs)

    def before_step(self, observed: Observed) -> None:
        """Record gradient, weight and optimizer state before the step."""
        self._optimizer, state = observed.optimizer, observed.state
        self._current = _Step(
            state.iterations + 1, rate_at(observed.optimizer.learning_rate, state.iterations),
            observed.gradients[self._index][self.position], *self._weight_and_state(observed),
        )  # fmt: skip

    def after_step(self, observed: Observed) -> None:
        """Record weight and optimizer state after the step."""
        assert self._current is not None
        after, slots = self._weight_and_state(observed)
        self._steps_seen.append(self._current._replace(after=after, slots=slots))

    def _weight_and_state(self, observed: Observed) -> tuple[Any, list[Any]]:
        slots = observed.state.slots[self._index]
        return observed.parameters[self._index][self.position], [slot[self.position] for slot in slots]

    @property
    def result(self) -> WeightHistory:
        """The record so far."""
        seen, dtype, optimizer = self._steps_seen, self._watched.dtype, self._optimizer
        names = _slot_names(optimizer, len(seen[0].slots)) if seen else []

        def values(field: str) -> Any:
            return np.array([getattr(step, field) for step in seen], dtype)

        def of_slots(field: str) -> dict[str, Any]:
            return {name: np.array([getattr(step, field)[i] for step in seen], dtype) for i, name in enumerate(names)}

        return WeightHistory(
            "" if optimizer is None else type(optimizer).__name__,
            optimizer.get_config() if isinstance(optimizer, Configured) else {},
            self.layer, self.parameter, self.position,
            np.array([step.number for step in seen], np.int64), np.array([step.rate for step in seen], np.float64),
            values("gradient"), values("before"), values("after"), of_slots("slots"), of_slots("slots_before"),
        )  # fmt: skip

    def __str__(self) -> str:
        return str(self.result)


def _slot_names(optimizer: object, count: int) -> list[str]:
    if isinstance(optimizer, Adam):
        return ["m", "v", "v_max"][:count]
    return ["velocity"] if isinstance(optimizer, SGD) else [f"slot_{number}" for number in range(count)]
