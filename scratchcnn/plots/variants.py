"""Plot images and their augmented variants."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.names import names_arguments
from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import TITLE_SIZE, Sheet, points_of, wrapped

GAP, WIDE_GAP = 2, 8  # pixels between two images, and after the originals
INCHES = 0.62  # of an image in a new figure
GAP_SHADE = 0.22  # ink of the gaps


@names_arguments
def plot_variants(
    images: npt.ArrayLike, variants: npt.ArrayLike, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Plot images and their augmented variants, one row for each image.

    Parameters
    ----------
    images : array-like (N, H, W) or (N, H, W, C), C 1 or 3
        Integers from 0 to 255 or floats from 0 to 1. A single channel is drawn as dark ink on white paper, three
        channels as red, green and blue.
    variants : array-like (factor * N, ...)
        As returned by `augment(images, factor=factor)`.
    title : str, optional
        Default: the numbers of variants and images.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        Write it to a file with `save(axes, 'variants.png')`.

    Raises
    ------
    TypeError
        The images or variants do not consist of numbers.
    ValueError
        The shapes do not match, or there are NaN or infinite values.

    Examples
    --------
    >>> plot_variants(np.zeros((2, 8, 8)), np.zeros((6, 8, 8))).get_title()
    '3 augmented variants of each of 2 images'
    """
    originals, others = _check("images", np.asarray(images)), _check("variants", np.asarray(variants))
    count, factor = len(originals), len(others) // len(originals)
    if others.shape != (factor * count, *originals.shape[1:]) or factor == 0:
        raise ValueError(
            f"Expected variants of shape (factor * {count}, {', '.join(map(str, originals.shape[1:]))}), received "
            f"{others.shape}; give augment(images, factor=factor)."
        )
    if ax is None:
        figure = new_figure(max(3.8, INCHES * (factor + 1.4)), INCHES * count + 0.7)
        figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
        ax = figure.subplots()
    sheet, middles = _sheet(originals, others.reshape(factor, *originals.shape))
    ax.imshow(1 - sheet if sheet.shape[2] == 1 else sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_xticks([middles[0], (middles[1] + middles[-1]) / 2], ["original", "variants" if factor > 1 else "variant"])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    if title is None:
        of = f"each of {count} images" if count > 1 else "one image"
        title = f"{factor} augmented variant{'s' * (factor > 1)} of {of}"
    ax.set_title(wrapped(title, max(265, points_of(ax)[0])), fontsize=TITLE_SIZE, parse_math=False)
    return ax


def _sheet(
    originals: npt.NDArray[np.float64], variants: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], list[float]]:
    """Return the originals (N, H, W, C) and variants (F, N, H, W, C) in one matrix, and the middles of its columns."""
    factor, count, height, width, channels = variants.shape
    left = Sheet(count, 1, height, width, GAP).paste(originals)
    rows = variants.swapaxes(0, 1).reshape(-1, height, width, channels)  # the variants of one image after the other
    right = Sheet(count * factor, factor, height, width, GAP).paste(rows)
    sheet = np.concatenate([left, np.full((len(left), WIDE_GAP, channels), np.nan), right], axis=1)
    sheet[np.isnan(sheet)] = GAP_SHADE if channels == 1 else 1 - GAP_SHADE
    middles = [width + WIDE_GAP + place * (width + GAP) + (width - 1) / 2 for place in range(factor)]
    return sheet, [(width - 1) / 2, *middles]


def _check(name: str, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Return the images as float64 (N, H, W, C) in [0, 1]."""
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
        raise ValueError(f"Expected {name} with finite values, received NaN or infinity; use numpy.nan_to_num(x).")
    return np.clip(values, 0, 1)
