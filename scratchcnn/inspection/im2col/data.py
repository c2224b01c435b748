"""Arrays of im2col and col2im for one image: patches, product, gradients, overlaps."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple

import numpy as np

from scratchcnn import kernels, reference
from scratchcnn.geometry import Padding, Windows
from scratchcnn.operands import Array
from scratchcnn.reference.im2col import pad

ROOMS: dict[str, ModuleType] = {"kernels": kernels, "reference": reference}


class Column(NamedTuple):
    """The element of the patch, and of the kernel, that a column of the matrix corresponds to."""

    kernel_row: int
    kernel_column: int
    channel: int


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

    def columns(self) -> list[Column]:
        """The position in the patch of each column of the matrix: kernel row, kernel column, channel.

        The channel changes fastest, then the kernel column, then the kernel row; so a kernel (KH, KW, C, F) becomes
        the kernel matrix by `reshape(KH * KW * C, F)`.
        """
        rows, columns = self.windows
        return [Column(*map(int, place)) for place in np.ndindex(rows.kernel, columns.kernel, self.image.shape[2])]

    def position(self, row: int) -> tuple[int, int]:
        """The output position (oy, ox) whose patch is this row of the matrix."""
        oy, ox = divmod(row, self.windows.columns.output)
        return oy, ox

    def patch(self, row: int) -> tuple[list[int], list[int]]:
        """Rows and columns of the image that a patch covers; below 0, and from H or W on, lies the padding."""
        oy, ox = self.position(row)
        rows, columns = (
            [o * axis.stride + k * axis.dilation - axis.before for k in range(axis.kernel)]
            for o, axis in zip((oy, ox), self.windows, strict=True)
        )
        return rows, columns

    @property
    def padded(self) -> Array:
        """The zero-padded image."""
        return pad(self.image[None], self.windows)[0]

    def scattered(self, rows: int) -> tuple[Array, Array]:
        """`image_gradient` and `overlaps` after col2im has added the first `rows` rows.

        Returns
        -------
        gradient : (H, W, C)
        overlaps : int64 (H, W)
        """
        done = np.arange(len(self.matrix))[:, None] < rows
        gradient = _col2im(np.where(done, self.matrix_gradient, 0), self.image.shape, self)
        counts = _col2im(np.where(done, 1.0, np.zeros((1, self._window_size))), (*self.image.shape[:2], 1), self)
        return gradient, counts[..., 0].astype(np.int64)

    @property
    def _window_size(self) -> int:
        return self.windows.rows.kernel * self.windows.columns.kernel


def _col2im(rows: Array, shape: tuple[int, ...], story: Im2colStoryData) -> Array:
    """col2im with the geometry of the story: (H, W, C)."""
    (down, right) = story.windows
    return ROOMS[story.engine].col2im(
        np.ascontiguousarray(rows), (1, *shape), (down.kernel, right.kernel), (down.stride, right.stride),
        story.padding, (down.dilation, right.dilation),
    )[0]  # fmt: skip
