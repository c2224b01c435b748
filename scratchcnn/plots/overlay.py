"""Parts of figures about one image: the titled figure, the image, and a map of values in colors over it."""

from __future__ import annotations

import os
import textwrap

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from scratchcnn.plots.digit import COLORS, draw_pixels
from scratchcnn.plots.picture import check_file, new_figure
from scratchcnn.plots.tiles import LETTER, TITLE_SIZE
from scratchcnn.preprocessing.grey import ink_of

Values = npt.NDArray[np.floating]

SIGNED, POSITIVE = "RdBu_r", "Reds"  # red is positive, blue is negative, white is zero
INK = 0.3  # opacity of the image's ink over the colors of a map
SMALL = 8.5  # points of labels


def open_figure(width: float, height: float, title: str, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Return an empty figure with a title, wrapped to its width.

    Parameters
    ----------
    width, height : float
        Inches, without the title.
    title : str
    to_file : str or path, optional
        Image file to be written with `picture.finish`; checked here, with the errors of `picture.save`.
    """
    check_file(to_file)
    lines = textwrap.wrap(title, int(width * 72 / (LETTER * TITLE_SIZE)))
    figure = new_figure(width, height + 0.25 * len(lines))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    figure.suptitle("\n".join(lines), fontsize=TITLE_SIZE, parse_math=False)
    return figure


def draw_image(ax: Axes, image: npt.NDArray[np.generic], title: str) -> None:
    """Draw an image (H, W) or (H, W, C): one channel as ink, three as RGB, the mean of any other number as ink."""
    is_drawn_as_it_is = image.ndim == 2 or image.shape[2] == COLORS
    draw_pixels(ax, image if is_drawn_as_it_is else image.mean(axis=2).astype(image.dtype))
    panel_title(ax, title)


def draw_map(
    ax: Axes, image: npt.NDArray[np.generic], values: Values, label: str, signed: bool = True,
    rows: Values | None = None, columns: Values | None = None,
) -> None:  # fmt: skip
    """Draw values in colors under the ink of an image, with a color bar.

    Parameters
    ----------
    values : (H, W), or (OH, OW) with `rows` and `columns`
    label : str
        Of the color bar.
    signed : bool
        Whether the colors begin at minus the maximum, or at zero.
    rows, columns : (OH,), (OW,), optional
        Pixel coordinates of the values, evenly spaced.
    """
    height, width = image.shape[:2]
    limit = float(np.abs(values).max()) or 1.0
    left, right = _edges(columns, width)
    top, bottom = _edges(rows, height)
    drawn = ax.imshow(
        values, cmap=SIGNED if signed else POSITIVE, vmin=-limit if signed else 0, vmax=limit,
        extent=(left, right, bottom, top), interpolation="nearest",
    )  # fmt: skip
    shade = np.zeros((height, width, 4))  # black, with the ink as its opacity
    shade[..., 3] = INK * ink_of(image)
    ax.imshow(shade, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="nearest")  # sets the limits
    ax.set_facecolor("0.9")  # pixels beyond the values
    ax.set_xticks([])
    ax.set_yticks([])
    color_bar(drawn, ax, label)


def _edges(centers: Values | None, size: int) -> tuple[float, float]:
    """Return the first and last edge of cells with these centers; by default, and for one cell, those of the image."""
    if centers is None or len(centers) == 1:
        return -0.5, size - 0.5
    half = float(centers[1] - centers[0]) / 2
    return float(centers[0]) - half, float(centers[-1]) + half


def panel_title(ax: Axes, title: str) -> None:
    """Write the title of one panel."""
    ax.set_title(title, fontsize=9.5, parse_math=False)


def color_bar(drawn: AxesImage, ax: Axes, label: str) -> None:
    """Add a color bar to a panel."""
    bar = ax.figure.colorbar(drawn, ax=ax, fraction=0.05, pad=0.03)
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=8)
