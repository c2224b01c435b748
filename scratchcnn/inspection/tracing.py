"""trace: one forward and one backward pass through a model, with everything kept."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scratchcnn.arguments import seed_number
from scratchcnn.inspection import passes
from scratchcnn.inspection.arguments import built_model, place_among, sample_shape
from scratchcnn.inspection.layer_trace import LayerTrace, Seconds
from scratchcnn.inspection.passes import Backward, Forward
from scratchcnn.inspection.trace_table import trace_lines
from scratchcnn.layers import Conv2D, Dropout, Layer
from scratchcnn.layers.max_pooling2d import MaxPooling2DCache
from scratchcnn.losses import Loss
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input, check_images
from scratchcnn.training.step import Trainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Trace:
    """All that happened in one pass; `print` shows it as a table, `trace['conv2d']` is one layer of it.

    Attributes
    ----------
    model : Sequential
        The model itself. The trace keeps copies of its parameters, and stays true while the model goes on learning.
    x : (N, *input_shape)
        A copy of the images, in the model's dtype.
    y : array or None
        The labels as they were given.
    targets : (N, classes) or None
        The labels as rows, as the loss takes them.
    layers : list of LayerTrace
        In the model's order; the trace itself can be gone through in a loop.
    losses : (N,) or None
        Of each sample, in nats.
    loss : float or None
        Their mean.
    probabilities : (N, J)
        What came out at the end. With labels, what the loss made of it: after a model that ends in logits, their
        softmax.
    training : bool
        Whether dropout dropped.
    loss_function : Loss or None
        What the model was compiled with; with softmax as part of it, if `fit` takes it so.
    """

    model: Sequential
    x: Array
    y: Array | None
    targets: Array | None
    layers: list[LayerTrace]
    losses: Array | None
    probabilities: Array
    training: bool
    loss_function: Loss | None = None

    @property
    def loss(self) -> float | None:
        """Mean loss of the batch, in nats; None without labels."""
        return None if self.losses is None else float(self.losses.mean(dtype=np.float64))

    @property
    def names(self) -> list[str]:
        """The names of the layers."""
        return [layer.name for layer in self.layers]

    def __getitem__(self, layer: str | int) -> LayerTrace:
        """The layer of that name or number; a ValueError has the nearest name."""
        return self.layers[place_among(self.names, layer)]

    def __iter__(self) -> Iterator[LayerTrace]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def plot(self, to_file: str | os.PathLike[str] | None = None, sample: int = 0, maps: int = 64) -> Figure:
        """Draw the feature maps of every layer for one image; write them to a file if one is named.

        Parameters
        ----------
        to_file : str, path or None
        sample : int, default 0
            Which image.
        maps : int, default 64
            How many maps of a layer at most.

        Raises
        ------
        ValueError
            No such sample; or as `plots.save`, as is OSError.
        """
        from scratchcnn.plots.trace_sheet import plot_trace

        return plot_trace(self, to_file, sample, maps)

    def __str__(self) -> str:
        return "\n".join(trace_lines(self))

    def __repr__(self) -> str:
        return f"<Trace of {self.model.name!r}, {len(self.layers)} layers, batch of {len(self.x)}>"


def trace(
    model: Sequential,
    x: object,
    y: object = None,
    *,
    training: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Trace:
    """Pass a batch through a model, and with labels back again, and keep every number on the way.

    The numbers are those of `fit`: the same layers, operations and decisions (`inspection.passes`). The model is not
    changed, and learns nothing.

    Parameters
    ----------
    model : Sequential
        Built; and compiled, if there are labels.
    x : (N, *input_shape), integers or floats
        One image is a batch of one: x[None].
    y : (N,) integers or (N, classes) rows, optional
        As for `fit`; without them there is no loss and no backward pass.
    training : bool, default False
        Whether dropout drops, as in `fit`.
    rng : Generator or int, optional
        What dropout draws from, or a seed for it. Default: a copy of the model's own generator, so that the trace is
        what the model's next step of training would be.

    Returns
    -------
    Trace

    Raises
    ------
    TypeError
        Not a Sequential, or x is no numbers.
    ValueError
        The model is not built; x or y do not fit.
    RuntimeError
        Labels for a model that is not compiled.

    Notes
    -----
    Cost: memory for all that is kept, about 3 times the outputs of all layers, and as much again with labels. The
    gradient by the images, which `fit` leaves out, is computed too.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(2, activation="relu", input_shape=(3,))])
    >>> model.set_weights([[[1, -1], [1, -1], [1, -1]], [0, 0]])
    >>> found = trace(model, [[1.0, 2.0, 4.0]])
    >>> found["dense"].preactivation, found["dense"].output
    (array([[ 7., -7.]], dtype=float32), array([[7., 0.]], dtype=float32))
    """
    input_shape = sample_shape(built_model(model, "trace"))
    generator = _generator(model, training, rng)
    if y is None:
        images = as_input(check_images(x, input_shape, model.dtype), model.dtype).copy()
        steps = passes.forward(model.layers, images, model._ops, training, generator)
        layers = [_layer_trace(model, *each, None) for each in zip(model.layers, steps, strict=True)]
        return Trace(model, images, None, None, layers, None, steps[-1].output, training)
    samples, trainer = model._samples("trace", x, y), model._ready_trainer()
    images = as_input(samples.x, model.dtype).copy()
    targets = trainer.loss.encode(samples.y, trainer.classes, model.dtype)
    steps = passes.forward(trainer.layers, images, trainer.ops, training, generator)
    end = _through_loss(trainer, steps[-1].output, targets)
    back = passes.backward(trainer.layers, steps, end.gradient, trainer.ops)
    layers = _with_softmax(model, trainer.layers, steps, back, end)
    labels = samples.y.copy()
    return Trace(model, images, labels, targets, layers, end.losses, end.probabilities, training, trainer.loss)


class _End(NamedTuple):
    """What the loss made of the last output, and sent back."""

    losses: Array
    probabilities: Array
    gradient: Array
    seconds: Seconds


def _through_loss(trainer: Trainer, outputs: Array, targets: Array) -> _End:
    started = time.perf_counter()
    losses, probabilities = trainer.loss.forward(outputs, targets, trainer.ops)
    middle = time.perf_counter()
    gradient = trainer.loss.backward(probabilities, targets, trainer.ops)
    return _End(losses, probabilities, gradient, Seconds(middle - started, time.perf_counter() - middle))


def _with_softmax(
    model: Sequential, layers: Sequence[Layer], steps: list[Forward], back: list[Backward], end: _End
) -> list[LayerTrace]:
    """The traces of the model's layers, where a last softmax was part of the loss."""
    last = model.layers[-1]
    if len(layers) < len(model.layers):  # the softmax was a layer of its own
        logits = steps[-1].output
        steps = [*steps, Forward(logits, logits, end.probabilities, None, end.seconds.forward)]
        back = [*back, Backward(None, end.gradient, end.gradient, {}, end.seconds.backward or 0)]
    elif layers[-1] is not last:  # it was the last layer's activation
        seconds = steps[-1].seconds + end.seconds.forward, back[-1].seconds + (end.seconds.backward or 0)
        steps = [*steps[:-1], steps[-1]._replace(output=end.probabilities, seconds=seconds[0])]
        back = [*back[:-1], back[-1]._replace(d_output=None, seconds=seconds[1])]
    return [_layer_trace(model, *each) for each in zip(model.layers, steps, back, strict=True)]


def _layer_trace(model: Sequential, layer: Layer, step: Forward, back: Backward | None) -> LayerTrace:
    cache = step.cache
    return LayerTrace(
        layer=layer,
        name=layer.name or layer.default_name,
        kind=type(layer).__name__,
        input=step.input,
        preactivation=step.preactivation,
        output=step.output,
        d_output=None if back is None else back.d_output,
        d_preactivation=None if back is None else back.d_preactivation,
        d_input=None if back is None else back.d_input,
        params={name: array.copy() for name, array in layer.params.items()},
        gradients={} if back is None else back.gradients,
        seconds=Seconds(step.seconds, None if back is None else back.seconds),
        algorithm=layer.algorithm if isinstance(layer, Conv2D) and model.engine == "kernels" else None,
        mask=cache if isinstance(layer, Dropout) and isinstance(cache, np.ndarray) else None,
        winners=cache.winners if isinstance(cache, MaxPooling2DCache) else None,
    )


def _generator(model: Sequential, training: bool, rng: np.random.Generator | int | None) -> np.random.Generator | None:
    """Where dropout draws from: never the model's own generator, so that its training goes on as if unseen."""
    if not training:
        return None
    if isinstance(rng, np.random.Generator):
        return rng
    return copy.deepcopy(model._dropout_rng) if rng is None else np.random.default_rng(seed_number(rng))
