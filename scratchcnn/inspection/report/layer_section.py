"""The section of a layer: sentences, its formula, its quantities, and the source code that computes it."""

from __future__ import annotations

import importlib
import inspect
import textwrap
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.descriptions.activation_functions import code_of_activation, words_of_activation
from scratchcnn.descriptions.base import Code
from scratchcnn.descriptions.registry import description_of, kind_of
from scratchcnn.descriptions.words import times
from scratchcnn.inspection.arguments import index_of
from scratchcnn.inspection.text.numbers import short
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace

NOTATION = "Notation: "
SETTINGS = ("kernel_size", "pool_size", "strides", "padding", "dilation_rate", "rate", "scale", "offset",
            "center", "momentum", "epsilon")  # fmt: skip
LISTED = 10  # parameters with the largest gradients


def layer_section(layer: LayerTrace, engine: str) -> dict[str, Any]:
    """Return the context of the template for both sections of a layer; the names of quantities are in the glossary."""
    forward, backward = words_of(layer)
    formula, notation = formula_of(layer)
    sources, backward_sources = sources_of(layer, engine)
    four_axes = layer.params.get("kernel", np.zeros(0)).ndim == 4
    return {
        "given": times(layer.shapes.input[1:]),
        "made": times(layer.shapes.output[1:]),
        "forward": forward,
        "backward": backward,
        "formula": formula,
        "notation": notation,
        "settings": _settings_of(layer),
        "facts": layer.facts(),
        "sources": sources,
        "backward_facts": _backward_facts_of(layer),
        "backward_sources": backward_sources,
        "largest_gradients": _largest_gradients(layer),
        "kernel_gradient": four_axes and layer.d_preactivation is not None and bool(sources),
    }


def words_of(layer: LayerTrace) -> tuple[str, str]:
    """Return sentences about the forward and the backward pass of a layer and its activation."""
    forward, backward = description_of(layer.layer).words(layer)
    if kind_of(layer.layer) is None:
        return forward, backward
    of_activation = words_of_activation(getattr(layer.layer, "activation", None))
    return f"{forward} {of_activation[0]}".strip(), f"{backward} {of_activation[1]}".strip()


def formula_of(layer: LayerTrace) -> tuple[str, str]:
    """Return the formula in the docstring of the layer's class, and the definition of its symbols; or empty strings.

    The formula is the first indented paragraph, the symbols are defined in the paragraph that begins with 'Notation:'.
    """
    text = inspect.cleandoc(type(layer.layer).__doc__ or "").split("\n\nParameters\n---")[0]
    paragraphs = text.split("\n\n")
    formula = next((each for each in paragraphs if all(line.startswith("    ") for line in each.splitlines())), "")
    notation = next((each for each in paragraphs if each.startswith(NOTATION)), "")
    return textwrap.dedent(formula), " ".join(notation.removeprefix(NOTATION).split()) if formula else ""


def _settings_of(layer: LayerTrace) -> str:
    """Return the shapes of the parameters and the settings of a layer, which its formula depends on."""
    settings: dict[str, object] = {name: array.shape for name, array in layer.params.items()}
    settings |= {name: value for name in SETTINGS if (value := getattr(layer.layer, name, None)) is not None}
    settings |= {"activation": layer.activation} if layer.activation else {}
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _backward_facts_of(layer: LayerTrace) -> dict[str, str]:
    found = {}
    gradient = layer.d_preactivation if layer.d_output is None else layer.d_output
    if gradient is not None:
        with np.errstate(all="ignore"):
            found["max |gradient|"] = short(float(np.abs(gradient).max()))
        found["sparsity"] = f"{100 - 100 * np.count_nonzero(gradient) / gradient.size:.0f} %"
    if layer.gradients:
        found["gradient norm"] = short(layer.gradient_norm)
    if layer.seconds.backward is not None:
        found["time"] = f"{1000 * layer.seconds.backward:.2f} ms"
    return found


def overview(trace: Trace) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the rows of the table of all layers."""
    heads = ["output shape", "parameters", "FLOPs", "sparsity", "mean", "standard deviation"]
    heads += ["gradient norm"] if trace.losses is not None else []
    rows = []
    for layer in trace:
        facts = layer.facts() | {"gradient norm": short(layer.gradient_norm)}
        rows.append([layer.name, layer.kind, *(facts[head] for head in heads)])
    return ["layer", "class", *heads], rows


def _largest_gradients(layer: LayerTrace) -> list[tuple[str, str, str]]:
    """Return name, value and gradient of the parameters with the largest gradients."""
    found = []
    for name, gradient in layer.gradients.items():
        count = min(LISTED, gradient.size)
        for flat in np.argpartition(-np.abs(gradient).ravel(), count - 1)[:count]:
            place = index_of(flat, gradient)
            values = float(layer.params[name][place]), float(gradient[place])
            found.append((f"{name}{list(place)}", *values))
    found.sort(key=lambda each: -abs(each[2]))
    return [(name, short(value), short(gradient)) for name, value, gradient in found[:LISTED]]


class Source(NamedTuple):
    """The source code of a function."""

    role: str  # 'formula', in `reference/`, or 'hot loop', in `kernels/`
    name: str
    path: str  # relative to the repository, for example 'scratchcnn/reference/conv2d.py'
    line: int  # line number of its `def`
    lines: list[tuple[int, str]]  # line numbers and lines


def sources_of(layer: LayerTrace, engine: str) -> tuple[list[Source], list[Source]]:
    """Return the code of a layer's forward pass, and of its backward pass; empty lists for a custom layer."""
    forward, backward = description_of(layer.layer).code(layer)
    if kind_of(layer.layer) is not None:
        activation = getattr(layer.layer, "activation", None)
        after, before = code_of_activation(activation, is_only_loop=not forward.loops)
        forward = Code(forward.formulas + after.formulas, forward.loops + after.loops)
        backward = Code(before.formulas + backward.formulas, before.loops + backward.loops)
    return _found(forward, engine), _found(backward, engine)


def loss_sources(engine: str) -> list[Source]:
    """Return the code of softmax and cross-entropy."""
    formula, loop = (
        "reference.losses.cross_entropy:softmax_cross_entropy",
        "kernels.losses.cross_entropy:_softmax_cross_entropy",
    )
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
