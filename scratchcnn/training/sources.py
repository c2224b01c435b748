"""Sources of batches: a data set in memory, or any iterable of batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, Protocol

import numpy as np

from scratchcnn.operands import Array, Shape
from scratchcnn.training.data import Fitting, Samples, as_input, batches, check_images, check_samples
from scratchcnn.training.weights import of_classes

EXAMPLES = 12  # samples of a data set that callbacks may show


class Source(Protocol):
    """Provides the checked batches of each epoch.

    Attributes
    ----------
    steps : int or None
        Number of batches in an epoch; None: until the data run out.
    identity : dict of str to int, or None
        Identifies the data set when an interrupted epoch is resumed; None: the epoch cannot be resumed.
    """

    steps: int | None
    identity: dict[str, int] | None

    def batches(self, rng: np.random.Generator, first: int = 0) -> Iterator[Samples]:
        """Iterate over the batches of an epoch, from batch `first` on; `rng` determines a random order."""

    def examples(self) -> Samples | None:
        """Return at most `EXAMPLES` samples, always the same ones, to be shown; None if none is known yet."""


class ArraySource:
    """A data set in memory.

    Parameters
    ----------
    samples : Samples
    batch_size : int
    shuffle : bool
    steps : int, optional
        Number of batches in an epoch; default: all.

    Raises
    ------
    ValueError
        The data set has fewer batches.
    """

    def __init__(self, samples: Samples, batch_size: int, shuffle: bool, steps: int | None = None) -> None:
        self.samples, self.batch_size, self.shuffle = samples, batch_size, shuffle
        count = steps_within(len(samples.x), batch_size, steps)
        self.steps: int | None = count
        self.identity: dict[str, int] | None = {
            "samples": len(samples.x), "batch_size": batch_size, "shuffle": int(shuffle), "steps": count
        }  # fmt: skip

    def batches(self, rng: np.random.Generator, first: int = 0) -> Iterator[Samples]:
        """Iterate over the batches of an epoch, starting at batch `first`, shuffled with `rng`."""
        every = batches(self.samples, self.batch_size, rng if self.shuffle else None, first)
        assert self.steps is not None
        return itertools.islice(every, self.steps - first)

    def examples(self) -> Samples:
        """Return evenly spaced samples, which are of many classes also if the data set is sorted."""
        return evenly_spaced(self.samples)


def evenly_spaced(samples: Samples) -> Samples:
    """Return a copy of at most `EXAMPLES` samples from the first to the last, without their weights."""
    count = len(samples.x)
    chosen = np.linspace(0, count - 1, min(EXAMPLES, count)).round().astype(int)
    return Samples(samples.x[chosen], samples.y[chosen])


def steps_within(count: int, batch_size: int, steps: int | None) -> int:
    """Return the number of batches of `count` samples that are used: `steps`, or all of them if it is None.

    Raises
    ------
    ValueError
        There are fewer batches.
    """
    all_steps = -(-count // batch_size)
    if steps is not None and steps > all_steps:
        raise ValueError(
            f"Expected at most {all_steps} steps, as {count} samples make {all_steps} batches of {batch_size}, "
            f"received {steps}."
        )
    return steps or all_steps


class Stream:
    """Batches (x, y) or (x, y, sample_weight) of a generator, an iterator, or any other iterable.

    An iterator, or an iterable with `steps`, continues in each epoch where the previous epoch stopped; an iterable is
    restarted when it ends. An iterable without `steps` is restarted in each epoch, and its end is the end of the epoch.
    As in Keras, the method `on_epoch_end` of the data, if there is one, is called after each epoch.
    """

    def __init__(self, data: Any, steps: int | None) -> None:
        self.end_epoch: Callable[[], object] = getattr(data, "on_epoch_end", lambda: None)
        if not isinstance(data, Iterable):
            data = _Numbered(data)
        iterator = iter(data)
        once = iterator is data
        self.data: Iterable[Any] = iterator if once else _Again(data) if steps else data
        self.steps = steps or _length(data)
        if self.steps == 0:
            raise ValueError("Expected at least one batch, received an empty sequence of them.")
        self.running = iter(self.data) if once or steps else None

    def first_shape(self) -> Shape:
        """Return the shape of x in the first batch, without consuming the batch."""
        try:
            batch = next(self.running or iter(self.data))
        except StopIteration:
            raise ValueError("Expected at least one batch, received an iterator that yielded none.") from None
        if self.running:
            self.running = itertools.chain([batch], self.running)
        return np.asarray(_parts(batch, "The first batch")[0]).shape

    def batches(self) -> Iterator[Any]:
        """Iterate over the batches of the next epoch."""
        yield from itertools.islice(iter(self.data) if self.running is None else self.running, self.steps)
        self.end_epoch()


def is_stream(data: object) -> bool:
    """Whether data are batches: any iterable but arrays and text, or an object with __len__ and __getitem__."""
    if hasattr(data, "__array__") or isinstance(data, (str, bytes)):
        return False
    return isinstance(data, Iterable) or (hasattr(data, "__len__") and hasattr(data, "__getitem__"))


class _Numbered:
    """Iterates over the batches of an object with __len__ and __getitem__, like Keras's Sequence."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        return (self.data[number] for number in range(len(self.data)))


def _length(data: Iterable[Any]) -> int | None:
    try:
        return len(data) if isinstance(data, Sized) else None
    except TypeError:  # the length of TensorFlow's infinite data sets raises
        return None


class _Again:
    """Repeats an iterable for as long as it yields anything."""

    def __init__(self, data: Iterable[Any]) -> None:
        self.data = data

    def __iter__(self) -> Iterator[Any]:
        given = True
        while given:
            given = False
            for given_now in self.data:
                given = True
                yield given_now


class StreamSource:
    """A stream whose batches are checked as they arrive."""

    identity: dict[str, int] | None = None

    def __init__(
        self, stream: Stream, fitting: Fitting, class_weight: Mapping[int, float] | None = None, what: str = "data"
    ) -> None:
        self.stream, self.fitting, self.class_weight, self.what = stream, fitting, class_weight, what
        self.steps = stream.steps
        self._examples: Samples | None = None

    def batches(self, rng: np.random.Generator, first: int = 0) -> Iterator[Samples]:
        """Iterate over the batches of an epoch, in their own order.

        Raises
        ------
        ValueError, TypeError
            A batch does not fit; the message contains its number.
        """
        for number, batch in enumerate(self.stream.batches(), 1):
            samples = self._checked(batch, f"Batch {number} of the {self.what}")
            if self._examples is None:
                self._examples = evenly_spaced(samples)
            yield samples

    def examples(self) -> Samples | None:
        """Return samples of the first batch that was used; to read one ahead could change what the stream yields."""
        return self._examples

    def _checked(self, batch: Any, name: str) -> Samples:
        x, y, weights = _parts(batch, name)
        try:
            samples = check_samples(x, y, self.fitting, sample_weight=weights)
        except (ValueError, TypeError) as error:
            raise type(error)(f"{name}: {error}") from None
        return weighed(samples, self.class_weight, self.fitting)


class ImageSource(Protocol):
    """Provides the images of `predict` in batches; `steps` is their number, or None if it is unknown."""

    steps: int | None

    def batches(self) -> Iterator[Array]:
        """Iterate over checked batches (N, *input_shape) as the kernels require them."""


class ImageArray:
    """Images in memory, in batches; the arguments are those of `Sequential.predict`, checked."""

    def __init__(self, images: Array, dtype: np.dtype[np.floating], batch_size: int, steps: int | None) -> None:
        self.images, self.dtype, self.batch_size = images, dtype, batch_size
        self.steps: int | None = steps_within(len(images), batch_size, steps)

    def batches(self) -> Iterator[Array]:
        """Iterate over the batches, in order; the last one may be shorter."""
        assert self.steps is not None
        for start in range(0, self.steps * self.batch_size, self.batch_size):
            yield as_input(self.images[start : start + self.batch_size], self.dtype)


class ImageStream:
    """Batches of images, or of (x, y) and (x, y, sample_weight), of which x is used; checked as they arrive."""

    def __init__(self, stream: Stream, input_shape: Shape, dtype: np.dtype[np.floating]) -> None:
        self.stream, self.input_shape, self.dtype = stream, input_shape, dtype
        self.steps = stream.steps

    def batches(self) -> Iterator[Array]:
        """Iterate over the batches, in their own order; errors as for `check_images`, with the batch's number."""
        for number, batch in enumerate(self.stream.batches(), 1):
            images = batch[0] if isinstance(batch, tuple) and batch else batch
            yield as_input(check_images(images, self.input_shape, self.dtype, f"x of batch {number}"), self.dtype)


def weighed(samples: Samples, class_weight: Mapping[int, float] | None, fitting: Fitting) -> Samples:
    """Return the samples with the weights of their classes.

    Raises
    ------
    ValueError
        They already have sample weights.
    """
    if class_weight is None:
        return samples
    if samples.weights is not None:
        raise ValueError("Expected class_weight or sample_weight, received both; multiply them.")
    return samples._replace(weights=of_classes(class_weight, samples.y, fitting.output_shape[-1], fitting.dtype))


def _parts(batch: Any, name: str) -> tuple[Any, Any, Any]:
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        kind = f"{len(batch)} of them" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise ValueError(f"{name}: Expected (x, y) or (x, y, sample_weight), received {kind}.")
    return batch[0], batch[1], batch[2] if len(batch) == 3 else None
