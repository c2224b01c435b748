"""Data augmentation: random rotations, shifts, zooms, shears and elastic distortions of images."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn import kernels
from scratchcnn.arguments import finite, positive_integer, seed_number, whole_number
from scratchcnn.operands import PIXEL_DTYPES, Array
from scratchcnn.preprocessing.variants import Range, Ranges, check_ranges, make_variants

AT_ONCE = 256  # variants computed together, so that their displacements stay in the processor's cache
# Selected on validation images of MNIST's training set, 28 x 28.
ROTATION, SHIFT, ZOOM, SHEAR, ELASTIC, ELASTIC_SIGMA = 10.0, 2.0, 0.1, 10.0, 1.0, 4.0


class _Source(NamedTuple):
    """The checked arguments of `augment`."""

    images: Array  # (N, H, W, C)
    shape: tuple[int, ...]  # of one image as given, with or without a channel axis
    labels: Array | None
    total: int  # number of variants: factor * N
    ranges: Ranges
    fill: float
    seed: int
    key: int  # of the stream of random bits
    order_key: int

    def variants(self, chosen: Array, start: int) -> Array:
        """Compute the variants from number `start` on, in the shape of the given images."""
        x = make_variants(self.images, chosen, self.ranges, self.fill, self.key, start)
        return x.reshape(len(chosen), *self.shape)


def augment(
    images: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    factor: int = 20,
    *,
    rotation: Range = ROTATION,
    shift: Range = SHIFT,
    zoom: Range = ZOOM,
    shear: Range = SHEAR,
    elastic: float = ELASTIC,
    elastic_sigma: float = ELASTIC_SIGMA,
    fill: float = 0,
    seed: int | None = None,
) -> Array | tuple[Array, Array]:
    """Compute `factor` random variants of every image.

    Each variant is zoomed, sheared, rotated about the centre of the image, shifted, and distorted by a smooth random
    displacement field, with bilinear interpolation. The parameters are drawn uniformly from ranges. A range is a pair
    (lowest, highest), or a number for a symmetric range around no change. The defaults suit digits of 28 x 28.

    Parameters
    ----------
    images : array-like (N, H, W) or (N, H, W, C)
        uint8, float32 or float64, on any scale.
    labels : array-like (N, ...), optional
        One label, or array of labels, for each image.
    factor : int
    rotation : float or pair
        Degrees, counter-clockwise; within -180 to 180.
    shift : float or pair
        Pixels, drawn independently for both axes; positive is down and to the right; at most the longer side.
    zoom : float or pair
        0.1 means factors from 0.9 to 1.1; a pair gives the factors, within 0.1 to 10. Height and width have independent
        factors.
    shear : float or pair
        Degrees by which an upright stroke leans to the right; within -80 to 80.
    elastic : float
        Standard deviation of the displacements along each axis, in pixels.
    elastic_sigma : float
        Standard deviation, in pixels from 0.5 to 100, of the Gaussian that smooths the displacement field.
    fill : float
        Value of pixels from outside the image, the background.
    seed : int or None
        The same seed gives the same variants, for any number of threads. None: different ones in every call.

    Returns
    -------
    (factor * N, ...), shape and dtype as the images; with labels, a pair of images and labels
        One variant of every image, in their order, `factor` times. The originals are not included.

    Raises
    ------
    TypeError
        The images have another dtype.
    ValueError
        A shape, a range or the number of labels is wrong, or an image contains NaN or infinity.

    References
    ----------
    Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks applied to visual document
    analysis", section 2. Their field with sigma 4 and alpha 34 has a standard deviation of 1.4 pixels.

    Examples
    --------
    >>> x, y = augment(np.eye(28)[None], labels=[7], factor=3, seed=0)
    >>> x.shape, y
    ((3, 28, 28), array([7, 7, 7]))
    >>> square = np.array([[[1, 2], [3, 4]]], np.uint8)
    >>> augment(square, factor=1, rotation=(90, 90), shift=0, zoom=0, shear=0, elastic=0)
    array([[[2, 4],
            [1, 3]]], dtype=uint8)
    """
    source = _check(images, labels, factor, (rotation, shift, zoom, shear, elastic, elastic_sigma), fill, seed)
    chosen = np.tile(np.arange(len(source.images)), source.total // len(source.images))
    x = np.empty((source.total, *source.shape), source.images.dtype)
    for start in range(0, source.total, AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        x[rows] = source.variants(chosen[rows], start)
    return x if source.labels is None else (x, source.labels[chosen])


class Augmenter:
    """Infinite iterator over batches of augmented images, for `model.fit(Augmenter(x, y), epochs=10)`.

    An epoch contains `factor` variants of every image in a new random order, each computed on demand. No variant is
    repeated in a later epoch. Without shuffling, the first epoch equals `augment` with the same arguments.

    Parameters
    ----------
    images, labels
        As for `augment`. They are not copied if that can be avoided, so do not modify them.
    batch_size : int
        The last batch of an epoch may be smaller.
    factor, rotation, shift, zoom, shear, elastic, elastic_sigma, fill
        As for `augment`.
    shuffle : bool
        Whether each epoch has a new random order.
    seed : int or None
        As for `augment`.

    Attributes
    ----------
    step : int
        Number of the next batch, from 0; with the arguments, the whole state. To resume training a saved model after e
        epochs, create an Augmenter with the same arguments and seed, set `step = e * len(augmenter)`, and give `fit`
        `initial_epoch=e`.
    seed : int
        As given, or a random seed for None.

    Raises
    ------
    TypeError, ValueError
        As for `augment`.

    Notes
    -----
    `len(augmenter)` is the number of batches in an epoch. A new iteration resumes where the last one stopped. A batch
    depends only on the arguments and its number.

    Examples
    --------
    >>> augmenter = Augmenter(np.zeros((5, 28, 28, 1), np.uint8), np.arange(5), batch_size=4, factor=2, seed=0)
    >>> len(augmenter)
    3
    >>> [len(y) for _, (x, y) in zip(range(4), augmenter)]
    [4, 4, 2, 4]
    >>> augmenter.step
    4
    """

    def __init__(
        self,
        images: npt.ArrayLike,
        labels: npt.ArrayLike,
        batch_size: int = 128,
        factor: int = 20,
        *,
        rotation: Range = ROTATION,
        shift: Range = SHIFT,
        zoom: Range = ZOOM,
        shear: Range = SHEAR,
        elastic: float = ELASTIC,
        elastic_sigma: float = ELASTIC_SIGMA,
        fill: float = 0,
        shuffle: bool = True,
        seed: int | None = None,
    ) -> None:
        if labels is None:
            raise ValueError("Expected labels, received None; for images without labels, use augment.")
        options = (rotation, shift, zoom, shear, elastic, elastic_sigma)
        self._source = _check(images, labels, factor, options, fill, seed)
        self.batch_size = positive_integer("batch_size", batch_size)
        self.shuffle = bool(shuffle)
        self.seed = self._source.seed
        self.step = 0
        self._order: tuple[int, Array] = (-1, np.empty(0, np.int64))  # the last requested epoch, and its order

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return math.ceil(self._source.total / self.batch_size)

    def __iter__(self) -> Augmenter:
        """Return the augmenter itself, which continues with batch number `step`."""
        return self

    def __next__(self) -> tuple[Array, Array]:
        """Return batch number `step`, and increment `step`."""
        batch = self.batch(self.step)
        self.step += 1
        return batch

    def batch(self, step: int) -> tuple[Array, Array]:
        """Compute batch number `step`, counted from 0 over all epochs; does not change `Augmenter.step`.

        Returns
        -------
        x : (batch_size, ...), shape and dtype as the images
        y : (batch_size, ...), the labels

        Raises
        ------
        ValueError
            `step` is not a whole number of at least 0.
        """
        epoch, place = divmod(whole_number("step", step), len(self))
        start = place * self.batch_size
        chosen = self._chosen(epoch)[start : start + self.batch_size]
        assert self._source.labels is not None
        x = self._source.variants(chosen, epoch * self._source.total + start)
        return x, self._source.labels[chosen]

    def _chosen(self, epoch: int) -> Array:
        """Return the index of the image of each variant of an epoch."""
        if self._order[0] != epoch:
            order = np.arange(self._source.total)
            if self.shuffle:  # sorting random keys gives a random permutation
                order = kernels.random_bits(self._source.order_key, len(order), epoch * len(order)).argsort(
                    kind="stable"
                )
            self._order = epoch, order % len(self._source.images)
        return self._order[1]


def _check(
    images: npt.ArrayLike,
    labels: npt.ArrayLike | None,
    factor: int,
    options: tuple[Range, Range, Range, Range, float, float],
    fill: float,
    seed: int | None,
) -> _Source:
    """Check the arguments of `augment`."""
    given = _check_images(np.asarray(images))
    channels = given if given.ndim == 4 else given[..., None]
    ranges = check_ranges(given.shape[1:3], *options)
    total = positive_integer("factor", factor) * len(given)
    sequence = np.random.SeedSequence(seed_number(seed))
    assert isinstance(sequence.entropy, int)
    key, order_key = (int(key) for key in sequence.generate_state(2, np.uint64))
    return _Source(
        np.ascontiguousarray(channels), given.shape[1:], _check_labels(labels, len(given)), total, ranges,
        _check_fill(fill, given.dtype), sequence.entropy, key, order_key,
    )  # fmt: skip


def _check_images(images: npt.NDArray[Any]) -> Array:
    if images.dtype not in PIXEL_DTYPES:
        raise TypeError(f"Expected images of dtype uint8, float32 or float64, received {images.dtype}; use astype.")
    if images.ndim not in (3, 4) or images.size == 0:
        fix = "give one image as x[None]" if images.ndim == 2 else "give at least one image with pixels"
        raise ValueError(f"Expected images (N, H, W) or (N, H, W, C), received shape {images.shape}; {fix}.")
    for index, image in enumerate(images if images.dtype.kind == "f" else ()):
        if not np.isfinite(image).all():
            raise ValueError(
                f"Expected images with finite values, received NaN or infinity in image {index}; "
                "use numpy.nan_to_num or leave it out."
            )
    return images


def _check_labels(labels: npt.ArrayLike | None, count: int) -> Array | None:
    if labels is None:
        return None
    array = np.asarray(labels)
    if array.ndim == 0 or len(array) != count:
        received = "a single one" if array.ndim == 0 else f"{len(array)} labels"
        raise ValueError(f"Expected a label for each of the {count} images, received {received}.")
    return array


def _check_fill(fill: float, dtype: np.dtype[Any]) -> float:
    value = finite("fill", fill)
    if dtype.kind == "u" and not (0 <= value <= 255 and value.is_integer()):
        raise ValueError(f"Expected fill as a whole number from 0 to 255, as the images are uint8, received {fill!r}.")
    if dtype.kind == "f" and abs(value) > float(np.finfo(dtype).max):
        raise ValueError(f"Expected fill as a finite {dtype} number, received {fill!r}.")
    return value
