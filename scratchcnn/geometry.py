"""Geometry of sliding windows: output sizes and padding of convolution and pooling. Integers only.

Along one axis, a window of `kernel` elements with spacing `dilation` spans (kernel - 1) * dilation + 1 positions and
moves in steps of `stride`:

    'valid'   no padding:                            output = floor((size - span) / stride) + 1
    'same'    output depends on the stride only:     output = ceil(size / stride)

'same' needs (output - 1) * stride + span - size positions of padding (none if this is negative). They are split evenly;
if their number is odd, the extra position is added after the image (bottom, right), as in TensorFlow and Keras.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Padding = Literal["valid", "same"]
Pair = tuple[int, int]


class Axis(NamedTuple):
    """Sliding windows along one axis.

    Attributes
    ----------
    size, kernel, stride, dilation : int
        Length of the input, elements of the window, step between windows, spacing of the elements within a window.
    before, after : int
        Positions of padding before and after the input.
    output : int
        Number of windows; zero or negative if no window fits.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    output: int


class Windows(NamedTuple):
    """Sliding windows over an image: one `Axis` for the rows and one for the columns."""

    rows: Axis
    columns: Axis


def axis_windows(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> Axis:
    """Compute the windows along one axis; the formulas are in the module's docstring.

    >>> axis_windows(28, kernel=3, stride=1, dilation=1, padding="valid").output
    26
    >>> axis_windows(28, kernel=3, stride=2, dilation=1, padding="same")
    Axis(size=28, kernel=3, stride=2, dilation=1, before=0, after=1, output=14)
    """
    span = (kernel - 1) * dilation + 1
    if padding == "valid":
        return Axis(size, kernel, stride, dilation, 0, 0, (size - span) // stride + 1)
    output = -(-size // stride)  # ceil(size / stride)
    total = max((output - 1) * stride + span - size, 0)
    return Axis(size, kernel, stride, dilation, total // 2, total - total // 2, output)


def image_windows(
    image_size: Pair, kernel_size: Pair, strides: Pair, padding: Padding, dilation_rate: Pair = (1, 1)
) -> Windows:
    """Compute the windows of size (KH, KW) over an image of size (H, W).

    >>> windows = image_windows((28, 28), (3, 3), (1, 1), "valid")
    >>> windows.rows.output, windows.columns.output
    (26, 26)
    """
    height, width = image_size
    return Windows(
        axis_windows(height, kernel_size[0], strides[0], dilation_rate[0], padding),
        axis_windows(width, kernel_size[1], strides[1], dilation_rate[1], padding),
    )


def part_inside(axis: Axis, output: int) -> tuple[int, slice]:
    """Return how many elements of window `output` lie before the image, and the part of the image that it covers.

    For windows without dilation.

    >>> part_inside(axis_windows(5, kernel=3, stride=1, dilation=1, padding="same"), 0)
    (1, slice(0, 2, None))
    """
    start = output * axis.stride - axis.before
    return max(0, -start), slice(max(0, start), min(axis.size, start + axis.kernel))
