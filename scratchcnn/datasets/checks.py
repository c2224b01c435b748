"""Validation of the format of MNIST: uint8 images of 28x28 pixels, and one label from 0 to 9 for each."""

from typing import Any

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]
Pair = tuple[Images, Labels]
Split = tuple[Pair, Pair]


def check_pair(images: npt.NDArray[Any], labels: npt.NDArray[Any], source: str) -> Pair:
    """Return images and labels as uint8 after checking their shapes, dtypes, numbers and values.

    Parameters
    ----------
    images : ndarray
        Must be uint8 (n, 28, 28), n at least 1.
    labels : ndarray
        Must be integers (n,) from 0 to 9.
    source : str
        Where they come from, for error messages.

    Returns
    -------
    (images, labels)
        uint8 (n, 28, 28) and uint8 (n,).

    Raises
    ------
    ValueError
        A shape, a dtype, the number of labels or a label is wrong.
    """
    if images.ndim != 3 or images.shape[1:] != (28, 28) or images.dtype != np.uint8:
        raise ValueError(
            f"{source}: expected images uint8 (n, 28, 28), received {images.dtype} {images.shape}. "
            "Give MNIST, or a data set in its format."
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{source}: expected integer labels (n,), received {labels.dtype} {labels.shape}. "
            "Give one class number for each image, not one-hot rows."
        )
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(
            f"{source}: expected as many labels as images and at least one, received {len(images):,} images and "
            f"{len(labels):,} labels. Images and labels may belong to different data sets; download both again."
        )
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if len(wrong):
        raise ValueError(
            f"{source}: expected labels 0 to 9, received {labels[wrong[0]]} at index {wrong[0]} "
            f"({len(wrong):,} such label(s)). The file is damaged or not MNIST; download it again."
        )
    return images, labels.astype(np.uint8)
