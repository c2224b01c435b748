"""Figure of a trace: the feature maps of every layer for one image, each layer with its own colour scale."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from scratchcnn.arguments import positive_integer, whole_number
from scratchcnn.descriptions.words import plural
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.operands import Array
from scratchcnn.plots.overlay import SIGNED, draw_image
from scratchcnn.plots.picture import check_file, finish, new_figure
from scratchcnn.plots.tiles import LETTER, TITLE_SIZE, Sheet, shortened

Values = npt.NDArray[np.float64]

WIDTH = 9.0  # inches of a row of maps
SIDE, TITLE, GAP, BAR = 0.3, 0.27, 0.16, 1.0  # inches: margins, title of a layer, space below it, colour bar
HEAD, INPUT = 0.45, 1.5  # inches of the title, and of the image
LEAST = 0.16  # inches of a row of units
MAP = 0.5  # largest size of a map, in inches
ROW, LONG_ROW, LONG = 128, 256, 1024  # units in a row of a layer without maps; longer rows from LONG units on
NUMBERED = 20  # largest number of units whose indices are written below
POSITIVE = "viridis"  # colours of a layer without negative values; otherwise red is positive and blue negative
OUTSIDE = "0.88"  # grey of a layer without finite values
LINE_SIZE = 9.0


def plot_trace(
    layers: Sequence[LayerTrace], probabilities: Array, to_file: str | os.PathLike[str] | None, sample: int, maps: int
) -> Figure:
    """Draw the outputs of all layers for one image, from the input to the prediction; see `Trace.plot`."""
    check_file(to_file)  # before anything is drawn
    x = layers[0].input
    if whole_number("sample", sample) >= len(x):
        raise ValueError(f"Expected sample from 0 to {len(x) - 1}, received {sample}; the trace has {len(x)} samples.")
    maps = positive_integer("maps", maps)
    rows = []
    for layer in layers:
        sheet = _sheet(layer.output[sample], maps)
        scale = min(WIDTH / sheet.shape[1], 0.3 if layer.output[sample].size <= ROW else 0.08)  # inches of one value
        rows.append((layer, sheet, sheet.shape[1] * scale, max(LEAST, sheet.shape[0] * scale)))
    has_image = x.ndim == 4
    high = HEAD + (TITLE + INPUT + GAP) * has_image + sum(TITLE + height + GAP for *_, height in rows) + SIDE
    figure = new_figure(SIDE + WIDTH + BAR, high)
    unit, of = int(probabilities[sample].argmax()), f" for image {sample}" if len(x) > 1 else ""
    largest = f"unit {unit} has the largest output, {float(probabilities[sample, unit]):.4g}"
    title = f"Outputs of all layers{of}: {largest}"
    figure.text(0.5, 1 - 0.12 / high, title, fontsize=TITLE_SIZE, ha="center", va="top", parse_math=False)
    top = high - HEAD
    if has_image:
        ax = _axes(figure, top, f"input, {_shape(x.shape[1:])}", INPUT * x.shape[2] / x.shape[1], INPUT)
        draw_image(ax, x[sample], "")
        top -= TITLE + INPUT + GAP
    for layer, sheet, width, height in rows:
        ax = _axes(figure, top, _describe(layer, maps), width, height)
        _draw_sheet(ax, sheet)
        if layer.output.ndim == 2 and sheet.size <= NUMBERED:
            ax.set_xticks(range(sheet.size), [str(unit) for unit in range(sheet.size)], fontsize=7)
            ax.tick_params(length=0, pad=1)
        top -= TITLE + height + GAP
    return finish(figure, to_file)


def _sheet(output: npt.NDArray[np.floating], maps: int) -> Values:
    """Return all maps of a layer next to each other, separated by NaN; of a layer without maps, its units in rows."""
    if output.ndim != 3:
        columns = min(output.size, ROW if output.size < LONG else LONG_ROW)
        return Sheet(output.size, columns, height=1, width=1, gap=0).paste(output.reshape(-1, 1, 1))
    tiles = np.moveaxis(output[..., :maps], -1, 0)
    count, height, width = tiles.shape
    fitting = math.ceil(WIDTH / (MAP * max(1.0, min(width / height, 4.0))))  # maps of MAP inches in a row
    columns = -(-count // -(-count // fitting))
    return Sheet(count, columns, height, width, gap=max(1, round(width / 16))).paste(tiles)


def _axes(figure: Figure, top: float, title: str, width: float, height: float) -> Axes:
    """Return axes of that size below a title; all lengths in inches, `top` from the lower edge of the figure."""
    whole, high = figure.get_size_inches()
    title = shortened(title, int(WIDTH * 72 / (LETTER * LINE_SIZE)))
    figure.text(SIDE / whole, (top - 0.05) / high, title, fontsize=LINE_SIZE, va="top", parse_math=False)
    ax = figure.add_axes((SIDE / whole, (top - TITLE - height) / high, width / whole, height / high))
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def _draw_sheet(ax: Axes, sheet: Values) -> None:
    """Draw the maps, and a colour bar to the right."""
    known = sheet[np.isfinite(sheet)]
    low, most = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    limit = max(abs(low), abs(most)) or 1.0
    least = -limit if low < 0 else 0.0
    colors = colormaps[SIGNED if low < 0 else POSITIVE].with_extremes(bad="white" if known.size else OUTSIDE)
    shown = ax.imshow(sheet, cmap=colors, norm=Normalize(least, limit), interpolation="nearest", aspect="auto")
    ax.spines[:].set_visible(False)
    figure = ax.figure.figure
    whole, high = figure.get_size_inches()
    tall = min(max(ax.get_position().height * high, 0.3), 1.6) / high
    place = ((SIDE + WIDTH + 0.12) / whole, ax.get_position().y1 - tall, 0.1 / whole, tall)
    bar = figure.colorbar(shown, cax=figure.add_axes(place))
    bar.set_ticks([least, limit], labels=[f"{least:.2g}", f"{limit:.2g}"], fontsize=7)


def _describe(layer: LayerTrace, maps: int) -> str:
    """Return the title of a layer."""
    count = layer.shapes.output[-1]
    part = f", the first {maps} of {count} maps" if layer.output.ndim == 4 and count > maps else ""
    name, shape = shortened(layer.name, 28), _shape(layer.shapes.output[1:])
    return f"{name} ({layer.kind}), {shape}{part}, {layer.zeros:.0%} zeros"


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) if len(shape) > 1 else plural(shape[0], "unit")
