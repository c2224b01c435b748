"""How a variant differs from its image: ranges of rotation, shift, zoom and shear, and the maps drawn from them."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn import kernels
from scratchcnn.arguments import finite, non_negative
from scratchcnn.geometry import Pair
from scratchcnn.operands import Array

Range = float | tuple[float, float]
NUMBERS = 7  # random numbers for each variant: rotation, shear, two zooms, two shifts, and the key of its field
TAIL = 3  # standard deviations after which a Gaussian is cut off


class Ranges(NamedTuple):
    """The smallest and the largest of each, checked; `augment` says what they mean."""

    rotation: tuple[float, float]
    shift: tuple[float, float]
    zoom: tuple[float, float]
    shear: tuple[float, float]
    elastic: float
    elastic_sigma: float


def check_ranges(
    size: Pair, rotation: Range, shift: Range, zoom: Range, shear: Range, elastic: float, elastic_sigma: float
) -> Ranges:
    """The ranges for images of `size`, or a ValueError that names the one at fault."""
    longer = max(size)
    bend = non_negative("elastic", elastic)
    if bend > longer:
        raise ValueError(f"Expected elastic as pixels, from 0 to the image's {longer}, received {elastic!r}.")
    if not 0.5 <= finite("elastic_sigma", elastic_sigma) <= 100:
        raise ValueError(f"Expected elastic_sigma as pixels from 0.5 to 100, received {elastic_sigma!r}.")
    return Ranges(
        _range("rotation", "degrees", rotation, -180, 180),
        _range("shift", "pixels", shift, -longer, longer),
        _range("zoom", "factors", zoom, 0.1, 10, middle=1),
        _range("shear", "degrees", shear, -80, 80),
        bend,
        float(elastic_sigma),
    )


def _range(name: str, unit: str, value: object, least: float, most: float, middle: float = 0) -> tuple[float, float]:
    """(lowest, highest) of a pair, or of a number that goes both ways from the middle."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        low, high = finite(f"each end of {name}", value[0]), finite(f"each end of {name}", value[1])
    elif isinstance(value, numbers.Real):
        low, high = middle - finite(name, value), middle + finite(name, value)
    else:
        low, high = 1.0, 0.0  # no range
    if not least <= low <= high <= most:
        both = f"a number of at least 0 for both sides of {middle:g}, or (lowest, highest)"
        raise ValueError(f"Expected {name} as {both}, {unit} from {least:g} to {most:g}, received {value!r}.")
    return low, high


def make_variants(images: Array, chosen: Array, ranges: Ranges, fill: float, key: int, start: int) -> Array:
    """Variants number `start`, `start + 1`, ... of the stream `key`.

    Parameters
    ----------
    images : (N, H, W, C), uint8, float32 or float64
    chosen : (M,), int64
        Which image each variant is made from.

    Returns
    -------
    (M, H, W, C), the dtype of images; each depends on its image, its number and the key alone
    """
    size = (images.shape[1], images.shape[2])
    bits = kernels.random_bits(key, NUMBERS * len(chosen), NUMBERS * start).reshape(-1, NUMBERS)
    field = None
    if ranges.elastic:
        field = kernels.smooth_noise(bits[:, 6], size, _gaussian(ranges.elastic_sigma))
        field *= np.float32(ranges.elastic)
    return kernels.warp(images, chosen, draw_maps(bits, size, ranges), field, fill)


def draw_maps(bits: Array, size: Pair, ranges: Ranges) -> Array:
    """From each place of a variant to the place in the image that comes to lie there.

    Inside the image, a place p = (row, column) goes to q = R S Z (p - centre) + centre + shift: enlarged by Z, slanted
    by S, turned by R. What is wanted is the way back: p = (R S Z)^-1 (q - centre - shift) + centre.

    Parameters
    ----------
    bits : (M, 7), uint64
        Random; the last column is not used.

    Returns
    -------
    (M, 2, 3), float64, as `warp` takes them
    """
    share = (bits >> np.uint64(11)) * 2.0**-53  # from 0 to below 1
    each = [ranges.rotation, ranges.shear, ranges.zoom, ranges.zoom, ranges.shift, ranges.shift]
    rotation, shear, taller, wider, down, right = (
        low + (high - low) * share[:, column] for column, (low, high) in enumerate(each)
    )
    cos, sin, tan = np.cos(np.radians(rotation)), np.sin(np.radians(rotation)), np.tan(np.radians(shear))
    # S^-1 = (1 0; tan 1): the top leans to the right. R^-1 = (cos sin; -sin cos): counter-clockwise, as np.rot90.
    inverse = np.stack([np.stack([cos, sin], 1), np.stack([tan * cos - sin, tan * sin + cos], 1)], 1)
    inverse /= np.stack([taller, wider], 1)[:, :, None]  # (M, 2, 2)
    centre = (np.array(size) - 1) / 2
    moved = np.stack([down, right], 1) + centre  # (M, 2)
    offset = centre - np.einsum("mij,mj->mi", inverse, moved)
    return np.concatenate([inverse, offset[:, :, None]], axis=2)


def _gaussian(sigma: float) -> Array:
    """Weights of a Gaussian whose squares sum to 1."""
    reach = int(np.ceil(TAIL * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / np.sqrt((weights**2).sum())
