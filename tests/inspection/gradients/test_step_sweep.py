"""sweep_step: slopes of truncation and rounding, the flat bottom of a wrong gradient, and a legible figure."""

import numpy as np
import pytest
from legible import assert_legible
from networks import small_data, small_model
from own_layers import OwnReLU, Scale

from scratchcnn.inspection import sweep_step
from scratchcnn.layers import Dense


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def slope(steps, errors, chosen):
    return np.polyfit(np.log(steps[chosen]), np.log(errors[chosen]), 1)[0]


def test_truncation_has_slope_2_and_rounding_slope_minus_1():
    steps = np.logspace(-1, -12, 67)
    sweep = sweep_step(Scale(), normal(3, 4), steps=steps)
    assert slope(steps, sweep.errors, steps > 1e-3) == pytest.approx(2, abs=0.05)
    assert slope(steps, np.maximum(sweep.errors, 1e-17), steps < 1e-6) == pytest.approx(-1, abs=0.15)
    wide = (steps > 1e-3) & (steps < 0.03)
    np.testing.assert_allclose(sweep.errors[wide], sweep.truncation[wide], rtol=0.05)
    ratio = sweep.errors[steps < 1e-6] / sweep.rounding[steps < 1e-6]
    assert 0.1 < np.sqrt((ratio**2).mean()) < 5
    best = (3 * sweep.noise / (np.sqrt(2) * sweep.third_derivative)) ** (1 / 3)
    assert best / 30 < sweep.best_step < best * 30
    assert not sweep.flat


def test_error_of_a_wrong_gradient_has_a_flat_bottom():
    sweep = sweep_step(Scale((1,), 0.01), normal(3, 4), array="scale gain", index=(1,))
    assert sweep.flat
    assert "the bottom of the V is flat" in " ".join(str(sweep).split())
    assert sweep.errors[sweep.steps < 1e-3].min() == pytest.approx(0.01, rel=0.05)
    assert not sweep_step(Scale((1,), 0.01), normal(3, 4), array="scale gain", index=(2,)).flat


def test_linear_function_has_no_truncation_error():
    sweep = sweep_step(Dense(3), normal(2, 4), engine="reference")
    assert sweep.third_derivative == 0
    assert "There is no truncation error" in str(sweep)
    assert sweep.errors[0] < 1e-12


def test_steps_across_a_kink_are_marked():
    x, y = small_data(3)
    model = small_model(seed=0)
    sweep = sweep_step(model, x, y)
    assert sweep.array == "conv2d kernel"
    assert not sweep.smooth[0]
    assert sweep.smooth[-1]
    assert "crosses a kink" in str(sweep)
    assert sweep.errors[~sweep.smooth].max() > 100 * sweep.errors[sweep.smooth].min()


@pytest.mark.parametrize("array", ["conv2d kernel", "dense kernel", "dense_1 bias"])
def test_summary_agrees_with_the_measurements(array):
    """A kink and a truncation error may both occur in one sweep; each is reported if and only if it was measured."""
    x, y = small_data(3)
    sweep = sweep_step(small_model(seed=0), x, y, array=array)
    text = " ".join(str(sweep).split())
    assert ("different smooth pieces" in text) == (not sweep.smooth.all())
    assert ("truncation error, as the loss is not quadratic" in text) == (sweep.third_derivative > 0)


def test_default_element_has_the_largest_gradient():
    x, y = small_data(3)
    model = small_model(dtype="float64", seed=0)
    sweep = sweep_step(model, x, y, array="dense bias", training=False)
    gradient = model.loss_and_gradients(x, y)[1][3]
    assert sweep.index == (int(np.abs(gradient).argmax()),)
    assert sweep.analytic == pytest.approx(gradient[sweep.index], rel=1e-9)


def test_text_is_at_most_120_characters_wide():
    assert max(map(len, str(sweep_step(Scale(), normal(2, 3))).splitlines())) <= 120


def test_invalid_arguments_are_errors():
    with pytest.raises(ValueError, match="Expected at least one step"):
        sweep_step(Scale(), normal(2, 3), steps=[])
    with pytest.raises(ValueError, match="Expected a step as a finite number above 0"):
        sweep_step(Scale(), normal(2, 3), steps=[0.1, 0])
    with pytest.raises(ValueError, match=r"Did you mean 'scale gain'\?"):
        sweep_step(Scale(), normal(2, 3), array="scale gin")
    with pytest.raises(ValueError, match=r"index into 'input' as .* with axis 0 from 0 to 1, received \(2, 0\)"):
        sweep_step(Scale(), normal(2, 3), array="input", index=(2, 0))


@pytest.mark.parametrize("layer", [Scale(), Scale((1,)), OwnReLU(), Dense(3)])
def test_figure_is_legible(layer, tmp_path):
    sweep = sweep_step(layer, normal(3, 4), engine="reference")
    figure = sweep.plot(tmp_path / "v.png")
    assert (tmp_path / "v.png").stat().st_size > 10_000
    axes = figure.axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert_legible(axes)
    drawn = next(line for line in axes.lines if line.get_label() == "measured")
    shown = sweep.errors[sweep.smooth]
    np.testing.assert_allclose(drawn.get_ydata()[shown > 0], shown[shown > 0])


def test_figure_marks_steps_across_a_kink(tmp_path):
    x, y = small_data(3)
    figure = sweep_step(small_model(seed=0), x, y).plot()
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "measured across a kink" in labels
    assert_legible(figure.axes[0])
    with pytest.raises(ValueError, match="Expected an image file ending in"):
        sweep_step(small_model(seed=0), x, y).plot(tmp_path / "v.txt")
