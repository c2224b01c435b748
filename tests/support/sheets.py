"""Tiles of a sheet drawn by `scratchcnn.plots.sheet`, as read from the figure."""

from typing import Any

import numpy as np


def drawn_tiles(axes: Any) -> list[np.ndarray]:
    """Return the matrices within the frames, after checking that the frames do not overlap and do not cut pixels."""
    (image,), (frames,) = axes.images, axes.collections
    matrix = np.ma.getdata(image.get_array())
    boxes = np.array([path.get_extents().extents for path in frames.get_paths()])  # left, top, right, bottom
    assert np.array_equal(boxes, boxes.round())
    shared = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    assert np.array_equal((shared > 0).all(axis=-1), np.eye(len(boxes), dtype=bool))
    left, right, bottom, top = image.get_extent()
    assert (left, right, bottom, top) == (0, matrix.shape[1], matrix.shape[0], 0)
    assert np.isnan(matrix).sum() == matrix.size - np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).sum()
    return [matrix[y:to_y, x:to_x] for x, y, to_x, to_y in boxes.astype(int).tolist()]
