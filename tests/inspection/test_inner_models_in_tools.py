"""Tools on models inside models: the same results as on the flat model of the same layers, under unique names."""

import numpy as np
import pytest
from networks import small_data

from scratchcnn import Sequential, inspection, plots
from scratchcnn.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from scratchcnn.typicality import Typicality

X, Y = small_data(20)
NAMES = ["body/conv2d", "deep/conv2d", "max_pooling2d", "flatten", "head/dense", "dense_1"]


@pytest.fixture
def pair():
    """A model with inner models, and the flat model of the same layers and parameters."""

    def layers():
        return [
            Conv2D(3, 3, activation="relu"), Conv2D(3, 2, activation="relu"), MaxPooling2D(), Flatten(),
            Dense(6, activation="relu"), Dense(5, activation="softmax"),
        ]  # fmt: skip

    first, second, third, fourth, fifth, last = layers()
    deep = Sequential([second, third], name="deep")
    parts = [Sequential([first, deep], name="body"), fourth, Sequential([fifth], name="head"), last]
    inner = Sequential([Input((9, 8, 1)), *parts], seed=0)
    flat = Sequential([Input((9, 8, 1)), *layers()], seed=0)
    for model in (inner, flat):
        model.compile()
    return inner, flat


def test_names_of_the_tools(pair):
    names = pair[0].leaf_names
    assert len(set(names)) == len(names) == 6
    assert names[2:4] == ["max_pooling2d", "flatten"]


def test_trace_has_every_layer(pair):
    inner, flat = (inspection.trace(model, X[:3], Y[:3]) for model in pair)
    assert inner.names == pair[0].leaf_names
    for found, expected in zip(inner, flat, strict=True):
        assert found.output.tobytes() == expected.output.tobytes()
        assert [array.tobytes() for array in found.gradients.values()] == [
            array.tobytes() for array in expected.gradients.values()
        ]
    assert inner[inner.names[1]] is inner[1]
    assert all(name in str(inner) for name in inner.names)


def test_explain_finds_layers_by_unique_name_and_through_boundaries(pair):
    traces = [inspection.trace(model, X[:1], Y[:1]) for model in pair]
    inner, flat = (inspection.explain(each, 1, (0, 2, 2, 1)) for each in traces)
    named = inspection.explain(traces[0], traces[0].names[1], (0, 2, 2, 1))
    assert (named.output, named.stored) == (inner.output, inner.stored) == (flat.output, flat.stored)
    assert named.inputs.tobytes() == flat.inputs.tobytes()
    assert traces[0].names[1] in str(named)


def test_gradient_check_names_each_array_once(pair):
    checks = [inspection.check_gradients(model, X[:2], Y[:2], sample=3) for model in pair]
    names = [row.name for row in checks[0].rows]
    assert len(set(names)) == len(names) == len([row.name for row in checks[1].rows])
    assert checks[0].ok


def test_check_layer_accepts_a_layer_of_an_inner_model(pair):
    assert inspection.check_layer(pair[0].leaf_layers[1], X[:2, :7, :6].repeat(3, -1)).ok


def test_inner_model_is_checked_by_itself(pair):
    body = pair[0].get_layer("body")
    assert inspection.check_gradients(body, X[:2], sample=3).ok
    assert inspection.trace(body, X[:1]).names == body.leaf_names


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_comparison_with_keras_has_every_layer(pair):
    found = [inspection.compare_with_keras(model, X[:8], Y[:8]) for model in pair]
    assert [row.difference for row in found[0].rows] == [row.difference for row in found[1].rows]
    assert {row.place.layer for row in found[0].rows} >= set(pair[0].leaf_names)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_comparison_with_keras_accepts_a_name_that_looks_like_one_of_an_inner_model():
    halves = [Sequential([Flatten(), Dense(4)], name="a"), Sequential([Dense(4)], name="b")]
    model = Sequential([Input((9, 8, 1)), *halves, Dense(5, name="a_dense", activation="softmax")], seed=0)
    model.compile()
    assert inspection.compare_with_keras(model, X[:8], Y[:8]).agrees


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_comparison_with_a_given_keras_model_of_models(pair, tmp_path):
    import keras

    pair[0].fit(X, Y, verbose=0)  # so that the file contains an optimizer state, which Keras expects
    pair[0].save(tmp_path / "m.keras")
    given = keras.models.load_model(tmp_path / "m.keras")
    found = inspection.compare_with_keras(pair[0], X[:8], Y[:8], keras_model=given)
    assert found.agrees


def test_maps_of_the_input_are_those_of_the_flat_model(pair):
    inner, flat = pair
    for tool in (inspection.input_gradient, inspection.grad_cam, inspection.occlusion):
        found, expected = (tool(model, X[0], 1) for model in (inner, flat))
        assert [np.asarray(value).tobytes() for value in vars(found).values() if isinstance(value, np.ndarray)] == [
            np.asarray(value).tobytes() for value in vars(expected).values() if isinstance(value, np.ndarray)
        ]
    assert inspection.filter_ablation(inner, inner.leaf_names[0], X, Y).layer == inner.leaf_names[0]


def test_watchers_and_dead_units_use_unique_names(pair):
    inner = pair[0]
    watcher = inspection.GradientWatcher()
    inner.fit(X, Y, verbose=0, callbacks=watcher)
    trained = [name for name, layer in zip(inner.leaf_names, inner.leaf_layers, strict=True) if layer.params]
    assert list(watcher.result.layers) == trained
    microscope = inspection.OptimizerMicroscope(inner, inner.leaf_names[1], "kernel", (0, 0, 0, 0))
    inner.fit(X, Y, verbose=0, callbacks=microscope)
    assert microscope.layer == inner.leaf_names[1]
    assert [units.layer for units in inspection.dead_units(inner, X).layers] == [trained[0], trained[1], trained[2]]


def test_report_of_inner_models_is_written(pair, tmp_path):
    data = {"images": X, "labels": Y, "training": (X, Y)}
    report = inspection.write_report(pair[0], X[0], int(Y[0]), tmp_path / "report.html", **data)
    assert report.left_out == {}
    text = (tmp_path / "report.html").read_text()
    assert all(name in text for name in pair[0].leaf_names)


def test_figures_show_the_layers_of_inner_models(pair, tmp_path):
    inner = pair[0]
    plots.plot_model(inner, to_file=tmp_path / "model.png")
    plots.plot_filters(inner)
    plots.plot_feature_maps(inner, X[0], inner.leaf_names[1])
    with pytest.raises(ValueError, match="index below 6"):
        plots.plot_feature_maps(inner, X[0], 6)


def test_typicality_uses_the_hidden_layers_of_inner_models(pair):
    inner, flat = (Typicality(model, (X, Y), X) for model in pair)
    assert inner.score(X).tobytes() == flat.score(X).tobytes()
