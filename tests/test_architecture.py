"""The house: imports run downward, Numba stays in the kernels, matplotlib in the plots; docstring examples run."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scratchcnn

PACKAGE = Path(scratchcnn.__file__).parent

# From the top of the house to the bottom; a module may import from rooms below its own, and from its own room.
ROOMS = [
    ["scratchcnn"],
    ["inspection"],
    ["loading", "plots"],
    ["sequential"],
    ["storage"],
    ["summary", "training"],
    ["callbacks"],
    ["losses", "metrics", "mistakes", "optimizers", "layers"],
    ["preprocessing", "schedules"],
    ["activations", "initializers", "arguments"],
    ["operations"],
    ["kernels", "reference"],
    ["operands"],
    ["algorithms"],
    ["configs", "names"],
    ["geometry"],
    ["datasets"],
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path):
    """Every module that a file imports, at whatever depth, except for type checking alone."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LEVEL else "scratchcnn"


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_run_downward(module, path):
    assert room(module) in LEVEL
    for imported in imports(path):
        if imported.split(".")[0] == "scratchcnn":
            here, there = room(module), room(imported)
            assert here == there or LEVEL[there] > LEVEL[here], f"{module} ({here}) imports {imported} ({there})"


def test_imports_never_run_in_a_circle():
    names = {module for module, _ in modules()}
    graph = {}
    for module, path in modules():
        found = {name if name in names else name.rsplit(".", 1)[0] for name in imports(path)}
        graph[module] = (found & names) - {module}
    for name in list(graph):  # a package's own __init__ gathers its modules; importing the package is no circle
        graph[name] = {other for other in graph[name] if not name.startswith(f"{other}.")}
    done, path = set(), []

    def visit(name):
        assert name not in path, f"a circle: {' -> '.join([*path, name])}"
        if name not in done:
            path.append(name)
            for other in graph[name]:
                visit(other)
            path.pop()
            done.add(name)

    for name in graph:
        visit(name)


@pytest.mark.parametrize(("library", "home"), [("numba", "kernels"), ("llvmlite", "kernels"), ("matplotlib", "plots")])
def test_libraries_stay_in_their_room(library, home):
    users = {room(module) for module, path in modules() for name in imports(path) if name.split(".")[0] == library}
    assert users == {home}


def test_importing_scratchcnn_loads_no_plots_no_downloads_and_no_formats_of_others():
    others = ("matplotlib", "requests", "tqdm", "pooch", "imageio", "h5py", "onnx")
    code = f"import sys, scratchcnn; print([m for m in {others} if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_every_module_says_its_purpose_in_its_first_line():
    for module, path in modules():
        first = ast.get_docstring(ast.parse(path.read_text()))
        assert first, module
        assert len(first.splitlines()[0]) > 20, module


def test_every_example_in_a_docstring_runs():
    attempted = 0
    for info in pkgutil.walk_packages(scratchcnn.__path__, "scratchcnn."):
        if info.name.endswith("make_sample"):
            continue
        module = importlib.import_module(info.name)
        result = doctest.testmod(module, extraglobs={"np": np}, optionflags=doctest.NORMALIZE_WHITESPACE)
        assert result.failed == 0, info.name
        attempted += result.attempted
    assert attempted > 40
