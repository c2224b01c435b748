"""Empty windows of a 3 x 3 convolution at stride 1: those in which every pixel of the padded image is zero.

A sum of products over an empty window is exactly zero, and the convolution returns exactly its bias. Winograd's
transforms mix the pixels of a whole patch, and where they should cancel they leave a rounding error instead: after the
ReLU of a layer whose bias is zero, half of the empty background would be active. So `winograd` asks here which windows
are empty and replaces what it computed for them by zero.

A pixel is empty if all its channels are zero, so one byte per pixel serves all filters. The bytes are combined 3 x 3,
band by band: a band is a row of tiles, m rows of windows, and needs n = m + 2 rows of pixels, of which it shares two
with the band above. Bands are prepared just before their tiles are transformed, so that an image is read from the
cache.

Cost: one load per vector of the image, and 9 operations on bytes per window.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scratchcnn.kernels.runtime.copying import copy, fill
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.simd.nonzero_rows import nonzero_rows
from scratchcnn.operands import Array

BLOCK = 64  # windows combined at once: a whole number of vectors, so that no loop is left over


class Bands(NamedTuple):
    """The last few bands, in a ring.

    Attributes
    ----------
    keep : (ring, m, width), one-dimensional, integers as wide as the elements of the images
        For each window -1 (all bits set), or 0 if it is empty.
    pixels : (m + 2, width), one-dimensional, int8
        For each pixel of the last band -1, or 0 if it is empty.
    m, width, ring : int
    """

    keep: Array
    pixels: Array
    m: int
    width: int
    ring: int


def keep_dtype(dtype: np.dtype[Any]) -> np.dtype[np.signedinteger]:
    """The integer type of `Bands.keep` for images of this type."""
    return np.dtype(f"i{dtype.itemsize}")


@serial
def make_bands(m, across, tiles, like):
    """Room for the bands in which `tiles` consecutive tiles lie, `across` tiles in each; no window is empty yet.

    `like`: an array of the type of `Bands.keep`.
    """
    unit = BLOCK // m
    width = (across * m + 2 + unit - 1) // unit * unit
    ring = tiles // across + 2
    keep, pixels = np.empty(ring * m * width, like.dtype), np.empty((m + 2) * width + BLOCK, np.int8)
    fill(keep, 0, len(keep), -1)
    fill(pixels, 0, len(pixels), 0)
    return Bands(keep, pixels, m, width, ring)


@serial
def keep_start(bands, band, column):
    """Where in `keep` the windows of a tile begin, given the column of its first window."""
    return band % bands.ring * bands.m * bands.width + column


@serial
def mark_bands(bands, grid, first, last, continues, x):
    """Find the empty windows of the bands from `first` to before `last`, of all images.

    `continues`: the band before `first` was the last one marked. x holds all images, or the last ones in a ring.
    """
    for band in range(first, last):
        top, image = band % grid.down * grid.m - grid.above, band // grid.down % len(x)
        _mark_pixels(bands, x, image, top, grid.left, band % grid.down > 0 and (continues or band > first))
        _combine(bands.pixels, bands.width, bands.keep, keep_start(bands, band, 0), bands.m * bands.width)


@serial
def _mark_pixels(bands, x, image, top, left, continues):
    """Find the empty pixels of a band from row `top` of an image on; if it continues the last one, only the new."""
    _, height, width, channels = x.shape
    pixels, used = bands.pixels, min(width, bands.width - left)
    first = 0
    if continues:
        copy(pixels, bands.m * bands.width, pixels, 0, 2 * bands.width)
        first = 2
    for a in range(first, bands.m + 2):
        if 0 <= top + a < height:
            start = (image * height + top + a) * width * channels
            nonzero_rows(x.reshape(-1), start, used, channels, pixels, a * bands.width + left)
        else:
            fill(pixels, a * bands.width + left, used, 0)


@serial
def _combine(pixels, width, keep, start, windows):
    """keep[start + i] = -1 if any of the 3 x 3 pixels from i on is nonzero, else 0; for `windows` windows."""
    for block in range(0, windows, BLOCK):
        above, middle, below = pixels[block:], pixels[block + width :], pixels[block + 2 * width :]
        found = keep[start + block : start + block + BLOCK]
        for i in range(BLOCK):
            found[i] = (
                above[i] | above[i + 1] | above[i + 2]
                | middle[i] | middle[i + 1] | middle[i + 2]
                | below[i] | below[i + 1] | below[i + 2]
            )  # fmt: skip
