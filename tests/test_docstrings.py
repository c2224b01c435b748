"""Docstrings are whole: shapes, dtypes, errors, cost and source, for every layer and every operation.

That their examples run is held in test_architecture.py.
"""

import doctest
import inspect
import math
import re
import sys

import numpy as np
import pytest

from scratchcnn import kernels, layers, reference
from scratchcnn.inspection.flops import forward_flops
from scratchcnn.layers import Conv2D, Dense, Layer

LAYERS = [name for name in layers.__all__ if name not in ("Layer", "Input")]  # what computes something
SHAPE = r"\((?:N|M|I|J|F|KH|count|\.\.\.)[,) ]|any shape|one shape|[Tt]he shapes? (?:of|and)"
WORK = r"FLOP|multiplication|comparison|addition|exponential|arithmetic|pixels read|operations apart|none"
TRAFFIC = r"\b(?:reads?|writes|written|memory)\b"
SOURCE = r"(?:19|20)\d\d|Keras"


def sections(thing: object) -> dict[str, str]:
    """The text before the first section under '', and each section by its name."""
    parts = re.split(r"^(\w+)\n-+$", inspect.getdoc(thing) or "", flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], (part.strip() for part in parts[::2]), strict=True))


def cost(text: str) -> str:
    """What follows 'Cost:', to the end of the paragraph."""
    found = re.search(r"\bCost: (.+?)(?:\n\n|\Z)", text, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def assert_whole(thing: object, parts: tuple[str, ...]) -> dict[str, str]:
    """A docstring with a formula or at least a sentence, and with these sections, none of them empty."""
    found = sections(thing)
    assert found[""].splitlines()[0].endswith((".", "]", "0")), "the first line is no sentence and no formula"
    assert not [part for part in parts if not found.get(part)], f"{thing}: a section is missing"
    assert re.search(r"^\S.*\n    \S", found["Raises"], re.MULTILINE), "an error with when it is raised"
    assert re.search(SOURCE, found["References"]), "a paper or book with its year, or Keras"
    examples = doctest.DocTestParser().get_examples(found["Examples"])
    assert any(example.want for example in examples), "an example that shows a result"
    return found


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_says_all_there_is_to_know(name: str):
    found = assert_whole(getattr(layers, name), ("Parameters", "Notes", "Raises", "Examples", "References"))
    notes = " ".join(found["Notes"].split())
    assert re.search(r"^    \S", found[""], re.MULTILINE), "a formula, set apart"
    assert re.search(r"Input (?:\(N|and output of any)", notes), "shapes"
    assert "float32 or float64" in notes
    assert "Backward" in notes
    assert "Numerics: " in notes
    assert re.search(WORK, cost(found["Notes"])), "cost in operations"
    assert re.search(TRAFFIC, cost(found["Notes"])), "cost in memory"


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_explains_each_argument_in_order(name: str):
    layer = getattr(layers, name)
    named = re.findall(r"^([a-z_, ]+?)(?: : .+)?$", sections(layer)["Parameters"], re.MULTILINE)
    assert [one for line in named for one in line.split(", ")] == [
        parameter for parameter in inspect.signature(layer).parameters if parameter not in ("input_shape", "name")
    ] + ["input_shape", "name"]


@pytest.mark.parametrize("name", reference.__all__)
def test_every_formula_says_all_there_is_to_know(name: str):
    operation = getattr(reference, name)
    in_place = inspect.signature(operation).return_annotation in (None, "None")
    parts = ("Parameters", *(() if in_place else ("Returns",)), "Notes", "Raises", "Examples", "References")
    found = assert_whole(operation, parts)
    shapes = found["Parameters"] + found.get("Returns", "")
    assert re.search(SHAPE, shapes), "shapes"
    assert re.search(r"dtype|float|uint", shapes), "dtypes"
    assert re.search(WORK, cost(found["Notes"])) or "that of `" in cost(found["Notes"]), "cost in operations"
    assert re.search(TRAFFIC, cost(found["Notes"])), "cost in memory"


@pytest.mark.parametrize("name", reference.__all__)
def test_every_formula_names_each_argument(name: str):
    operation = getattr(reference, name)
    lines = re.findall(r"^([a-z_0-9, ]+?)(?: : .+)?$", sections(operation)["Parameters"], re.MULTILINE)
    named = {one for line in lines for one in line.split(", ")}
    left_out = set(inspect.signature(operation).parameters) - named
    assert left_out <= {"algorithm"}, f"{left_out} are not explained"


@pytest.mark.parametrize("name", kernels.__all__)
def test_every_kernel_names_its_formula_and_its_cost(name: str):
    kernel = getattr(kernels, name)
    own, file = inspect.getdoc(kernel), sys.modules[kernel.__module__].__doc__
    assert f"`reference.{name}`" in own, "where shapes, dtypes, errors and source are told"
    costs = cost(own) + cost(file)
    assert re.search(WORK, costs), "cost in operations, at the head of the file"
    assert re.search(TRAFFIC, costs), "cost in memory"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("where", ["layer", "reference"])
def test_the_cost_that_is_told_is_what_is_counted(seed: int, where: str):
    rng = np.random.default_rng(seed)
    numbers = dict(zip(("N", "KH", "KW", "C", "F", "I", "J"), rng.integers(1, 6, 7).tolist(), strict=True))
    convolution, dense = Conv2D(numbers["F"], (numbers["KH"], numbers["KW"])), Dense(numbers["J"])
    for layer, operation, input_shape in (
        (convolution, reference.conv2d, (9, 8, numbers["C"])),
        (dense, reference.dense, (numbers["I"],)),
    ):
        outputs = layer.compute_output_shape(input_shape)
        numbers |= {"OH": outputs[0], "OW": outputs[-2] if len(outputs) == 3 else 1}
        told = cost(inspect.getdoc(layer if where == "layer" else operation))
        factors = re.match(r"(2(?: \* [A-Z]+)+) FLOPs", told)[1].split(" * ")
        counted = math.prod(numbers[factor] if factor in numbers else int(factor) for factor in factors)
        shapes = (numbers["N"], *input_shape), (numbers["N"], *outputs)
        assert counted == forward_flops(layer, *shapes, drops=False)


def test_the_rest_of_what_a_user_meets_is_explained():
    for name in ("Layer", "Input"):
        assert sections(getattr(layers, name))["Parameters"]
    for name, member in vars(Layer).items():
        if callable(member) and not name.startswith("_"):
            assert inspect.getdoc(member), name
