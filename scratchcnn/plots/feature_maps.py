"""Draws all feature maps of a layer for one image as a sheet in one scale: what the layer makes of the image."""

from __future__ import annotations

import os
import textwrap

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from scratchcnn.fusion.plan import Plan
from scratchcnn.layers.base import Layer
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.plots.picture import check_path, new_figure, save
from scratchcnn.plots.tiles import LETTER, LINE, TITLE_SIZE, grid, points_of, shortened
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input, check_images
from scratchcnn.training.inference import predict_batch

TILE, MOST_WIDTH = 0.9, 11.0  # inches: of a map's longer side, and of a sheet, whose maps become smaller
NUMBER_SIZE = 7.0  # points
LEAST_WIDTH = 3.0  # inches of a sheet, for the title
GAP = 0.24  # between maps, as a share of the longer side: room for a number
LEAST_NUMBERED = 0.55  # inches of a map above which its number has room; else the rows are numbered
SIDE, BAR, BOTTOM = 0.7, 1.2, 0.2  # inches: left, right with the colour bar, below
NO_BREAK = "\N{NO-BREAK SPACE}"


def plot_feature_maps(
    model: Sequential,
    image: npt.ArrayLike,
    layer: str | int | Layer,
    to_file: str | os.PathLike[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a layer puts out for one image: each of its maps, all in one scale, numbered from 0.

    White is zero. Where no map has a negative number, as after ReLU, the darkest grey is the greatest number of all
    maps; else red is positive, blue is negative, and both ends are as far from zero.

    Parameters
    ----------
    model : Sequential
        A model of known shape.
    image : array-like (H, W, C), (1, H, W, C), or (H, W) for one channel
        As `model.predict` takes it.
    layer : str, int or Layer
        The layer's name, its number in `model.layers`, or itself; one whose output is maps (OH, OW, F).
    to_file : str or path, optional
        Where to write the picture: .png, .jpg, .jpeg, .pdf or .svg.
    ax : Axes, optional
        Where to draw; the colour bar takes some of its room. Default: a new figure. `to_file` gets the whole figure.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        Not a Sequential, or the image is not numbers.
    ValueError
        The model's shape is not known; the model has no such layer, or its output is no maps; the image is several, of
        another shape, or not finite; or `to_file` has another ending.
    OSError
        `to_file` cannot be written.

    Notes
    -----
    Dropout is off. The numbers are those of the layers' own forward passes.

    Examples
    --------
    >>> from scratchcnn.layers import Conv2D
    >>> model = Sequential([Conv2D(4, 3, input_shape=(28, 28, 1))], seed=0)
    >>> plot_feature_maps(model, np.ones((28, 28)), 'conv2d').get_title()[:27]
    "4 maps of 'conv2d' (Conv2D)"
    """
    chosen = _find(model, layer)
    maps = _maps(model, image, chosen)  # (OH, OW, F)
    if to_file is not None:
        check_path(to_file)  # before anything is drawn
    height, width, count = maps.shape
    gap = GAP * max(height, width)
    rows, columns = grid(count, width + gap, height + gap)
    tile = min(TILE, MOST_WIDTH / columns)  # inches of the longer side
    size = columns * (width + gap) - gap, rows * (height + gap) - gap  # in pixels of the maps
    own, title = ax is None, _title(chosen, maps)
    if ax is None:
        unit = tile / max(height, width)
        ax = _new_axes(size[0] * unit, size[1] * unit, title)
    corners = [(number % columns * (width + gap), number // columns * (height + gap)) for number in range(count)]
    _draw(ax, maps, corners, own)
    ax.set(xlim=(0, size[0]), ylim=(size[1], 0), aspect="equal")
    _number(ax, corners, maps.shape, columns, each=own and tile >= LEAST_NUMBERED)
    ax.set_title(_wrapped(title, points_of(ax)[0]), fontsize=TITLE_SIZE, parse_math=False, pad=16)
    if to_file is not None:
        save(ax, to_file)
    return ax


def _find(model: object, layer: object) -> Layer:
    """Return the layer of a built model if its output consists of feature maps."""
    if not isinstance(model, Sequential):
        raise TypeError(f"Expected a Sequential, received {model!r}.")
    model.expect_built("plot_feature_maps")
    if isinstance(layer, Layer):
        if not any(layer is each for each in model.layers):
            raise ValueError(f"Expected a layer of the model, received {layer.label} of another; use model.layers.")
        found = layer
    elif isinstance(layer, int) and not isinstance(layer, bool):
        if not -len(model.layers) <= layer < len(model.layers):
            raise ValueError(f"Expected layer as a number below {len(model.layers)}, received {layer}.")
        found = model.layers[layer]
    else:
        found = look_up("layer", layer, {str(each.name): each for each in model.layers})
    if found.output_shape is None or len(found.output_shape) != 3:
        with_maps = [repr(each.name) for each in model.layers if each.output_shape and len(each.output_shape) == 3]
        raise ValueError(
            f"Expected a layer whose output is maps (OH, OW, F), received {found.label} with {found.output_shape}; "
            + (f"use one of {', '.join(with_maps)}." if with_maps else "this model has none.")
        )
    return found


def _maps(model: Sequential, image: npt.ArrayLike, layer: Layer) -> Array:
    """Return the output of the layer for the image, (OH, OW, F)."""
    shape = model.expect_built("plot_feature_maps")
    pixels = np.asarray(image)
    if pixels.ndim == len(shape) + 1 and len(pixels) != 1:
        raise ValueError(f"Expected one image, received a batch of shape {pixels.shape}; give one of it, as x[0].")
    if pixels.shape == (1, *shape):
        pixels = pixels[0]
    if pixels.shape == shape[:-1] and shape[-1] == 1:
        pixels = pixels[..., None]
    x = as_input(check_images(pixels[None], shape, model.dtype, "image"), model.dtype)
    x = predict_batch(Plan(model.layers[: model.layers.index(layer) + 1], model.engine), x)
    if not np.isfinite(x).all():
        raise ValueError(f"Expected finite outputs, received NaN or infinity from {layer.label}; train the model anew.")
    return x[0]


def _new_axes(width: float, height: float, title: str) -> Axes:
    """Axes of so many inches in a new figure, with room for the title, the numbers and the colour bar."""
    top = 0.4 + (_wrapped(title, width * 72).count("\n") + 1) * LINE * TITLE_SIZE / 72
    whole, high = max(width, LEAST_WIDTH) + SIDE + BAR, top + height + BOTTOM
    figure = new_figure(whole, high)
    left = SIDE + (max(width, LEAST_WIDTH) - width) / 2
    return figure.add_axes((left / whole, BOTTOM / high, width / whole, height / high))


def _draw(ax: Axes, maps: Array, corners: list[tuple[float, float]], own: bool) -> None:
    """Each map in a frame, all in the same scale, and the bar that explains it."""
    height, width, _ = maps.shape
    largest = float(np.abs(maps).max()) or 1.0
    signed = bool(maps.min() < 0)
    norm = Normalize(-largest if signed else 0, largest)
    for number, (left, top) in enumerate(corners):
        box = (left, left + width, top + height, top)
        ax.imshow(maps[..., number], "RdBu_r" if signed else "Greys", norm, extent=box, interpolation="nearest")
    frames = [Rectangle(corner, width, height) for corner in corners]
    ax.add_collection(PatchCollection(frames, facecolor="none", edgecolor="0.6", linewidth=0.5, clip_on=False))
    inches = points_of(ax)[0] / 72
    bar = ax.inset_axes((1 + 0.15 / inches, 0.0, 0.14 / inches, 1.0)) if own else None
    ax.figure.colorbar(ax.images[0], cax=bar, ax=None if own else ax, label="activation")


def _number(ax: Axes, corners: list[tuple[float, float]], shape: tuple[int, ...], columns: int, each: bool) -> None:
    """A number above each map, or, where they are small, the first and last of each row beside it."""
    height, width, count = shape
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if each:
        ax.set_yticks([])
        for number, (left, top) in enumerate(corners):
            ax.annotate(
                str(number), (left + width / 2, top), (0, 1.5), textcoords="offset points", ha="center", va="bottom",
                fontsize=NUMBER_SIZE,
            )  # fmt: skip
        return
    firsts = range(0, count, columns)
    ends = [min(first + columns, count) - 1 for first in firsts]
    names = [str(first) if first == end else f"{first}–{end}" for first, end in zip(firsts, ends, strict=True)]
    ax.set_yticks([corners[first][1] + height / 2 for first in firsts], names, fontsize=NUMBER_SIZE)


def _title(layer: Layer, maps: Array) -> str:
    """What is drawn, and how many maps are silent."""
    height, width, count = maps.shape
    silent = int((maps == 0).all(axis=(0, 1)).sum())
    size = f"{height} × {width}".replace(" ", NO_BREAK)
    title = f"{count} map{'s' * (count > 1)} of {shortened(layer.label, 28)}, {size}"
    if silent:
        title += f"; {silent} of them zero everywhere" if count > 1 else ", zero everywhere"
    return title


def _wrapped(title: str, points: float) -> str:
    """A title in lines above axes of so many points."""
    return textwrap.fill(title, int(max(points, LEAST_WIDTH * 72) / (LETTER * TITLE_SIZE)))
