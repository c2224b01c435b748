"""Draws one image of a digit, with its label and what the model takes it for."""

from __future__ import annotations

import textwrap

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.plots.picture import new_figure

LINE_LENGTH = 30  # characters that fit above the image


def plot_digit(image: npt.ArrayLike, label: object = None, prediction: object = None, ax: Axes | None = None) -> Axes:
    """Draw a digit as dark ink on white paper.

    Parameters
    ----------
    image : array-like (H, W) or (H, W, 1)
        Integers from 0 (paper) to 255 (ink), or floats from 0 to 1; where numbers lie outside, the range grows to hold
        them, so floats up to 255 look the same.
    label, prediction : int or str, optional
        Written above the image, each if given.
    ax : Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    Axes
        `save(axes, 'digit.png')` writes it; in a notebook, `axes.figure` shows it.

    Raises
    ------
    TypeError
        The image is not numbers.
    ValueError
        It has another shape, no pixels, or NaN or infinity.

    Examples
    --------
    >>> plot_digit([[0, 255], [255, 0]], label=5).get_title()
    'label: 5'
    """
    pixels = check_image(np.asarray(image))
    if ax is None:
        figure = new_figure(3, 3.4)
        figure.set_layout_engine(
            "constrained", w_pad=0.1, h_pad=0.1
        )  # makes room for the title, however many lines it has
        ax = figure.subplots()
    draw_ink(ax, pixels)
    lines = [f"{word}: {value}" for word, value in (("label", label), ("prediction", prediction)) if value is not None]
    title = "\n".join(textwrap.fill(line, LINE_LENGTH) for line in lines)
    ax.set_title(title, parse_math=False)
    return ax


def draw_ink(ax: Axes, pixels: npt.NDArray[np.generic]) -> None:
    """Draw an image (H, W) of finite numbers, dark ink on white."""
    # The ends are fixed, not those of this image: an empty image is white, and a faint one looks faint.
    ink = 255 if pixels.dtype.kind in "iu" else 1
    ax.imshow(pixels, cmap="Greys", vmin=min(0, float(pixels.min())), vmax=max(ink, float(pixels.max())))
    ax.set_xticks([])
    ax.set_yticks([])


def check_image(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The image as (H, W) finite numbers."""
    if pixels.dtype.kind not in "biuf":
        raise TypeError(f"Expected an image of integers or floats, received dtype {pixels.dtype}; use astype(float).")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim != 2 or pixels.size == 0:
        mend = "give one image of the batch, as x[0]" if pixels.ndim > 2 else "use x.reshape(28, 28)"
        raise ValueError(f"Expected one image (28, 28) or (28, 28, 1), received shape {pixels.shape}; {mend}.")
    if not np.isfinite(pixels).all():
        raise ValueError("Expected finite numbers in the image, received NaN or infinity; use numpy.nan_to_num(x).")
    return pixels
