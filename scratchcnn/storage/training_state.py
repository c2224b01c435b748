"""The state of training: optimizer state, random generators, history and position in the epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from scratchcnn.configs import Config
from scratchcnn.operands import Array, Shape
from scratchcnn.optimizers import State
from scratchcnn.storage.errors import StorageError
from scratchcnn.training import History
from scratchcnn.training.model import Model
from scratchcnn.training.position import Position

ReadArray = Callable[[str, np.dtype[Any], Shape], Array]

GENERATORS = ("init", "shuffle", "dropout")
FLOAT64, INT64 = np.dtype(np.float64), np.dtype(np.int64)


def describe(model: Model) -> tuple[Config, dict[str, Array]]:
    """Return the state as data for JSON, and its arrays by their names in the file.

    The optimizer state covers the trainable parameters, in layer order.
    """
    state: Config = {
        "random": {name: model.generators[name].bit_generator.state for name in GENERATORS},
        "iterations": None,
        "history": None,
        "position": None if model.position is None else _describe_position(model.position),
    }
    arrays: dict[str, Array] = {}
    if (optimizer_state := model.optimizer_state) is not None:
        state["iterations"] = optimizer_state.iterations
        for p, slots in enumerate(optimizer_state.slots):
            arrays |= {f"optimizer/{p}/{s}": slot for s, slot in enumerate(slots)}
    if model.history is not None:
        history = model.history.history
        state["history"] = {
            "epochs": len(model.history.epoch),
            "columns": [[name, len(values)] for name, values in history.items()],
        }
        arrays["history/epoch"] = np.array(model.history.epoch, INT64)
        arrays |= {f"history/{column}": np.array(values, FLOAT64) for column, values in enumerate(history.values())}
    return state, arrays


def restore(model: Model, state: Config, read_array: ReadArray) -> None:
    """Set the state of training of a model; the counterpart of `describe`.

    Parameters
    ----------
    model : Model
        With the layers, and compiled as, at the time of saving.
    state : dict
        As returned by `describe`.
    read_array : callable
        Returns an array of the file, given its name, dtype and shape.

    Raises
    ------
    StorageError
        The state does not fit the model; also any exception of `read_array`.
    """
    if state["iterations"] is not None:
        set_iterations(model, state["iterations"])
        for p, slots in enumerate(model.trainer.optimizer_state.slots):
            for s, slot in enumerate(slots):
                slot[...] = read_array(f"optimizer/{p}/{s}", slot.dtype, slot.shape)
    if state["history"] is not None:
        model.history = History()
        model.history.epoch = read_array("history/epoch", INT64, (state["history"]["epochs"],)).tolist()
        for column, (name, length) in enumerate(state["history"]["columns"]):
            model.history.history[str(name)] = read_array(f"history/{column}", FLOAT64, (length,)).tolist()
    for name in GENERATORS:
        _set_generator(model.generators[name], state["random"][name])
    if state.get("position") is not None:  # missing in files of scratchcnn 0.1.0
        model.position = _restored_position(model, state["position"])


def set_iterations(model: Model, iterations: object) -> None:
    """Set the step count of the optimizer.

    Raises
    ------
    StorageError
        The count is not a whole number of at least 0.
    """
    if type(iterations) is not int or not 0 <= iterations < 2**63:
        raise StorageError(f"Expected iterations as a whole number of at least 0, received {iterations!r}.")
    trainer = model.trainer
    trainer.optimizer_state = State(iterations, trainer.optimizer_state.slots)


def _describe_position(position: Position) -> Config:
    described = asdict(position)
    del described["loaded"]
    return described


def _restored_position(model: Model, described: Any) -> Position:
    """Create a position after checking every value of it."""
    position = Position(**described, loaded=True)
    counts = [position.epoch, position.steps, position.count, *position.data.values()]
    if not all(type(count) is int and 0 <= count < 2**63 for count in counts):
        raise StorageError(f"Expected the position in an epoch as whole numbers of at least 0, received {counts}.")
    if not all(type(total) is float for total in position.sums.values()):
        raise StorageError(f"Expected the sums of an epoch as floats, received {position.sums}.")
    _set_generator(copy.deepcopy(model.generators["shuffle"]), position.order)
    return position


def _set_generator(generator: np.random.Generator, state: Any) -> None:
    """Set the state of a PCG64 generator after checking every value of it."""
    expected = generator.bit_generator.state["bit_generator"]
    values = {**state["state"], "has_uint32": state["has_uint32"], "uinteger": state["uinteger"]}
    limits = {"state": 2**128, "inc": 2**128, "has_uint32": 2, "uinteger": 2**32}
    valid = values.keys() == limits.keys() and all(
        type(value) is int and 0 <= value < limits[name] for name, value in values.items()
    )
    if state["bit_generator"] != expected or not valid:
        raise StorageError(f"Expected the state of a random generator {expected}, received another.")
    generator.bit_generator.state = state
