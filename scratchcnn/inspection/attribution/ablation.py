"""Filter ablation: what a model loses without each of a layer's filters in turn."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import positive_integer
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.arguments import built_model, class_count, layer_index, sample_shape
from scratchcnn.inspection.attribution.ablation_data import Counts, FilterAblationData, Numbers
from scratchcnn.inspection.attribution.class_score import logit_layers
from scratchcnn.inspection.text.layout import facts, wrap
from scratchcnn.inspection.text.numbers import points
from scratchcnn.layers import Conv2D, Layer
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.mistakes import check_classes
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input, check_images
from scratchcnn.training.inference import predict_batch

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FIRST, LAST = 12, 6  # filters in the text: those that matter most, and least


@dataclass(frozen=True, eq=False)
class FilterAblation(FilterAblationData):
    """What `filter_ablation` found, filter by filter.

    Attributes
    ----------
    layer : str
        The layer's name.
    kind : str
        'filter' for a Conv2D, else 'unit'.
    images : int64 (classes,)
        How many images of each class were looked at.
    loss, accuracy : float
        Of the whole model on them: mean cross-entropy in nats, share of right answers.
    losses : float64 (F,)
        The loss without each filter.
    right : int64 (F, classes)
        How many images of each class are answered right without each filter.
    right_before : int64 (classes,)
        The same of the whole model.
    active : float64 (F,)
        The share of the filter's outputs that are not 0: 0 is a dead filter.
    """

    def __str__(self) -> str:
        count, kind = int(self.images.sum()), self.kind
        idle, better = int((self.rises == 0).sum()), int((self.rises < 0).sum())
        known = [
            ("images", f"{count:,}; one of them is {100 / count:.3g} points of accuracy"),
            ("whole model", f"loss {self.loss:.4f}, accuracy {self.accuracy:.2%}"),
            ("does nothing", f"{idle} of {len(self.losses)} {kind}s: the loss is the same to the bit without them"),
            ("does harm", f"{better} of {len(self.losses)} {kind}s: the loss is lower without them"),
        ]
        lines = [f"Ablation: what the model loses without each {kind} of {self.layer!r}", "", *facts(known), ""]
        lines += [*self._table(), ""]
        lines += wrap(
            f"Ablated means that the {kind}'s output is 0, after the activation; for ReLU, a kernel and bias of "
            f"zero give the same. Weakness: one {kind} at a time: two that do the same cover for each other, and "
            "both look useless. And the ranking is that of these images: with few of them, small differences are "
            "chance."
        )
        return "\n".join(lines)

    def _table(self) -> list[str]:
        """One line for each filter in order; of many, the first and the last."""
        lines = [
            f"{'rank':>4}{self.kind:>8}{'loss':>10}{'rise':>10}{'accuracy':>10}{'points':>8}{'active':>8}   hit most"
        ]
        for rank, number in enumerate(self.order.tolist()):
            if FIRST <= rank < len(self.losses) - LAST and len(self.losses) > FIRST + LAST + 1:
                if rank == FIRST:
                    lines.append(f"{'…':>4}   {len(self.losses) - FIRST - LAST} more between")
                continue
            change = points(float(self.accuracies[number]) - self.accuracy, sign=True)
            lines.append(
                f"{rank + 1:>4}{number:>8}{self.losses[number]:>10.4f}{self.rises[number]:>+10.4f}"
                f"{self.accuracies[number]:>10.2%}{change:>8}{self.active[number]:>8.1%}   {self._hit_most(number)}"
            )
        return lines

    def _hit_most(self, number: int) -> str:
        """The class whose recall falls most without a filter."""
        falls = self.recall_falls[number]
        worst = int(np.nanargmax(falls))
        return f"class {worst}, recall −{points(float(falls[worst]))} points" if falls[worst] > 0 else "no class"

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the rise of the loss and the fall of each class's recall; write it to a file if one is named.

        Errors as `plots.save`.
        """
        from scratchcnn.inspection.attribution.ablation_figure import plot_filter_ablation

        return plot_filter_ablation(self, to_file)


def filter_ablation(
    model: Sequential, layer: str | int | Layer, x: npt.ArrayLike, y: npt.ArrayLike, *, batch_size: int = 128
) -> FilterAblation:
    """Set the output of each filter of a layer to zero in turn, and measure loss and accuracy.

    Parameters
    ----------
    model : Sequential
        Built. It is not changed: what is zeroed is a copy of the layer's output.
    layer : str, int or Layer
        By name, place or itself: a Conv2D, or any other but the last; of a Dense, each unit is zeroed in turn.
    x : array-like (N, *input_shape)
        Images, as the model takes them.
    y : array-like of integers (N,)
        Their class numbers.
    batch_size : int, default 128
        Images at once; loss and accuracy do not depend on it but for rounding.

    Returns
    -------
    FilterAblation
        `print` it; `plot('ablation.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        The model is not built; a layer that is not there, or the last one; images or labels that do not fit.

    Notes
    -----
    The layer's output is computed once, and the layers after it F + 1 times. Dropout is off. A filter is zeroed after
    its activation: for ReLU and linear layers that is the same as a kernel and bias of zero, and for an activation
    with activation(0) != 0 it is not.

    References
    ----------
    Morcos et al. 2018, "On the importance of single directions for generalization", section 3.

    Examples
    --------
    >>> from scratchcnn.layers import Conv2D, Dense, Flatten
    >>> model = Sequential([Conv2D(4, 3, input_shape=(6, 5, 1)), Flatten(), Dense(3, "softmax")], seed=0)
    >>> filter_ablation(model, "conv2d", np.eye(6, 5)[None, ..., None], [2]).losses.shape
    (4,)
    """
    model = built_model(model, "filter_ablation")
    classes, layers = class_count(model), logit_layers(model)
    place = _ablated_layer(model, layer, len(layers))
    before, after = (Plan(part, model.engine) for part in (layers[: place + 1], layers[place + 1 :]))
    images = check_images(x, sample_shape(model), model.dtype)
    labels = check_classes("y", y, classes)
    if len(labels) != len(images):
        raise ValueError(f"Expected one label for each of the {len(images)} images, received {len(labels)} in y.")
    batch_size = positive_integer("batch_size", batch_size)
    totals: list[tuple[Numbers, Counts, Numbers]] = []
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        features = predict_batch(before, as_input(images[rows], model.dtype))
        totals.append(_of_batch(features, after, labels[rows], classes))
    losses, right, active = (sum(parts) for parts in zip(*totals, strict=True))
    assert isinstance(losses, np.ndarray)
    assert isinstance(right, np.ndarray)
    assert isinstance(active, np.ndarray)
    count, chosen = len(images), model.layers[place]
    return FilterAblation(
        str(chosen.name), "filter" if isinstance(chosen, Conv2D) else "unit",
        np.bincount(labels, minlength=classes).astype(np.int64), float(losses[0] / count),
        float(right[0].sum() / count), losses[1:] / count, right[1:], right[0], active / count,
    )  # fmt: skip


def _ablated_layer(model: Sequential, layer: object, logit_layers: int) -> int:
    """The place of the layer asked for, after which there is another that its output goes into."""
    place = layer_index(model, layer)
    if place >= logit_layers - 1:
        raise ValueError(
            f"Expected a layer before the last, received {model.layers[place].label}, whose outputs are the answer; "
            f"choose for example {model.layers[0].name!r}."
        )
    return place


def _of_batch(features: Array, after: Plan, labels: Counts, classes: int) -> tuple[Numbers, Counts, Numbers]:
    """Return the sum of the losses (1 + F,), correct answers by class (1 + F, classes), sum of active fractions (F,).

    The first row is that of the whole model; `after` are the layers after the ablated one.
    """
    loss = SparseCategoricalCrossentropy(from_logits=True)
    targets = loss.encode(labels, (classes,), features.dtype)
    losses, right = [], []
    for changed in _each_without_one(features):
        of_samples, probabilities = loss.forward(predict_batch(after, changed), targets, after.ops)
        losses.append(of_samples.sum(dtype=np.float64))
        right.append(np.bincount(labels[probabilities.argmax(axis=1) == labels], minlength=classes))
    nonzero = (features != 0).mean(axis=tuple(range(1, features.ndim - 1)), dtype=np.float64)  # (N, F)
    return np.array(losses), np.array(right, np.int64), nonzero.sum(axis=0)


def _each_without_one(features: Array) -> Iterator[Array]:
    """The features as they are, then copies with one channel of the last axis zero."""
    yield features
    for channel in range(features.shape[-1]):
        changed = features.copy()
        changed[..., channel] = 0
        yield changed
