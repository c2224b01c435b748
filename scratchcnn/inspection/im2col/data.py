"""Arrays of im2col and col2im for one image: patches, product, gradients, overlaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scratchcnn.geometry import Padding, Windows
from scratchcnn.operands import Array


@dataclass(frozen=True, eq=False, repr=False)
class Im2colStoryData:
    """Fields of `Im2colStory`, where they are documented, and quantities derived from them."""

    label: str
    padding: Padding
    activation: str
    windows: Windows
    image: Array
    kernel_matrix: Array
    bias: Array | None
    matrix: Array
    sources: Array
    product: Array
    output: Array
    dy: Array
    dz: Array
    matrix_gradient: Array
    image_gradient: Array
    overlaps: Array
    engine: str

    def columns(self) -> list[tuple[int, int, int]]:
        """Return the position in the patch of each column of the matrix: kernel row, kernel column, channel.

        The channel varies fastest and the kernel row slowest, as in kernel.reshape(KH * KW * C, F).
        """
        rows, columns = self.windows
        return list(np.ndindex(rows.kernel, columns.kernel, self.image.shape[2]))

    def position(self, row: int) -> tuple[int, int]:
        """Return the output position (oy, ox) of a row of the matrix."""
        oy, ox = divmod(row, self.windows.columns.output)
        return oy, ox

    def scattered(self, rows: int) -> tuple[Array, Array]:
        """Return `image_gradient` (H, W, C) and `overlaps` (H, W) after col2im has added the first `rows` rows."""
        inside = self.sources[:rows] >= 0
        pixels = self.sources[:rows][inside]
        gradient = np.zeros(self.image.size, self.matrix_gradient.dtype)
        np.add.at(gradient, pixels, self.matrix_gradient[:rows][inside])
        height, width, channels = self.image.shape
        counts = np.bincount(pixels // channels, minlength=height * width) // channels
        return gradient.reshape(self.image.shape), counts.reshape(height, width)
