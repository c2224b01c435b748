"""Ruled lines, boxes and circles are removed, and strokes of a digit are not."""

import numpy as np
import pytest
from drawn_digits import GLYPHS, Scene, photograph

from scratchcnn.preprocessing import read_digit
from scratchcnn.preprocessing.grey import to_grey
from scratchcnn.preprocessing.ink import find_ink
from scratchcnn.preprocessing.segmentation import find_digit
from scratchcnn.preprocessing.shapes import inside_frame, remove_lines

SCENE = Scene("s", size=(300, 300), height=0.5, pen_width=0.09)


def picture_of(glyph, seed=0, scene=SCENE):
    """Return dark ink on white, uint8 (H, W)."""
    return photograph(glyph, scene, np.random.default_rng(seed))[..., 0]


def ring(side, radius, width):
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    return np.abs(np.hypot(rows, columns) - radius) <= width / 2


def difference(one, other):
    """Return the mean difference of two results, relative to the mean ink."""
    return np.abs(one.image - other.image).mean() / other.image.mean()


@pytest.mark.parametrize("slope", [-0.04, 0, 0.04])
@pytest.mark.parametrize("turned", [False, True])
def test_lines_from_edge_to_edge_are_removed_and_strokes_that_cross_them_stay(slope, turned):
    ink = np.zeros((200, 200), np.float32)
    ink[50:150, 92:108] = 1
    rows, columns = np.indices(ink.shape)
    for place in (20, 90, 180):
        ink[np.abs(rows - place - slope * (columns - 100)) <= 1] = 1
    bar = np.zeros(ink.shape, bool)
    bar[50:150, 92:108] = True
    cleaned = remove_lines(np.ascontiguousarray(ink.T if turned else ink), 0.0)
    cleaned = cleaned.T if turned else cleaned
    assert cleaned[bar].min() == 1
    near = np.zeros(ink.shape, bool)
    near[45:155, 85:115] = True
    assert cleaned[~near].max() == 0


@pytest.mark.parametrize("glyph", GLYPHS)
def test_strokes_of_a_tightly_cropped_digit_are_not_lines(glyph):
    picture = picture_of(glyph, scene=Scene("thin", size=(300, 300), height=0.8, pen_width=0.03))
    rows, columns = np.flatnonzero((picture < 128).any(axis=1)), np.flatnonzero((picture < 128).any(axis=0))
    tight = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    ink = (255 - tight) / np.float32(255)
    np.testing.assert_array_equal(remove_lines(ink, 0.0), ink)


@pytest.mark.parametrize("glyph", GLYPHS)
def test_a_single_digit_is_not_a_frame(glyph):
    labels = (picture_of(glyph) < 128).astype(np.int32)
    np.testing.assert_array_equal(inside_frame(labels), labels)


@pytest.mark.parametrize("glyph", ["0 round", "1 bare", "2 wide", "4 closed", "7 with a bar", "8 slim"])
@pytest.mark.parametrize("frame", ["box", "circle"])
def test_box_and_circle_do_not_change_the_digit(glyph, frame):
    picture = picture_of(glyph)
    rows, columns = np.flatnonzero((picture < 128).any(axis=1)), np.flatnonzero((picture < 128).any(axis=0))
    digit = np.pad(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 50, constant_values=255)
    side = max(digit.shape)
    digit = np.pad(digit, [((side - n) // 2, side - n - (side - n) // 2) for n in digit.shape], constant_values=255)
    framed = digit.copy()
    if frame == "circle":
        framed[ring(side, side / 2 - 10, 5)] = 20
    else:
        framed[10:15, 10:-10] = framed[-15:-10, 10:-10] = 20
        framed[10:-10, 10:15] = framed[10:-10, -15:-10] = 20
    assert difference(read_digit(framed), read_digit(digit)) < 0.1


def test_digit_that_touches_its_circle_is_separated_from_it():
    labels = ring(200, 90, 6).astype(np.int32)
    labels[60:140, 95:105] = 1
    labels[95:105, 95:191] = 1  # up to the circle
    inner = inside_frame(labels)
    assert inner[60:140, 95:105].all()
    assert not inner[ring(200, 90, 4)].any()


def test_faint_part_of_a_stroke_belongs_to_the_digit():
    ink = np.zeros((100, 100), np.float32)
    ink[20:50, 45:55] = 1
    ink[50:80, 45:55] = 0.25  # below half of a full stroke
    ink[20:30, 80:90] = 0.25  # not connected to strong ink
    digit = find_digit(ink, 0.0).shape
    assert (digit.top, digit.left, digit.mask.shape) == (20, 45, (60, 10))
    assert digit.mask.all()


def test_noise_is_smoothed_and_the_grey_levels_of_a_soft_stroke_are_kept():
    rows = np.arange(160)[:, None] * np.ones(160)
    grey = 0.9 - 0.7 * np.exp(-(((rows.T - 80) / 10) ** 2)) * ((rows > 30) & (rows < 130))
    noisy = np.clip(grey + np.random.default_rng(0).normal(0, 0.1, grey.shape), 0, 1).astype(np.float32)
    for values in (grey.astype(np.float32), noisy):
        ink = find_ink(to_grey(values), None).ink
        assert ink[40:120, 76:84].mean() > 0.95
        assert 0.2 < ink[40:120, 69:72].mean() < 0.8  # half way down the edge
        assert ink[:, :40].mean() < 0.05
