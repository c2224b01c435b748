"""Figure of one value of a trace: its receptive field on the image, and its terms, all or the largest."""

from __future__ import annotations

import os
import textwrap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.inspection.explaining.data import ExplanationData
from scratchcnn.plots.cells import MOST_WRITTEN, draw_cells, outline
from scratchcnn.plots.overlay import draw_image, finish, panel_title
from scratchcnn.plots.picture import check_path, new_figure
from scratchcnn.plots.tiles import LETTER, TITLE_SIZE

SIDE, GAP, MARGIN = 2.3, 0.42, 0.25  # inches of a panel, between two, around all
HEAD, FOOT = 0.85, 0.75  # inches for the title and the panels' titles, and for the sum
BARS = 10  # terms of a long sum
BAR_WIDTH = 5.4  # inches of the panel with bars
LABELS = 2.1  # inches for what the bars are
FOOT_SIZE = 10.0
LEAST_WIDTH = 7.0  # inches of the figure: the sum needs them
LETTERS = 78  # of a line of notes

Mask = npt.NDArray[np.bool_]


def plot_explanation(found: ExplanationData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the input with the receptive field, the terms, and the sum.

    Parameters
    ----------
    found : ExplanationData
        What `inspection.explain` returned.
    to_file : str, path or None
        Where to write the picture. None: nowhere.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError, OSError
        As `picture.save`.

    Notes
    -----
    Of a patch with several channels, one is drawn, the one that gave the most, and beside it the products summed over
    all. A long row of terms is drawn as bars, the largest.
    """
    if to_file is not None:
        check_path(to_file)  # before anything is drawn
    pictured = found.parameter is None and found.trace.x.ndim == 4
    single, patch = found.inputs.size == 1, found.inputs.ndim in (2, 3)
    drawn = _panels(found) if patch and not single else []
    image = SIDE + GAP if pictured else 0.0
    terms = len(drawn) * (SIDE + GAP) - GAP if drawn else LABELS + BAR_WIDTH
    width = max(LEAST_WIDTH, 2 * MARGIN + image + terms)
    figure = new_figure(width, HEAD + SIDE + FOOT)
    left = (width - image - terms) / 2
    if pictured:
        _draw_input(_axes(figure, left), found)
        left += image
    if single:
        _write_one(_axes(figure, left, terms), found)
    elif drawn:
        _draw_patch(figure, left, drawn, found)
    else:
        _draw_bars(_axes(figure, left + LABELS, BAR_WIDTH), found)
    _write(figure, found, width)
    return finish(figure, to_file)


def _axes(figure: Figure, left: float, width: float = SIDE) -> Axes:
    """Axes so many inches from the left, above the sum."""
    whole, high = figure.get_size_inches()
    return figure.add_axes((left / whole, FOOT / high, width / whole, SIDE / high))


def _draw_input(ax: Axes, found: ExplanationData) -> None:
    image = found.trace.x[found.position[0]]
    shown = image / max(1.0, float(image.max())) if image.shape[2] == 3 else image
    field: Mask = np.asarray(found.receptive_field.mask.any(axis=2))
    draw_image(ax, shown, f"receptive field: {_size(field)}")
    outline(ax, field)


def _size(field: Mask) -> str:
    if field.all():
        return "all"
    rows, columns = np.flatnonzero(field.any(axis=1)), np.flatnonzero(field.any(axis=0))
    if not len(rows):
        return "nothing"
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    gaps = ", with gaps" if np.count_nonzero(field) < height * width else ""
    return f"{height} × {width} pixel{'s' * (height * width > 1)}{gaps}"


class _Panel(NamedTuple):
    """One matrix of numbers, what it is, and the sign before it."""

    title: str
    numbers: npt.NDArray[np.floating]
    inside: Mask
    sign: str = ""


def _panels(found: ExplanationData) -> list[_Panel]:
    """inputs * weights = products, and their sum over the channels, or over the samples for a parameter's gradient."""
    arrays: list[Any] = [found.inputs, found.weights, found.products, found.terms.inside]
    axis = 2 if found.parameter is None else 0
    arrays = [np.moveaxis(array, axis, 2) if array.ndim == 3 else array[..., None] for array in arrays]
    inputs, weights, products, inside = arrays
    count, name = inputs.shape[2], found.terms.axes[axis] if found.inputs.ndim == 3 else ""
    slab = int(np.abs(products.sum(axis=(0, 1))).argmax())
    of = f"\n{name} {slab} of {count}, the greatest part" if count > 1 else ""
    there = inside[..., slab]
    panels = [_Panel(found.terms.source + of, inputs[..., slab], there)]
    if (weights != 1).any():
        everywhere = np.ones(there.shape, bool)
        panels.append(_Panel((found.terms.weight_name or "weights") + of, weights[..., slab], everywhere, "×"))
        panels.append(_Panel("products" + of, products[..., slab], there, "="))
    if count > 1:
        what = "products summed" if len(panels) > 1 else "summed"
        title = f"{what}\nover all {count} {name}s"
        panels.append(_Panel(title, products.sum(axis=2), inside.any(axis=2), "→"))
    return panels


def _draw_patch(figure: Figure, left: float, panels: list[_Panel], found: ExplanationData) -> None:
    whole, high = figure.get_size_inches()
    for panel in panels:
        ax = _axes(figure, left)
        draw_cells(ax, panel.numbers, _texts(found, panel.numbers, panel.inside), panel.inside)
        panel_title(ax, panel.title)
        place = (left - GAP / 2) / whole, (FOOT + SIDE / 2) / high
        figure.text(*place, panel.sign, fontsize=15, ha="center", va="center")
        left += SIDE + GAP


def _write_one(ax: Axes, found: ExplanationData) -> None:
    """A number that comes from one other, as a line."""
    ax.set_axis_off()
    terms = found.terms
    index = ", ".join(map(str, terms.sources.reshape(-1).tolist()))
    weight = f" × {float(found.weights[0]):.6g}" + f" ({terms.weight_name})" * bool(terms.weight_name)
    weight = weight if terms.weight_name else ""
    lines = [f"{terms.source}[{index}]", f"{float(found.inputs.ravel()[0]):.6g}{weight} = {found.sum:.6g}"]
    notes = [line for note in terms.notes for line in textwrap.wrap(note, LETTERS)]
    text = "\n".join([*lines, "", *notes])
    ax.text(0.5, 0.5, text, fontsize=9.5, ha="center", va="center", linespacing=1.5, parse_math=False)


def _texts(
    found: ExplanationData, cells: npt.NDArray[np.floating], there: npt.NDArray[np.bool_]
) -> list[list[str]] | None:
    """The numbers as they are printed, if they are few enough to be written."""
    return found.texts_of(cells, there) if cells.size <= MOST_WRITTEN and max(cells.shape) <= 7 else None


def _draw_bars(ax: Axes, found: ExplanationData) -> None:
    """The largest products, the sum of the others, the bias: what the number is made of."""
    products = found.products.ravel()
    order = np.argsort(-np.abs(products), kind="stable")[: BARS if products.size > BARS + 1 else None]
    sources = found.terms.sources.reshape(products.size, -1)
    names = found.terms.source.split(", ")
    values = [float(products[place]) for place in order]
    labels = [f"{names[place % len(names)]}[{', '.join(map(str, sources[place].tolist()))}]" for place in order]
    if products.size > len(order):
        values.append(found.sum - sum(values))
        labels.append(f"the other {products.size - len(order):,}")
    if found.bias:
        values.append(found.bias)
        labels.append("bias")
    places = np.arange(len(values))
    colors = ["0.6" if label.startswith(("the other", "bias")) else ("tab:red" if value > 0 else "tab:blue")
              for label, value in zip(labels, values, strict=True)]  # fmt: skip
    ax.barh(places, values, color=colors)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(places, labels, fontsize=min(8.0, 130 / len(values)))
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.tick_params(axis="x", labelsize=8)
    ax.margins(x=0.08)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    terms = found.terms
    weight = f" × {terms.weight_name}" if terms.weight_name else ""
    what = "the largest products" if products.size > len(order) else "the products"
    panel_title(ax, f"{what}, {terms.source}{weight}" if len(names) == 1 else what)


def _write(figure: Figure, found: ExplanationData, width: float) -> None:
    """The title, and the sum below."""
    high = figure.get_size_inches()[1]
    of = found.what if found.parameter is None else f"gradient by the {found.parameter}"
    title = f"{found.layer.name} ({found.layer.kind}): {of} at {_index(found)}, {found.stored:.5g}"
    lines = textwrap.wrap(title, int((width - 2 * MARGIN) * 72 / (LETTER * TITLE_SIZE)))
    figure.text(
        0.5, 1 - 0.08 / high, "\n".join(lines[:2]), fontsize=TITLE_SIZE, ha="center", va="top", parse_math=False
    )
    wrapped = textwrap.wrap(_arithmetic(found), int((width - 2 * MARGIN) * 72 / (LETTER * FOOT_SIZE)))
    figure.text(
        0.5, 0.12 / high, "\n".join(wrapped[:2]), fontsize=FOOT_SIZE, ha="center", va="bottom", parse_math=False
    )


def _index(found: ExplanationData) -> str:
    return f"[{', '.join(map(str, found.position))}]"


def _arithmetic(found: ExplanationData) -> str:
    """The sum in one line."""
    count = found.inputs.size
    won = found.layer.winners is not None and found.what == "output"
    what = "the largest: " if won else f"sum of {count:,} products " * (count > 1)
    parts = [f"{what}{found.sum:.5g}"]
    if found.bias:
        parts.append(f"{'+' if found.bias > 0 else '−'} bias {abs(found.bias):.5g} = {found.preactivation:.5g}")
    activation = found.layer.activation
    if found.what == "output" and activation not in (None, "linear"):
        parts.append(f"→ {activation} → {found.output:.5g}")
    return " ".join([*parts, f"(stored: {found.stored:.5g})"])
