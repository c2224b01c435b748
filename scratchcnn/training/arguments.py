"""The data arguments of `fit`, `evaluate` and `predict`, checked and converted to sources of batches."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.arguments import boolean, positive_integer, share
from scratchcnn.operands import Shape
from scratchcnn.training.data import Fitting, Samples, check_images, check_samples, warn_of_other_scale
from scratchcnn.training.sources import (
    ArraySource,
    ImageArray,
    ImageSource,
    ImageStream,
    Source,
    Stream,
    StreamSource,
    is_stream,
    weighed,
)
from scratchcnn.training.weights import check_class_weight

DEFAULT_BATCH_SIZE = 32


class DataArguments(NamedTuple):
    """The data arguments of `fit`, documented at `Sequential.fit`."""

    x: Any
    y: Any
    batch_size: int | None
    validation_split: float = 0.0
    validation_data: Any = None
    shuffle: bool = False
    class_weight: Any = None
    sample_weight: Any = None
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None


def checked_batch_size(batch_size: object) -> int:
    """Return `batch_size`, or the default for None."""
    return positive_integer("batch_size", DEFAULT_BATCH_SIZE if batch_size is None else batch_size)


def checked_steps(name: str, steps: object) -> int | None:
    """Return a number of batches, or None for all of them."""
    return None if steps is None else positive_integer(name, steps)


def opened(x: Any, y: Any, steps: object, name: str = "steps_per_epoch") -> Any:
    """Return `x` itself if it is an array; a Stream if it yields batches of x and y.

    Raises
    ------
    ValueError, TypeError
        Neither, or both; or `steps` is not an integer of at least 1.
    """
    count = checked_steps(name, steps)
    in_memory = hasattr(x, "__array__") or (y is not None and isinstance(x, (list, tuple)))
    if y is None and is_stream(x):
        return Stream(x, count)
    if y is None:
        raise ValueError(f"Expected y beside x, or x as batches of (x, y), received x as {type(x).__name__} alone.")
    if not in_memory and hasattr(x, "__next__"):
        raise ValueError("Expected batches of (x, y) as x alone, received y beside an iterator; omit y.")
    return x


def first_shape(x: Any) -> Shape:
    """Return the shape of `x`, or of the first batch of a stream."""
    return x.first_shape() if isinstance(x, Stream) else np.asarray(x).shape


def evaluated(data: DataArguments, fitting: Fitting) -> Source:
    """Return the source of the batches of `evaluate`, whose argument `steps` is given as steps_per_epoch.

    Raises
    ------
    ValueError, TypeError
        An argument does not fit.
    """
    x = opened(data.x, data.y, data.steps_per_epoch, "steps")
    if isinstance(x, Stream):
        _expect_none_beside_stream(data)
        return StreamSource(x, fitting)
    samples = check_samples(x, data.y, fitting, sample_weight=data.sample_weight)
    return ArraySource(samples, checked_batch_size(data.batch_size), False, data.steps_per_epoch)


def predicted(
    x: Any, batch_size: int | None, steps: int | None, input_shape: Shape, dtype: np.dtype[np.floating]
) -> ImageSource:
    """Return the source of the images of `predict`.

    Raises
    ------
    ValueError, TypeError
        An argument does not fit.
    """
    count = checked_steps("steps", steps)
    if is_stream(x) and not isinstance(x, (list, tuple)):
        if batch_size is not None:
            raise ValueError(f"Expected no batch_size beside batches of images, received {batch_size!r}; omit it.")
        return ImageStream(Stream(x, count), input_shape, dtype)
    return ImageArray(check_images(x, input_shape, dtype), dtype, checked_batch_size(batch_size), count)


def checked_frequency(validation_freq: Any) -> int | frozenset[int]:
    """Return after which epochs the model is validated: every so many, or those with these numbers, counted from 1.

    Raises
    ------
    ValueError
        Neither an integer of at least 1 nor a collection of such.
    """
    if isinstance(validation_freq, Collection) and not isinstance(validation_freq, (str, bytes)):
        return frozenset(positive_integer("each epoch in validation_freq", epoch) for epoch in validation_freq)
    return positive_integer("validation_freq", validation_freq)


def sources(data: DataArguments, fitting: Fitting) -> tuple[Source, Source | None]:
    """Return the source of the training batches, and that of the validation batches, if there is one.

    Raises
    ------
    ValueError, TypeError
        An argument does not fit.
    """
    batch_size = checked_batch_size(data.batch_size)
    given = data.validation_batch_size
    validation_batch_size = batch_size if given is None else positive_integer("validation_batch_size", given)
    class_weight = check_class_weight(data.class_weight, fitting.output_shape[-1])
    validation_split = share("validation_split", data.validation_split)
    validation_steps = checked_steps("validation_steps", data.validation_steps)
    shuffle = boolean("shuffle", data.shuffle)
    if isinstance(data.x, Stream):
        _expect_none_beside_stream(data)
        validation = _validation(data.validation_data, fitting, validation_batch_size, validation_steps)
        return StreamSource(data.x, fitting, class_weight), validation
    samples = check_samples(data.x, data.y, fitting, sample_weight=data.sample_weight)
    if validation_split and data.validation_data is None:
        samples, last = split_off(samples, validation_split)
        validation = ArraySource(last, validation_batch_size, False, validation_steps)
    else:
        validation = _validation(data.validation_data, fitting, validation_batch_size, validation_steps)
        if isinstance(validation, ArraySource):
            warn_of_other_scale(samples.x, validation.samples.x)
    samples = weighed(samples, class_weight, fitting)
    return ArraySource(samples, batch_size, shuffle, data.steps_per_epoch), validation


def split_off(samples: Samples, validation_split: float) -> tuple[Samples, Samples]:
    """Split off the last samples; as in Keras, floor((1 - validation_split) * N) samples remain."""
    count = len(samples.x)
    first = int(count * (1 - validation_split))
    if not 0 < first < count:
        raise ValueError(
            f"Expected a validation_split that leaves samples on both sides, received {validation_split} of {count} "
            f"samples, which would train on {first} and validate on {count - first}."
        )
    x, y, weights = samples
    before, after = (None, None) if weights is None else (weights[:first], weights[first:])
    return Samples(x[:first], y[:first], before), Samples(x[first:], y[first:], after)


def _validation(given: Any, fitting: Fitting, batch_size: int, steps: int | None) -> Source | None:
    if given is None:
        return None
    if is_stream(given) and not isinstance(given, (tuple, list)):
        stream = Stream(given, steps)
        if stream.running is not None and stream.steps is None:
            raise ValueError("Expected validation_steps beside an iterator as validation_data, received None.")
        return StreamSource(stream, fitting, what="validation data")
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        described = f"{len(given)} of them" if isinstance(given, (tuple, list)) else type(given).__name__
        raise ValueError(f"Expected validation_data as (x, y) or (x, y, sample_weight), received {described}.")
    weights = given[2] if len(given) == 3 else None
    samples = check_samples(given[0], given[1], fitting, "validation ", weights)
    return ArraySource(samples, batch_size, False, steps)


def _expect_none_beside_stream(data: DataArguments) -> None:
    """Raise ValueError for an argument that batches already determine: their size, order or weights."""
    given = {
        "batch_size": data.batch_size is not None,
        "sample_weight": data.sample_weight is not None,
        "validation_split": bool(data.validation_split),
    }
    for name, is_given in given.items():
        if is_given:
            raise ValueError(
                f"Expected no {name} beside batches of (x, y), received {getattr(data, name)!r}; what gives the "
                f"batches decides it: (x, y, sample_weight) has weights, and validation_data may be given."
            )
