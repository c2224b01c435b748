"""Pooling2D: the options and shapes that the pooling layers with sliding windows share."""

from __future__ import annotations

from collections.abc import Sequence

from scratchcnn.arguments import integer_pair, padding_name
from scratchcnn.configs import Config
from scratchcnn.geometry import Padding, Pair, Windows, image_windows
from scratchcnn.layers.base import ImageLayer
from scratchcnn.operands import Shape


class Pooling2D(ImageLayer):
    """Base class of MaxPooling2D and AveragePooling2D, which document the arguments."""

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        *,
        data_format: str | None = None,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(data_format, input_shape=input_shape, name=name)
        self.pool_size = integer_pair("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else integer_pair("strides", strides)
        self.padding = padding_name(padding)

    @property
    def geometry(self) -> tuple[Pair, Pair, Padding]:
        """Pool size, strides and padding, as the operations take them."""
        return self.pool_size, self.strides, self.padding

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}

    def windows(self, input_shape: Shape) -> Windows:
        """Return the windows over images of (H, W, C)."""
        self.expect_rank(input_shape, "height, width, channels")
        return image_windows((input_shape[0], input_shape[1]), *self.geometry)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, C) for images of (H, W, C)."""
        windows = self.windows(input_shape)
        if min(windows.rows.output, windows.columns.output) < 1:
            raise ValueError(
                f"Layer {self.label} expected images of at least one window of {self.pool_size}, received images of "
                f"shape {input_shape}; use padding='same', a smaller window or fewer layers before it."
            )
        return windows.rows.output, windows.columns.output, input_shape[2]
