"""Figure of one value of a trace: its receptive field on the image, its terms or the largest of them, and the sum."""

from __future__ import annotations

import os
import textwrap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.descriptions.terms import Terms
from scratchcnn.inspection.explaining.text import number_cells, origin_of
from scratchcnn.inspection.tracing.cells_figure import MOST_WRITTEN, draw_cells, draw_input, outline
from scratchcnn.plots.overlay import panel_title
from scratchcnn.plots.picture import check_file, finish, new_figure
from scratchcnn.plots.tiles import LETTER, TITLE_SIZE

SIDE, GAP, MARGIN = 2.3, 0.42, 0.25  # inches of a panel, between two panels, around all
HEAD, FOOT = 0.85, 0.75  # inches for the title and the panels' titles, and for the sum
BARS = 10  # terms of a long sum that are drawn as bars
BAR_WIDTH, LABELS = 5.4, 2.1  # inches of the panel with bars, and of their labels
FOOT_SIZE = 10.0
LEAST_WIDTH = 7.0  # inches of the figure, for the sum
LETTERS = 78  # characters in a line of notes

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.floating]


def plot_terms(
    terms: Terms,
    title: str,
    total: str,
    image: tuple[Values, Mask] | None,
    axis: int,
    to_file: str | os.PathLike[str] | None,
) -> Figure:
    """Draw terms and their sum, and the receptive field on the image; see `Explanation.plot`.

    Parameters
    ----------
    terms : Terms
    title, total : str
        Written above and below.
    image : (image, mask) or None
        An image (H, W, C), and the pixels (H, W) of the receptive field.
    axis : int
        Of three axes of the terms, the one over which the products are summed.
    to_file : str, path or None
    """
    check_file(to_file)  # before anything is drawn
    single = terms.inputs.size == 1
    panels = _panels(terms, axis) if terms.inputs.ndim in (2, 3) and not single else []
    of_image = 0.0 if image is None else SIDE + GAP
    of_terms = len(panels) * (SIDE + GAP) - GAP if panels else LABELS + BAR_WIDTH
    width, high = max(LEAST_WIDTH, 2 * MARGIN + of_image + of_terms), HEAD + SIDE + FOOT
    figure = new_figure(width, high)
    left = (width - of_image - of_terms) / 2
    if image is not None:
        _draw_input(_axes(figure, left), *image)
        left += of_image
    if single:
        _write_term(_axes(figure, left, of_terms), terms)
    elif panels:
        _draw_panels(figure, left, panels)
    else:
        _draw_bars(_axes(figure, left + LABELS, BAR_WIDTH), terms)
    _write(figure, 1 - 0.08 / high, "top", title, TITLE_SIZE)
    _write(figure, 0.12 / high, "bottom", total, FOOT_SIZE)
    return finish(figure, to_file)


def _axes(figure: Figure, left: float, width: float = SIDE) -> Axes:
    """Return axes above the sum; `left` and `width` in inches."""
    whole, high = figure.get_size_inches()
    return figure.add_axes((left / whole, FOOT / high, width / whole, SIDE / high))


def _draw_input(ax: Axes, image: Values, field: Mask) -> None:
    draw_input(ax, image, f"receptive field: {_size(field)}")
    outline(ax, field)


def _size(field: Mask) -> str:
    if field.all():
        return "whole image"
    rows, columns = np.flatnonzero(field.any(axis=1)), np.flatnonzero(field.any(axis=0))
    if not len(rows):
        return "no pixel"
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    gaps = ", with gaps" if np.count_nonzero(field) < height * width else ""
    return f"{height} × {width} pixel{'s' * (height * width > 1)}{gaps}"


class _Panel(NamedTuple):
    """A matrix, its title, and the sign to the left of it."""

    title: str
    numbers: Values
    inside: Mask
    sign: str = ""


def _panels(terms: Terms, axis: int) -> list[_Panel]:
    """Return inputs * weights = products, and their sum over an axis."""
    arrays: list[Any] = [terms.inputs, terms.weights, terms.products, terms.inside]
    arrays = [np.moveaxis(array, axis, 2) if array.ndim == 3 else array[..., None] for array in arrays]
    inputs, weights, products, inside = arrays
    count, name = inputs.shape[2], terms.axes[axis] if terms.inputs.ndim == 3 else ""
    slab = int(np.abs(products.sum(axis=(0, 1))).argmax())
    of = f"\n{name} {slab} of {count}, the largest sum" if count > 1 else ""
    there = inside[..., slab]
    panels = [_Panel(terms.source + of, inputs[..., slab], there)]
    if (weights != 1).any():
        everywhere = np.ones(there.shape, bool)
        panels.append(_Panel((terms.weight_name or "weights") + of, weights[..., slab], everywhere, "×"))
        panels.append(_Panel("products" + of, products[..., slab], there, "="))
    if count > 1:
        what = "products summed" if len(panels) > 1 else "summed"
        panels.append(_Panel(f"{what}\nover all {count} {name}s", products.sum(axis=2), inside.any(axis=2), "→"))
    return panels


def _draw_panels(figure: Figure, left: float, panels: list[_Panel]) -> None:
    whole, high = figure.get_size_inches()
    for title, numbers, inside, sign in panels:
        ax = _axes(figure, left)
        legible = numbers.size <= MOST_WRITTEN and max(numbers.shape) <= 7
        draw_cells(ax, numbers, number_cells(numbers, inside) if legible else None, inside)
        panel_title(ax, title)
        figure.text((left - GAP / 2) / whole, (FOOT + SIDE / 2) / high, sign, fontsize=15, ha="center", va="center")
        left += SIDE + GAP


def _write_term(ax: Axes, terms: Terms) -> None:
    """Write a single term as a line, and the notes."""
    ax.set_axis_off()
    weight = f" × {float(terms.weights[0]):.6g} ({terms.weight_name})" if terms.weight_name else ""
    lines = [origin_of(terms, 0), f"{float(terms.inputs[0]):.6g}{weight} = {terms.sum:.6g}"]
    notes = [line for note in terms.notes for line in textwrap.wrap(note, LETTERS)]
    text = "\n".join([*lines, "", *notes])
    ax.text(0.5, 0.5, text, fontsize=9.5, ha="center", va="center", linespacing=1.5, parse_math=False)


def _draw_bars(ax: Axes, terms: Terms) -> None:
    """Draw the largest products, the sum of the others, and the bias as bars."""
    products = terms.products.ravel()
    order = np.argsort(-np.abs(products), kind="stable")[: BARS if products.size > BARS + 1 else None]
    values = [float(products[place]) for place in order]
    labels = [origin_of(terms, term) for term in order.tolist()]
    colors = ["tab:red" if value > 0 else "tab:blue" for value in values]
    if products.size > len(order):
        values.append(terms.sum - sum(values))
        labels.append(f"the other {products.size - len(order):,}")
    if terms.bias:
        values.append(terms.bias)
        labels.append(terms.bias_name)
    ax.barh(np.arange(len(values)), values, color=[*colors, "0.6", "0.6"][: len(values)])
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(np.arange(len(values)), labels, fontsize=min(8.0, 130 / len(values)))
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.tick_params(axis="x", labelsize=8)
    ax.margins(x=0.08)
    ax.spines[["top", "right"]].set_visible(False)
    weight = f" × {terms.weight_name}" if terms.weight_name else ""
    what = "largest products" if products.size > len(order) else "products"
    panel_title(ax, f"{what}, {terms.source}{weight}" if ", " not in terms.source else what)


def _write(figure: Figure, height: float, align: str, text: str, size: float) -> None:
    """Write at most two centred lines."""
    letters = int((figure.get_size_inches()[0] - 2 * MARGIN) * 72 / (LETTER * size))
    lines = "\n".join(textwrap.wrap(text, letters)[:2])
    figure.text(0.5, height, lines, fontsize=size, ha="center", va=align, parse_math=False)
