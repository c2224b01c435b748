"""Source code that computes a layer: the formula in `reference/` and the hot loop in `kernels/`."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from scratchcnn.descriptions.base import Code
from scratchcnn.descriptions.registry import description_of, kind_of
from scratchcnn.inspection.tracing.layer_trace import LayerTrace


class Source(NamedTuple):
    """The source code of a function.

    Attributes
    ----------
    role : str
        'formula' or 'hot loop'.
    name : str
    path : str
        Relative to the repository, for example 'scratchcnn/reference/conv2d.py'.
    line : int
        Line number of its `def`.
    lines : list of (int, str)
        Line numbers and lines.
    """

    role: str
    name: str
    path: str
    line: int
    lines: list[tuple[int, str]]


def forward_sources(layer: LayerTrace, engine: str) -> list[Source]:
    """Return the code of a layer's forward pass; an empty list for a custom layer."""
    formulas, loops = description_of(layer.layer).code(layer)[0]
    if kind_of(layer.layer) is not None and layer.activation in ("relu", "softmax"):
        name = layer.activation
        kernel = "kernels.relu:_relu" if name == "relu" else "kernels.softmax:softmax_row"
        formulas += (f"reference.{name}:{name}",)
        loops += (kernel,) if name == "softmax" or not loops else ()  # ReLU is part of the preceding loop
    return _found(Code(formulas, loops), engine)


def backward_sources(layer: LayerTrace, engine: str) -> list[Source]:
    """Return the code of a layer's backward pass, the gradients w.r.t. its parameters first."""
    return _found(description_of(layer.layer).code(layer)[1], engine)


def loss_sources(engine: str) -> list[Source]:
    """Return the code of softmax and cross-entropy."""
    formula, loop = "reference.cross_entropy:softmax_cross_entropy", "kernels.cross_entropy:_softmax_cross_entropy"
    return _found(Code((formula,), (loop,)), engine)


def _found(code: Code, engine: str) -> list[Source]:
    loops = code.loops if engine == "kernels" else ()
    return [source_of(name, "formula") for name in code.formulas] + [source_of(name, "hot loop") for name in loops]


@cache
def source_of(name: str, role: str) -> Source:
    """Return the source code of 'module:function' of this package."""
    module, _, path = name.partition(":")
    thing: Any = importlib.import_module(f"scratchcnn.{module}")
    for part in path.split("."):
        thing = getattr(thing, part)
    thing = inspect.unwrap(getattr(thing, "py_func", thing))
    lines, first = inspect.getsourcelines(thing)
    file = Path(inspect.getsourcefile(thing) or "").resolve()
    where = file.relative_to(Path(__file__).resolve().parents[3]).as_posix()
    numbered = [(number, line.rstrip("\n")) for number, line in enumerate(lines, first)]
    start = next(number for number, line in numbered if line.lstrip().startswith("def "))
    return Source(role, path.rpartition(".")[2], where, start, numbered)
