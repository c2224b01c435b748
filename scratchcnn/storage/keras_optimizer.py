"""The optimizer state as Keras stores it: a list of variables.

The list contains the step count; in Keras 3, the learning rate, unless it is a schedule; and the arrays of the
trainable parameters, in layer order. The two arrays of Adam or Adadelta for a parameter are together, except in files
of Keras before 2.11, where all first ones precede all second ones. Those of RMSprop are always in that order: first all
velocities, then all increments (with momentum), then all averages (if centered).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.operands import Array
from scratchcnn.optimizers import KNOWN, SGD, Optimizer, RMSprop
from scratchcnn.storage import hdf5, training_state
from scratchcnn.training.model import Model
from scratchcnn.training.warning import warn

SEPARATE = (("m", "v"), ("accum_grad", "accum_var"))
"""Names of the arrays of Adam and Adadelta in files of Keras before 2.11."""


def variables(model: Model) -> tuple[str, list[Array]] | None:
    """Return the name and the variables of the optimizer; None if there is no state to store."""
    if model.optimizer_state is None:
        return None
    optimizer, (iterations, slots) = model.optimizer, model.optimizer_state
    arrays = _keras_arrays(optimizer, slots)
    if arrays is None:
        return None
    rate = [] if callable(optimizer.learning_rate) else [np.array(optimizer.learning_rate, model.dtype)]
    return type(optimizer).__name__.lower(), [np.array(iterations, np.int32), *rate, *arrays]


def restore(model: Model, datasets: Sequence[Any]) -> None:
    """Set the optimizer state of a compiled model to that of a file.

    Parameters
    ----------
    model : Model
    datasets : sequence
        The variables of the optimizer, checked but not read; scalars only if the model was not trained.

    Warns
    -----
    UserWarning
        The file contains a state of another form, which is not restored.
    """
    if not datasets:
        return
    trainer = model.trainer
    arrays = _keras_arrays(trainer.optimizer, trainer.optimizer_state.slots)
    if arrays != [] and all(data.shape == () for data in datasets):  # Keras creates the arrays in the first step
        return
    ordered = None if arrays is None else _ordered(datasets, arrays)
    if arrays is None or ordered is None:
        warn(
            f"Expected the optimizer state of {type(trainer.optimizer).__name__} as Keras stores it for these layers, "
            f"received {len(datasets)} variables of another order or shape. The model is loaded without the optimizer "
            f"state: training starts with new moment estimates."
        )
        return
    iterations, *values = [hdf5.values(data) for data in ordered]
    training_state.set_iterations(model, int(iterations))
    for array, value in zip(arrays, values, strict=True):
        array[...] = value


def _ordered(datasets: Sequence[Any], arrays: Sequence[Array]) -> list[Any] | None:
    """Return the step count and the datasets in the order of `arrays`; None if they do not fit."""
    count, *rest = datasets
    if rest and rest[0].shape == ():  # the learning rate, which is also in the configuration
        rest = rest[1:]
    if not arrays:  # Keras 2 stores unused arrays for SGD without momentum
        rest = []
    ends = [str(data.name).removesuffix(":0").rpartition("/")[2] for data in rest]
    half = len(rest) // 2
    if any(ends == [first] * half + [second] * half for first, second in SEPARATE):
        rest = [data for pair in zip(rest[:half], rest[half:], strict=True) for data in pair]
    elif any(end.startswith(("Variable", "param_")) for end in ends):  # Keras 1 and 2.0 did not name their arrays
        return None
    fits = count.shape == () and [data.shape for data in rest] == [array.shape for array in arrays]
    return [count, *rest] if fits else None


def _keras_arrays(optimizer: Optimizer, slots: list[tuple[Array, ...]]) -> list[Array] | None:
    """Return the arrays of the optimizer state that Keras stores, in its order; None if the order is unknown.

    For SGD without momentum, Keras stores none. The position of AMSGrad's arrays differs between versions of Keras.
    """
    kind = type(optimizer)
    if kind not in KNOWN.values() or getattr(optimizer, "amsgrad", False):
        return None
    if isinstance(optimizer, SGD) and optimizer.momentum == 0:
        return []
    if kind is RMSprop:
        return [array for arrays in zip(*slots, strict=True) for array in arrays]
    return [array for arrays in slots for array in arrays]
