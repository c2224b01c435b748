"""Pictures of what `inspection` sees of training: right numbers, legible, for few or many steps and layers."""

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.figure import Figure
from networks import article_model, small_data, small_model

from scratchcnn import Sequential, optimizers
from scratchcnn.inspection import GradientWatcher, compare_optimizers, dead_units, watch_weight
from scratchcnn.inspection.keras.comparison import KerasComparison
from scratchcnn.inspection.keras.side_by_side import Row, parting_of, row_of
from scratchcnn.inspection.optimizer.dead_units import DeadUnits, LayerUnits
from scratchcnn.inspection.optimizer.gradient_flow import GradientFlow
from scratchcnn.inspection.runs import Place
from scratchcnn.layers import Dense


def flow_of(layers: int, steps: int, zeros: bool = False) -> GradientFlow:
    rng = np.random.default_rng(layers)
    norms = [10 ** rng.uniform(-6, 1, (steps, layers)) for _ in range(3)]
    if zeros:
        norms[0][:, 0] = 0
        norms[2][0] = np.nan
    names = tuple(f"block_{number}_with_a_long_name" if number % 3 else f"dense_{number}" for number in range(layers))
    return GradientFlow(names, rng.integers(1, 1000, layers), np.arange(1, steps + 1), *norms)


@pytest.mark.parametrize("name", ["plot", "plot_ratios"])
@pytest.mark.parametrize(("layers", "steps", "zeros"), [(1, 1, False), (4, 30, True), (9, 3, True), (40, 469, False)])
def test_gradient_flow_is_legible(name, layers, steps, zeros, tmp_path):
    figure = getattr(flow_of(layers, steps, zeros), name)(tmp_path / "flow.png")
    assert (tmp_path / "flow.png").stat().st_size > 1000
    assert_legible(figure.axes[0])


def test_gradient_flow_draws_the_sizes_that_were_seen():
    model, watcher = small_model(seed=0), GradientWatcher()
    model.fit(*small_data(40), batch_size=10, verbose=0, callbacks=watcher)
    flow = watcher.result
    (axes,) = flow.plot().axes
    assert axes.get_yscale() == "log"
    assert [line.get_label() for line in axes.lines] == list(flow.layers)
    for place, line in enumerate(axes.lines):
        np.testing.assert_array_equal(line.get_ydata(), flow.root_mean_squares[:, place])
    (axes,) = flow.plot_ratios().axes
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), flow.ratios[:, 1])
    low, high = axes.get_ylim()
    assert low < 1e-4 < 1e-2 < high
    with pytest.raises(ValueError, match="at least one step"):
        GradientWatcher().result.plot()


OPTIMIZERS = [
    ["adam", optimizers.SGD(0.1, momentum=0.9)],
    ["adam"],
    [optimizers.SGD(0.1), optimizers.Adam(amsgrad=True)],
]


@pytest.mark.parametrize("chosen", OPTIMIZERS, ids=len)
def test_a_weight_under_optimizers_is_legible_and_right(chosen, tmp_path):
    model = small_model(seed=2)
    found = compare_optimizers(model, *small_data(40), "dense", "kernel", (3, 1), chosen, batch_size=10, epochs=3)
    figure = found.plot(tmp_path / "weight.png")
    assert isinstance(figure, Figure)
    weight, gradient, _, step = figure.axes
    for number, history in enumerate(found.histories):
        assert weight.lines[number].get_ydata().tolist() == [history.before[0], *history.after]
        np.testing.assert_array_equal(gradient.lines[number].get_ydata(), history.gradients)
        np.testing.assert_array_equal(step.lines[number].get_ydata(), history.changes)
    styles = [line.get_linestyle() for line in weight.lines]
    assert len(set(styles)) == len(styles)  # told apart without colours
    assert_legible(weight)


def test_one_step_is_drawn_too():
    found = watch_weight(small_model(seed=2), *small_data(10), "dense_1", "bias", 0)
    assert len(found.steps) == 1
    assert_legible(found.plot().axes[0])


def test_dead_units_are_marked():
    model = small_model(seed=1)
    model.layers[0].params["bias"][[1, 3]] = -100
    found = dead_units(model, small_data(30)[0])
    conv, dense = found.plot().axes
    assert "2 of 4 dead" in conv.get_title()
    assert [bar.get_height() for bar in dense.containers[0]] == sorted(found.layers[1].active)
    assert_legible(conv)


@pytest.mark.parametrize(("layers", "units"), [(1, 1), (3, 512), (7, 10)])
def test_dead_units_of_any_model_are_legible(layers, units, tmp_path):
    rng = np.random.default_rng(0)
    active = [np.maximum(rng.uniform(-0.3, 1, units), 0) for _ in range(layers)]
    found = DeadUnits(
        tuple(LayerUnits(f"a_convolution_of_block_{i}", each, 0.4) for i, each in enumerate(active)), 5000
    )
    assert_legible(found.plot(tmp_path / "dead.svg").axes[0])
    with pytest.raises(ValueError, match="ends in ReLU"):
        dead_units(Sequential([Dense(2, input_shape=(3,))]), np.ones((2, 3))).plot()


def comparison_of(steps: int, differs: bool, layers=None) -> KerasComparison:
    """Made-up numbers, of every kind that a picture must take: zero, small, beyond the tolerance, NaN."""
    rng = np.random.default_rng(steps)
    layers = layers or article_model(seed=0).layers
    places = [Place("output", 0, layer.name) for layer in layers] + [Place("loss", 0)]
    parameters = [(layer.name, name) for layer in layers for name in layer.params]
    places += [Place("gradient", 0, *each) for each in reversed(parameters)]
    places += [Place("weights", step, *each) for step in range(1, steps + 1) for each in parameters]
    rows: list[Row] = []
    parting = None
    for number, place in enumerate(places):
        theirs = rng.standard_normal(5)
        ours = theirs + (0 if number % 7 == 0 else 1e-7 * rng.standard_normal(5))
        if differs and number > 9:
            ours[2] = theirs[2] + 0.1 if number % 5 else np.nan
        rows.append(row_of(place, ours, theirs, 1e-6))
        parting = parting or (None if rows[-1].agrees else parting_of(place, ours, theirs, 1e-6))
    return KerasComparison(tuple(rows), parting, "3.4", "jax", "float32", "Adam(learning_rate=0.001)", 32, steps)


@pytest.mark.parametrize("differs", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 40])
def test_a_comparison_with_keras_is_legible(steps, differs, tmp_path):
    found = comparison_of(steps, differs)
    figure = found.plot(tmp_path / "keras.png")
    first, weights = figure.axes
    assert [tick.get_text() for tick in first.get_yticklabels()][:2] == ["output conv2d", "output conv2d_1"]
    assert (weights.get_yscale(), first.get_xscale()) == ("log", "log")
    solid = [line for line in weights.lines if line.get_linestyle() == "-"]
    assert [line.get_label() for line in solid] == ["conv2d", "conv2d_1", "dense", "dense_1"]
    assert ("beyond" in [line.get_label() for line in first.lines]) == differs
    assert_legible(first)
    assert max(map(len, str(found).splitlines())) <= 120


def test_a_comparison_of_a_small_model_is_legible():
    layers = Sequential([Dense(2, input_shape=(3,), activation="softmax")]).layers
    assert_legible(comparison_of(3, True, layers).plot().axes[0])
