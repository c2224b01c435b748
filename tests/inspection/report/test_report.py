"""The report without a browser: its arrays, source code, sections and error messages."""

from __future__ import annotations

import base64
import html
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import small_data, small_model

import scratchcnn
from scratchcnn import Sequential, activations, page
from scratchcnn.activations import has_formula
from scratchcnn.algorithms import GradientAlgorithm, Rung
from scratchcnn.descriptions import conv2d
from scratchcnn.descriptions.registry import LIBRARY
from scratchcnn.inspection import bug_zoo, trace, write_report
from scratchcnn.inspection.report import layer_section, script_data
from scratchcnn.inspection.report.layer_section import formula_of, sources_of
from scratchcnn.inspection.report.script_data import dense_kernel
from scratchcnn.inspection.report.writing import PAGE
from scratchcnn.layers import Activation, Conv2D, Dense, Flatten, Layer, Rescaling
from scratchcnn.page import ArrayStore, script_text, style_text

ROOT = Path(scratchcnn.__file__).parents[1]


def unpacked(store: ArrayStore, name: str) -> np.ndarray:
    """Decode an array as the page's script does."""
    spec: dict[str, Any] = store.specs[name]
    values = np.frombuffer(base64.b64decode(spec["data"]), spec["dtype"])
    if "present" not in spec:
        return values
    bits = np.unpackbits(np.frombuffer(base64.b64decode(spec["present"]), np.uint8), bitorder="little")[: spec["size"]]
    whole = np.zeros(spec["size"], spec["dtype"])
    whole[bits == 1] = values
    return whole


@given(
    st.lists(st.sampled_from([0.0, 0.0, 1.5, -2.25, float("nan"), float("inf")]), max_size=40),
    st.sampled_from(["float16", "float32", "float64", "int64", "uint8", "bool"]),
)
def test_arrays_are_restored_exactly(values: list[float], dtype: str):
    with np.errstate(invalid="ignore"):
        array = np.nan_to_num(np.array(values), posinf=7).astype(dtype) if dtype[0] != "f" else np.array(values, dtype)
    store = ArrayStore()
    np.testing.assert_array_equal(unpacked(store, store.add(array)), array)


def test_equal_arrays_are_stored_once_and_without_zeros():
    store = ArrayStore()
    array = np.zeros((50, 20), np.float32)
    array[3, 4] = 1
    assert store.add(array) == store.add(array.reshape(-1).copy())
    assert len(store.specs) == 1
    assert len(store.specs["a0"]["data"]) < 10


def test_terms_of_a_described_layer_are_left_out_with_a_reason_if_they_are_too_many(monkeypatch):
    layer = trace(Sequential([Rescaling(0.5, 1, input_shape=(3, 4, 1)), Flatten(), Dense(2)]), np.ones((1, 3, 4, 1)))[0]
    found = script_data.described_terms(layer, store := ArrayStore())
    assert unpacked(store, found["forward"]["sources"]).tolist() == list(range(12))
    assert set(unpacked(store, found["forward"]["weights"])) == {0.5}
    assert "backward" not in found  # no labels
    monkeypatch.setattr(script_data, "MOST_TERMS", 11)
    assert "sums of about 12 products" in script_data.described_terms(layer, ArrayStore())["why"]


def test_large_dense_kernel_contains_all_weights_with_nonzero_products(rng):
    model = Sequential([Dense(40, activation="relu", input_shape=(900,)), Dense(3, activation="softmax")], seed=0)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    x = np.where(rng.random(900) < 0.3, rng.random(900), 0)[None]
    layer = trace(model, x, [1])["dense"]
    store = ArrayStore()
    packed = dense_kernel(layer, store)
    rows, columns = (unpacked(store, packed[name]) for name in ("rows", "columns"))
    kernel = np.zeros((900, 40), np.float32)
    others = np.setdiff1d(np.arange(900), rows)
    kernel[np.ix_(others, columns)] = unpacked(store, packed["ofColumns"]).reshape(len(others), len(columns))
    kernel[rows] = unpacked(store, packed["ofRows"]).reshape(len(rows), 40)
    np.testing.assert_array_equal(layer.input[0] @ kernel, layer.input[0] @ layer.params["kernel"])
    np.testing.assert_array_equal(kernel @ layer.d_preactivation[0], layer.params["kernel"] @ layer.d_preactivation[0])
    assert 0.2 < np.mean(kernel == 0) < 0.8


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_sources_are_the_lines_of_the_files(engine):
    x, y = small_data(1)
    model = small_model(seed=0, engine=engine)
    layers = trace(model, x, y).layers
    found = [sources for layer in layers for sources in layer_section.sources_of(layer, engine)]
    every = [source for each in [*found, layer_section.loss_sources(engine)] for source in each]
    assert {source.path.split("/")[1] for source in every} == {"reference", "kernels"} - (
        {"kernels"} if engine == "reference" else set()
    )
    for source in every:
        lines = (ROOT / source.path).read_text().splitlines()
        assert lines[source.line - 1].lstrip().startswith(f"def {source.name}(")
        assert all(lines[number - 1] == text for number, text in source.lines)


@pytest.mark.parametrize(
    ("table", "algorithms"), [(conv2d.FORWARD_LOOPS, Rung), (conv2d.KERNEL_LOOPS, GradientAlgorithm)]
)
def test_every_algorithm_has_its_hot_loop(table, algorithms):
    assert set(table) == set(get_args(algorithms))
    for names in table.values():
        assert all(layer_section.source_of(name, "hot loop").lines for name in names)


def test_formulas_are_those_of_the_docstrings():
    x, y = small_data(1)
    found = {layer.kind: formula_of(layer)[0] for layer in trace(small_model(seed=0), x, y)}
    assert found["Conv2D"].startswith("z[n, oy, ox, f] = bias[f] + sum over ky, kx, c of\n")
    assert found["MaxPooling2D"].startswith("y[n, oy, ox, c] = max over")
    assert found["Flatten"] == "y[n, (h * W + w) * C + c] = x[n, h, w, c]"
    assert all(found.values())


WORDS = {"sum", "over", "of", "max", "exp", "if", "else", "in", "training", "otherwise"}


@pytest.mark.parametrize("layer", LIBRARY)
def test_every_symbol_of_a_formula_is_defined_below_it(layer):
    formula, notation = formula_of(SimpleNamespace(layer=layer.__new__(layer)))
    symbols = set(re.findall("[A-Za-z_]+", formula)) - WORDS - layer.__init__.__annotations__.keys()
    symbols -= {"kernel", "bias"} if layer in (Conv2D, Dense) else set()  # parameters
    assert symbols
    assert symbols <= set(re.findall("[A-Za-z]+", notation))


@pytest.mark.parametrize("name", [name for name, each in activations.KNOWN.items() if has_formula(each)])
def test_report_contains_formula_derivative_and_code_of_an_activation(tmp_path, rng, name):
    model = Sequential([Dense(4, name, input_shape=(3,)), Activation(name), Dense(2, "softmax")], seed=0)
    model.compile()
    report = write_report(model, rng.standard_normal(3), 1, tmp_path / "page.html")
    assert "Backward pass" not in report.left_out
    text = html.unescape((tmp_path / "page.html").read_text())
    function = activations.get(name)
    assert text.count(f"then replaces each value z by y = {function.formula.format(x='z')}.") == 2
    assert text.count(f"multiplied by the derivative of {function.name}, {function.derivative.format(x='z')}.") == 2
    layer = trace(model, np.ones((1, 3)), [1])["dense"]
    forward, backward = (
        [(each.role, each.path, each.name) for each in sources] for sources in sources_of(layer, "kernels")
    )
    for found, operation in ((forward, function.name), (backward, f"{function.name}_derivative")):
        assert ("formula", "scratchcnn/reference/elementwise.py", operation) in found
        assert ("hot loop", "scratchcnn/kernels/elementwise.py", operation) in found


def test_report_lists_what_it_contains_and_what_is_left_out(tmp_path):
    x, y = small_data(30)
    model = small_model(seed=0)
    model.fit(x, y, epochs=2, verbose=0)
    before = [array.copy() for array in model.get_weights()]
    report = write_report(model, x[0], int(y[0]), tmp_path / "page.html", images=x, labels=y, training=(x, y))
    assert report.left_out == {}
    assert report.size == (tmp_path / "page.html").stat().st_size
    assert (report.answer, report.label) == (model.predict(x[:1]).argmax(), y[0])
    assert str(report).startswith(f"{tmp_path / 'page.html'}: 0.")
    for array, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    text = (tmp_path / "page.html").read_text()
    assert not re.search(r"(src|href)=\"(?!#|data:)", text.split('<script type="application/json"')[0])
    calls = ["filter_ablation(", "check_gradients(", "watcher.result", "compare_optimizers(", "dead_units("]
    calls += ["bug_zoo.describe(", "compare_with_keras("]
    for call in calls:
        assert f"<code>print({call}" in text
    assert "All gradients agree." in text
    assert f"the whole model has the loss {model.evaluate(x, y, verbose=0)[0]:.4f} and the accuracy" in text
    assert "Rounding explains every difference." in text
    assert all(f'<th scope="row">{name}</th>' in text for name in bug_zoo.names())
    assert "val_loss" not in text
    uncompiled = Sequential([Dense(3, activation="softmax", input_shape=(4,))], seed=0)
    other = write_report(uncompiled, np.ones(4), to_file=tmp_path / "other.html")
    assert other.label is None
    assert "compile" in other.left_out["Backward pass"]
    assert "images (H, W, C)" in other.left_out["Occlusion: cover a patch"]
    assert "without 'Backward pass': Expected a compiled model" in str(other)


def test_report_without_keras_tells_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    x, y = small_data(20)
    report = write_report(small_model(seed=0), x[0], 1, tmp_path / "page.html", images=x, labels=y, training=(x, y))
    assert list(report.left_out) == ["The same network in Keras"]
    assert "pip install 'scratchcnn[compare]'" in str(report)


class WrongBackward(Layer):
    """Doubles its input, but does not double the gradient."""

    def forward(self, x, ops, training, rng):
        return 2 * x, None

    def backward(self, dy, cache, ops, input_gradient=True):
        return dy.copy(), {}


def test_wrong_backward_pass_is_reported(tmp_path, rng):
    model = Sequential([Dense(4, input_shape=(5,)), WrongBackward(), Dense(3, activation="softmax")], seed=0)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    write_report(model, rng.random(5), 1, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "Some gradients disagree" in text
    assert "<td>BUG</td>" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "model"}, "Expected a Sequential for write_report, received str"),
        ({"model": Sequential([Dense(3)])}, "Expected a model of known shape for write_report"),
        ({"image": np.ones((2, 9, 8, 1))}, "That is a batch of 2: give one of them, as image"),
        ({"image": np.ones((9, 9, 1))}, r"Expected image as one image of shape \(9, 8, 1\)"),
        ({"label": 5}, "Expected label from 0 to 4"),
        ({"images": np.ones((2, 9, 8, 1))}, "Expected images and labels, received only one"),
        ({"training": 3}, r"Expected training as \(images, labels\), received int"),
        ({"to_file": "missing/page.html"}, "create the folder .*missing first"),
        ({"to_file": "."}, "received a folder"),
    ],
)
def test_wrong_arguments_leave_the_file_unchanged(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    Path("page.html").write_text("before")
    x, _ = small_data(1)
    arguments = {"model": small_model(seed=0), "image": x[0], "label": 1, "to_file": "page.html", **change}
    with pytest.raises((TypeError, ValueError, OSError), match=message):
        write_report(**arguments)
    assert Path("page.html").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_every_file_of_the_page_is_used():
    folder = Path(script_data.__file__).parent
    shared = Path(page.__file__).parent
    for kind, names in (("scripts", PAGE.scripts), ("style", PAGE.styles)):
        own = {path.stem for path in (folder / kind).iterdir()}
        assert own <= set(names) <= own | {path.stem for path in (shared / kind).iterdir()}
    for text in (script_text(PAGE), style_text(PAGE)):
        assert "</" not in re.sub(r"//.*", "", text).replace("</b>", "")
        assert "http" not in text.replace('"http://www.w3.org/2000/svg"', "")


def test_import_loads_neither_jinja_nor_matplotlib():
    code = (
        "import sys, scratchcnn.inspection; print([m for m in ('jinja2', 'matplotlib', 'imageio') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
