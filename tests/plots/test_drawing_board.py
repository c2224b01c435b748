"""DrawingBoard: drawing with mouse events, predictions, buttons and keys, for windows of any size."""

from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest
from legible import assert_legible
from matplotlib.backend_bases import FigureCanvasBase, KeyEvent, MouseButton, MouseEvent
from matplotlib.figure import Figure
from networks import article_model, sample_digits

from scratchcnn import Sequential
from scratchcnn.layers import Dense, Flatten
from scratchcnn.plots import DrawingBoard

ROUND = np.linspace(0, 2 * np.pi, 40)
ONE = [(0.5, down) for down in np.linspace(0.2, 0.8, 20)]
ZERO = list(zip(0.5 + 0.2 * np.sin(ROUND), 0.5 - 0.3 * np.cos(ROUND), strict=True))
SEVEN = [*((right, 0.25) for right in np.linspace(0.3, 0.7, 10)), (0.6, 0.5), (0.5, 0.8)]
REPORTS_BUTTONS = tuple(map(int, matplotlib.__version__.split(".")[:2])) >= (3, 10)


@pytest.fixture(autouse=True)
def drawn_when_idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Draw a canvas once, when the events have been processed, as a window does; without one, each event draws it."""
    changed = set()
    monkeypatch.setattr(FigureCanvasBase, "draw_idle", lambda canvas: changed.add(canvas))  # a method
    yield
    for canvas in changed:
        canvas.draw()


@pytest.fixture(scope="module")
def model() -> Sequential:
    (x, y), _ = sample_digits()
    made = article_model(seed=0)
    made.fit(x, y, batch_size=128, epochs=3, verbose=0)
    return made


@pytest.fixture
def board(model: Sequential) -> DrawingBoard:
    return DrawingBoard(model)


def mouse(board: DrawingBoard, name: str, point: tuple, button: int | None = None, **options) -> None:
    """Send an event at a point of the sheet, from (0, 0) in the upper left to (1, 1) in the lower right corner."""
    sheet = board.figure.axes[0]
    x, y = sheet.transData.transform(point)
    MouseEvent(f"{name}_event", board.figure.canvas, x, y, button, **options)._process()


def draw(board: DrawingBoard, points: list, **options) -> None:
    mouse(board, "button_press", points[0], 1)
    for point in points[1:]:
        mouse(board, "motion_notify", point, **options)
    mouse(board, "button_release", points[-1], 1)


def press(board: DrawingBoard, key: str) -> None:
    KeyEvent("key_press_event", board.figure.canvas, key, 0, 0)._process()


def click(board: DrawingBoard, label: str) -> None:
    axes = next(axes for axes in board.figure.axes if any(text.get_text() == label for text in axes.texts))
    x, y = axes.transAxes.transform((0.5, 0.5))
    for name in ("button_press_event", "button_release_event"):
        MouseEvent(name, board.figure.canvas, x, y, 1)._process()


def bars(board: DrawingBoard) -> np.ndarray:
    """Return the displayed probabilities."""
    return np.array([bar.get_width() for bar in board.figure.axes[1].patches])


@pytest.mark.parametrize(("points", "digit"), [(ONE, 1), (ZERO, 0), (SEVEN, 7)])
def test_drawn_digit_is_predicted(board: DrawingBoard, points: list, digit: int):
    draw(board, points)
    assert board.probabilities.shape == (10,)
    assert abs(board.probabilities.sum() - 1) < 1e-5
    assert board.probabilities.argmax() == digit
    np.testing.assert_array_equal(bars(board), board.probabilities)
    assert board.message == f"Prediction: {digit}, with a probability of {100 * board.probabilities[digit]:.1f} %."
    numbers = [text.get_text() for text in board.figure.axes[1].texts]
    assert numbers == [f"{100 * probability:.1f} %" for probability in board.probabilities]
    assert_legible(board.figure.axes[0])


def test_digit_is_predicted_while_it_is_drawn(board: DrawingBoard, monkeypatch: pytest.MonkeyPatch):
    clock = iter(np.arange(1e3))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    mouse(board, "button_press", ONE[0], 1)
    for point in ONE[1:]:
        mouse(board, "motion_notify", point)
    assert board.probabilities.argmax() == 1  # before the button is released


def test_ink_is_updated_at_once_and_predictions_after_a_pause(board: DrawingBoard, monkeypatch):
    monkeypatch.setattr("time.monotonic", lambda: 5.0)
    mouse(board, "button_press", (0.2, 0.2), 1)
    before = board.message
    for point in ONE:
        mouse(board, "motion_notify", point)
    image = board.figure.axes[0].images[0]
    np.testing.assert_array_equal(image.get_array(), board.drawing.pixels)
    assert board.message == before
    mouse(board, "button_release", ONE[-1], 1)
    assert board.message != before


def test_stroke_may_leave_and_reenter_the_sheet(board: DrawingBoard):
    draw(board, [(0.5, 0.5), (1.4, 0.5), (1.4, 0.8), (0.5, 0.8)])
    assert len(board.drawing.strokes) == 1
    assert board.drawing.pixels[140, -1] == 0
    assert board.drawing.pixels[224, -1] == 0
    assert board.drawing.pixels[180, -1] == 1


def test_release_outside_the_sheet_ends_the_stroke(board: DrawingBoard):
    draw(board, [(0.5, 0.5), (1.5, 0.5)])
    before = board.drawing.pixels.copy()
    mouse(board, "motion_notify", (0.1, 0.1))
    np.testing.assert_array_equal(board.drawing.pixels, before)


@pytest.mark.skipif(not REPORTS_BUTTONS, reason="matplotlib reports the buttons of a motion since 3.10")
def test_release_outside_the_window_ends_the_stroke(board: DrawingBoard):
    mouse(board, "button_press", (0.5, 0.2), 1)
    mouse(board, "motion_notify", (0.5, 0.5), buttons=[MouseButton.LEFT])
    mouse(board, "motion_notify", (0.1, 0.9), buttons=[])
    mouse(board, "motion_notify", (0.9, 0.9), buttons=[])
    assert len(board.drawing.strokes[0]) == 2
    assert board.drawing.pixels[200:].min() == 1


@pytest.mark.parametrize("start", [(-0.05, 0.5), (1.3, 0.5), (0.5, 1.2)])
def test_stroke_begins_only_inside_the_sheet(board: DrawingBoard, start: tuple):
    draw(board, [start, (0.5, 0.5), (0.6, 0.6)])
    assert board.drawing.strokes == []
    assert board.probabilities is None


def test_other_buttons_do_not_draw(board: DrawingBoard):
    for button in (MouseButton.MIDDLE, MouseButton.RIGHT):
        mouse(board, "button_press", (0.5, 0.5), button)
        mouse(board, "motion_notify", (0.6, 0.6))
        mouse(board, "button_release", (0.6, 0.6), button)
    assert board.drawing.strokes == []


def test_pan_and_zoom_do_not_draw(board: DrawingBoard):
    lock = board.figure.canvas.widgetlock
    lock(self := object())
    draw(board, ONE)
    assert board.drawing.strokes == []
    lock.release(self)
    draw(board, ONE)
    assert len(board.drawing.strokes) == 1


@pytest.mark.parametrize("size", [(3, 2), (12, 4), (5, 9)])
def test_resized_window(board: DrawingBoard, size: tuple):
    draw(board, ONE)
    before, strokes = board.drawing.pixels.copy(), board.drawing.strokes
    board.figure.set_size_inches(size)
    board.figure.canvas.draw()
    np.testing.assert_array_equal(board.drawing.pixels, before)
    board.clear()
    draw(board, ONE)
    pixel = 1 / min(board.figure.axes[0].get_window_extent().size)  # of the window, as mouse positions are integers
    np.testing.assert_allclose(board.drawing.strokes, strokes, atol=2 * pixel)
    assert board.probabilities.argmax() == 1


@pytest.mark.parametrize("way", [lambda board: click(board, "clear (c)"), lambda board: press(board, "c")])
def test_clear_by_button_and_key(board: DrawingBoard, way):
    draw(board, ONE)
    way(board)
    assert board.drawing.pixels.min() == 1
    assert board.probabilities is None
    assert bars(board).max() == 0
    assert board.message == "Draw a digit with the mouse."


@pytest.mark.parametrize("way", [lambda board: click(board, "undo (u)"), lambda board: press(board, "ctrl+z")])
def test_undo_by_button_and_key(board: DrawingBoard, way):
    draw(board, ONE)
    before = board.probabilities
    draw(board, [(0.1, 0.8), (0.9, 0.8)])
    assert not np.array_equal(board.probabilities, before)
    way(board)
    np.testing.assert_array_equal(board.probabilities, before)
    way(board)
    way(board)
    assert board.probabilities is None


def test_quit_by_button_and_key(model: Sequential):
    calls = []
    board = DrawingBoard(model, on_quit=lambda: calls.append(1))
    click(board, "quit (q)")
    press(board, "q")
    press(board, "x")
    assert calls == [1, 1]
    without = DrawingBoard(model)
    press(without, "q")
    assert not any(text.get_text() == "quit (q)" for axes in without.figure.axes for text in axes.texts)


def test_two_digits_give_a_message(board: DrawingBoard):
    for left in (0.2, 0.8):
        draw(board, [(left, down) for down in np.linspace(0.2, 0.8, 10)])
    assert board.message.startswith("Expected an image of one digit, received 2 separate shapes")
    assert board.message in " ".join(board.figure.texts[0].get_text().split())
    assert board.probabilities is None
    assert bars(board).max() == 0
    assert_legible(board.figure.axes[0])


def test_model_without_softmax_gives_a_message():
    board = DrawingBoard(Sequential([Flatten(input_shape=(28, 28, 1)), Dense(3)], seed=0))
    draw(board, ONE)
    assert "let the model end with softmax" in board.message


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ("model.npz", TypeError, "Expected a Sequential, received 'model.npz'"),
        (Sequential([Dense(3)]), ValueError, r"Expected a model for images \(28, 28, 1\), received one for None"),
        (Sequential([Dense(3, input_shape=(784,))]), ValueError, r"received one for \(None, 784\)"),
    ],
)
def test_invalid_model_is_rejected(wrong, error, message):
    figure = Figure()
    with pytest.raises(error, match=message):
        DrawingBoard(wrong, figure)
    assert figure.axes == []
