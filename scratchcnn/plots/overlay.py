"""Draws a map of numbers over the image that it is about, and the image by itself."""

from __future__ import annotations

import os
import textwrap

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from scratchcnn.plots.digit import draw_ink
from scratchcnn.plots.picture import check_path, new_figure, save
from scratchcnn.plots.tiles import LETTER, TITLE_SIZE
from scratchcnn.preprocessing.shades import as_shares, ink_of

Numbers = npt.NDArray[np.floating]

SIGNED, POSITIVE = "RdBu_r", "Reds"  # red speaks for, blue against, white is nothing
INK = 0.3  # how much ink darkens the colours above it
SIDE = 2.7  # inches of a panel's longer side
LEAST = 2.3  # inches of its shorter side: a title and a bar need them
HEAD, BAR = 0.75, 0.95  # inches for a title of two lines, for a colour bar and its label


def panels(
    count: int, image: npt.NDArray[np.generic], title: str, to_file: str | os.PathLike[str] | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure with a row of axes for pictures of one image, under a title.

    Parameters
    ----------
    count : int
        The first panel has no colour bar.
    image : (H, W, ...)
        Its shape gives that of the panels.
    title : str
    to_file : str, path or None
        Checked before anything is drawn; errors as `picture.save`.
    """
    if to_file is not None:
        check_path(to_file)
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    wide, high = max(LEAST, width * scale), max(LEAST, height * scale)
    whole = count * wide + (count - 1) * BAR + 0.5
    heading = textwrap.wrap(title, int(whole * 72 / (LETTER * TITLE_SIZE)))
    figure = new_figure(whole, high + HEAD + 0.25 * len(heading))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    figure.suptitle("\n".join(heading), fontsize=TITLE_SIZE, parse_math=False)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def finish(figure: Figure, to_file: str | os.PathLike[str] | None) -> Figure:
    """Write the figure, if a file is named; hand it back."""
    if to_file is not None:
        save(figure, to_file)
    return figure


def draw_image(ax: Axes, image: npt.NDArray[np.generic], title: str) -> None:
    """The image by itself: one channel as dark ink, three as red, green and blue, others as their mean."""
    if image.ndim == 3 and image.shape[2] == 3:
        ax.imshow(as_shares(image), interpolation="nearest")
        ax.set_xticks([])
        ax.set_yticks([])
    else:
        draw_ink(ax, image if image.ndim == 2 else image.mean(axis=2).astype(image.dtype))
    panel_title(ax, title)


def draw_map(
    ax: Axes, image: npt.NDArray[np.generic], values: Numbers, limit: float, title: str, label: str, signed: bool = True
) -> None:
    """Numbers in colours, the image's ink as a shade over them, and a colour bar.

    Parameters
    ----------
    values : (H, W), or any other size, which is stretched to the image
    limit : float
        The end of the colours, and below zero too if `signed`.
    label : str
        Of the colour bar.
    """
    limit = limit if limit > 0 else 1.0
    height, width = image.shape[:2]
    place = (-0.5, width - 0.5, height - 0.5, -0.5)
    drawn = ax.imshow(values, cmap=SIGNED if signed else POSITIVE, vmin=-limit if signed else 0, vmax=limit,
                      extent=place, interpolation="nearest")  # fmt: skip
    shade = np.zeros((height, width, 4))  # black, and more or less of it
    shade[..., 3] = INK * ink_of(image)
    ax.imshow(shade, extent=place, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    panel_title(ax, title)
    color_bar(drawn, ax, label)


def panel_title(ax: Axes, title: str) -> None:
    """A title of one panel, in as many lines as it is given."""
    ax.set_title(title, fontsize=9.5, parse_math=False)


def color_bar(drawn: AxesImage, ax: Axes, label: str) -> None:
    """What the colours mean, beside a panel."""
    bar = ax.figure.colorbar(drawn, ax=ax, fraction=0.05, pad=0.03)
    bar.set_label(label, fontsize=8.5)
    bar.ax.tick_params(labelsize=8)
