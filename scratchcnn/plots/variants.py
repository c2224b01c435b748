"""Draws a sheet of variants: one row for each image, the image first, then what augmentation made of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.plots.picture import new_figure

GAP = 2  # pixels of the images between two of them; four times as many after the originals
INCHES = 0.62  # for each image on a sheet of its own
GAP_SHADE = 0.22  # of the ink


def plot_variants(
    images: npt.ArrayLike, variants: npt.ArrayLike, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw images and their variants, dark ink on white paper, or in colours as they are.

    Parameters
    ----------
    images : array-like (N, H, W) or (N, H, W, C), C 1 or 3
        Integers from 0 to 255 or floats from 0 to 1; one channel is drawn as ink, three as red, green and blue.
    variants : array-like (factor * N, ...)
        As `augment(images, factor=factor)` returns them.
    title : str, optional
        Default: how many variants of how many images.
    ax : Axes, optional
        Where to draw; default: a new figure of a fitting size.

    Returns
    -------
    Axes
        `save(axes, 'variants.png')` writes it.

    Raises
    ------
    TypeError
        Not numbers.
    ValueError
        The shapes do not fit each other, or something is NaN or infinite.

    Examples
    --------
    >>> plot_variants(np.zeros((2, 8, 8)), np.zeros((6, 8, 8))).get_title()
    '3 variants of each of 2 images'
    """
    originals, others = _check("images", np.asarray(images)), _check("variants", np.asarray(variants))
    count, factor = len(originals), len(others) // len(originals)
    if others.shape != (factor * count, *originals.shape[1:]) or factor == 0:
        raise ValueError(
            f"Expected variants of shape (factor * {count}, {', '.join(map(str, originals.shape[1:]))}), as augment "
            f"makes them from these images, received {others.shape}."
        )
    if ax is None:
        figure = new_figure(max(3.0, INCHES * (factor + 1.4)), INCHES * count + 0.9)
        figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
        ax = figure.subplots()
    sheet, centres = _sheet(originals, others.reshape(factor, *originals.shape))
    ax.imshow(1 - sheet if sheet.shape[2] == 1 else sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_xticks([centres[0], (centres[1] + centres[-1]) / 2], ["image", "variants" if factor > 1 else "variant"])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set_visible(False)
    of = f"{factor} variant{'s' * (factor > 1)} of " + (f"each of {count} images" if count > 1 else "one image")
    ax.set_title(of if title is None else title, parse_math=False)
    return ax


def _sheet(
    originals: npt.NDArray[np.float64], variants: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], list[float]]:
    """One picture of all, and the column in which the middle of each image lies."""
    count, height, width, channels = originals.shape
    lefts = [0, *(width + 4 * GAP + place * (width + GAP) for place in range(len(variants)))]
    shade = GAP_SHADE if channels == 1 else 1 - GAP_SHADE
    sheet = np.full((count * (height + GAP) - GAP, lefts[-1] + width, channels), shade)
    for row in range(count):
        top = row * (height + GAP)
        for left, image in zip(lefts, [originals[row], *variants[:, row]], strict=True):
            sheet[top : top + height, left : left + width] = image
    return sheet, [left + (width - 1) / 2 for left in lefts]


def _check(name: str, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Images as (N, H, W, C) from 0 to 1."""
    if pixels.dtype.kind not in "biuf":
        raise TypeError(f"Expected {name} of integers or floats, received dtype {pixels.dtype}; use astype(float).")
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3) or pixels.size == 0:
        raise ValueError(
            f"Expected {name} (N, H, W), (N, H, W, 1) or (N, H, W, 3), received shape {pixels.shape}; "
            "give one image as x[None]."
        )
    values = pixels.astype(np.float64) / (255 if pixels.dtype.kind in "iu" else 1)
    if not np.isfinite(values).all():
        raise ValueError(f"Expected finite numbers in the {name}, received NaN or infinity; use numpy.nan_to_num(x).")
    return np.clip(values, 0, 1)
