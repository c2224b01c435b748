"""Interactive drawing of a digit with the mouse, with the predictions of a model while it is drawn."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable

import numpy as np
from matplotlib.backend_bases import Event, KeyEvent, MouseButton, MouseEvent
from matplotlib.figure import Figure
from matplotlib.widgets import Button

from scratchcnn.mistakes import Fractions, check_probabilities
from scratchcnn.plots.drawing import Drawing
from scratchcnn.plots.picture import new_figure
from scratchcnn.preprocessing import read_digit
from scratchcnn.sequential import Sequential

HINT = "Draw a digit with the mouse."
PAUSE = 0.08  # seconds between two predictions while drawing
CLEAR, UNDO, QUIT = ("c", "delete"), ("u", "backspace", "ctrl+z"), ("q", "escape")  # keys
LINE_LENGTH = 94  # characters


class DrawingBoard:
    """Figure to draw a digit in, with the input image of the model and the predicted probabilities.

    Parameters
    ----------
    model : Sequential
        Its input shape must be (28, 28, 1), its output probabilities.
    figure : Figure, optional
        An empty figure, for example of `pyplot.figure`. Default: a new figure without a window.
    on_quit : callable, optional
        Called by the quit button and the quit keys. Default: no quit button.

    Attributes
    ----------
    figure : Figure
    drawing : Drawing
    probabilities : float64 (J,) or None
        The predictions; None if no digit can be read.
    message : str
        The prediction in words, or the reason why no digit can be read.

    Raises
    ------
    TypeError
        `model` is not a Sequential.
    ValueError
        The model has another input or output shape.

    Notes
    -----
    The figure redraws itself in the window that it belongs to, and keeps a reference to this object.

    Examples
    --------
    >>> from scratchcnn.layers import Dense, Flatten
    >>> model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(10, activation="softmax")])
    >>> board = DrawingBoard(model)
    >>> board.message
    'Draw a digit with the mouse.'
    """

    def __init__(
        self, model: Sequential, figure: Figure | None = None, on_quit: Callable[[], None] | None = None
    ) -> None:
        self.model = _check(model)
        self.drawing = Drawing()
        self.probabilities: Fractions | None = None
        self.message = HINT
        self.figure = new_figure(7.4, 5) if figure is None else figure
        self._on_quit = on_quit
        self._pen_is_down = False
        self._reports_buttons = False
        self._predicted_at = -np.inf
        classes = model.predict(np.zeros((1, 28, 28, 1))).shape[1]  # also compiles the kernels
        self._lay_out(classes)
        self._connect()
        self._show()

    def clear(self) -> None:
        """Remove all strokes."""
        self._pen_is_down = False
        self.drawing.clear()
        self._read()

    def undo(self) -> None:
        """Remove the last stroke."""
        self._pen_is_down = False
        self.drawing.undo()
        self._read()

    def _lay_out(self, classes: int) -> None:
        """Place the sheet and the buttons on the left, the bars and the input image on the right, the message above."""
        self._text = self.figure.text(0.04, 0.975, "", va="top", fontsize=9, parse_math=False)
        self._sheet = self.figure.add_axes((0.04, 0.14, 0.53, 0.74))
        self._ink = self._sheet.imshow(self.drawing.pixels, cmap="gray", vmin=0, vmax=1, extent=(0, 1, 1, 0))
        self._sheet.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0), anchor="W")
        self._bars = self.figure.add_axes((0.65, 0.4, 0.24, 0.46))
        places = np.arange(classes)
        self._widths = self._bars.barh(places, np.zeros(classes), height=0.7).patches
        self._bars.set(xlim=(0, 1), ylim=(classes - 0.4, -0.6), xticks=[0, 0.5, 1], yticks=places)
        self._bars.set_ylabel("digit")
        self._bars.set_title("probability", fontsize=9, loc="left")
        self._numbers = [
            self._bars.text(1.36, place, "", va="center", ha="right", fontsize=9) for place in range(classes)
        ]
        seen = self.figure.add_axes((0.65, 0.04, 0.24, 0.22), anchor="W", xticks=[], yticks=[])
        self._seen = seen.imshow(np.zeros((28, 28)), cmap="Greys", vmin=0, vmax=1)
        seen.set_title("input of the model", fontsize=9, loc="left")
        self._buttons = [self._add_button(0, "clear (c)", self.clear), self._add_button(1, "undo (u)", self.undo)]
        if self._on_quit is not None:
            self._buttons.append(self._add_button(2, "quit (q)", self._on_quit))

    def _add_button(self, place: int, label: str, action: Callable[[], None]) -> Button:
        button = Button(self.figure.add_axes((0.04 + 0.155 * place, 0.03, 0.145, 0.075)), label)
        button.on_clicked(lambda event: action())
        return button

    def _connect(self) -> None:
        connect = self.figure.canvas.mpl_connect
        connect("button_press_event", self._press)
        connect("motion_notify_event", self._move)
        connect("button_release_event", self._release)
        connect("key_press_event", self._key)

    def _press(self, event: Event) -> None:
        assert isinstance(event, MouseEvent)
        if event.button != MouseButton.LEFT or event.inaxes is not self._sheet:
            return
        if self.figure.canvas.widgetlock.locked():  # pan and zoom tools of the window
            return
        self._pen_is_down = True
        self.drawing.begin(*self._place(event))
        self._read_occasionally()

    def _move(self, event: Event) -> None:
        assert isinstance(event, MouseEvent)
        if not self._pen_is_down:
            return
        held = MouseButton.LEFT in (getattr(event, "buttons", None) or ())
        self._reports_buttons |= held  # not every backend reports the pressed buttons during a motion
        if self._reports_buttons and not held:  # the button was released outside the window
            self._lift()
            return
        self.drawing.draw_to(*self._place(event))  # also outside the sheet, so that the line ends at its edge
        self._read_occasionally()

    def _release(self, event: Event) -> None:
        assert isinstance(event, MouseEvent)
        if event.button == MouseButton.LEFT and self._pen_is_down:
            self._lift()

    def _lift(self) -> None:
        self._pen_is_down = False
        self._read()

    def _key(self, event: Event) -> None:
        assert isinstance(event, KeyEvent)
        if event.key in CLEAR:
            self.clear()
        elif event.key in UNDO:
            self.undo()
        elif event.key in QUIT and self._on_quit is not None:
            self._on_quit()

    def _place(self, event: MouseEvent) -> tuple[float, float]:
        """Return the position of the mouse relative to the sheet, for any size of the window."""
        right, down = self._sheet.transData.inverted().transform((event.x, event.y))
        return float(right), float(down)

    def _read_occasionally(self) -> None:
        """Redraw the ink at once, but predict only after a pause, so that drawing does not lag."""
        if time.monotonic() - self._predicted_at >= PAUSE:
            self._read()
        else:
            self._ink.set_data(self.drawing.pixels)
            self.figure.canvas.draw_idle()

    def _read(self) -> None:
        """Predict the class of the drawing."""
        self.probabilities, image = None, np.zeros((28, 28), np.float32)
        if not self.drawing.strokes:
            self.message = HINT
        else:
            try:
                picture = read_digit(self.drawing.pixels, ink="dark")
                image = picture.image.reshape(28, 28)
                self.probabilities = check_probabilities(self.model.predict(picture.image))[0]
                best = int(self.probabilities.argmax())
                self.message = f"Prediction: {best}, with a probability of {100 * self.probabilities[best]:.1f} %."
            except ValueError as error:
                self.message = str(error)
        self._seen.set_data(image)
        self._predicted_at = time.monotonic()
        self._show()

    def _show(self) -> None:
        """Update the message, the ink and the bars."""
        self._text.set_text(textwrap.fill(self.message, LINE_LENGTH))
        self._ink.set_data(self.drawing.pixels)
        values = np.zeros(len(self._widths)) if self.probabilities is None else self.probabilities
        for place, (bar, number, value) in enumerate(zip(self._widths, self._numbers, values, strict=True)):
            bar.set_width(float(value))
            bar.set_facecolor("black" if place == values.argmax() else "0.6")
            number.set_text("" if self.probabilities is None else f"{100 * value:.1f} %")
        self.figure.canvas.draw_idle()


def _check(model: Sequential) -> Sequential:
    """Check the input and output shapes of the model."""
    if not isinstance(model, Sequential):
        raise TypeError(f"Expected a Sequential, received {model!r}.")
    if model.input_shape != (None, 28, 28, 1):
        raise ValueError(f"Expected a model for images (28, 28, 1), received one for {model.input_shape}; train one.")
    if model.output_shape is None or len(model.output_shape) != 2:
        raise ValueError(
            f"Expected a model with one probability for each class, received one with output shape "
            f"{model.output_shape}; let it end in Dense(10, activation='softmax')."
        )
    return model
