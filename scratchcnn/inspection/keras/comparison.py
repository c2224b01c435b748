"""Comparison with Keras: outputs, gradients and training steps of the equivalent model, and the first difference."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.arguments import positive_integer
from scratchcnn.configs import Configured
from scratchcnn.display.blocks import Block, Group, Lines, Paragraph, Table, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.arguments import built_model, sample_shape
from scratchcnn.inspection.keras.equivalent import computing_in, keras_module, train_keras
from scratchcnn.inspection.keras.perturbation import LEAST_RUNS, MOST_RUNS, SAFETY, compared_runs
from scratchcnn.inspection.keras.side_by_side import HEADS, FirstDifference, Row, cells_of, shown
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Fitting, Samples, check_samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HOW = (
    "Same weights, same batches, new optimizer state; Dropout is off on both sides, since its random masks differ. "
    "relative: the largest difference divided by the largest value of the array. tolerance: what rounding may cause, "
    f"{SAFETY:g} times the largest movement of a value when training is repeated {LEAST_RUNS} to {MOST_RUNS} times "
    "with a random rounding error added to every sum (help(scratchcnn.inspection.keras.perturbation))."
)
LOOSE = (
    "loose: rounding alone may move these values by more than 1 % of the largest. Some input of a ReLU or a pooling "
    "window is so near to its kink that rounding decides, or Adam divides by a gradient that is nearly zero. A small "
    "error of the program would go unnoticed here; earlier rows are more conclusive."
)


@dataclass(frozen=True, eq=False, repr=False)
class KerasComparison(Displayed):
    """Result of `compare_with_keras`; `print` it, or `plot` it.

    Attributes
    ----------
    rows : tuple of Row
        In the order of computation: the output of every layer for the first batch, the loss, the gradient of every
        parameter (from the last layer to the first), every parameter after each step.
    first_difference : FirstDifference or None  the first value that differs by more than rounding, if any
    keras, backend, dtype, optimizer : str  Keras's version and backend, the dtype of both models, our optimizer
    batch_size, steps : int
    """

    rows: tuple[Row, ...]
    first_difference: FirstDifference | None
    keras: str
    backend: str
    dtype: str
    optimizer: str
    batch_size: int
    steps: int

    @property
    def agrees(self) -> bool:
        """Whether every difference is within its tolerance for rounding."""
        return self.first_difference is None

    def blocks(self) -> list[Block]:
        """Return the title, the table of arrays, and the first difference, if there is one."""
        title = (
            f"scratchcnn compared with Keras {self.keras} on {self.backend}: {self.steps} steps of {self.optimizer}, "
            f"batches of {self.batch_size}, {self.dtype}."
        )
        rows = Table(HEADS, cells_of(self.rows, self.steps), left=(0, 1, 2, 6))
        loose = [Paragraph(LOOSE)] if any(row.loose and row.agrees for row in self.rows) else []
        worst = max(self.rows, key=lambda row: row.share_of_tolerance)
        verdict = self.first_difference or (
            "No difference beyond rounding. Closest to its tolerance, at "
            f"{100 * worst.share_of_tolerance:.2g} % of it: {worst.place}."
        )
        return [Group(Title(title), Paragraph(HOW)), rows, *loose, Lines(str(verdict).splitlines())]

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the differences and tolerances of the arrays that the text lists; save to `to_file` if given."""
        from scratchcnn.inspection.keras.figure import plot_keras_comparison

        result = "no difference beyond rounding" if self.agrees else "red: more than rounding"
        title = f"scratchcnn compared with Keras on {self.backend}, {self.dtype}: {result}"
        return plot_keras_comparison(shown(self.rows, self.steps), title, to_file)


def compare_with_keras(
    model: Sequential, x: object, y: object, steps: int = 5, batch_size: int = 32, keras_model: Any = None
) -> KerasComparison:
    """Train a model and the equivalent Keras model, and find the first array in which they differ.

    Both get the same weights and the same batches, in order; after the last sample, the first follows again. Compared
    are the outputs of every layer (as `predict` computes them), loss and gradients for the first batch, and all weights
    after each step of the optimizer, including moving averages. The model is not changed: copies are trained.

    Parameters
    ----------
    model : Sequential
        Built and compiled.
    x, y : arrays, as for `fit`
    steps, batch_size : int
    keras_model : keras.Sequential, optional
        Your own Keras model, to find out where it differs. It needs as many layers, with weights of the same shapes; a
        copy of it gets our weights. If it is compiled, its optimizer and loss are used. Default: the equivalent model,
        made from the description of ours.

    Raises
    ------
    ImportError
        Keras or its backend is not installed; the message shows the command that installs it.
    RuntimeError
        The model is not compiled; or Keras's backend has no gradients, or no float64 where it is required.
    ValueError, TypeError
        The model is not built, the data do not fit, or Keras has no such layer, optimizer or loss.

    Notes
    -----
    Dropout is off on both sides (rate 0), since their random masks differ. Both optimizers start with a new state,
    because bias correction and epsilon have the largest effect in the first steps. Where ours computes the loss from
    logits, so does Keras's: from probabilities, it would clip them to 1e-7, with no gradient for confident predictions.

    `scratchcnn.inspection.keras.perturbation` derives the tolerance of each array. It does not cover GPUs that round to
    fewer digits than float32.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(3, activation="softmax", input_shape=(2,))], seed=0)
    >>> model.compile("adam")
    >>> compare_with_keras(model, np.eye(2), [0, 2], steps=2).agrees
    True
    """
    loss = built_model(model, "a comparison with Keras").expect_compiled("compare_with_keras").loss
    samples = check_samples(x, y, Fitting(sample_shape(model), model.trainer.output_shape, model.dtype, loss))
    steps, size = positive_integer("steps", steps), positive_integer("batch_size", batch_size)
    size = min(size, len(samples.x))
    chosen = [np.arange(step * size, (step + 1) * size) % len(samples.x) for step in range(steps)]
    batches = [Samples(samples.x[indices], samples.y[indices]) for indices in chosen]
    keras = keras_module()
    with computing_in(keras, model.dtype):
        theirs = train_keras(keras, model, batches, keras_model)
    compared = compared_runs(model, batches, theirs)
    return KerasComparison(
        tuple(row for row, _ in compared), next((found for _, found in compared if found), None),
        str(keras.__version__), str(keras.backend.backend()), model.dtype.name, _described(model.optimizer),
        size, steps,
    )  # fmt: skip


def _described(optimizer: object) -> str:
    """Return the call that makes an optimizer: its learning rate, and all arguments that differ from the defaults."""
    kind = type(optimizer)
    defaults = inspect.signature(kind).parameters
    shown = [
        f"{name}={type(value).__name__ if isinstance(value, Configured) else value}"
        for name, value in (optimizer.get_config() if isinstance(optimizer, Configured) else {}).items()
        if name == "learning_rate" or value != defaults[name].default
    ]
    return f"{kind.__name__}({', '.join(shown)})"
