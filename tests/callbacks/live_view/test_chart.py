"""Learning curves as SVG: ticks, epochs on the axis, and long curves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.callbacks.live_view.chart import LARGEST, MOST_POINTS, Curve, chart, epochs_of, thinned, ticks_of


@given(st.lists(st.floats(-LARGEST, LARGEST, exclude_min=True, exclude_max=True), min_size=1, max_size=5))
def test_ticks_are_few_round_numbers_that_enclose_the_values(values):
    ticks = ticks_of(values)
    step = ticks[1] - ticks[0]
    assert 2 <= len(ticks) <= 7
    assert f"{step:.0e}"[0] in "125"
    assert ticks[0] - 1e-6 * step <= min(values)  # a value that rounding has moved over a tick is on it
    assert max(values) <= ticks[-1] + 1e-6 * step


@pytest.mark.parametrize(("first", "last"), [(0, 1), (0, 7), (3, 4), (5, 99), (0, 12_345)])
def test_epochs_on_the_axis_are_few_whole_numbers_in_range(first, last):
    found = list(epochs_of(first, last))
    assert 1 <= len(found) <= 7
    assert first <= found[0]
    assert found[-1] <= last


def test_long_curve_is_thinned_to_its_ends_and_points_between():
    points = [(float(i), 1.0 / (i + 1)) for i in range(10_000)]
    kept = thinned(points)
    assert len(kept) <= MOST_POINTS + 1
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert len(chart("loss", [Curve("training", points)], 0, 10_000)) < 10_000
