"""Random variants of images: ranges of the transformations, random affine maps, and warped images."""

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
NUMBERS = 7  # random numbers of a variant: rotation, shear, two zooms, two shifts, key of its displacement field
TAIL = 3  # standard deviations at which the Gaussian is truncated


class Ranges(NamedTuple):
    """Checked ranges (lowest, highest) of the transformations documented in `augment`."""

    rotation: tuple[float, float]
    shift: tuple[float, float]
    zoom: tuple[float, float]
    shear: tuple[float, float]
    elastic: float
    elastic_sigma: float


def check_ranges(
    size: Pair, rotation: Range, shift: Range, zoom: Range, shear: Range, elastic: float, elastic_sigma: float
) -> Ranges:
    """Return the ranges for images of `size`, or raise a ValueError that names the wrong one."""
    longer = max(size)
    if non_negative("elastic", elastic) > longer:
        raise ValueError(f"Expected elastic as pixels, from 0 to the image's {longer}, received {elastic!r}.")
    if not 0.5 <= finite("elastic_sigma", elastic_sigma) <= 100:
        raise ValueError(f"Expected elastic_sigma as pixels from 0.5 to 100, received {elastic_sigma!r}.")
    return Ranges(
        _range("rotation", "degrees", rotation, -180, 180), _range("shift", "pixels", shift, -longer, longer),
        _range("zoom", "factors", zoom, 0.1, 10, middle=1), _range("shear", "degrees", shear, -80, 80),
        float(elastic), float(elastic_sigma),
    )  # fmt: skip


def _range(name: str, unit: str, value: object, least: float, most: float, middle: float = 0) -> tuple[float, float]:
    """Return (lowest, highest), given as a pair or as a number for a symmetric range around the middle."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        low, high = finite(f"each end of {name}", value[0]), finite(f"each end of {name}", value[1])
    elif isinstance(value, numbers.Real):
        low, high = middle - finite(name, value), middle + finite(name, value)
    else:
        low, high = 1.0, 0.0  # an empty range, rejected below
    if not least <= low <= high <= most:
        both = f"a number of at least 0 for a range around {middle:g}, or (lowest, highest)"
        raise ValueError(f"Expected {name} as {both}, {unit} from {least:g} to {most:g}, received {value!r}.")
    return low, high


def make_variants(images: Array, chosen: Array, ranges: Ranges, fill: float, key: int, start: int) -> Array:
    """Compute the variants number `start`, `start + 1`, ... of the random stream `key`, of the images `chosen` (M,).

    Returns (M, H, W, C) in the dtype of `images` (N, H, W, C); each variant depends only on its image, its number and
    the key.
    """
    size = (images.shape[1], images.shape[2])
    bits = kernels.random_bits(key, NUMBERS * len(chosen), NUMBERS * start).reshape(-1, NUMBERS)
    field = None
    if ranges.elastic:
        field = kernels.smooth_noise(bits[:, 6], size, _gaussian(ranges.elastic_sigma))
        field *= np.float32(ranges.elastic)
    return kernels.warp(images, chosen, draw_maps(bits, size, ranges), field, fill)


def draw_maps(bits: Array, size: Pair, ranges: Ranges) -> Array:
    """Draw random affine maps from positions in the variant to positions in the image.

    A zoom Z, a shear S, a rotation R and a shift move p = (row, column) of the image to

        q = R S Z (p - centre) + centre + shift

    in the variant. The result is the inverse map, p = (R S Z)^-1 (q - centre - shift) + centre, float64 (M, 2, 3) as
    `warp` takes it. `bits` is uint64 (M, 7), of which the last column is not used.
    """
    uniform = (bits >> np.uint64(11)) * 2.0**-53  # in [0, 1)
    each = [ranges.rotation, ranges.shear, ranges.zoom, ranges.zoom, ranges.shift, ranges.shift]
    rotation, shear, taller, wider, down, right = (
        low + (high - low) * uniform[:, column] for column, (low, high) in enumerate(each)
    )
    cos, sin, tan = np.cos(np.radians(rotation)), np.sin(np.radians(rotation)), np.tan(np.radians(shear))
    # S^-1 = (1 0; tan 1) moves the top to the right. R^-1 = (cos sin; -sin cos): counter-clockwise, as np.rot90.
    inverse = np.stack([np.stack([cos, sin], 1), np.stack([tan * cos - sin, tan * sin + cos], 1)], 1)
    inverse /= np.stack([taller, wider], 1)[:, :, None]  # (M, 2, 2)
    centre = (np.array(size) - 1) / 2
    moved = np.stack([down, right], 1) + centre  # (M, 2)
    offset = centre - np.einsum("mij,mj->mi", inverse, moved)
    return np.concatenate([inverse, offset[:, :, None]], axis=2)


def _gaussian(sigma: float) -> Array:
    """Return the weights of a truncated Gaussian, scaled so that their squares sum to 1."""
    reach = int(np.ceil(TAIL * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / np.sqrt((weights**2).sum())
