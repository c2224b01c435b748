"""Figures of the attribution tools: maps over an image, predictions of a moved image, and a filter ablation."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scratchcnn.operands import Array
from scratchcnn.plots.overlay import SIGNED, SMALL, color_bar, draw_image, draw_map, open_figure, panel_title
from scratchcnn.plots.picture import finish
from scratchcnn.plots.tiles import points_of

Values = npt.NDArray[np.floating]
Counts = npt.NDArray[np.int64]
Centers = npt.NDArray[np.float64] | None
FileName = str | os.PathLike[str]

SIDE, LEAST = 2.7, 2.3  # inches: longer side of a panel; least shorter side, for the title and the color bar
HEAD, BAR = 0.75, 0.95  # inches: titles of the panels, color bar with its label
MARK = "firebrick"  # color of the most important patch, of changed predictions, and of reference lines


def plot_maps(
    image: Array, title: str, caption: str, maps: Sequence[tuple[Values, str, str, bool, Centers, Centers]],
    patch: tuple[tuple[float, float], tuple[int, int], str] | None, to_file: FileName | None,
) -> Figure:  # fmt: skip
    """Draw an image (H, W) or (H, W, C) with its caption, and maps over it; the fields of `Map` and `Drawing`.

    `patch` is a rectangle on the image, ((x, y), (height, width), note), from its upper left corner.
    """
    figure, (first, *others) = _panels(image, title, caption, 1 + len(maps), to_file)
    if patch is not None:
        corner, (height, width), note = patch
        first.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=MARK, linewidth=1.5))
        first.set_xlabel(note, fontsize=SMALL)
    for ax, (values, name, label, signed, rows, columns) in zip(others, maps, strict=True):
        draw_map(ax, image, values, label, signed, rows, columns)
        panel_title(ax, name)
    return finish(figure, to_file)


def plot_shifts(
    image: Array, title: str, caption: str, probabilities: Values, answers: Counts, to_file: FileName | None = None
) -> Figure:
    """Draw an image, and a cell for each shift: its shade is the probability, its text the predicted class.

    Both are (2 * n + 1, 2 * n + 1), at [n + down, n + right].
    """
    figure, (_, ax) = _panels(image, title, caption, 2, to_file)
    most = len(answers) // 2
    end, changed = most + 0.5, answers != answers[most, most]
    drawn = ax.imshow(
        probabilities, cmap="Greys", vmin=0, vmax=1, extent=(-end, end, end, -end), interpolation="nearest"
    )
    step = -(-len(answers) // 11)  # at most 11 ticks
    ticks = [tick for tick in range(-most, most + 1) if tick % step == 0]
    names = [f"{tick:+d}" if tick else "0" for tick in ticks]
    ax.set_xticks(ticks, names, fontsize=8)
    ax.set_yticks(ticks, names, fontsize=8)
    ax.set_xlabel("pixels to the right", fontsize=SMALL)
    ax.set_ylabel("pixels down", fontsize=SMALL)
    panel_title(ax, f"prediction changes in {int(changed.sum())} of {changed.size - 1}")
    color_bar(drawn, ax, "probability")
    _write_answers(ax, probabilities, answers, changed)
    return finish(figure, to_file)


def plot_ablation(
    title: str, kind: str, order: Counts, losses: Values, loss: float, recall_falls: Values, recall: Values,
    to_file: FileName | None = None,
) -> Figure:  # fmt: skip
    """Draw the loss without each filter as a bar from the loss of the whole model, and the decrease of each recall.

    `order` (F,) are the indices of the filters, `losses` (F,) and `recall_falls` (F, classes) are in that order; `loss`
    and `recall` (classes,) are those of the whole model, NaN for a class without images.
    """
    filters, classes = recall_falls.shape
    wide, high = min(14.0, max(4.2, 0.17 * filters)), min(8.0, max(1.4, 0.2 * classes))  # inches of all bars, all rows
    figure = open_figure(wide + 1.9, 1.9 + high + 0.9, title, to_file)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.9, high])
    colors = np.where(losses >= loss, "0.35", "steelblue").tolist()
    above.use_sticky_edges = False  # a margin also beyond the reference line
    above.bar(range(filters), losses - loss, bottom=loss, color=colors, width=0.75)
    above.axhline(loss, color=MARK, linewidth=1.0, linestyle="--", label=f"unablated loss: {loss:#.3g}")
    above.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, frameon=False, fontsize=SMALL)
    above.set_ylabel("loss, nats", fontsize=SMALL)
    above.tick_params(labelsize=8)
    above.tick_params(axis="x", length=0, labelbottom=False)
    above.spines[["top", "right", "bottom"]].set_visible(False)
    falls = 100 * recall_falls.T  # (classes, F)
    limit = float(np.nanmax(np.abs(falls))) or 1.0
    drawn = below.imshow(falls, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    color_bar(drawn, below, "decrease of recall, points")
    every = -(-filters // 80)  # at most 80 filters and 20 classes are named
    places = range(0, filters, every)
    below.set_xticks(places, [str(order[f]) for f in places], rotation=90 if filters > 20 else 0, fontsize=7.5)
    named = range(0, classes, -(-classes // 20))
    of_class = ["no image" if np.isnan(recall[j]) else f"{recall[j]:.0%}" for j in named]
    below.set_yticks(named, [f"{j}: {text}" for j, text in zip(named, of_class, strict=True)], fontsize=8)
    below.tick_params(length=0)
    below.set_xlabel(f"{kind}, in order of importance", fontsize=SMALL)
    below.set_ylabel("class: unablated recall", fontsize=SMALL)
    return finish(figure, to_file)


def _panels(image: Array, title: str, caption: str, count: int, to_file: FileName | None) -> tuple[Figure, list[Axes]]:
    """Return a figure with a row of panels in the shape of an image, which is drawn in the first."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    wide, high = max(LEAST, width * scale), max(LEAST, height * scale)
    figure = open_figure(count * wide + (count - 1) * BAR + 0.5, high + HEAD, title, to_file)
    axes = list(figure.subplots(1, count))
    draw_image(axes[0], image, caption)
    return figure, axes


def _write_answers(ax: Axes, probabilities: Values, answers: Counts, changed: npt.NDArray[np.bool_]) -> None:
    """Write the prediction into each cell that is large enough, and frame those that changed."""
    ax.figure.figure.draw_without_rendering()  # computes the layout, and with it the size of a cell
    most, longest = len(answers) // 2, len(str(int(answers.max())))
    size = min(10.0, 0.8 * min(points_of(ax)) / len(answers) / max(1.0, 0.64 * longest))
    for (row, column), answer in np.ndenumerate(answers):
        x, y = column - most, row - most
        if changed[row, column]:
            ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=MARK, linewidth=1.2))
        if size >= 5:  # points; smaller text is not legible
            light, dark = ("lightcoral", MARK) if changed[row, column] else ("0.9", "black")
            color = light if probabilities[row, column] > 0.5 else dark
            ax.text(x, y, str(answer), fontsize=size, color=color, ha="center", va="center")
