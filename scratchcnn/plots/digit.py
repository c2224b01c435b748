"""Plot images of digits or other things, one or several, with their labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.names import names_arguments
from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import TITLE_SIZE, caption, tile_axes, width_for, wrapped
from scratchcnn.preprocessing.grey import as_shares

COLORS = 3  # channels: red, green, blue
LEAST, MOST = 0.75, 1.6  # inches of a tile; wider for long labels


@names_arguments
def plot_digit(image: npt.ArrayLike, label: object = None, prediction: object = None, ax: Axes | None = None) -> Axes:
    """Plot a digit as dark ink on white paper, or a color image as it is.

    Parameters
    ----------
    image : array-like (H, W), (H, W, 1) or (H, W, 3)
        Integers from 0 (paper) to 255 (ink), or floats from 0 to 1. The range is extended to that of the pixels, so
        floats up to 255 look the same. Three channels are red, green and blue, where 0 is dark.
    label, prediction : int or str, optional
        Written above the image.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        Write it to a file with `save(axes, 'digit.png')`; a notebook displays the figure.

    Raises
    ------
    TypeError
        The image does not consist of numbers.
    ValueError
        The image has another shape, no pixels, or NaN or infinity.

    Examples
    --------
    >>> plot_digit([[0, 255], [255, 0]], label=5).get_title()
    'label: 5'
    """
    pixels = check_image(np.asarray(image))
    if ax is None:
        figure = new_figure(3, 3.4)
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)  # adapts to the number of lines of the title
        ax = figure.subplots()
    draw_pixels(ax, pixels)
    lines = [f"{word}: {value}" for word, value in (("label", label), ("prediction", prediction)) if value is not None]
    ax.set_title("\n".join(wrapped(line, 200) for line in lines), fontsize=TITLE_SIZE, parse_math=False)
    return ax


@names_arguments
def plot_digits(
    images: npt.ArrayLike, labels: Iterable[object] | None = None, ax: Axes | Iterable[Axes] | None = None
) -> list[Axes]:
    """Plot several images on a sheet: digits as dark ink on white paper, color images as they are.

    Parameters
    ----------
    images : array-like (N, H, W), (N, H, W, 1) or (N, H, W, 3)
        At most 400 images, each as for `plot_digit`.
    labels : sequence of int or str, optional
        One for each image, written above it.
    ax : Axes or several, optional
        Where to draw: at least one for each image, for example `figure.subplots(2, 5)`; the others are left blank.
        Default: a new figure.

    Returns
    -------
    list of Axes
        One for each image. Write the figure to a file with `save(axes[0], 'digits.png')`; a notebook displays it.

    Raises
    ------
    TypeError
        The images do not consist of numbers.
    ValueError
        The images have another shape, NaN or infinity, or there are none or too many; the number of labels is wrong, or
        there are too few axes.

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
    for index, axes in enumerate(every):
        draw_pixels(axes, pixels[index])
        if captions is not None:
            caption(axes, [captions[index]])
    return every


def draw_pixels(ax: Axes, pixels: npt.NDArray[np.generic]) -> None:
    """Draw an image (H, W) as dark ink on white, or (H, W, 3) in its colors; the range does not depend on its contrast.

    So an empty image is white, and faint ink looks faint.
    """
    if pixels.ndim == 3:
        ax.imshow(as_shares(pixels))
    else:
        full = 255 if pixels.dtype.kind in "iu" else 1
        ax.imshow(pixels, cmap="Greys", vmin=min(0, float(pixels.min())), vmax=max(full, float(pixels.max())))
    ax.set_xticks([])
    ax.set_yticks([])


def check_image(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return the image as (H, W) or (H, W, 3) after checking that it consists of finite numbers."""
    if pixels.dtype.kind not in "biuf":
        raise TypeError(f"Expected an image of integers or floats, received dtype {pixels.dtype}; use astype(float).")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.size == 0 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == COLORS)):
        fix = "give one image of the batch, as x[0]" if pixels.ndim > 2 else "use x.reshape(28, 28)"
        raise ValueError(
            f"Expected one image (28, 28), (28, 28, 1) or (32, 32, 3), received shape {pixels.shape}; {fix}."
        )
    if not np.isfinite(pixels).all():
        raise ValueError("Expected an image with finite values, received NaN or infinity; use numpy.nan_to_num(x).")
    return pixels


def check_images(images: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """Return the images as (N, H, W) or (N, H, W, 3), N ≥ 1, after checking that they consist of finite numbers."""
    pixels, expected = np.asarray(images), "Expected images (N, 28, 28), (N, 28, 28, 1) or (N, 32, 32, 3)"
    if pixels.ndim not in (3, 4) or len(pixels) == 0:
        fix = "for one, give images[:1]" if pixels.ndim in (2, 3) and pixels.size else "give at least one"
        raise ValueError(f"{expected}, received shape {pixels.shape}; {fix}.")
    if pixels.ndim == 4 and pixels.shape[3] not in (1, COLORS):
        raise ValueError(f"{expected}, received shape {pixels.shape}; give one channel, as images[..., :1].")
    if pixels.ndim == 4 and pixels.shape[3] == 1:
        pixels = pixels[..., 0]
    check_image(pixels.reshape(-1, *pixels.shape[2:]))  # below each other, as one image
    return pixels
