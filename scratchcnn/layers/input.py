"""Input: the shape of one sample, at the head of a model."""

from __future__ import annotations

from collections.abc import Sequence

from scratchcnn.arguments import image_shape
from scratchcnn.names import Named


class Input(Named):
    """The shape of one sample, as the first element of a model; it computes nothing and is not listed as a layer.

    Parameters
    ----------
    shape : tuple of int
        Without the batch axis, for example (28, 28, 1).

    Raises
    ------
    ValueError
        `shape` is not the shape of one sample.

    Examples
    --------
    >>> Input(shape=(28, 28, 1)).shape
    (28, 28, 1)
    """

    def __init__(self, shape: int | Sequence[int]) -> None:
        self.shape = image_shape("shape", shape)
