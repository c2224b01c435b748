"""Figure of one value of a trace: its receptive field on the image, its terms or the largest of them, and the sum."""

from __future__ import annotations

import os
import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from scratchcnn.descriptions.terms import Terms
from scratchcnn.inspection.attribution.receptive_field import Reach
from scratchcnn.inspection.explaining.text import largest, number_cells, origin_of
from scratchcnn.plots.overlay import SIGNED, draw_image, panel_title
from scratchcnn.plots.picture import check_file, finish, new_figure
from scratchcnn.plots.tiles import TITLE_SIZE, wrapped

SIDE, GAP, MARGIN = 2.3, 0.42, 0.25  # inches of a panel, between two panels, around all
HEAD, FOOT = 0.85, 0.75  # inches for the title and the panels' titles, and for the sum
BARS = 10  # terms of a long sum that are drawn as bars
BAR_WIDTH, LABELS = 5.4, 2.1  # inches of the panel with bars, and of their labels
FOOT_SIZE = 10.0
LEAST_WIDTH = 7.0  # inches of the figure, for the sum
LETTERS = 78  # characters in a line of notes
UNSIGNED = "Greys"  # colormap of cells without negative elements
LIGHTER = 1.6  # keeps the darkest cells grey, so that text on them is legible
OUTSIDE = "0.88"  # grey of cells without an element
MOST_WRITTEN = 7  # rows or columns of a matrix whose values are written into its cells

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.floating]
Panel = tuple[str, Values, Mask, str]  # title, matrix, where it has elements, sign to the left of it


def plot_terms(
    terms: Terms, title: str, total: str, image: tuple[Values, Reach] | None, to_file: str | os.PathLike[str] | None
) -> Figure:
    """Draw terms between a title and their sum, and the receptive field on an image (H, W, C); `Explanation.plot`."""
    check_file(to_file)  # before anything is drawn
    single = terms.inputs.size == 1
    panels = _panels(terms) if terms.inputs.ndim in (2, 3) and not single else []
    of_image = 0.0 if image is None else SIDE + GAP
    of_terms = len(panels) * (SIDE + GAP) - GAP if panels else LABELS + BAR_WIDTH
    width, height = max(LEAST_WIDTH, 2 * MARGIN + of_image + of_terms), HEAD + SIDE + FOOT
    figure = new_figure(width, height)
    left = (width - of_image - of_terms) / 2
    if image is not None:
        _draw_field(_axes(figure, left), *image)
        left += of_image
    if single:
        _write_term(_axes(figure, left, of_terms), terms)
    elif not panels:
        _draw_bars(_axes(figure, left + LABELS, BAR_WIDTH), terms)
    for heading, numbers, inside, sign in panels:
        ax = _axes(figure, left)
        _draw_cells(ax, numbers, inside)
        panel_title(ax, heading)
        figure.text((left - GAP / 2) / width, (FOOT + SIDE / 2) / height, sign, fontsize=15, ha="center", va="center")
        left += SIDE + GAP
    for text, y, align, size in ((title, height - 0.08, "top", TITLE_SIZE), (total, 0.12, "bottom", FOOT_SIZE)):
        lines = wrapped(text, (width - 2 * MARGIN) * 72, size).splitlines()[:2]
        figure.text(0.5, y / height, "\n".join(lines), fontsize=size, ha="center", va=align, parse_math=False)
    return finish(figure, to_file)


def _axes(figure: Figure, left: float, width: float = SIDE) -> Axes:
    """Return axes above the sum; `left` and `width` in inches."""
    whole, height = figure.get_size_inches()
    return figure.add_axes((left / whole, FOOT / height, width / whole, SIDE / height))


def _draw_field(ax: Axes, image: Values, field: Reach) -> None:
    """Draw an image and the outline of the pixels on which a value depends."""
    mask = field.mask.any(axis=2)
    count, rows, columns = np.count_nonzero(mask), field.rows, field.columns
    if count in (0, mask.size):
        size = "whole image" if count else "no pixel"
    else:
        height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
        gaps = ", with gaps" if count < height * width else ""
        size = f"{height} × {width} pixel{'s' * (height * width > 1)}{gaps}"
    draw_image(ax, image, f"receptive field: {size}")
    padded = np.pad(mask, 1)
    below = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])  # the edges between one row and the next
    beside = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    edges = [[(column - 0.5, row - 0.5), (column + 0.5, row - 0.5)] for row, column in below.tolist()]
    edges += [[(column - 0.5, row - 0.5), (column - 0.5, row + 0.5)] for row, column in beside.tolist()]
    halo = [withStroke(linewidth=3.4, foreground="white")]  # visible on any image
    ax.add_collection(LineCollection(edges, colors="tab:red", linewidths=1.6, path_effects=halo, capstyle="round"))


def _panels(terms: Terms) -> list[Panel]:
    """Return inputs * weights = products, and their sum over the channels, or over the samples of a parameter."""
    axis = 0 if terms.axes[0] == "sample" else 2
    arrays: list[Any] = [terms.inputs, terms.weights, terms.products, terms.inside]
    arrays = [np.moveaxis(array, axis, 2) if array.ndim == 3 else array[..., None] for array in arrays]
    inputs, weights, products, inside = arrays
    count, name = inputs.shape[2], terms.axes[axis] if terms.inputs.ndim == 3 else ""
    slab = int(np.abs(products.sum(axis=(0, 1))).argmax())
    of = f"\n{name} {slab} of {count}, the largest sum" if count > 1 else ""
    there = inside[..., slab]
    panels: list[Panel] = [(terms.source + of, inputs[..., slab], there, "")]
    if (weights != 1).any():
        everywhere = np.ones(there.shape, bool)
        panels.append(((terms.weight_name or "weights") + of, weights[..., slab], everywhere, "×"))
        panels.append(("products" + of, products[..., slab], there, "="))
    if count > 1:
        what = "products summed" if len(panels) > 1 else "summed"
        panels.append((f"{what}\nover all {count} {name}s", products.sum(axis=2), inside.any(axis=2), "→"))
    return panels


def _draw_cells(ax: Axes, numbers: Values, inside: Mask) -> None:
    """Draw a matrix in colours, with zero in white, and write the elements of a small one."""
    there = inside & np.isfinite(numbers)
    known = numbers[there]
    limit = float(np.abs(known).max(initial=0)) or 1.0
    signed = bool((known < 0).any())
    colors = colormaps[SIGNED if signed else UNSIGNED].with_extremes(bad=OUTSIDE)
    norm = Normalize(-limit, limit) if signed else Normalize(0, LIGHTER * limit)
    ax.imshow(np.ma.masked_array(numbers, ~there), cmap=colors, norm=norm, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    if max(numbers.shape) > MOST_WRITTEN:
        return
    texts = number_cells(numbers, inside)
    longest = max(4, *(len(text) for row in texts for text in row))
    size = min(10.0, 225.0 / (numbers.shape[1] * longest))
    for row, column in np.argwhere(there).tolist():
        red, green, blue, _ = colors(norm(numbers[row, column]))
        color = "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "black"
        ax.text(column, row, texts[row][column], ha="center", va="center", fontsize=size, color=color)


def _write_term(ax: Axes, terms: Terms) -> None:
    """Write a single term as a line, and the notes."""
    ax.set_axis_off()
    weight = f" × {float(terms.weights[0]):.6g} ({terms.weight_name})" if terms.weight_name else ""
    lines = [origin_of(terms, 0), f"{float(terms.inputs[0]):.6g}{weight} = {terms.sum:.6g}", ""]
    text = "\n".join([*lines, *(line for note in terms.notes for line in textwrap.wrap(note, LETTERS))])
    ax.text(0.5, 0.5, text, fontsize=9.5, ha="center", va="center", linespacing=1.5, parse_math=False)


def _draw_bars(ax: Axes, terms: Terms) -> None:
    """Draw the largest products, the sum of the others, and the bias as bars."""
    products = terms.products.ravel()
    order = largest(products, BARS if products.size > BARS + 1 else products.size)
    values, labels = products[order].tolist(), [origin_of(terms, term) for term in order.tolist()]
    colors = ["tab:red" if value > 0 else "tab:blue" for value in values]
    what = "products"
    if products.size > len(order):
        what = "largest products"
        values.append(terms.sum - sum(values))
        labels.append(f"the other {products.size - len(order):,}")
    if terms.bias:
        values.append(terms.bias)
        labels.append(terms.bias_name)
    places = np.arange(len(values))
    ax.barh(places, values, color=[*colors, "0.6", "0.6"][: len(values)])
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(places, labels, fontsize=min(8.0, 130 / len(values)))
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.tick_params(axis="x", labelsize=8)
    ax.margins(x=0.08)
    ax.spines[["top", "right"]].set_visible(False)
    weight = f" × {terms.weight_name}" if terms.weight_name else ""
    panel_title(ax, what if ", " in terms.source else f"{what}, {terms.source}{weight}")
