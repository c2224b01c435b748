"""Where training stands: the optimizer's memory, the random generators, history and position, out of a model and in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.configs import Config
from scratchcnn.operands import Array, Shape
from scratchcnn.optimizers import State
from scratchcnn.storage.errors import StorageError
from scratchcnn.training import History
from scratchcnn.training.position import Position

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential

Read = Callable[[str, np.dtype[Any], Shape], Array]

GENERATORS = ("init", "shuffle", "dropout")
FLOAT64, INT64 = np.dtype(np.float64), np.dtype(np.int64)


def take(model: Sequential) -> tuple[Config, dict[str, Array]]:
    """What JSON can say of it, and its arrays by the names they bear in the file."""
    state: Config = {
        "random": {name: _generator(model, name).bit_generator.state for name in GENERATORS},
        "iterations": None,
        "history": None,
        "position": None if model._position is None else _described(model._position),
    }
    arrays: dict[str, Array] = {}
    if model._trainer is not None:
        iterations, slots = model._trainer.optimizer_state
        state["iterations"] = iterations
        arrays |= {f"optimizer/{p}/{s}": slot for p, of_one in enumerate(slots) for s, slot in enumerate(of_one)}
    if model.history is not None:
        history = model.history.history
        state["history"] = {"epochs": len(model.history.epoch), "columns": [[k, len(v)] for k, v in history.items()]}
        arrays["history/epoch"] = np.array(model.history.epoch, INT64)
        arrays |= {f"history/{column}": np.array(values, FLOAT64) for column, values in enumerate(history.values())}
    return state, arrays


def put(model: Sequential, state: Config, read: Read) -> None:
    """The counterpart of `take`; `read` gives an array of the file by its name, dtype and shape.

    Raises
    ------
    StorageError, or what `read` raises
        The file's optimizer or generators are not of the model's kind.
    """
    if state["iterations"] is not None:
        set_iterations(model, state["iterations"])
        for p, of_one in enumerate(model._ready_trainer().optimizer_state.slots):
            for s, slot in enumerate(of_one):
                slot[...] = read(f"optimizer/{p}/{s}", slot.dtype, slot.shape)
    if state["history"] is not None:
        model.history = History()
        model.history.epoch = read("history/epoch", INT64, (state["history"]["epochs"],)).tolist()
        for column, (name, length) in enumerate(state["history"]["columns"]):
            model.history.history[str(name)] = read(f"history/{column}", FLOAT64, (length,)).tolist()
    for name in GENERATORS:
        _set_generator(_generator(model, name), state["random"][name])
    if state.get("position") is not None:  # files of scratchcnn 0.1.0 have none
        model._position = _position(model, state["position"])


def set_iterations(model: Sequential, iterations: object) -> None:
    """Let the optimizer count from so many steps on.

    Raises
    ------
    StorageError
        No whole number from 0.
    """
    if type(iterations) is not int or not 0 <= iterations < 2**63:
        raise StorageError(f"Expected the number of steps as a whole number from 0, received {iterations!r}.")
    trainer = model._ready_trainer()
    trainer.optimizer_state = State(iterations, trainer.optimizer_state.slots)


def _described(position: Position) -> Config:
    described = asdict(position)
    del described["loaded"]
    return described


def _position(model: Sequential, described: Any) -> Position:
    """A position, after checking every number of it."""
    position = Position(**described, loaded=True)
    numbers = [position.epoch, position.steps, position.count, *position.data.values()]
    if not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise StorageError(f"Expected the position in an epoch as whole numbers from 0, received {numbers}.")
    if not all(type(total) is float for total in position.sums.values()):
        raise StorageError(f"Expected the sums of an epoch as floats, received {position.sums}.")
    _set_generator(copy.deepcopy(model._shuffle_rng), position.order)
    return position


def _generator(model: Sequential, name: str) -> np.random.Generator:
    generator: np.random.Generator = getattr(model, f"_{name}_rng")
    return generator


def _set_generator(generator: np.random.Generator, state: Any) -> None:
    """Set the state of a PCG64, after checking every number of it."""
    kind = generator.bit_generator.state["bit_generator"]
    numbers = {**state["state"], "has_uint32": state["has_uint32"], "uinteger": state["uinteger"]}
    limits = {"state": 2**128, "inc": 2**128, "has_uint32": 2, "uinteger": 2**32}
    fits = numbers.keys() == limits.keys() and all(
        type(number) is int and 0 <= number < limits[name] for name, number in numbers.items()
    )
    if state["bit_generator"] != kind or not fits:
        raise StorageError(f"Expected the state of a random generator {kind}, received another.")
    generator.bit_generator.state = state
