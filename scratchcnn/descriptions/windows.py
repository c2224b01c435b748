"""Index arithmetic of convolution and pooling: the inputs of a window, and the windows that contain an input."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.geometry import Axis, Windows
from scratchcnn.operands import Array, Shape


def inputs_of_window(axis: Axis, output: int) -> Array:
    """Return the input index of each element of window `output`: (kernel,); indices in the padding lie outside.

    >>> from scratchcnn.geometry import image_windows
    >>> inputs_of_window(image_windows((5, 5), (3, 3), (1, 1), "same").rows, 0)
    array([-1,  0,  1])
    """
    return output * axis.stride - axis.before + np.arange(axis.kernel) * axis.dilation


def windows_of_input(axis: Axis, position: int) -> Array:
    """Return, for each k, the index of the window whose element k is input `position`: (kernel,); −1 if none is.

    >>> from scratchcnn.geometry import image_windows
    >>> windows_of_input(image_windows((5, 5), (3, 3), (2, 2), "valid").rows, 2)
    array([ 1, -1,  0])
    """
    offsets = position + axis.before - np.arange(axis.kernel) * axis.dilation
    windows = offsets // axis.stride
    exists = (offsets % axis.stride == 0) & (windows >= 0) & (windows < axis.output)
    return np.where(exists, windows, -1)


def union_of_windows(windows: Windows, mask: Array, shape: Shape) -> Array:
    """Return which inputs lie in a window of an output in the mask: bool (H, W, C), given (OH, OW, C)."""
    rows, columns = windows
    padded = np.zeros((rows.before + shape[0] + rows.after, columns.before + shape[1] + columns.after, shape[2]), bool)
    for oy, ox in np.argwhere(mask.any(axis=2)):
        window = np.ix_(inputs_of_window(rows, oy) + rows.before, inputs_of_window(columns, ox) + columns.before)
        padded[window] |= mask[oy, ox]
    return padded[rows.before : rows.before + shape[0], columns.before : columns.before + shape[1]]


def onnx_attributes(windows: Windows) -> dict[str, Any]:
    """Return the attributes of an ONNX convolution or pooling, except the dilation."""
    rows, columns = windows
    return {
        "kernel_shape": (rows.kernel, columns.kernel),
        "strides": (rows.stride, columns.stride),
        "pads": (rows.before, columns.before, rows.after, columns.after),
    }
