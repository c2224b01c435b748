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
from scratchcnn.inspection.tracing.cells_figure import OUTSIDE, SIGNED, draw_input
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.operands import Array
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
LINE_SIZE = 9.0


def plot_trace(
    layers: Sequence[LayerTrace],
    probabilities: Array,
    to_file: str | os.PathLike[str] | None,
    sample: int,
    maps: int,
) -> Figure:
    """Draw the outputs of all layers for one image, from the input to the prediction; see `Trace.plot`."""
    check_file(to_file)  # before anything is drawn
    x = layers[0].input
    if whole_number("sample", sample) >= len(x):
        raise ValueError(f"Expected sample from 0 to {len(x) - 1}, received {sample}; the trace has {len(x)} samples.")
    maps = positive_integer("maps", maps)
    sheets = [_sheet(layer.output[sample], maps) for layer in layers]
    scales = [
        min(WIDTH / sheet.shape[1], 0.3 if layer.output[sample].size <= ROW else 0.08)  # inches of one value
        for layer, sheet in zip(layers, sheets, strict=True)
    ]
    heights = [max(LEAST, sheet.shape[0] * scale) for sheet, scale in zip(sheets, scales, strict=True)]
    has_image = x.ndim == 4
    high = HEAD + (INPUT + TITLE + GAP) * has_image + sum(heights) + len(sheets) * (TITLE + GAP) + SIDE
    figure = new_figure(SIDE + WIDTH + BAR, high)
    unit, of = int(probabilities[sample].argmax()), f" for image {sample}" if len(x) > 1 else ""
    largest = f"unit {unit} has the largest output, {float(probabilities[sample, unit]):.4g}"
    title = f"Outputs of all layers{of}: {largest}"
    figure.text(0.5, 1 - 0.12 / high, title, fontsize=TITLE_SIZE, ha="center", va="top", parse_math=False)
    top = high - HEAD
    if has_image:
        image = x[sample]
        ax = _axes(figure, top - TITLE - INPUT, INPUT * image.shape[1] / image.shape[0], INPUT)
        draw_input(ax, image, "")
        _line(figure, top, f"input, {_shape(image.shape)}")
        top -= TITLE + INPUT + GAP
    for layer, sheet, scale, height in zip(layers, sheets, scales, heights, strict=True):
        ax = _axes(figure, top - TITLE - height, sheet.shape[1] * scale, height)
        _draw_sheet(figure, ax, sheet, top - TITLE - height, height)
        if layer.output.ndim == 2 and sheet.size <= NUMBERED:
            ax.set_xticks(range(sheet.size), [str(unit) for unit in range(sheet.size)], fontsize=7)
            ax.tick_params(length=0, pad=1)
        _line(figure, top, _describe(layer, maps))
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


def _axes(figure: Figure, bottom: float, width: float, height: float) -> Axes:
    whole, high = figure.get_size_inches()
    ax = figure.add_axes((SIDE / whole, bottom / high, width / whole, height / high))
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def _draw_sheet(figure: Figure, ax: Axes, sheet: Values, bottom: float, height: float) -> None:
    """Draw the maps, and a colour bar to the right."""
    known = sheet[np.isfinite(sheet)]
    low, most = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    signed = low < 0
    limit = max(abs(low), abs(most)) or 1.0
    colors = colormaps[SIGNED if signed else POSITIVE].with_extremes(bad="white" if known.size else OUTSIDE)
    shown = ax.imshow(sheet, cmap=colors, norm=Normalize(-limit if signed else 0, limit), interpolation="nearest")
    ax.set_aspect("auto")
    ax.spines[:].set_visible(False)
    whole, high = figure.get_size_inches()
    tall = min(max(height, 0.3), 1.6)
    place = ((SIDE + WIDTH + 0.12) / whole, (bottom + height - tall) / high, 0.1 / whole, tall / high)
    bar = figure.colorbar(shown, cax=figure.add_axes(place))
    bar.set_ticks([-limit, limit] if signed else [0, limit])
    bar.set_ticklabels([f"{-limit:.2g}" if signed else "0", f"{limit:.2g}"], fontsize=7)


def _describe(layer: LayerTrace, maps: int) -> str:
    count = layer.shapes.output[-1]
    parts = [f"{shortened(layer.name, 28)} ({layer.kind}), {_shape(layer.shapes.output[1:])}"]
    if layer.output.ndim == 4 and count > maps:
        parts.append(f"the first {maps} of {count} maps")
    return ", ".join([*parts, f"{layer.zeros:.0%} zeros"])


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) if len(shape) > 1 else plural(shape[0], "unit")


def _line(figure: Figure, top: float, text: str) -> None:
    """Write the title of a layer above its maps."""
    whole, high = figure.get_size_inches()
    text = shortened(text, int(WIDTH * 72 / (LETTER * LINE_SIZE)))
    figure.text(SIDE / whole, (top - 0.05) / high, text, fontsize=LINE_SIZE, va="top", parse_math=False)
