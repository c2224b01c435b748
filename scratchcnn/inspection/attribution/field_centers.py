"""Receptive-field centers: where in the image the positions of a layer's output lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.descriptions.registry import description_of
from scratchcnn.inspection.arguments import sample_shape
from scratchcnn.operands import Array, Shape
from scratchcnn.sequential import Sequential

Coordinates = npt.NDArray[np.float64]


def field_centers(model: Sequential, place: int) -> tuple[Coordinates, Coordinates]:
    """Compute the pixel coordinates of the receptive-field center of each position in a layer's output.

    Position p of a convolution or pooling sees the positions stride * p - before + dilation * k of its input, with
    k = 0, ..., kernel - 1. Their center is

        center(p) = stride * p - before + dilation * (kernel - 1) / 2

    This affine map is applied from the layer back to the image, separately for rows and columns.

    Parameters
    ----------
    model : Sequential
        Built, on images (H, W, C) or (H, W).
    place : int
        Index of the layer, whose output is (OH, OW, F).

    Returns
    -------
    rows, columns : float64 (OH,), (OW,)
        0 is the center of the first pixel.

    Raises
    ------
    ValueError
        A layer before it has no rows and columns, such as Flatten.

    Notes
    -----
    The windows of a layer are those of its description. Other layers that keep the number of rows and columns are taken
    as elementwise; the positions of one that changes it are taken as evenly distributed over its whole input.

    Examples
    --------
    >>> from scratchcnn.layers import Conv2D, MaxPooling2D
    >>> model = Sequential([Conv2D(4, 5, input_shape=(12, 9, 1)), MaxPooling2D(2)], seed=0)
    >>> field_centers(model, 1)  # the windows of pooling see the rows 0 to 5, 2 to 7, 4 to 9 and 6 to 11
    (array([2.5, 4.5, 6.5, 8.5]), array([2.5, 4.5]))
    """
    shapes: list[Shape] = [sample_shape(model), *(layer.output_shape or () for layer in model.layers[: place + 1])]
    if min(map(len, shapes)) < 2:
        raise ValueError(
            f"Expected a layer that is connected to the pixels by layers with rows and columns, received "
            f"{model.layers[place].label}; choose one before Flatten."
        )
    rows, columns = (np.arange(length, dtype=np.float64) for length in shapes[-1][:2])
    for layer, before, after in reversed(list(zip(model.layers, shapes[:-1], shapes[1:], strict=False))):
        windows = description_of(layer).windows(before)
        if windows is not None:
            rows, columns = (
                axis.stride * centers - axis.before + axis.dilation * (axis.kernel - 1) / 2
                for axis, centers in zip(windows, (rows, columns), strict=True)
            )
        else:  # the identity where the size stays the same
            rows = (rows + 0.5) * before[0] / after[0] - 0.5
            columns = (columns + 0.5) * before[1] / after[1] - 0.5
    return rows, columns


def interpolate(values: Array, rows: Coordinates, columns: Coordinates, height: int, width: int) -> Array:
    """Interpolate values (OH, OW) at given coordinates linearly to all pixels (H, W), constant beyond the outermost.

    Examples
    --------
    >>> interpolate(np.array([[0.0, 4.0]]), np.array([1.0]), np.array([1.5, 3.5]), height=2, width=5)
    array([[0., 0., 1., 3., 4.],
           [0., 0., 1., 3., 4.]])
    """
    across = np.array([np.interp(np.arange(width), columns, row) for row in values])
    return np.array([np.interp(np.arange(height), rows, column) for column in across.T]).T
