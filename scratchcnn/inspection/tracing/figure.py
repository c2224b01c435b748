"""Figure of a trace: the feature maps of every layer for one image, each layer in one colour scale."""

from __future__ import annotations

import math
import os

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from scratchcnn.arguments import positive_integer, whole_number
from scratchcnn.inspection.tracing.data import TraceData
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.plots.cells import OUTSIDE, SIGNED
from scratchcnn.plots.overlay import draw_image, finish
from scratchcnn.plots.picture import check_path, new_figure
from scratchcnn.plots.tiles import LETTER, TITLE_SIZE, Sheet, shortened

WIDTH = 9.0  # inches of a row of maps
SIDE, TITLE, GAP, BAR = 0.3, 0.27, 0.16, 1.0  # inches: margins, a layer's line, below it, its colours
HEAD, INPUT = 0.45, 1.5  # inches of the title, and of the image
LEAST = 0.16  # inches of a row of units
MAP = 0.5  # inches of a map at most
MOST_MAPS = 64  # of a layer
ROW, LONG_ROW, LONG = 128, 256, 1024  # units of a layer without maps in one row; from so many units on, longer rows
NUMBERED = 20  # units, at most, whose numbers are written below
POSITIVE = "viridis"  # of a layer without numbers below zero; the others are red above zero and blue below
LINE_SIZE = 9.0


def plot_trace(
    trace: TraceData, to_file: str | os.PathLike[str] | None = None, sample: int = 0, maps: int = MOST_MAPS
) -> Figure:
    """Draw the outputs of all layers for one image, from the input down to the answer.

    Parameters
    ----------
    trace : TraceData
        What `inspection.trace` returned.
    to_file : str, path or None
        Where to write the picture. None: nowhere.
    sample : int, default 0
        Which image of the trace.
    maps : int, default 64
        How many feature maps of a layer at most, the first ones.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        There is no such sample, or `maps` is below 1.
    ValueError, OSError
        As `picture.save`.
    """
    if to_file is not None:
        check_path(to_file)  # before anything is drawn
    if whole_number("sample", sample) >= len(trace.x):
        raise ValueError(f"Expected sample from 0 to {len(trace.x) - 1}, received {sample}; the trace has no more.")
    maps = positive_integer("maps", maps)
    sheets = [_sheet(layer.output[sample], maps) for layer in trace]
    scales = [_scale(layer.output[sample].size, sheet) for layer, sheet in zip(trace, sheets, strict=True)]
    heights = [max(LEAST, sheet.shape[0] * scale) for sheet, scale in zip(sheets, scales, strict=True)]
    pictured = trace.x.ndim == 4
    high = HEAD + (INPUT + TITLE + GAP) * pictured + sum(heights) + len(sheets) * (TITLE + GAP) + SIDE
    figure = new_figure(SIDE + WIDTH + BAR, high)
    figure.text(
        0.5, 1 - 0.12 / high, _title(trace, sample), fontsize=TITLE_SIZE, ha="center", va="top", parse_math=False
    )
    top = high - HEAD
    if pictured:
        top = _draw_input(figure, top, trace.x[sample])
    for layer, sheet, scale, height in zip(trace, sheets, scales, heights, strict=True):
        ax = _axes(figure, top - TITLE - height, sheet.shape[1] * scale, height)
        _draw_sheet(figure, ax, sheet, top - TITLE - height, height)
        if layer.output.ndim == 2 and sheet.size <= NUMBERED:
            ax.set_xticks(range(sheet.size), [str(unit) for unit in range(sheet.size)], fontsize=7)
            ax.tick_params(length=0, pad=1)
        _line(figure, top, _describe(layer, maps))
        top -= TITLE + height + GAP
    return finish(figure, to_file)


def _title(trace: TraceData, sample: int) -> str:
    probabilities = trace.probabilities[sample]
    answer = int(probabilities.argmax())
    of = f", image {sample}" if len(trace.x) > 1 else ""
    return f"What every layer made of it{of}: output {answer} is the largest, {float(probabilities[answer]):.4g}"


def _sheet(output: npt.NDArray[np.floating], maps: int) -> npt.NDArray[np.float64]:
    """All maps of a layer beside each other, NaN in between; of a layer without maps, its units in rows."""
    if output.ndim != 3:
        return _rows(output.astype(np.float64).ravel())
    tiles = np.moveaxis(output[..., :maps], -1, 0)
    count, height, width = tiles.shape
    return Sheet(count, _columns(count, width / height), height, width, gap=max(1, round(width / 16))).paste(tiles)


def _columns(count: int, shape: float) -> int:
    """Maps in a row: as even as can be, with maps of at most MAP inches."""
    least = math.ceil(WIDTH / (MAP * max(1.0, min(shape, 4.0))))
    rows = -(-count // least)
    return -(-count // rows)


def _rows(units: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Units in rows of at most 128, or 256."""
    columns = min(len(units), ROW if len(units) < LONG else LONG_ROW)
    return Sheet(len(units), columns, height=1, width=1, gap=0).paste(units.reshape(-1, 1, 1))


def _scale(count: int, sheet: npt.NDArray[np.float64]) -> float:
    """Inches of one number on the sheet."""
    return min(WIDTH / sheet.shape[1], 0.3 if count <= ROW else 0.08)


def _axes(figure: Figure, bottom: float, width: float, height: float) -> Axes:
    whole, high = figure.get_size_inches()
    ax = figure.add_axes((SIDE / whole, bottom / high, width / whole, height / high))
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def _draw_input(figure: Figure, top: float, image: npt.NDArray[np.floating]) -> float:
    """The image, and where the next line begins."""
    shown = image / max(1.0, float(image.max())) if image.shape[2] == 3 else image
    ax = _axes(figure, top - TITLE - INPUT, INPUT * image.shape[1] / image.shape[0], INPUT)
    draw_image(ax, shown, "")
    _line(figure, top, f"the input, {_shape(image.shape)}")
    return top - TITLE - INPUT - GAP


def _draw_sheet(figure: Figure, ax: Axes, sheet: npt.NDArray[np.float64], bottom: float, height: float) -> None:
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
    return " × ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} unit{'s' * (shape[0] != 1)}"


def _line(figure: Figure, top: float, text: str) -> None:
    """What a row of maps is, above it."""
    whole, high = figure.get_size_inches()
    most = int(WIDTH * 72 / (LETTER * LINE_SIZE))
    figure.text(
        SIDE / whole, (top - 0.05) / high, shortened(text, most), fontsize=LINE_SIZE, va="top", parse_math=False
    )
