"""Architecture: imports point downward, no import cycles, optional libraries stay in their packages, examples run."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import scratchcnn
from scratchcnn import layers

PACKAGE = Path(scratchcnn.__file__).parent

# The packages and top-level modules from top to bottom: each may import from itself and from those below it.
ORDER = [
    ["scratchcnn"],
    ["inspection"],
    ["models", "utils"],
    ["plots"],
    ["typicality"],
    ["sequential"],
    ["storage"],
    ["callbacks"],
    ["training"],
    ["fusion"],
    ["descriptions"],
    ["losses", "metrics", "mistakes", "optimizers", "layers"],
    ["preprocessing", "schedules"],
    ["activations", "initializers", "regularizers"],
    ["arguments"],
    ["operations"],
    ["kernels", "reference"],
    ["page"],
    ["operands"],
    ["algorithms"],
    ["configs"],
    ["display"],
    ["datasets"],
    ["names"],
    ["keras_api"],
    ["atomic", "geometry", "npy"],
]
LEVEL = {package: level for level, packages in enumerate(ORDER) for package in packages}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path, at_run_time_only=False):
    """Every module that a file imports: at its top, inside functions, and, unless excluded, under TYPE_CHECKING."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if at_run_time_only and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LEVEL else "scratchcnn"


def users(library):
    """The modules that import a library when they run, not only for annotations."""
    return {module for module, path in modules() if library in {n.split(".")[0] for n in imports(path, True)}}


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_downward(module, path):
    assert package(module) in LEVEL
    for imported in imports(path):
        if imported.split(".")[0] == "scratchcnn":
            here, there = package(module), package(imported)
            assert here == there or LEVEL[there] > LEVEL[here], f"{module} ({here}) imports {imported} ({there})"


def test_there_are_no_import_cycles():
    names = {module for module, _ in modules()}
    graph = {}
    for module, path in modules():
        found = {name if name in names else name.rsplit(".", 1)[0] for name in imports(path)}
        graph[module] = (found & names) - {module}
    done, path = set(), []

    def visit(name):
        assert name not in path, f"an import cycle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in done:
            path.append(name)
            for other in graph[name]:
                visit(other)
            path.pop()
            done.add(name)

    for name in graph:
        visit(name)


def test_no_folder_has_more_than_20_modules():
    counts = Counter(path.parent.relative_to(PACKAGE) for _, path in modules())
    assert {str(folder): count for folder, count in counts.items() if count > 20} == {}


def test_no_module_of_inspection_has_more_than_300_lines():
    lines = {module: path.read_text().count("\n") for module, path in modules() if package(module) == "inspection"}
    assert {module: count for module, count in lines.items() if count > 300} == {}


@pytest.mark.parametrize(("package_name", "unknown"), [
    ("reference", {"algorithms", "kernels", "fusion"}), ("layers", {"kernels", "reference", "fusion", "training"}),
])  # fmt: skip
def test_package_knows_nothing_of_how_it_is_made_fast(package_name, unknown):
    for module, path in modules():
        if package(module) == package_name:
            assert not {package(name) for name in imports(path) if name.startswith("scratchcnn.")} & unknown, module


def test_passes_of_every_layer_have_the_documented_arguments():
    expected = {name: inspect.signature(getattr(layers.Layer, name)) for name in ("forward", "backward")}
    for kind in vars(layers).values():
        if isinstance(kind, type) and issubclass(kind, layers.Layer):
            for name, signature in expected.items():
                assert list(inspect.signature(getattr(kind, name)).parameters) == list(signature.parameters), kind


def attributes(path):
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]


def test_private_members_of_a_model_are_used_by_the_model_only():
    files = dict(modules())
    parts = {name for name in files if name == "scratchcnn.layers.row" or name.startswith("scratchcnn.sequential")}
    private = {node.attr for name in parts for node in attributes(files[name]) if node.attr.startswith("_")}
    private = {name for name in private if not name.startswith("__")}
    assert {"_parts", "_compiled", "_current"} <= private
    for module, path in files.items():
        for node in attributes(path):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if module not in parts and not own:
                assert node.attr not in private, f"{module}:{node.lineno} uses {ast.unparse(node)}"


def test_functions_of_the_kernels_take_few_arguments():
    """At most ten by position; an intrinsic cannot take a named tuple, and is called by one adapter."""
    for module, path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if package(module) in ("kernels", "fusion") and isinstance(node, ast.FunctionDef):
                names = [arg.arg for arg in node.args.posonlyargs + node.args.args if arg.arg != "self"]
                is_intrinsic = any("intrinsic" in ast.unparse(decorator) for decorator in node.decorator_list)
                assert is_intrinsic or len(names) <= 10, f"{module}:{node.lineno} {node.name} takes {len(names)}"


@pytest.mark.parametrize("library", ["numba", "llvmlite"])
def test_compilers_are_imported_in_kernels_only(library):
    assert {package(module) for module in users(library)} == {"kernels"}


def test_matplotlib_is_imported_in_plots_and_in_figure_modules_of_inspection_only():
    others = {module for module in users("matplotlib") if package(module) != "plots"}
    assert {package(module) for module in others} == {"inspection"}
    assert all(module.endswith("figure") for module in others), others


def loaded_with_scratchcnn(modules):
    code = f"import sys, scratchcnn; print([m for m in {modules} if m in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_scratchcnn_loads_no_optional_dependency():
    others = ("matplotlib", "requests", "scipy.ndimage", "tqdm", "pooch", "imageio", "h5py", "onnx", "jinja2")
    assert loaded_with_scratchcnn(others) == "[]"


def test_importing_scratchcnn_loads_no_package_that_models_do_not_use():
    others = [f"scratchcnn.{name}" for name in ("datasets", "inspection", "page", "plots", "preprocessing", "utils")]
    assert loaded_with_scratchcnn(others) == "[]"


def test_every_module_states_its_purpose_in_its_first_line():
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
