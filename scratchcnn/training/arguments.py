"""The data that `fit` and `evaluate` are called with, checked and ready to be trained on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.arguments import positive_integer, share
from scratchcnn.operands import Shape
from scratchcnn.training.data import Fitting, Samples, check_samples, warn_of_other_scale
from scratchcnn.training.sources import ArraySource, Source, Stream, StreamSource, weighed
from scratchcnn.training.weights import check_class_weight

DEFAULT_BATCH_SIZE = 32


class Asked(NamedTuple):
    """What `fit` was asked to train on; `Sequential.fit` says what each means."""

    x: Any
    y: Any
    batch_size: int | None
    validation_split: float
    validation_data: Any
    shuffle: bool
    class_weight: Any
    sample_weight: Any
    steps_per_epoch: int | None
    validation_steps: int | None


def checked_batch_size(batch_size: object) -> int:
    """`batch_size`, or the default for None."""
    return positive_integer("batch_size", DEFAULT_BATCH_SIZE if batch_size is None else batch_size)


def classes_of(output_shape: Shape) -> int:
    """Outputs of one sample, which a loss over classes wants in one axis.

    Raises
    ------
    ValueError
        More axes, or none.
    """
    if len(output_shape) != 1:
        raise ValueError(
            f"Expected a model with one axis of classes as output, received output shape {(None, *output_shape)}; "
            f"end it with Flatten() and Dense(classes, activation='softmax')."
        )
    return output_shape[0]


def opened(x: Any, y: Any, steps: object, name: str = "steps_per_epoch") -> Any:
    """`x` itself if it is an array; a Stream if it gives batches of x and y.

    Raises
    ------
    ValueError, TypeError
        Neither, or both; or `steps` is no whole number from 1.
    """
    count = None if steps is None else positive_integer(name, steps)
    in_memory = hasattr(x, "__array__") or (y is not None and isinstance(x, (list, tuple)))
    if y is None and not in_memory and isinstance(x, Iterable) and not isinstance(x, (str, bytes)):
        return Stream(x, count)
    if y is None:
        raise ValueError(f"Expected y beside x, or x as batches of (x, y), received x as {type(x).__name__} alone.")
    if not in_memory and hasattr(x, "__next__"):
        raise ValueError("Expected batches of (x, y) as x alone, received y beside an iterator; leave y out.")
    return x


def first_shape(x: Any) -> Shape:
    """Shape of `x`, or of what a stream gives first."""
    return x.first_shape() if isinstance(x, Stream) else np.asarray(x).shape


def sources(asked: Asked, fitting: Fitting) -> tuple[Source, Source | None]:
    """What to train on, and what to validate on, if anything.

    Raises
    ------
    ValueError, TypeError
        Something does not fit.
    """
    batch_size = checked_batch_size(asked.batch_size)
    class_weight = check_class_weight(asked.class_weight, fitting.classes)
    validation_split = share("validation_split", asked.validation_split)
    if isinstance(asked.x, Stream):
        _expect_none_beside_stream(asked)
        return StreamSource(asked.x, fitting, class_weight), _validation(asked, fitting, batch_size)
    samples = check_samples(asked.x, asked.y, fitting, sample_weight=asked.sample_weight)
    validation: Source | None
    if validation_split and asked.validation_data is None:
        samples, last = split_off(samples, validation_split)
        validation = ArraySource(last, batch_size, False, asked.validation_steps)
    else:
        validation = _validation(asked, fitting, batch_size)
        if isinstance(validation, ArraySource):
            warn_of_other_scale(samples.x, validation.samples.x)
    samples = weighed(samples, class_weight, fitting)
    return ArraySource(samples, batch_size, bool(asked.shuffle), asked.steps_per_epoch), validation


def split_off(samples: Samples, validation_split: float) -> tuple[Samples, Samples]:
    """The first samples and the last; as in Keras, the first are the whole part of (1 - validation_split) * N."""
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


def _validation(asked: Asked, fitting: Fitting, batch_size: int) -> Source | None:
    data, steps = asked.validation_data, asked.validation_steps
    if data is None:
        return None
    if isinstance(data, Iterable) and not isinstance(data, (tuple, list, str, bytes)):
        stream = Stream(data, None if steps is None else positive_integer("validation_steps", steps))
        if stream.running is not None and stream.steps is None:
            raise ValueError("Expected validation_steps beside an iterator as validation_data, received None.")
        return StreamSource(stream, fitting, what="validation data")
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        described = f"{len(data)} of them" if isinstance(data, (tuple, list)) else type(data).__name__
        raise ValueError(f"Expected validation_data as (x, y) or (x, y, sample_weight), received {described}.")
    weights = data[2] if len(data) == 3 else None
    samples = check_samples(data[0], data[1], fitting, "validation ", weights)
    return ArraySource(samples, batch_size, False, steps)


def _expect_none_beside_stream(asked: Asked) -> None:
    """Batches that are made by somebody else have their size, order and weights already."""
    given = {
        "batch_size": asked.batch_size is not None,
        "sample_weight": asked.sample_weight is not None,
        "validation_split": bool(asked.validation_split),
    }
    for name, is_given in given.items():
        if is_given:
            raise ValueError(
                f"Expected no {name} beside batches of (x, y), received {getattr(asked, name)!r}; what gives the "
                f"batches decides it: (x, y, sample_weight) has weights, and validation_data may be given."
            )
