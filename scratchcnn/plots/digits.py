"""Draws a sheet of digits, each with its label."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.plots.digit import check_image, draw_ink
from scratchcnn.plots.tiles import caption, tile_axes, width_for

LEAST, MOST = 0.75, 1.6  # inches of one digit; more for long labels


def plot_digits(
    images: npt.ArrayLike, labels: Iterable[object] | None = None, ax: Axes | Iterable[Axes] | None = None
) -> list[Axes]:
    """Draw several digits in rows, as dark ink on white paper.

    Parameters
    ----------
    images : array-like (N, H, W) or (N, H, W, 1)
        Up to 400, each as `plot_digit` takes it.
    labels : sequence of int or str, optional
        Written above the images, one for each.
    ax : Axes or several, optional
        Where to draw: at least as many as images, as `figure.subplots(2, 5)` makes them; what is left over is blank.
        Default: a new figure.

    Returns
    -------
    list of Axes
        One for each image. `save(axes[0], 'digits.png')` writes the figure of all.

    Raises
    ------
    TypeError
        The images are not numbers.
    ValueError
        They have another shape, are none or too many, or hold NaN or infinity; labels or axes are of another number.

    Examples
    --------
    >>> [axes.get_title() for axes in plot_digits(np.zeros((2, 28, 28)), labels=[5, 0])]
    ['5', '0']
    """
    pixels = check_images(images)
    captions = None if labels is None else [str(label) for label in labels]
    if captions is not None and len(captions) != len(pixels):
        raise ValueError(
            f"Expected one label for each image, received {len(pixels):,} images and {len(captions):,} labels; give "
            "those of the same images."
        )
    title = f"{len(pixels):,} image{'s' * (len(pixels) > 1)}{' with labels' if captions else ''}"
    every = tile_axes(ax, len(pixels), width_for(captions or [], LEAST, MOST), 1 if captions else 0, title)
    for place, axes in enumerate(every):
        draw_ink(axes, pixels[place])
        if captions is not None:
            caption(axes, [captions[place]])
    return every


def check_images(images: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """The images as (N, H, W) finite numbers, N at least 1; `check_image` says what is wrong with one."""
    pixels = np.asarray(images)
    if pixels.ndim not in (3, 4) or len(pixels) == 0:
        mend = "for one, give images[:1]" if pixels.ndim in (2, 3) and pixels.size else "give at least one"
        raise ValueError(f"Expected images (N, 28, 28) or (N, 28, 28, 1), received shape {pixels.shape}; {mend}.")
    if pixels.ndim == 4 and pixels.shape[3] != 1:
        raise ValueError(
            f"Expected images (N, 28, 28) or (N, 28, 28, 1), received shape {pixels.shape}; give one channel, as "
            "images[..., :1]."
        )
    height, width = pixels.shape[1:3]
    check_image(pixels.reshape(len(pixels) * height, width))
    return pixels.reshape(len(pixels), height, width)
