"""read_digits finds the digits of lines and sheets in reading order, and rejects what it cannot separate."""

import numpy as np
import pytest
from digit_conditions import tight
from digit_lines import LINES, in_lines, segmented_right
from drawn_digits import GLYPHS, Scene, photograph, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scratchcnn.datasets import mnist
from scratchcnn.preprocessing import read_digit, read_digits, segmentation

PAPER = np.full((120, 400), 245, np.uint8)
# Least fraction of the pictures that are segmented right, for the kinds in which digits do not touch.
COUNT, LEAST = 40, 0.9


def bars(*boxes, paper=PAPER):
    """Return paper with dark rectangles (left, top, right, bottom)."""
    picture = paper.copy()
    for left, top, right, bottom in boxes:
        picture[top:bottom, left:right] = 20
    return picture


@pytest.mark.parametrize("condition", [row for row in LINES if "touch" not in row.name], ids=lambda row: row.name)
def test_lines_and_sheets_are_segmented(condition):
    _, (images, labels) = mnist.load_sample()
    right = 0
    for sheet in condition.sheets(images, labels, np.random.default_rng(0), COUNT):
        try:
            right += segmented_right(sheet, in_lines(read_digits(sheet.picture)))
        except ValueError:
            continue
    assert right / COUNT >= LEAST


def test_each_digit_has_the_steps_of_read_digit():
    rng = np.random.default_rng(2)
    scene = Scene("s", size=(300, 300), height=0.6)
    pictures = [photograph(glyph, scene, rng) for glyph in ("2 wide", "0 round", "7 with a bar")]
    digits = read_digits(np.hstack(pictures))
    assert len(digits) == 3
    for digit, picture in zip(digits, pictures, strict=True):
        alone = read_digit(picture)
        assert np.abs(digit.image - alone.image).mean() < 0.02
        left, top, right, bottom = alone.box
        assert np.abs(np.subtract(digit.box[1::2], (top, bottom))).max() <= 2
        assert abs(digit.box[2] - digit.box[0] - (right - left)) <= 2
        assert digit.grey is digits[0].grey
        assert max(digit.fitted.shape) == 20


def test_sloping_lines_are_read_in_order():
    upper = [(20 + 60 * n, 20 + 6 * n, 26 + 60 * n, 60 + 6 * n) for n in range(6)]
    lower = [(30 + 60 * n, 90 + 6 * n, 36 + 60 * n, 130 + 6 * n) for n in range(6)]
    digits = read_digits(bars(*lower, *upper, paper=np.full((200, 400), 245, np.uint8)))
    assert [digit.line for digit in digits] == 6 * [0] + 6 * [1]
    assert [digit.box for digit in digits] == upper + lower


def test_broken_digits_are_joined_and_specks_are_left_out():
    scene = Scene("s", size=(300, 300), height=0.6, pen_width=0.05)
    five = photograph("5 with a detached bar", scene, np.random.default_rng(3))[..., 0]
    picture = np.hstack([five, five])
    picture[190:210, 300:306] = 20  # a comma between the digits
    digits = read_digits(picture)
    whole = read_digit(five).box
    assert len(digits) == 2
    for digit, start in zip(digits, (0, 300), strict=True):
        np.testing.assert_allclose(np.subtract(digit.box, (start, 0, start, 0)), whole, atol=2)


def touching(one, other, rng, scene=Scene("s", size=(140, 160), height=0.6, pen_width=0.1)):  # noqa: B008
    """Return two drawn digits that share two pixels at least, and the column between them."""
    left, right = (tight(np.asarray(255 * write(glyph, scene, rng), np.uint8)) for glyph in (one, other))
    height = min(len(left), len(right))
    left, right = left[:height], right[:height]
    space = left[:, ::-1].argmax(axis=1) + right.argmax(axis=1)
    overlap = int(space[(left > 128).any(axis=1) & (right > 128).any(axis=1)].min()) + 2
    picture = np.full((height + 40, left.shape[1] + right.shape[1] - overlap + 40), 245, np.uint8)
    for digit, start in ((left, 20), (right, 20 + left.shape[1] - overlap)):
        region = picture[20:-20, start : start + digit.shape[1]]
        np.minimum(region, 245 - (digit * 0.9).astype(np.uint8), out=region)
    return picture, 20 + left.shape[1] - overlap / 2


PAIRS = [(one, other) for one in list(GLYPHS)[::3] for other in list(GLYPHS)[1::14]]


def test_touching_digits_are_separated_or_rejected_and_never_read_as_one():
    rng = np.random.default_rng(0)
    separated = read_as_one = 0
    messages = []
    for one, other in PAIRS:
        picture, middle = touching(one, other, rng)
        try:
            digits = read_digits(picture)
        except ValueError as error:
            messages.append(str(error))
            continue
        read_as_one += len(digits) == 1
        if len(digits) == 2:
            separated += abs((digits[0].box[2] + digits[1].box[0]) / 2 - middle) < 12
    assert all(message.startswith("Expected digits that do not touch") for message in messages)
    assert separated >= 0.6 * len(PAIRS)
    assert read_as_one <= 0.02 * len(PAIRS)


def test_touching_digits_are_rejected_by_read_digit():
    rng = np.random.default_rng(1)
    read = 0
    for one, other in PAIRS:
        try:
            read_digit(touching(one, other, rng)[0])
            read += 1
        except ValueError:
            continue
    assert read <= 0.02 * len(PAIRS)


def test_digits_that_cannot_be_separated_are_rejected_with_their_place():
    block = (40, 20, 200, 90)
    with pytest.raises(ValueError, match=r"received a shape 160 pixels wide and 70 high at column 40, row 20; leave"):
        read_digits(bars(block, (300, 20, 306, 90)))


def test_too_many_shapes_are_rejected():
    squares = np.full((700, 900), 245, np.uint8)
    count = 0
    for row in range(20, 660, 40):
        for column in range(20, 860, 40):
            squares[row : row + 12, column : column + 4] = 0
            count += 1
    assert count > segmentation.MOST_DIGITS
    with pytest.raises(ValueError, match="at most 200 digits, received more shapes; crop the image"):
        read_digits(squares)


def test_boxes_around_the_digits_are_removed():
    scene = Scene("s", size=(110, 130), height=0.55)
    rng = np.random.default_rng(5)
    picture = np.hstack([photograph(glyph, scene, rng)[..., 0] for glyph in ("3 round", "8 slim", "4 closed")])
    picture = np.pad(picture, 40, constant_values=255)
    plain = [digit.box for digit in read_digits(picture)]
    framed = picture.copy()
    for row in (46, 161):
        framed[row : row + 3, 44:366] = 30
    for column in (44, 150, 260, 363):
        framed[46:164, column : column + 3] = 30
    boxes = [digit.box for digit in read_digits(framed)]
    np.testing.assert_allclose(boxes, plain, atol=3)


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (np.full((50, 60), 255, np.uint8), ValueError, "received an empty one"),
        (np.zeros((3, 28, 28)), ValueError, r"received shape \(3, 28, 28\)"),
        (None, TypeError, "received NoneType"),
        ("nowhere.png", FileNotFoundError, "correct the path"),
    ],
)
def test_invalid_source_is_rejected(source, kind, message):
    with pytest.raises(kind, match=message):
        read_digits(source)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.integers(1, 120), st.integers(1, 120), st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 5))
def test_arbitrary_images_are_read_or_rejected(height, width, seed, share, size):
    picture = (np.random.default_rng(seed).random((height, width)) < share).repeat(size, 0).repeat(size, 1)
    digits, message = [], ""
    try:
        digits = read_digits(picture)
    except ValueError as error:
        message = str(error)
    assert digits or message.startswith("Expected ")
    for digit in digits:
        left, top, right, bottom = digit.box
        assert 0 <= left < right <= width * size
        assert 0 <= top < bottom <= height * size
        assert digit.image.shape == (1, 28, 28, 1)
        assert 0 <= digit.image.min() <= digit.image.max() <= 1
