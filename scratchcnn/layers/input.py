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
    batch_shape : tuple, optional
        Instead of shape: with the batch axis, for example (None, 28, 28, 1).

    Raises
    ------
    ValueError
        `shape` is not the shape of one sample, or not exactly one of both is given.

    Examples
    --------
    >>> Input(shape=(28, 28, 1)).shape
    (28, 28, 1)
    """

    def __init__(
        self, shape: int | Sequence[int] | None = None, *, batch_shape: Sequence[int | None] | None = None
    ) -> None:
        if (shape is None) == (batch_shape is None):
            raise ValueError(f"Expected either shape or batch_shape, received {shape!r} and {batch_shape!r}.")
        if batch_shape is not None:
            if not isinstance(batch_shape, Sequence) or len(batch_shape) < 2:
                raise ValueError(f"Expected batch_shape such as (None, 28, 28, 1), received {batch_shape!r}.")
            self.shape = image_shape("batch_shape after the batch axis", tuple(batch_shape)[1:])
        else:
            self.shape = image_shape("shape", shape)
