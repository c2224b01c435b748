"""Where batches come from: a data set in memory, or whatever can be iterated over."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any, Protocol

import numpy as np

from scratchcnn.operands import Shape
from scratchcnn.training.data import Fitting, Samples, batches, check_samples
from scratchcnn.training.weights import of_classes


class Source(Protocol):
    """Gives the batches of an epoch, checked; each epoch anew.

    Attributes
    ----------
    steps : int or None
        Batches in an epoch; None: as many as come.
    identity : dict of str to int, or None
        What tells one data set from another when an epoch goes on after an interruption; None: it cannot go on.
    """

    steps: int | None
    identity: dict[str, int] | None

    def batches(self, rng: np.random.Generator, first: int = 0) -> Iterator[Samples]:
        """The batches of an epoch, from batch `first` on; `rng` decides the order of samples, if anything does."""


class ArraySource:
    """A data set in memory.

    Parameters
    ----------
    samples : Samples
    batch_size : int
    shuffle : bool
    steps : int, optional
        So many batches of every epoch, rather than all.

    Raises
    ------
    ValueError
        There are fewer batches.
    """

    def __init__(self, samples: Samples, batch_size: int, shuffle: bool, steps: int | None = None) -> None:
        all_steps = -(-len(samples.x) // batch_size)
        if steps is not None and steps > all_steps:
            raise ValueError(
                f"Expected at most {all_steps} steps, as {len(samples.x)} samples make {all_steps} batches of "
                f"{batch_size}, received {steps}."
            )
        self.samples, self.batch_size, self.shuffle = samples, batch_size, shuffle
        self.steps: int | None = steps or all_steps
        self.identity: dict[str, int] | None = {
            "samples": len(samples.x), "batch_size": batch_size, "shuffle": int(shuffle), "steps": steps or all_steps
        }  # fmt: skip

    def batches(self, rng: np.random.Generator, first: int = 0) -> Iterator[Samples]:
        """The batches of an epoch, from batch `first` on; shuffled by `rng`."""
        every = batches(self.samples, self.batch_size, rng if self.shuffle else None, first)
        assert self.steps is not None
        return itertools.islice(every, self.steps - first)


class Stream:
    """Batches (x, y) or (x, y, sample_weight) of a generator, an iterator, or anything else that can be iterated over.

    What is an iterator already, or is given `steps`, goes on in an epoch where the epoch before stopped, and what can
    begin anew then does so at its end. What has no steps begins anew in every epoch, and ends it.
    """

    def __init__(self, data: Iterable[Any], steps: int | None) -> None:
        iterator = iter(data)
        once = iterator is data
        self.data: Iterable[Any] = iterator if once else _Again(data) if steps else data
        self.steps = steps or _length(data)
        if self.steps == 0:
            raise ValueError("Expected at least one batch, received an empty sequence of them.")
        self.running = iter(self.data) if once or steps else None

    def first_shape(self) -> Shape:
        """Shape of x in the first batch, which is not lost by looking at it."""
        try:
            batch = next(self.running or iter(self.data))
        except StopIteration:
            raise ValueError("Expected at least one batch, received an iterator that gave none.") from None
        if self.running:
            self.running = itertools.chain([batch], self.running)
        return np.asarray(_parts(batch, "The first batch")[0]).shape

    def batches(self) -> Iterator[Any]:
        """What there is in the next epoch."""
        return itertools.islice(iter(self.data) if self.running is None else self.running, self.steps)


def _length(data: Iterable[Any]) -> int | None:
    try:
        return len(data) if isinstance(data, Sized) else None
    except TypeError:  # TensorFlow's data sets without end have a length that raises
        return None


class _Again:
    """An iterable over and over, as long as it gives anything."""

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
    """A stream whose batches are checked as they come."""

    identity: dict[str, int] | None = None

    def __init__(
        self, stream: Stream, fitting: Fitting, class_weight: Mapping[int, float] | None = None, what: str = "data"
    ) -> None:
        self.stream, self.fitting, self.class_weight, self.what = stream, fitting, class_weight, what
        self.steps = stream.steps

    def batches(self, rng: np.random.Generator, first: int = 0) -> Iterator[Samples]:
        """The batches of an epoch, in the order in which they come.

        Raises
        ------
        ValueError, TypeError
            A batch does not fit; the message says which.
        """
        for number, batch in enumerate(self.stream.batches(), 1):
            yield self._checked(batch, f"Batch {number} of the {self.what}")

    def _checked(self, batch: Any, name: str) -> Samples:
        x, y, weights = _parts(batch, name)
        try:
            samples = check_samples(x, y, self.fitting, sample_weight=weights)
        except (ValueError, TypeError) as error:
            raise type(error)(f"{name}: {error}") from None
        return weighed(samples, self.class_weight, self.fitting)


def weighed(samples: Samples, class_weight: Mapping[int, float] | None, fitting: Fitting) -> Samples:
    """The samples with the weights of their classes.

    Raises
    ------
    ValueError
        They have weights of their own already.
    """
    if class_weight is None:
        return samples
    if samples.weights is not None:
        raise ValueError("Expected class_weight or sample_weight, received both; multiply one into the other.")
    return samples._replace(weights=of_classes(class_weight, samples.y, fitting.classes, fitting.dtype))


def _parts(batch: Any, name: str) -> tuple[Any, Any, Any]:
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        kind = f"{len(batch)} of them" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise ValueError(f"{name}: Expected (x, y) or (x, y, sample_weight), received {kind}.")
    return batch[0], batch[1], batch[2] if len(batch) == 3 else None
