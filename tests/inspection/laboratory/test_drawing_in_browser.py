"""Preparation of drawings in a browser: the 28 x 28 pixels equal those of read_digit, and so do the refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawing_page import MARGIN, SIDE, Stroke, open_drawing, prepared, stroke_of, written
from drawn_digits import GLYPHS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scratchcnn.preprocessing import read_digit

TOLERANCE = 2 / 255  # the requirement; both sides round to float32 after each step, and thresholds are discontinuous


@pytest.fixture(scope="module", autouse=True)
def opened(driver) -> None:
    open_drawing(driver)


def assert_as_in_python(driver: Any, strokes: list[Stroke], dark: bool | None = True) -> dict[str, Any]:
    """Compare the page's image with that of read_digit for the same picture; both may refuse it."""
    found = prepared(driver, strokes, dark)
    try:
        expected = read_digit(found["png"], ink="dark" if dark else "auto").image.ravel()
    except ValueError:
        expected = None
    assert (expected is None) == ("refusal" in found), found.get("refusal")
    # Without ink of full contrast, as the soft edge that an eraser has left, 'even' is false: Python then also tries
    # another estimate of the paper.
    if expected is not None and found["even"]:
        assert np.abs(np.array(found["image"], np.float32) - expected).max() <= TOLERANCE
    return found


@pytest.mark.parametrize("glyph", GLYPHS)
def test_written_digits_are_prepared_as_in_python(driver, glyph, rng):
    for _ in range(2):
        assert assert_as_in_python(driver, written(glyph, rng))["even"]


coordinates = st.floats(MARGIN + 20, SIDE - MARGIN - 20)
points = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=6)
drawings = st.builds(
    lambda places, thickness, erases: stroke_of(places, thickness * (1 + erases), erases),  # as the page's eraser
    points, st.sampled_from([8, 16, 24, 40]), st.booleans(),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(drawings, min_size=1, max_size=4))
def test_any_strokes_are_prepared_or_refused_as_in_python(driver, drawn):
    assert_as_in_python(driver, [{**stroke, "erases": stroke["erases"] and i > 0} for i, stroke in enumerate(drawn)])


def test_small_blurred_drawing_is_sharpened_as_in_python(driver, rng):
    assert_as_in_python(driver, written("2 with a loop", rng, tall=24, thickness=4))


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        ([stroke_of([[100, 100], [100, 240]]), stroke_of([[230, 100], [230, 240]])], "2 separate shapes"),
        ([stroke_of([[40, 170], [300, 172]])], "several digits"),
        ([stroke_of([[100, 100]], thickness=2.5)], "too little ink"),
        ([stroke_of([[100, 100], [200, 200]]), stroke_of([[100, 100], [200, 200]], 60, True)], "Nothing is drawn"),
    ],
)
def test_what_is_not_one_digit_is_refused_as_in_python(driver, drawn, message):
    assert message in assert_as_in_python(driver, drawn)["refusal"]


def circle(radius: float) -> list[list[float]]:
    """Return points on a circle in the middle of the paper."""
    return [[168 + radius * np.cos(t), 168 + radius * np.sin(t)] for t in np.linspace(0, 2 * np.pi, 60)]


def test_frame_around_a_digit_is_left_out_as_in_python(driver):
    found = assert_as_in_python(driver, [stroke_of(circle(135), 6), stroke_of([[168, 100], [168, 240]], 16)])
    alone = assert_as_in_python(driver, [stroke_of([[168, 100], [168, 240]], 16)])
    # The frame changes the median contrast of the ink, by which the grey levels are scaled.
    np.testing.assert_allclose(found["image"], alone["image"], atol=0.01)
    assert_as_in_python(driver, [stroke_of(circle(110), 20)])  # a 0 is no frame
    assert_as_in_python(driver, [stroke_of(circle(110), 20), stroke_of([[168, 70], [168, 270]], 20)])  # it touches it


def test_ink_of_a_clean_picture_is_recognized_as_in_python(driver, rng):
    assert_as_in_python(driver, written("5 in one stroke", rng, tall=200), dark=None)
