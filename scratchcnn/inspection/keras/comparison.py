"""Our model beside the same model in Keras: outputs, gradients and training steps, and the first place they part."""

from __future__ import annotations

import inspect
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.arguments import positive_integer
from scratchcnn.configs import Configured
from scratchcnn.inspection.arguments import built_model, sample_shape
from scratchcnn.inspection.keras.data import KerasComparisonData
from scratchcnn.inspection.keras.equivalent import (
    KerasTwin,
    computing_in,
    expect_alike,
    keras_module,
    made_in_keras,
    set_weights,
)
from scratchcnn.inspection.keras.side_by_side import (
    LOOSELY,
    parting_of,
    row_of,
    rows_told,
    share_of_tolerance,
    told,
    wide,
)
from scratchcnn.inspection.runs import Kept, our_run, perturbed_run
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Fitting, Samples, check_samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 110  # of the text above a table
PERTURBED_RUNS = 4
SAFETY = 4.0  # times the largest move of the shaken runs: both sides round, and few tries do not find the worst
LAST_DIGITS = 4.0  # units of rounding of the largest number, allowed in any case


@dataclass(frozen=True, eq=False)
class KerasComparison(KerasComparisonData):
    """What `compare_with_keras` found; `print` it, or `plot` it.

    Attributes
    ----------
    rows : tuple of Row
        In the order of computation: the output of every layer for the first batch, the loss, the gradient of every
        parameter (from the last layer to the first), every parameter after each step.
    parting : Parting or None
        The first place where the two differ by more than rounding; None if there is none.
    keras, backend, dtype, optimizer : str
        Keras's version, what it ran on, the dtype of all numbers, the optimizer of ours.
    batch_size, steps : int
    """

    def __str__(self) -> str:
        loose = [LOOSELY, ""] if any(row.loose and row.agrees for row in self.rows) else []
        return "\n".join([*self._head(), "", *rows_told(self.rows, self.steps), "", *loose, self._verdict()])

    def _head(self) -> list[str]:
        title = (
            f"scratchcnn beside Keras {self.keras} on {self.backend}: {self.steps} steps of {self.optimizer}, "
            f"batches of {self.batch_size}, {self.dtype}."
        )
        how = (
            "Same weights, same images. Dropout is off on both sides, as it drops other numbers on each. Both "
            "optimizers begin anew. relative: the largest difference by the largest number of the array. tolerance: "
            f"what rounding may do, {SAFETY:g} times the largest move of the numbers when our run is done "
            f"{PERTURBED_RUNS} times more with the operands and results of every layer changed by about as much as "
            "rounding changes them (help(scratchcnn.inspection.shaking) says how)."
        )
        return [*textwrap.wrap(title, WIDTH), *textwrap.wrap(how, WIDTH)]

    def _verdict(self) -> str:
        if self.parting is not None:
            return str(self.parting)
        worst = max(self.rows, key=share_of_tolerance)
        return (
            f"They part nowhere: rounding explains every difference. Nearest to its tolerance, with "
            f"{100 * share_of_tolerance(worst):.2g} % of it:\n{told(worst.place)}."
        )

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw differences beside tolerances: of outputs and gradients by layer, of weights over the steps.

        Parameters
        ----------
        to_file : path, optional
            A picture file to write.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from scratchcnn.inspection.keras.figure import plot_keras_comparison

        return plot_keras_comparison(self, to_file)


def compare_with_keras(
    model: Sequential, x: object, y: object, steps: int = 5, batch_size: int = 32, keras_model: Any = None
) -> KerasComparison:
    """Train a model and the equivalent Keras model, and find the first array in which they differ.

    Both get the same weights and the same batches, in order, from the beginning again when the data end. Compared are
    the outputs of every layer (as `predict` computes them), loss and gradients for the first batch, and all weights
    after each step of the optimizer. The model is not changed: copies are trained.

    Parameters
    ----------
    model : Sequential
        Built and compiled.
    x, y : arrays, as for `fit`
    steps, batch_size : int
    keras_model : keras.Sequential, optional
        One of your own, to find out where it differs; of as many layers, with weights of the same shapes, which it is
        given (a copy is: yours stays as it is). If it is compiled, its optimizer and its loss are used. Default: a
        model made from the description of ours.

    Returns
    -------
    KerasComparison

    Raises
    ------
    ImportError
        Keras or its backend is not installed; the message says how to install it.
    RuntimeError
        The model is not compiled; or Keras's backend has no gradients, or no float64 where it is required.
    ValueError, TypeError
        The model is not built, the data do not fit, or Keras has no such layer, optimizer or loss, which is named.

    Notes
    -----
    Dropout is off on both sides (rate 0), since their random numbers differ. Both optimizers start with a new state,
    because bias correction and epsilon have the largest effect in the first steps. Where ours computes the loss from
    logits, so does Keras's: from probabilities, it would clip them to 1e-7, with no gradient for confident predictions.

    `scratchcnn.inspection.shaking` derives the tolerance of each array. It does not cover GPUs that round to fewer
    digits than float32.
    """
    built_model(model, "a comparison with Keras")
    loss = model.expect_compiled("compare_with_keras").loss
    samples = check_samples(x, y, Fitting(sample_shape(model), model.trainer.output_shape, model.dtype, loss))
    steps, size = positive_integer("steps", steps), positive_integer("batch_size", batch_size)
    batches = _batches(samples, steps, min(size, len(samples.x)))
    keras = keras_module()
    with computing_in(keras, model.dtype):
        twin = _twin(keras, model, keras_model)
        theirs = _their_run(twin, batches)
    ours = our_run(model, batches)
    tolerances = _tolerances(model, batches, ours)
    rows, parting = [], None
    pairs = zip(ours.arrays(model.layers), theirs.arrays(model.layers), tolerances, strict=True)
    for (place, our_array), (_, their_array), tolerance in pairs:
        rows.append(row_of(place, our_array, their_array, tolerance))
        if parting is None and not rows[-1].agrees:
            parting = parting_of(place, our_array, their_array, tolerance)
    return KerasComparison(
        tuple(rows), parting, str(keras.__version__), str(keras.backend.backend()), model.dtype.name,
        _named(model.optimizer), len(batches[0].x), steps,
    )  # fmt: skip


def _batches(samples: Samples, steps: int, size: int) -> list[Samples]:
    """So many batches in order; after the last sample comes the first again."""
    places = [np.arange(number * size, (number + 1) * size) % len(samples.x) for number in range(steps)]
    return [Samples(samples.x[place], samples.y[place]) for place in places]


def _twin(keras: Any, model: Sequential, given: Any) -> KerasTwin:
    """Return the Keras model to run, with our weights."""
    if given is None:
        theirs = made_in_keras(keras, model)
    else:
        expect_alike(given, model)
        theirs = keras.models.clone_model(given)
        if getattr(given, "optimizer", None) is None:
            made = made_in_keras(keras, model)
            theirs.compile(made.optimizer, made.loss)
        else:
            theirs.compile(given.optimizer, given.loss)
    set_weights(theirs, model.get_weights())
    return KerasTwin(keras, theirs, model.dtype, getattr(model.trainer.loss, "from_logits", False))


def _their_run(twin: KerasTwin, batches: Sequence[Samples]) -> Kept:
    outputs = twin.activations(np.asarray(batches[0].x, twin.dtype))
    loss, weights = np.nan, []
    gradients: list[Array] = []
    for number, batch in enumerate(batches):
        found = twin.step(np.asarray(batch.x, twin.dtype), batch.y)
        if not number:
            loss, gradients = found
        weights.append(twin.weights())
    return Kept(outputs, loss, gradients, weights)


def _tolerances(model: Sequential, batches: Sequence[Samples], ours: Kept) -> list[float]:
    """Return, for each array of a run, how far rounding may move its elements."""
    moved = np.zeros(len(list(ours.arrays(model.layers))))
    for seed in range(PERTURBED_RUNS):
        shaken = perturbed_run(model, batches, np.random.default_rng(seed))
        pairs = zip(ours.arrays(model.layers), shaken.arrays(model.layers), strict=True)
        moved = np.maximum(moved, [abs(wide(one) - wide(other)).max() for (_, one), (_, other) in pairs])
    limits = np.finfo(model.dtype)
    largest = np.array([abs(wide(array)).max() for _, array in ours.arrays(model.layers)])
    return list(SAFETY * moved + LAST_DIGITS * limits.eps / 2 * largest + limits.tiny)


def _named(optimizer: object) -> str:
    """Adam(learning_rate=0.001, ...): what differs from the defaults, and the learning rate."""
    kind = type(optimizer)
    config = optimizer.get_config() if isinstance(optimizer, Configured) else {}
    usual = inspect.signature(kind).parameters
    shown = {name: value for name, value in config.items() if name == "learning_rate" or value != usual[name].default}
    listed = ", ".join(
        f"{name}={type(value).__name__ if isinstance(value, Configured) else format(value)}"
        for name, value in shown.items()
    )
    return f"{kind.__name__}({listed})"
