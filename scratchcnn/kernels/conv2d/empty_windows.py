"""Empty and uniform windows of a 3 x 3 convolution at stride 1: those in which all pixels are zero, or are equal.

In an empty window every pixel of the padded image is zero. A sum of products over it is exactly zero, and the
convolution returns exactly its bias. Winograd's transforms mix the pixels of a whole patch, and where they should
cancel they leave a rounding error instead: after the ReLU of a layer whose bias is zero, half of the empty background
would be active. So `winograd` asks here which windows are empty and replaces what it computed for them by zero.

A pixel is empty if all its channels are zero, so one byte per pixel serves all filters. The bytes are combined 3 x 3,
band by band: a band is a row of tiles, m rows of windows, and needs n = m + 2 rows of pixels, of which it shares two
with the band above. Bands are prepared just before their tiles are transformed, so that an image is read from the
cache.

The same pass finds the uniform windows, in which every pixel equals pixel (0, 0) of the image. Where a whole patch is
uniform, as in a background of any color, its tile has the same outputs as every other such tile of the image, so only
one of them is computed. `near_ties` needs the uniform windows too, and the largest |x|.

Cost: one load and seven operations per vector of the image, and 18 operations on bytes per window. On MNIST a fifth of
the tiles of the second layer are uniform.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scratchcnn.kernels.runtime.copying import copy, fill
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.simd.row_properties import row_properties
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
    penalties : (ring, m, width), one-dimensional, integers like `keep`: the bits of floats
        For each 2 x 2 windows at even rows and columns, how they are to be compared (`near_ties`). Windows whose pixels
        all equal pixel (0, 0) of the image are uniform. Elements 1 to 3: minus infinity if this window and an earlier
        one are uniform, else 0. Element 0: infinity if any is uniform, else 0.
    varied : (m, width), one-dimensional, int8
        For each window of the last band -1, or 0 if it is uniform.
    uniform : (ring, tiles), one-dimensional, bool
        For each tile whether all its windows are uniform, and with them its whole patch.
    differing : like pixels
        -1, or 0 if the pixel equals pixel (0, 0).
    magnitudes : (ring,), the type of the images
        For each band the largest |x| in its rows of pixels; 0 if not all are finite.
    row_magnitudes : (m + 2,)
        The same for each row of the last band; it may be infinity or NaN.
    m, width, ring : int
    near_ties : bool
        Whether penalties and magnitudes are needed; else they stay zero.
    """

    keep: Array
    pixels: Array
    penalties: Array
    varied: Array
    uniform: Array
    differing: Array
    magnitudes: Array
    row_magnitudes: Array
    m: int
    width: int
    ring: int
    near_ties: bool


def keep_dtype(dtype: np.dtype[Any]) -> np.dtype[np.signedinteger]:
    """The integer type of `Bands.keep` for images of this type."""
    return np.dtype(f"i{dtype.itemsize}")


@serial
def make_bands(m, across, tiles, like, x, near_ties):
    """Room for the bands in which `tiles` consecutive tiles lie, `across` tiles in each; no window is empty yet.

    `like`: an array of the type of `Bands.keep`.
    """
    unit = BLOCK // m
    width = (across * m + 2 + unit - 1) // unit * unit
    ring = tiles // across + 2
    keep, pixels = np.empty(ring * m * width, like.dtype), np.empty((m + 2) * width + BLOCK, np.int8)
    fill(keep, 0, len(keep), -1)
    fill(pixels, 0, len(pixels), 0)
    varied, differing = np.empty(m * width, np.int8), np.empty_like(pixels)
    fill(differing, 0, len(differing), -1)
    penalties, magnitudes, row_magnitudes = np.zeros_like(keep), np.zeros(ring, x.dtype), np.zeros(m + 2, x.dtype)
    uniform = np.zeros(ring * across, np.bool_)
    return Bands(
        keep, pixels, penalties, varied, uniform, differing, magnitudes, row_magnitudes, m, width, ring, near_ties
    )  # fmt: skip


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
        start, windows = keep_start(bands, band, 0), bands.m * bands.width
        _combine(bands.pixels, bands.width, bands.keep, start, windows)
        _combine(bands.differing, bands.width, bands.varied, 0, windows)
        _mark_tiles(bands, band % bands.ring * grid.across, grid.across)
        if bands.near_ties:
            _set_penalties(bands, start)
            _set_magnitude(bands, band % bands.ring)


@serial
def _mark_tiles(bands, first, across):
    for tile in range(across):
        varied = 0
        for row in range(bands.m):
            for column in range(tile * bands.m, (tile + 1) * bands.m):
                varied |= bands.varied[row * bands.width + column]
        bands.uniform[first + tile] = varied == 0


@serial
def _set_penalties(bands, start):
    """The penalties of a band from `varied`, as bits: those of an infinity, or zero."""
    if bands.penalties.itemsize == 4:
        infinity, sign = 0x7F800000, -(1 << 31)
    else:
        infinity, sign = 0x7FF0000000000000, -(1 << 63)
    for row in range(0, bands.m, 2):
        above, below = bands.varied[row * bands.width :], bands.varied[(row + 1) * bands.width :]
        first, second = bands.penalties[start + row * bands.width :], bands.penalties[start + (row + 1) * bands.width :]
        for i in range(0, bands.width, 2):
            a, b, c, d = above[i], above[i + 1], below[i], below[i + 1]
            first[i] = ~(a & b & c & d) & infinity
            first[i + 1] = ~(a | b) & (infinity | sign)
            second[i] = ~(a & b | c) & (infinity | sign)
            second[i + 1] = ~(a & b & c | d) & (infinity | sign)


@serial
def _set_magnitude(bands, at):
    bands.magnitudes[at] = 0
    for magnitude in bands.row_magnitudes:
        if not magnitude < np.inf:
            bands.magnitudes[at] = 0
            return
        bands.magnitudes[at] = max(bands.magnitudes[at], magnitude)


@serial
def _mark_pixels(bands, x, image, top, left, continues):
    """Find the empty pixels of a band from row `top` of an image on; if it continues the last one, only the new."""
    _, height, width, channels = x.shape
    pixels, differing, magnitudes = bands.pixels, bands.differing, bands.row_magnitudes
    first, used = 0, min(width, bands.width - left)
    if continues:
        copy(pixels, bands.m * bands.width, pixels, 0, 2 * bands.width)
        copy(differing, bands.m * bands.width, differing, 0, 2 * bands.width)
        copy(magnitudes, bands.m, magnitudes, 0, 2)
        first = 2
    for a in range(first, bands.m + 2):
        found = a * bands.width + left
        if 0 <= top + a < height:
            corner = image * height * width * channels
            start = corner + (top + a) * width * channels
            row_properties(x.reshape(-1), start, used, channels, corner, pixels, differing, found, magnitudes, a)
        else:
            fill(pixels, found, used, 0)
            fill(differing, found, used, -1)
            magnitudes[a] = 0


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
