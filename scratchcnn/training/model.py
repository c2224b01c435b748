"""The public interface of a model: what the training loop, callbacks and storage may use of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.layers import Input, Layer
from scratchcnn.layers.row import LayerRow
from scratchcnn.losses import Loss
from scratchcnn.metrics import Metric
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations
from scratchcnn.optimizers import Optimizer, State
from scratchcnn.training.history import History
from scratchcnn.training.position import Position
from scratchcnn.training.sources import Source
from scratchcnn.training.trainer import Trainer


class Compiled(NamedTuple):
    """What `compile` set: the loss, the optimizer and the metrics."""

    loss: Loss
    optimizer: Optimizer
    metrics: list[Metric]


class Model(Protocol):
    """A model as tools see it; `scratchcnn.Sequential` implements and documents it."""

    name: str
    history: History | None
    stop_training: bool
    position: Position | None
    trainable: bool

    @property
    def layers(self) -> list[Layer | LayerRow]: ...
    @property
    def leaf_layers(self) -> list[Layer]: ...
    @property
    def leaf_names(self) -> list[str]: ...
    @property
    def engine(self) -> str: ...
    @property
    def dtype(self) -> np.dtype[np.floating]: ...
    @property
    def ops(self) -> Operations: ...
    @property
    def input_shape(self) -> tuple[int | None, ...] | None: ...
    @property
    def output_shape(self) -> tuple[int | None, ...] | None: ...
    @property
    def compiled(self) -> Compiled | None: ...
    @property
    def optimizer(self) -> Optimizer: ...
    @property
    def optimizer_state(self) -> State | None: ...
    @property
    def trainer(self) -> Trainer: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def generators(self) -> Mapping[str, np.random.Generator]: ...
    def add(self, layer: Layer | LayerRow | Input) -> None: ...
    def compile(self, optimizer: Any = ..., loss: Any = ..., metrics: Any = ...) -> None: ...
    def expect_built(self, what: str) -> Shape: ...
    def get_weights(self) -> list[Array]: ...
    def set_weights(self, weights: Sequence[Array]) -> None: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    def save_weights(self, path: str | PathLike[str]) -> None: ...
    def load_weights(self, path: str | PathLike[str]) -> None: ...


AnyModel = TypeVar("AnyModel", bound=Model)


Moment = Literal[
    "on_train_begin", "on_train_end", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_test_begin",
    "on_test_end", "on_test_batch_begin", "on_test_batch_end", "on_predict_begin", "on_predict_end",
    "on_predict_batch_begin", "on_predict_batch_end",
]  # fmt: skip


class Callbacks(Protocol):
    """What training, evaluation and prediction call between their steps; see `scratchcnn.callbacks.Callback`."""

    def begin(self, model: Model, params: dict[str, Any]) -> None: ...
    def set_data(self, training: Source, validation: Source | None) -> None: ...
    def call(self, method: Moment, *arguments: Any) -> None: ...
    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None: ...
    def on_non_finite_loss(self, batch: int, loss: float) -> bool: ...
