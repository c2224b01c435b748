"""What stands where an image is covered, or where it was moved away: its background, or what the user says."""

from __future__ import annotations

import numpy as np

from scratchcnn.arguments import finite
from scratchcnn.inspection.arguments import sample_shape
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential


def image_size(model: Sequential, what: str) -> tuple[int, int]:
    """Rows and columns of the images that a built model takes.

    Raises
    ------
    ValueError
        It takes something else, as rows of numbers.
    """
    shape = sample_shape(model)
    if len(shape) not in (2, 3):
        raise ValueError(
            f"Expected a model of images (H, W, C) or (H, W) for {what}, received one whose input is {shape}; let it "
            "begin with Flatten(input_shape=(28, 28, 1)), so that it is known which pixel lies where."
        )
    return shape[0], shape[1]


def fill_values(image: Array, fill: object = None) -> Array:
    """The value of each channel where nothing is seen.

    Parameters
    ----------
    image : (H, W, C) or (H, W)
    fill : float, sequence of C floats, or None
        None: the image's background, the median along its border. It is 0 for a digit of MNIST, and whatever 0 became
        for one that was standardized: no number is right for every data set.

    Returns
    -------
    (C,) or (), the dtype of the image

    Raises
    ------
    ValueError
        Not one finite number, and not one for each channel.
    """
    if fill is None:
        border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])  # (2 * W + 2 * H, C)
        return np.median(border, axis=0).astype(image.dtype)
    given = np.asarray(fill)
    if given.shape not in ((), image.shape[2:]):
        raise ValueError(
            f"Expected fill as one number or one for each of the {image.shape[2] if image.ndim == 3 else 1} channels, "
            f"received shape {given.shape}; leave it out for the background."
        )
    values = [finite("fill", value) for value in given.ravel().tolist()]
    return np.broadcast_to(np.array(values, image.dtype).reshape(given.shape), image.shape[2:])


def told(values: Array) -> str:
    """The fill in words: '0' or '(0.2, 0.4, 0.1)'."""
    numbers = [f"{value:.4g}" for value in values.ravel()]
    return numbers[0] if len(set(numbers)) == 1 else f"({', '.join(numbers)})"
