"""Docstrings of layers, operations and kernels: complete sections, and formulas that correspond to the code.

test_architecture.py checks that their examples run.
"""

import ast
import doctest
import inspect
import math
import pkgutil
import re
import sys
import textwrap

import numpy as np
import pytest

from scratchcnn import kernels, layers, reference
from scratchcnn.descriptions import description_of
from scratchcnn.layers import Conv2D, Dense, Layer

LAYERS = [name for name in layers.__all__ if name not in ("Layer", "Input")]  # the layers that compute something
PUBLIC = [
    *((layers, name) for name in LAYERS),
    *((reference, name) for name in reference.__all__),
    *((kernels, name) for name in kernels.__all__),
]
SHAPE = r"\((?:N|M|I|J|F|KH|count|\.\.\.)[,) ]|any shape|one shape|[Tt]he shapes? (?:of|and)"
WORK = r"FLOP|multiplication|comparison|addition|exponential|arithmetic|pixels read|operations apart|none"
TRAFFIC = r"\b(?:reads?|writes|written|memory)\b"
SOURCE = r"(?:19|20)\d\d|Keras"
EQUATION = re.compile(r"(?P<target>[a-z(].*?) (?:\+?=|~) (?P<value>\S.*)")


def sections(thing: object) -> dict[str, str]:
    """The text before the first section under '', and each section under its title."""
    return split(inspect.getdoc(thing) or "")


def split(docstring: str) -> dict[str, str]:
    parts = re.split(r"^(\w+)\n-+$", docstring, flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], (part.strip() for part in parts[::2]), strict=True))


def cost(text: str) -> str:
    """The text after 'Cost:', up to the end of the paragraph."""
    found = re.search(r"\bCost: (.+?)(?:\n\n|\Z)", text, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def assert_complete(thing: object, titles: tuple[str, ...]) -> dict[str, str]:
    """Check that the first line is a sentence and that no section of these titles is missing or empty."""
    found = sections(thing)
    assert found[""].splitlines()[0].endswith("."), "the first line is not a sentence"
    assert not [title for title in titles if not found.get(title)], f"{thing}: a section is missing"
    assert re.search(r"^\S.*\n    \S", found["Raises"], re.MULTILINE), "no error with its condition"
    assert re.search(SOURCE, found["References"]), "no publication with its year, and not Keras"
    examples = doctest.DocTestParser().get_examples(found["Examples"])
    assert any(example.want for example in examples), "no example that shows a result"
    return found


# Formulas


def paragraphs(text: str) -> list[str]:
    return re.split(r"\n\s*\n", text)


def equations(text: str) -> list[tuple[str, str]]:
    """Target and value of each equation in the indented paragraphs of a text.

    Lines that are indented further continue the equation before them; what two or more spaces separate from an equation
    is an explanation.
    """
    found = []
    for paragraph in paragraphs(text):
        if paragraph.startswith("    "):
            joined = re.sub(r"\n\s+", " ", textwrap.dedent(paragraph)).splitlines()
            for line in (re.split(r"\s{2,}", line)[0] for line in joined):
                match = EQUATION.fullmatch(line)
                assert match, f"in a formula, neither an equation nor the continuation of one: {line}"
                for side in match.groups():
                    assert all(side.count(a) == side.count(b) for a, b in ("()", "[]")), f"unbalanced brackets: {line}"
                found.append((match["target"], match["value"]))
    return found


def symbols(text: str) -> set[str]:
    """Names in a target, without those of its indices."""
    return set(re.findall(r"[a-z_]\w*", re.sub(r"\[.*?\]", "", text)))


def assert_formulas_are_whole(docstring: str, source: str) -> None:
    """Check the paragraphs before the first section and those of the notes.

    A paragraph is either a formula, with every line indented, or text, with no line indented; a formula consists of
    equations only; and no line repeats a statement of the code, unless it is an assignment.
    """
    parts = split(docstring)
    for paragraph in (*paragraphs(parts[""]), *paragraphs(parts.get("Notes", ""))):
        indented = [line.startswith("    ") for line in paragraph.splitlines()]
        assert all(indented) or not any(indented), (
            f"a formula is interrupted, or not separated by a blank line:\n{paragraph}"
        )
    equations(parts[""])
    equations(parts.get("Notes", ""))
    statements = {
        ast.unparse(node)
        for node in ast.walk(ast.parse(textwrap.dedent(source)))
        if isinstance(node, ast.stmt) and not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
    }
    before_examples = {
        line.strip() for title, part in parts.items() if title != "Examples" for line in part.splitlines()
    }
    assert not statements & before_examples, "a line of the code is in the docstring"


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=lambda value: getattr(value, "__name__", value))
def test_formulas_in_docstrings_are_whole(package, name: str):
    thing = getattr(package, name)
    assert_formulas_are_whole(inspect.getdoc(thing), inspect.getsource(thing))


ADAM = inspect.getdoc(reference.adam)
CODE_LINE = "np.maximum(v_max, v, out=v_max)"
FAULTS = {
    "an equation is not indented": ADAM.replace("    alpha =", "alpha ="),
    "a line of code is in the formula": ADAM.replace("    v_max =", f"    {CODE_LINE}\n    v_max ="),
    "a line of code is in the text": ADAM.replace("The averages", f"{CODE_LINE}\n\nThe averages"),
    "a line of code is in a section": ADAM.replace("Notes\n-----", f"Notes\n-----\n{CODE_LINE}\n"),
    "an equation is cut off": ADAM.replace(" / (sqrt(v_max) + epsilon)", " / (sqrt(v_max)"),
    "no blank line before the formula": ADAM.replace("in place.\n\n", "in place.\n"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_formulas_are_detected(fault: str):
    source = inspect.getsource(reference.adam)
    assert_formulas_are_whole(ADAM, source)
    assert FAULTS[fault] != ADAM
    with pytest.raises(AssertionError):
        assert_formulas_are_whole(FAULTS[fault], source)


@pytest.mark.parametrize("name", reference.__all__)
def test_formula_of_an_operation_has_the_variables_of_its_code(name: str):
    operation = getattr(reference, name)
    targets = {symbol for target, _ in equations(sections(operation)[""]) for symbol in symbols(target)}
    parameters = set(inspect.signature(operation).parameters)
    assigned, changed, returned = set(), set(), []
    for node in ast.walk(ast.parse(inspect.getsource(operation))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assigned.add(node.id)
        if isinstance(node, ast.AugAssign):
            changed.add(ast.unparse(node.target))
        if isinstance(node, ast.keyword) and node.arg == "out":
            changed.add(ast.unparse(node.value))
        if isinstance(node, ast.Return):
            returned += node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    assert targets <= assigned | parameters, "a target that is not a variable of the code"
    assert changed & parameters <= targets, "a parameter that is changed in place without an equation"
    for value in returned:
        names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        assert names & targets, f"no equation for the result {ast.unparse(value)}"


@pytest.mark.parametrize("name", ["adam", "relu", "relu_gradient", "sgd"])
def test_formula_of_an_elementwise_operation_computes_the_result_of_its_code(name: str, rng: np.random.Generator):
    operation = getattr(reference, name)
    kinds = {key: parameter.annotation for key, parameter in inspect.signature(operation).parameters.items()}
    for _ in range(20):
        values = {}
        for key, kind in kinds.items():
            values[key] = rng.integers(1, 9).item() if kind == "int" else rng.uniform(0.1, 1)
            if kind == "bool":
                values[key] = bool(rng.integers(2))
            if kind == "Array" and key not in ("v", "v_max"):  # averages of squares are positive
                values[key] *= rng.choice([-1.0, 1.0])
        arguments = {key: np.array([values[key]]) if kind == "Array" else values[key] for key, kind in kinds.items()}
        result = operation(**arguments)
        for target, value in equations(sections(operation)[""]):
            exec(f"{target} = {value}", {"max": max, "sqrt": math.sqrt}, values)
        found = arguments if result is None else {target: result}
        # Each side rounds fewer than 16 times. The only intermediate value that may exceed the values of the equations
        # is the quotient in Adam, by a factor of at most 1 / (sqrt(0.1) + 0.1) < 3.
        largest = 3 * max(1, *(abs(value) for value in values.values()))
        for key in found:
            tolerance = 2 * 16 * np.finfo(np.float64).eps / 2 * largest
            np.testing.assert_allclose(found[key], values[key], rtol=0, atol=tolerance, err_msg=key)


# Sections


@pytest.mark.parametrize("name", LAYERS)
def test_docstring_of_a_layer_is_complete(name: str):
    found = assert_complete(getattr(layers, name), ("Parameters", "Notes", "Raises", "Examples", "References"))
    notes = " ".join(found["Notes"].split())
    assert re.search(r"^    \S", found[""], re.MULTILINE), "no formula"
    assert re.search(r"Input (?:\(N|and output (?:of any one|of any|have the same) shape)", notes), "no shapes"
    assert "float32 or float64" in notes
    assert "Backward" in notes
    assert "Numerics: " in notes
    assert re.search(WORK, cost(found["Notes"])), "no cost in operations"
    assert re.search(TRAFFIC, cost(found["Notes"])), "no cost in memory traffic"


@pytest.mark.parametrize("name", LAYERS)
def test_docstring_of_a_layer_documents_every_argument_in_order(name: str):
    layer = getattr(layers, name)
    named = re.findall(r"^([a-z_, ]+?)(?: : .+)?$", sections(layer)["Parameters"], re.MULTILINE)
    assert [one for line in named for one in line.split(", ")] == [
        parameter for parameter in inspect.signature(layer).parameters if parameter not in ("input_shape", "name")
    ] + ["input_shape", "name"]


@pytest.mark.parametrize("name", reference.__all__)
def test_docstring_of_an_operation_is_complete(name: str):
    operation = getattr(reference, name)
    in_place = inspect.signature(operation).return_annotation in (None, "None")
    titles = ("Parameters", *(() if in_place else ("Returns",)), "Notes", "Raises", "Examples", "References")
    found = assert_complete(operation, titles)
    shapes = found["Parameters"] + found.get("Returns", "")
    assert re.search(SHAPE, shapes), "no shapes"
    assert re.search(r"dtype|float|uint", shapes), "no dtypes"
    assert re.search(WORK, cost(found["Notes"])), "no cost in operations"
    assert re.search(TRAFFIC, cost(found["Notes"])), "no cost in memory traffic"


@pytest.mark.parametrize("name", reference.__all__)
def test_docstring_of_an_operation_documents_every_argument(name: str):
    operation = getattr(reference, name)
    lines = re.findall(r"^([a-z_0-9, ]+?)(?: : .+)?$", sections(operation)["Parameters"], re.MULTILINE)
    documented = {one for line in lines for one in line.split(", ")}
    assert documented == set(inspect.signature(operation).parameters)


@pytest.mark.parametrize("name", kernels.__all__)
def test_docstring_of_a_kernel_refers_to_its_formula_and_gives_its_cost(name: str):
    kernel = getattr(kernels, name)
    own, file = inspect.getdoc(kernel), sys.modules[kernel.__module__].__doc__
    assert f"`reference.{name}`" in own, "no reference to shapes, dtypes, errors and source"
    costs = cost(own) + cost(file)
    assert re.search(WORK, costs), "no cost in operations, in its docstring or in that of the file"
    assert re.search(TRAFFIC, costs), "no cost in memory traffic"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("where", ["layer", "reference"])
def test_documented_flops_equal_the_counted_flops(seed: int, where: str):
    rng = np.random.default_rng(seed)
    lengths = dict(zip(("N", "KH", "KW", "C", "F", "I", "J"), rng.integers(1, 6, 7).tolist(), strict=True))
    convolution, dense = Conv2D(lengths["F"], (lengths["KH"], lengths["KW"])), Dense(lengths["J"])
    for layer, operation, input_shape in (
        (convolution, reference.conv2d, (9, 8, lengths["C"])),
        (dense, reference.dense, (lengths["I"],)),
    ):
        outputs = layer.compute_output_shape(input_shape)
        lengths |= {"OH": outputs[0], "OW": outputs[-2] if len(outputs) == 3 else 1}
        documented = cost(inspect.getdoc(layer if where == "layer" else operation))
        factors = re.match(r"(2(?: \* [A-Z]+)+) FLOPs", documented)[1].split(" * ")
        flops = math.prod(lengths[factor] if factor in lengths else int(factor) for factor in factors)
        assert flops == description_of(layer).flops(input_shape) * lengths["N"] * math.prod(outputs)


def test_base_class_and_input_are_documented():
    for name in ("Layer", "Input"):
        assert sections(getattr(layers, name))["Parameters"]
    for name, member in vars(Layer).items():
        if callable(member) and not name.startswith("_"):
            assert inspect.getdoc(member), name


def test_reading_order_of_the_reference_lists_every_file():
    listed = re.search(r"Reading order.*?\n\n(.*?)\n\n", inspect.getdoc(reference), re.DOTALL)[1]
    files = sorted(module.name for module in pkgutil.iter_modules(reference.__path__))
    assert sorted(line.split()[0] for line in listed.splitlines()) == files
