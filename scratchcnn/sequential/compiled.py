"""CompiledModel: a row of layers with an engine, a loss and an optimizer; the third part of `Sequential`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scratchcnn import losses, metrics, optimizers
from scratchcnn.fusion.plan import Plan
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.operations import engine as operations_of
from scratchcnn.sequential.current import Current
from scratchcnn.sequential.editing import EditableRow
from scratchcnn.training import History
from scratchcnn.training.data import Fitting, check_samples
from scratchcnn.training.model import Compiled
from scratchcnn.training.position import Position
from scratchcnn.training.trainer import Trainer


class CompiledModel(EditableRow, methods=True):
    """A row of layers, and how it is computed and trained.

    Parameters
    ----------
    name, dtype
        As for `LayerRow`.
    engine : {'kernels', 'reference'}
    generators : mapping of str to numpy.random.Generator
        'init', 'shuffle' and 'dropout'.
    """

    def __init__(
        self, name: str, dtype: np.dtype[np.floating], engine: str, generators: Mapping[str, np.random.Generator]
    ) -> None:
        super().__init__(name, dtype, generators["init"])
        operations_of(engine)  # raises for an unknown one
        self._engine, self._generators = engine, generators
        self._compiled: Compiled | None = None
        self._current = Current(engine)
        self.position: Position | None = None
        self.history: History | None = None
        self.stop_training = False

    def _layers_changed(self) -> None:
        """Reset the optimizer state."""
        self._current = Current(self._engine)

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "adam",
        loss: str | losses.Loss = "sparse_categorical_crossentropy",
        metrics: str | metrics.Metric | Sequence[str | metrics.Metric] | None = None,
    ) -> None:
        """Set how to train; resets the optimizer state.

        Parameters
        ----------
        optimizer : str or Optimizer
            'adam', 'adamw', 'sgd', 'rmsprop', 'adagrad', 'adadelta', or an object.
        loss : str or Loss
            'sparse_categorical_crossentropy' for class numbers, 'categorical_crossentropy' for one-hot rows,
            'binary_crossentropy' for yes or no, 'mse' for numbers; or an object, for example
            SparseCategoricalCrossentropy(from_logits=True).
        metrics : str or Metric, or a sequence of these; optional
            'accuracy', 'mse', 'mae', or an object.

        Raises
        ------
        ValueError
            There is no optimizer, loss or metric of that name. The model stays compiled as before.
        """
        chosen = _get_metrics(metrics)
        self._compiled = Compiled(losses.get(loss), optimizers.get(optimizer), chosen)
        self._current.discard_trainer()
        self.position = None

    @property
    def engine(self) -> str:
        """'kernels' or 'reference'."""
        return self._engine

    @property
    def ops(self) -> Operations:
        """The primitive operations of the engine: the package `kernels` or `reference`."""
        return operations_of(self._engine)

    @property
    def compiled(self) -> Compiled | None:
        """Loss, optimizer and metrics as set by `compile`; None before."""
        return self._compiled

    @property
    def metrics_names(self) -> list[str]:
        """Names of the values that `evaluate` returns: 'loss', and each metric's. RuntimeError before `compile`."""
        return ["loss", *(metric.name for metric in self.expect_compiled("its metrics").metrics)]

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimizer; its `learning_rate` may be set. RuntimeError before `compile`."""
        return self.expect_compiled("its optimizer").optimizer

    @property
    def optimizer_state(self) -> optimizers.State | None:
        """Step count, and arrays (moment estimates, velocity) of each trainable parameter; None before training.

        Parameters that were frozen since the last step have no state; those that were unfrozen start from zero.
        """
        return self._current.optimizer_state(self.leaf_layers, self._compiled)

    @property
    def generators(self) -> Mapping[str, np.random.Generator]:
        """The random generators: 'init' of the parameters, 'shuffle' of the samples, 'dropout' of the masks."""
        return self._generators

    @property
    def plan(self) -> Plan:
        """How the layers are computed: which are fused, and by which algorithms; `print(model.plan)` shows a table.

        It is updated whenever a layer was changed. ValueError if the shapes are not known yet.
        """
        self.expect_built("its plan")
        return self._current.plan(self.leaf_layers)

    @property
    def trainer(self) -> Trainer:
        """Everything that a training step needs, including the optimizer state.

        It is updated whenever a layer was changed, and keeps the optimizer state of the parameters that were trainable
        before. ValueError if the shapes are not known yet, RuntimeError before `compile`.
        """
        self.expect_built("training")
        compiled = self.expect_compiled("training")
        return self._current.trainer(self.leaf_layers, compiled, self._dtype, self._generators)

    def checked_batch(self, x: object, y: object, what: str) -> tuple[Array, Array]:
        """Return a batch as a training step takes it: images (N, *input_shape) and encoded targets.

        Raises
        ------
        RuntimeError
            `compile` was not called; `what` names the caller in the message.
        ValueError, TypeError
            The shapes are not known yet, or the data do not fit.
        """
        samples = check_samples(x, y, self._fitting(what))
        return self.trainer.encoded(samples)

    def expect_compiled(self, what: str) -> Compiled:
        """Return `compiled`; RuntimeError before `compile`. `what` names the caller in the message."""
        if self._compiled is None:
            raise RuntimeError(
                f"Expected a compiled model for {what}: call model.compile(loss='sparse_categorical_crossentropy', "
                f"optimizer='adam', metrics=['accuracy']) first."
            )
        return self._compiled

    def _fitting(self, what: str) -> Fitting:
        """Return what data must fit; RuntimeError before `compile`, ValueError if the shapes are not known."""
        loss, input_shape = self.expect_compiled(what).loss, self.expect_built(what)
        assert self._output_shape is not None
        return Fitting(input_shape, self._output_shape, self._dtype, loss)


_get_metrics = metrics.get_all  # `compile` has an argument of that name
