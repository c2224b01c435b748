"""Plot the architecture of a model: one box for each layer, from the input at the top; does not need graphviz."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrow, PathPatch, Rectangle
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from scratchcnn.names import names_arguments
from scratchcnn.plots.picture import check_file, finish, new_figure
from scratchcnn.sequential import Sequential

# In a new figure, the unit of length is a point (1/72 inch).
FONT_SIZE = 10.0
CAPITAL = 0.73 * FONT_SIZE  # height of a capital letter
ROW = 20.0  # height of a line of text with the space around it
SIDE = 9.0  # space to the left and right of a text
GAP = 24.0  # length of an arrow between boxes
MARGIN = 10.0

Box = list[list[str]]  # the texts of each column from top to bottom


@names_arguments
def plot_model(
    model: Sequential,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_layer_names: bool = True,
    show_params: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Plot the layers of a model from its input to its output.

    Parameters
    ----------
    model : Sequential
        A built model.
    to_file : str, path or None
        File for the whole figure: .png, .jpg, .jpeg, .pdf or .svg. None: no file.
    show_shapes : bool
        Show the input and output shape of each layer, with None for the batch.
    show_layer_names : bool
        Show the name of each layer, as 'conv2d (Conv2D)'; if False, only 'Conv2D'.
    show_params : bool
        Show the number of parameters of each layer.
    ax : Axes, optional
        Where to draw, in the largest size that fits. Default: a new figure.

    Returns
    -------
    Axes
        A notebook displays the figure.

    Raises
    ------
    TypeError
        `model` is not a Sequential.
    ValueError
        The model has no layers or is not built, or `to_file` has another extension.
    OSError
        `to_file` cannot be written.

    Notes
    -----
    Like `keras.utils.plot_model`, but without graphviz, with fewer options, and with `show_params`.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> axes = plot_model(Sequential([Dense(3, input_shape=(4,))]), to_file=None, show_shapes=True)
    """
    boxes = [_columns(*row, show_shapes, show_layer_names, show_params) for row in _rows(model)]
    check_file(to_file)  # before anything is drawn
    outlines = {text: _outline(text) for text in {text for box in boxes for column in box for text in column}}
    widths = [
        max(float(np.ptp(_x_of(outlines[text]))) for column in columns for text in column) + 2 * SIDE
        for columns in zip(*boxes, strict=True)
    ]
    height = ROW * max(map(len, boxes[0]))  # all boxes have the same columns
    x_end, y_end = sum(widths) + MARGIN, len(boxes) * (height + GAP) - GAP + MARGIN
    if ax is None:
        ax = new_figure((x_end + MARGIN) / 72, (y_end + MARGIN) / 72).add_axes((0, 0, 1, 1))
    ax.set(xlim=(-MARGIN, x_end), ylim=(-y_end, MARGIN), aspect="equal")  # downward is negative
    ax.set_axis_off()
    for place, box in enumerate(boxes):
        top = -place * (height + GAP)
        if place:
            _draw_arrow(ax, sum(widths) / 2, top + GAP)
        _draw_box(ax, box, outlines, widths, height, top)
    return finish(ax, to_file)


def _rows(model: Sequential) -> Iterator[tuple[str, str, object, object, int]]:
    """Yield name, class, input shape, output shape and number of parameters of the input and of each layer."""
    if not isinstance(model, Sequential):
        raise TypeError(f"Expected a Sequential, received {model!r}.")
    if not model.leaf_layers:
        raise ValueError("Expected a model of known shape for plot_model, received one without layers; add some.")
    if model.input_shape is None or model.output_shape is None:
        raise ValueError(
            "Expected a model of known shape for plot_model, received one that does not know the shape of its input; "
            "give input_shape to its first layer, or call model.build((None, 28, 28, 1)) or fit."
        )
    shape: object = model.input_shape
    yield "input", "Input", shape, shape, 0
    for name, layer in zip(model.leaf_names, model.leaf_layers, strict=True):
        before, shape = shape, (None, *(layer.output_shape or ()))
        yield name, type(layer).__name__, before, shape, layer.parameter_count


def _columns(
    name: str,
    kind: str,
    before: object,
    after: object,
    parameters: int,
    show_shapes: bool,
    show_layer_names: bool,
    show_params: bool,
) -> Box:
    """Return the texts of one box."""
    box = [[f"{name} ({kind})" if show_layer_names else kind]]
    if show_shapes:
        box += [["input:", "output:"], [str(before), str(after)]]
    if show_params:
        box += [[f"{parameters:,} parameter{'s' * (parameters != 1)}"]]
    return box


def _draw_box(
    ax: Axes, box: Box, outlines: dict[str, TextPath], widths: list[float], height: float, top: float
) -> None:
    """Draw the columns of one box side by side, each divided into cells of equal height."""
    left = 0.0
    for column, width in zip(box, widths, strict=True):
        cell = height / len(column)
        for place, text in enumerate(column):
            bottom = top - cell * (place + 1)
            ax.add_artist(Rectangle((left, bottom), width, cell, facecolor="white", edgecolor="black", linewidth=0.8))
            _draw_text(ax, text, outlines[text], left + width / 2, bottom + cell / 2)
        left += width


def _draw_text(ax: Axes, text: str, outline: TextPath, x: float, y: float) -> None:
    """Centre a text on a point, vertically by the height of capitals, so that all texts of a row have one baseline."""
    letters = _x_of(outline)
    move = Affine2D().translate(x - (letters.min() + letters.max()) / 2, y - CAPITAL / 2)
    ax.add_artist(PathPatch(outline.transformed(move), facecolor="black", linewidth=0, label=text))


def _draw_arrow(ax: Axes, x: float, top: float) -> None:
    """Draw an arrow from the lower edge of one box to the upper edge of the next."""
    arrow = FancyArrow(x, top, 0, -GAP, width=0.9, head_width=6, head_length=8, length_includes_head=True)
    arrow.set(facecolor="black", linewidth=0)
    ax.add_artist(arrow)


def _outline(text: str) -> TextPath:
    """Return the outlines of the letters in units of the drawing.

    Unlike text in points, outlines keep their size relative to the box in a figure of any size. Dollar signs are
    escaped, so that they do not start a formula.
    """
    return TextPath((0, 0), " ".join(text.split()).replace("$", r"\$"), size=FONT_SIZE)


def _x_of(outline: TextPath) -> npt.NDArray[np.float64]:
    """Return the x coordinates of the control points of the outlines, which bound the letters."""
    return np.asarray(outline.vertices)[:, 0]
