"""The representation of a result in an interactive session is one line, and in a notebook its whole text as HTML."""

import re

import pytest
from elements import Elements
from networks import small_data, small_model

from scratchcnn import inspection

RESULTS = pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("occlusion", ("image",)), ("grad_cam", ("image",)), ("input_gradient", ("image",)),
        ("pixel_shifts", ("image",)),
        ("filter_ablation", ("conv2d", "x", "y")), ("dead_units", ("x",)), ("check_gradients", ("x", "y")),
        ("sweep_step", ("x", "y")), ("watch_weight", ("x", "y", "dense", "kernel", (0, 0))),
        ("compare_optimizers", ("x", "y", "dense", "kernel", (0, 0))), ("trace", ("x", "y")),
    ],
)  # fmt: skip


def result_of(name, arguments):
    x, y = small_data(8)
    data = {"x": x, "y": y, "image": x[0]}
    return getattr(inspection, name)(small_model(seed=0), *(data.get(str(each), each) for each in arguments))


def words(text):
    return [word for word in text.split() if not re.fullmatch("-+", word) or word == "-"]  # without the rules of tables


@RESULTS
def test_representation_is_one_line_without_arrays(name, arguments):
    found = result_of(name, arguments)
    assert repr(found).startswith(f"<{type(found).__name__}") or name == "trace"
    assert len(repr(found)) < 200
    assert "\n" not in repr(found)
    assert "array(" not in repr(found)


@RESULTS
def test_html_has_the_words_of_the_text_in_the_same_order(name, arguments):
    found = result_of(name, arguments)
    elements = Elements(found._repr_html_())
    assert words(" ".join(elements.texts)) == words(str(found))
    assert {attribute for attribute, _ in elements.attributes} == {"style"}


@pytest.mark.parametrize("unit", [("dense", (0, 1)), ("dense_1", (0, 2)), ("conv2d", (0, 1, 1, 0))])
def test_explanation_has_the_same_words_as_text_and_as_html(unit):
    found = inspection.explain(inspection.trace(small_model(seed=0), *small_data(2)), *unit)
    assert words(" ".join(Elements(found._repr_html_()).texts)) == words(str(found))


def test_trace_of_a_layer_displays_its_cost_and_statistics():
    layer = inspection.trace(small_model(seed=0), *small_data(2))["dense"]
    text = str(layer).replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith("Trace of 'dense' (Dense): 2 samples\n\noutput shape")
    for value in (f"sparsity             {100 * layer.zeros:.0f} %", f"gradient norm        {layer.gradient_norm:.4g}"):
        assert value in text
    assert words(" ".join(Elements(layer._repr_html_()).texts)) == words(str(layer))
