"""Figure and text of the comparison with Keras: legible for few or many steps, with and without differences."""

import numpy as np
import pytest
from legible import assert_legible
from networks import article_model

from scratchcnn import Sequential
from scratchcnn.inspection import KerasComparison
from scratchcnn.inspection.keras.side_by_side import Place, compare, shown
from scratchcnn.layers import Dense


def comparison_of(steps: int, differs: bool, layers=None) -> KerasComparison:
    """Return invented differences of every kind that a figure must draw: zero, small, beyond the tolerance, NaN."""
    rng = np.random.default_rng(steps)
    layers = layers or article_model(seed=0).layers
    places = [Place("output", 0, layer.name) for layer in layers] + [Place("loss", 0)]
    parameters = [(layer.name, name) for layer in layers for name in layer.params]
    places += [Place("gradient", 0, *each) for each in reversed(parameters)]
    places += [Place("weights", step, *each) for step in range(1, steps + 1) for each in parameters]
    compared = []
    for number, place in enumerate(places):
        theirs = rng.standard_normal(5)
        ours = theirs + (0 if number % 7 == 0 else 1e-7 * rng.standard_normal(5))
        if differs and number > 9:
            ours[2] = theirs[2] + 0.1 if number % 5 else np.nan
        compared.append(compare(place, ours, theirs, 1e-6))
    first = next((found for _, found in compared if found), None)
    rows = tuple(row for row, _ in compared)
    return KerasComparison(rows, first, "3.4", "jax", "float32", "Adam(learning_rate=0.001)", 32, steps)


@pytest.mark.parametrize("differs", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 40])
def test_a_comparison_with_keras_is_legible(steps, differs, tmp_path):
    found = comparison_of(steps, differs)
    figure = found.plot(tmp_path / "keras.png")
    (axes,) = figure.axes
    drawn = shown(found.rows, steps)
    named = ["loss" if stage == "loss" else f"{stage}: {row.place.name}" for stage, row in drawn]
    assert [text.get_text() for text in axes.get_yticklabels()] == named
    assert axes.get_xscale() == "log"
    differences = {line.get_label(): line for line in axes.lines}
    for label, agrees in (("difference", True), ("more than rounding", False)):
        places = [place for place, (_, row) in enumerate(drawn) if row.agrees == agrees]
        assert (label in differences) == bool(places)
        if places:
            assert list(differences[label].get_ydata()) == places
    assert_legible(axes)
    assert max(map(len, str(found).splitlines())) <= 120


def test_a_comparison_of_a_small_model_is_legible():
    layers = Sequential([Dense(2, input_shape=(3,), activation="softmax")]).layers
    assert_legible(comparison_of(3, True, layers).plot().axes[0])
