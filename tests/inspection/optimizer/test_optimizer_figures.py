"""Figures of training: correct values, legible for few or many steps and layers."""

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.figure import Figure
from networks import small_data, small_model

from scratchcnn import Sequential, optimizers
from scratchcnn.inspection import DeadUnits, GradientFlow, GradientWatcher, compare_optimizers, dead_units, watch_weight
from scratchcnn.inspection.optimizer.dead_units import LayerUnits
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


def test_gradient_flow_draws_the_recorded_values():
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
def test_weight_with_several_optimizers_is_legible_and_correct(chosen, tmp_path):
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
    assert len(set(styles)) == len(styles)  # distinguishable without colours
    assert_legible(weight)


def test_single_step_is_drawn():
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
