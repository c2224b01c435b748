"""Checks that arrays are MNIST's: 28x28 images of uint8, and one label from 0 to 9 for each."""

from typing import Any

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]
Pair = tuple[Images, Labels]
Split = tuple[Pair, Pair]


def check_pair(images: npt.NDArray[Any], labels: npt.NDArray[Any], source: str) -> Pair:
    """Return images and labels as uint8 once they are known to fit each other.

    Parameters
    ----------
    images : ndarray
        Must be uint8 (n, 28, 28), n at least 1.
    labels : ndarray
        Must be integers (n,) from 0 to 9.
    source : str
        Where they come from, for the message.

    Returns
    -------
    (images, labels)
        uint8 (n, 28, 28) and uint8 (n,).

    Raises
    ------
    ValueError
        If a shape, dtype, count or label is another.
    """
    if images.ndim != 3 or images.shape[1:] != (28, 28) or images.dtype != np.uint8:
        raise ValueError(
            f"{source}: expected images uint8 (n, 28, 28), received {images.dtype} {images.shape}. "
            "Give MNIST, or a set in its format."
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{source}: expected integer labels (n,), received {labels.dtype} {labels.shape}. "
            "Give one class number for each image, not one-hot rows."
        )
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(
            f"{source}: expected as many labels as images and at least one, received {len(images):,} images and "
            f"{len(labels):,} labels. Images and labels may come from different sets; fetch both again."
        )
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if len(wrong):
        raise ValueError(
            f"{source}: expected labels 0 to 9, received {labels[wrong[0]]} at index {wrong[0]} "
            f"({len(wrong):,} such label(s)). The file is damaged or another set; fetch it again."
        )
    return images, labels.astype(np.uint8)
