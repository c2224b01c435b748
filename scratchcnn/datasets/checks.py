"""Validation of the arrays of a data set: uint8 images of one shape, and one label from 0 to 9 for each."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.datasets.data_set import DataSet

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]
Pair = tuple[Images, Labels]
Split = tuple[Pair, Pair]


def check_pair(images: npt.NDArray[Any], labels: npt.NDArray[Any], source: str, data_set: DataSet) -> Pair:
    """Return images and labels as uint8 after checking their shapes, dtypes, numbers and values.

    Parameters
    ----------
    images : ndarray
        Must be uint8 (n, *image_shape), n at least 1.
    labels : ndarray
        Must be integers (n, *label_shape) from 0 to 9.
    source : str
        Where they come from, for error messages.
    data_set : DataSet
        Defines the shapes.

    Returns
    -------
    (images, labels)
        uint8 (n, *image_shape) and uint8 (n, *label_shape).

    Raises
    ------
    ValueError
        A shape, a dtype, the number of labels or a label is wrong.
    """
    if images.ndim == 0 or images.shape[1:] != data_set.image_shape or images.dtype != np.uint8:
        raise ValueError(
            f"{source}: expected images uint8 {_shape(data_set.image_shape)}, received {images.dtype} {images.shape}. "
            f"Give {data_set.name}, or a data set in its format."
        )
    if labels.ndim == 0 or labels.shape[1:] != data_set.label_shape or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{source}: expected integer labels {_shape(data_set.label_shape)}, received {labels.dtype} "
            f"{labels.shape}. Give one class number for each image, not one-hot rows."
        )
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(
            f"{source}: expected as many labels as images and at least one, received {len(images):,} images and "
            f"{len(labels):,} labels. Images and labels may belong to different data sets; download both again."
        )
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if len(wrong):
        raise ValueError(
            f"{source}: expected labels 0 to 9, received {labels.flat[wrong[0]]} at index {wrong[0]} "
            f"({len(wrong):,} such label(s)). The file is damaged or not {data_set.name}; download it again."
        )
    return images, labels.astype(np.uint8)


def _shape(shape: tuple[int, ...]) -> str:
    """Return the shape of an array of n samples: '(n, 28, 28)', '(n,)'."""
    return f"({', '.join(['n', *map(str, shape)])}{'' if shape else ','})"
