"""trace: one forward and one backward pass through a model, with all intermediate values kept."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.arguments import boolean, seed_number
from scratchcnn.descriptions.words import plural
from scratchcnn.display.blocks import Block, Paragraph, Table, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.arguments import built_model, place_among, sample_shape
from scratchcnn.inspection.text.numbers import BYTE_UNITS, FLOP_UNITS, scaled, short
from scratchcnn.inspection.tracing import passes
from scratchcnn.inspection.tracing.layer_trace import LayerTrace, Seconds
from scratchcnn.losses import Loss
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input, check_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST_NAME = 20  # characters; the table then fits into 120
BACKWARD = ("ms back", "|grad|")
LEGEND = (
    "output: shape for one sample; flops: of the forward pass, as the formula is written; memory: of the output; ms: "
    "milliseconds of the forward pass{back}; zeros, mean, std: fraction of zeros, mean and standard deviation of the "
    "output{gradient}."
)


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Displayed):
    """All intermediate values of one pass; `print` shows a table, `trace['conv2d']` is the trace of one layer.

    Attributes
    ----------
    model : Sequential  the model itself; the layers hold copies of its parameters, which do not change with training
    x : (N, *input_shape)  a copy of the images, in the model's dtype
    y : array or None  a copy of the labels
    targets : (N, classes) or None  the labels as rows, in the form in which the loss uses them
    layers : list of LayerTrace  in the model's order; iterating over the trace iterates over them
    losses : (N,) or None  loss of each sample (of a cross-entropy, in nats), without the penalties of regularizers
    probabilities : (N, J)
        The output of the last layer; with labels, the predictions of the loss: if the model ends in logits, their
        softmax.
    training : bool  whether dropout was active and BatchNormalization used the statistics of the batch
    loss_function : Loss or None
        The loss that the model was compiled with; it includes softmax if it does so in `fit`.
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
        """Mean loss of the batch, without the penalties of regularizers; None without labels."""
        return None if self.losses is None else float(self.losses.mean(dtype=np.float64))

    @property
    def names(self) -> list[str]:
        """The names of the layers."""
        return [layer.name for layer in self.layers]

    def __getitem__(self, layer: str | int) -> LayerTrace:
        """Return the layer of that name or index; the ValueError for an unknown one suggests the nearest name."""
        return self.layers[place_among(self.names, layer)]

    def __iter__(self) -> Iterator[LayerTrace]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def plot(self, to_file: str | os.PathLike[str] | None = None, sample: int = 0, maps: int = 64) -> Figure:
        """Draw up to `maps` feature maps of each layer for one image; write them to a file if a path is given.

        ValueError if there is no such sample; or as for `plots.save`, like OSError.
        """
        from scratchcnn.inspection.tracing.figure import plot_trace

        return plot_trace(self.layers, self.probabilities, to_file, sample, maps)

    def blocks(self) -> Iterable[Block]:
        """Return the title, the table of layers, and the meaning of its columns."""
        count, shape = len(self.x), " x ".join(map(str, self.x.shape[1:]))
        title = (
            f"Trace of {self.model.name!r}: {plural(count, 'sample')} of {shape}, {self.x.dtype}, engine "
            f"{self.model.engine!r}, dropout {'on' if self.training else 'off'}"
        )
        if any(layer.layer.statistics for layer in self.layers):
            title += ", statistics of the batch" if self.training else ", moving averages"
        loss = "" if self.loss is None else f", loss {self.loss:.6g}"
        return [Title(title + loss), *_table_of_layers(self.layers)]

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
    """Run a forward pass and, given labels, a backward pass, and keep all intermediate values.

    All values have the same bits as in `fit`. The model is not changed.

    Parameters
    ----------
    model : Sequential
        Built; and compiled, if there are labels.
    x : (N, *input_shape), integers or floats
        One image is a batch of one: x[None].
    y : (N,) integers or (N, classes) rows, optional
        As for `fit`; without them, no loss and no gradients are computed. The gradients are those of the loss of the
        samples; regularizers are left out.
    training : bool, default False
        Whether dropout is active and BatchNormalization uses the statistics of the batch, as in `fit`.
    rng : Generator or int, optional
        Random generator of dropout, or a seed for it. Default: a copy of the model's own generator, so that the trace
        shows the model's next training step.

    Raises
    ------
    TypeError, ValueError
        Not a Sequential, or not built; x or y do not fit; `training` is not a bool.
    RuntimeError
        Labels for a model that is not compiled.

    Notes
    -----
    The passes run twice, with the same random numbers, and the second run is kept and timed: the first call of a kernel
    in a process also compiles or loads it.

    Cost: memory of about 3 times the outputs of all layers, and as much again with labels. The gradient w.r.t. the
    images, which `fit` does not need, is computed too.

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
    training = boolean("training", training)
    generator = _generator(model, training, rng)
    if y is None:
        images, targets = as_input(check_images(x, input_shape, model.dtype), model.dtype).copy(), None
        labels, loss, layers = None, None, model.leaf_layers
    else:
        (images, targets), trainer = model.checked_batch(x, y, "trace"), model.trainer
        images, targets, labels = images.copy(), targets.copy(), np.array(y)
        loss, layers = trainer.loss, trainer.layers
    plan = Plan(layers, model.engine, fuse=False)
    _passes(model, plan, loss, images, targets, training, copy.deepcopy(generator))  # compiles and loads the kernels
    found, losses, probabilities = _passes(model, plan, loss, images, targets, training, generator)
    found = [
        replace(each, name=unique, params={name: array.copy() for name, array in each.params.items()})
        for unique, each in zip(model.leaf_names, found, strict=True)
    ]
    return Trace(model, images, labels, targets, found, losses, probabilities, training, loss)


def _passes(
    model: Sequential, plan: Plan, loss: Loss | None, images: Array, targets: Array | None, training: bool,
    rng: np.random.Generator | None,
) -> tuple[list[LayerTrace], Array | None, Array]:  # fmt: skip
    """Return the layers after a forward pass and, if there is a loss, a backward pass; losses and probabilities."""
    layers = passes.forward(plan, images, training, rng)
    outputs = layers[-1].output
    if loss is None or targets is None:
        return layers, None, outputs
    started = time.perf_counter()
    losses, probabilities = loss.forward(outputs, targets, model.ops)
    middle = time.perf_counter()
    gradient = loss.backward(probabilities, targets, model.ops)
    of_loss = Seconds(middle - started, time.perf_counter() - middle)
    layers = passes.backward(plan, layers, gradient)
    last = model.leaf_layers[-1]
    if len(plan.layers) < len(model.leaf_layers):  # the final softmax, a layer of its own, is part of the loss
        step = LayerTrace.of_forward(last, outputs, outputs, probabilities, of_loss.forward)
        layers.append(replace(step, d_preactivation=gradient, d_input=gradient, seconds=of_loss))
    elif plan.layers[-1] is not last:  # so is the softmax of the last layer
        forward, backward = layers[-1].seconds
        seconds = Seconds(forward + of_loss.forward, (backward or 0) + (of_loss.backward or 0))
        layers[-1] = replace(layers[-1], layer=last, output=probabilities, d_output=None, seconds=seconds)
    return layers, losses, probabilities


def _generator(model: Sequential, training: bool, rng: np.random.Generator | int | None) -> np.random.Generator | None:
    """Return the random generator of dropout: never the model's own, so that its training is not affected."""
    if not training:
        return None
    if isinstance(rng, np.random.Generator):
        return rng
    return copy.deepcopy(model.generators["dropout"]) if rng is None else np.random.default_rng(seed_number(rng))


def _table_of_layers(layers: Sequence[LayerTrace]) -> Iterator[Block]:
    """Yield the table, one row for each layer, and the meaning of its columns."""
    labels, convolutions = layers[0].seconds.backward is not None, any(layer.algorithm is not None for layer in layers)
    rows = [_cells(layer) for layer in layers]
    heads = [head for head in rows[0] if (labels or head not in BACKWARD) and (convolutions or head != "algorithm")]
    left = [heads.index(head) for head in heads if head in ("layer", "output", "algorithm")]
    yield Table(heads, [[row[head] for head in heads] for row in rows], left)
    back, gradient = ("; ms back: of the backward pass", "; |grad|: L2 norm of the gradient w.r.t. its parameters")
    yield Paragraph(LEGEND.format(back=back * labels, gradient=gradient * labels))


def _cells(layer: LayerTrace) -> dict[str, str]:
    """Return one row: the heads of the columns, and the text of each."""
    name, seconds = layer.name, layer.seconds
    return {
        "layer": name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…",
        "output": " x ".join(map(str, layer.shapes.output[1:])),
        "params": f"{layer.parameter_count:,}",
        "flops": scaled(layer.flops, FLOP_UNITS, 1000),
        "memory": scaled(layer.bytes, BYTE_UNITS, 1024),
        "ms": f"{1000 * seconds.forward:.2f}",
        "ms back": "-" if seconds.backward is None else f"{1000 * seconds.backward:.2f}",
        "zeros": f"{layer.zeros:.0%}",
        "mean": short(layer.mean),
        "std": short(layer.spread),
        "|grad|": short(layer.gradient_norm),
        "algorithm": "" if layer.algorithm is None else layer.algorithm.forward,
    }
