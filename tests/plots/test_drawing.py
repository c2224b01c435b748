"""Drawing: strokes rendered as pixels."""

import numpy as np
import pytest

from scratchcnn.plots.drawing import Drawing


def drawn(*strokes, size: int = 50, pen: float = 0.1) -> Drawing:
    drawing = Drawing(size, pen)
    for first, *others in strokes:
        drawing.begin(*first)
        for point in others:
            drawing.draw_to(*point)
    return drawing


LINES = [
    [(0.2, 0.5), (0.8, 0.5)],
    [(0.5, 0.1), (0.5, 0.9)],
    [(0.1, 0.9), (0.9, 0.2)],
    [(0.5, 0.5)],
    [(0.5, 0.5), (0.5, 0.5)],
    [(0.5, 0.5), (3.0, -1.0)],
    [(0.0, 0.0), (1.0, 1.0)],
]


@pytest.mark.parametrize("line", LINES)
def test_ink_covers_the_neighbourhood_of_the_line(line: list):
    """Compare with many discs along the line, evaluated at the centre of each pixel."""
    drawing = drawn(line)
    centres = (np.arange(50) + 0.5) / 50
    along = np.linspace(0, 1, 2001)[:, None] * (np.array(line[-1]) - line[0]) + line[0]
    down, right = np.meshgrid(centres, centres, indexing="ij")
    distance = np.full((50, 50), np.inf)
    for x, y in along:
        np.minimum(distance, np.hypot(right - x, down - y), out=distance)
    expected = np.clip((distance - 0.05) * 50 + 0.5, 0, 1)
    np.testing.assert_allclose(drawing.pixels, expected, atol=0.01)


def test_strokes_accumulate_and_are_undone_one_by_one():
    drawing = drawn(*LINES)
    for count in range(len(LINES), 0, -1):
        np.testing.assert_array_equal(drawing.pixels, drawn(*LINES[:count]).pixels)
        assert drawing.strokes == LINES[:count]
        drawing.undo()
    assert drawing.pixels.min() == 1
    drawing.undo()
    assert drawing.strokes == []


def test_clear_removes_all_strokes():
    drawing = drawn(*LINES)
    drawing.clear()
    assert drawing.pixels.min() == 1
    assert drawing.strokes == []
    with pytest.raises(ValueError, match="Expected a stroke to continue, received none; call begin"):
        drawing.draw_to(0.5, 0.5)


@pytest.mark.parametrize("point", [(5, 5), (-3, 0.5), (0.5, 1e9), (-1e9, -1e9)])
def test_points_outside_the_sheet_leave_no_ink(point: tuple):
    assert drawn([point]).pixels.min() == 1


@pytest.mark.parametrize(("size", "pen"), [(0, 0.1), (2.5, 0.1), (10, 0), (10, -1), (10, float("nan"))])
def test_invalid_size_or_pen_is_rejected(size: float, pen: float):
    with pytest.raises(ValueError, match=r"Expected (size|pen) as"):
        Drawing(size, pen)
