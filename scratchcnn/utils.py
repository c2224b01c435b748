"""Functions of keras.utils: one-hot rows of class numbers, and the figure of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import positive_integer
from scratchcnn.names import names_arguments, names_of_module

if TYPE_CHECKING:
    from scratchcnn.plots import plot_model

__all__ = ["plot_model", "to_categorical"]


@names_arguments
def to_categorical(x: npt.ArrayLike, num_classes: int | None = None) -> npt.NDArray[np.float64]:
    """Convert class numbers to one-hot rows, for the loss 'categorical_crossentropy'.

        rows[..., j] = 1 if x[...] = j, and 0 otherwise

    Parameters
    ----------
    x : array-like of integers
        Class numbers from 0; a last axis of length 1 is removed, as in Keras.
    num_classes : int, optional
        J; default: the largest class number plus one.

    Returns
    -------
    float64 (..., J)

    Raises
    ------
    TypeError
        The class numbers are not integers.
    ValueError
        There are none, or one is out of range.

    Examples
    --------
    >>> to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    numbers = np.asarray(x)
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"Expected x as integers, received dtype {numbers.dtype}; use x.astype(int).")
    if numbers.size == 0:
        raise ValueError(f"Expected x with at least one class number, received shape {numbers.shape}.")
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    classes = int(numbers.max()) + 1 if num_classes is None else positive_integer("num_classes", num_classes)
    wrong = numbers[(numbers < 0) | (numbers >= classes)]
    if wrong.size:
        raise ValueError(f"Expected class numbers from 0 to {classes - 1}, received {wrong[0]}; number them from 0.")
    rows = np.zeros((*numbers.shape, classes))
    np.put_along_axis(rows, numbers[..., None].astype(np.int64), 1, axis=-1)
    return rows


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__, places={"plot_model": "scratchcnn.plots"})  # which loads matplotlib
