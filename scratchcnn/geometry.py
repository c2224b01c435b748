"""Window geometry: where a sliding window starts, how many there are, what 'same' pads. Integers only.

Convolution and pooling slide a window over an image. Along one axis, with a window of `kernel` elements that are
`dilation` apart, the window covers `(kernel - 1) * dilation + 1` positions, moves by `stride`, and

    'valid'   stays inside the image:                output = floor((size - span) / stride) + 1
    'same'    pads so that stride alone counts:      output = ceil(size / stride)

'same' needs `(output - 1) * stride + span - size` padded positions; an odd one goes after the image (bottom, right),
as in TensorFlow and Keras.
"""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

Padding = Literal["valid", "same"]
Pair = tuple[int, int]


class Axis(NamedTuple):
    """One axis of a sliding window.

    Attributes
    ----------
    size, kernel, stride, dilation : int
        Length of the input, window elements, step between windows, distance between window elements.
    before, after : int
        Padded positions before and after the input.
    output : int
        Number of windows; zero or less if the window does not fit.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    output: int


class Windows(NamedTuple):
    """The windows over an image: one `Axis` for its rows and one for its columns."""

    rows: Axis
    columns: Axis


@functools.lru_cache(maxsize=256)  # a step asks for the same few again and again
def axis_windows(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> Axis:
    """Windows along one axis; see the module's first lines for the formula.

    >>> axis_windows(28, kernel=3, stride=1, dilation=1, padding="valid").output
    26
    >>> axis_windows(28, kernel=3, stride=2, dilation=1, padding="same")
    Axis(size=28, kernel=3, stride=2, dilation=1, before=0, after=1, output=14)
    """
    span = (kernel - 1) * dilation + 1
    if padding == "valid":
        return Axis(size, kernel, stride, dilation, 0, 0, (size - span) // stride + 1)
    output = -(-size // stride)
    total = max((output - 1) * stride + span - size, 0)
    return Axis(size, kernel, stride, dilation, total // 2, total - total // 2, output)


def image_windows(
    image_size: Pair, kernel_size: Pair, strides: Pair, padding: Padding, dilation_rate: Pair = (1, 1)
) -> Windows:
    """Windows over an image of `image_size` (H, W) by a window of `kernel_size` (KH, KW).

    >>> windows = image_windows((28, 28), (3, 3), (1, 1), "valid")
    >>> windows.rows.output, windows.columns.output
    (26, 26)
    """
    height, width = image_size
    return Windows(
        axis_windows(height, kernel_size[0], strides[0], dilation_rate[0], padding),
        axis_windows(width, kernel_size[1], strides[1], dilation_rate[1], padding),
    )
