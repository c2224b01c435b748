"""Filter ablation: the loss and accuracy of a model when each filter of a layer is set to zero in turn."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import positive_integer
from scratchcnn.display.blocks import Block, Facts, Paragraph, Table, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.arguments import built_model, class_count, layer_index, sample_shape
from scratchcnn.inspection.attribution.prediction import logit_layers
from scratchcnn.inspection.text.numbers import points
from scratchcnn.layers import Layer
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.mistakes import check_classes
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input, check_images
from scratchcnn.training.inference import predict_batch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

FIRST, LAST = 12, 6  # number of the most and of the least important filters in the text


@dataclass(frozen=True, eq=False, repr=False)
class FilterAblation(Displayed):
    """Result of `filter_ablation`.

    Attributes
    ----------
    layer : str                      its name
    kind : str                       'filter' if the layer has feature maps, else 'unit'
    images : int64 (classes,)        number of images of each class
    loss, accuracy : float           of the whole model: mean cross-entropy in nats, fraction of correct predictions
    losses : float64 (F,)            the loss when each filter is zeroed
    right : int64 (F, classes)       correct predictions for each class when each filter is zeroed
    right_before : int64 (classes,)  correct predictions for each class of the whole model
    active : float64 (F,)            fraction of nonzero outputs of each filter; 0 for a dead filter
    """

    layer: str
    kind: str
    images: Counts
    loss: float
    accuracy: float
    losses: Values
    right: Counts
    right_before: Counts
    active: Values

    @property
    def rises(self) -> Values:
        """Increase of the loss when each filter is zeroed, (F,); negative where the model improves."""
        return self.losses - self.loss

    @property
    def accuracies(self) -> Values:
        """Accuracy when each filter is zeroed, (F,)."""
        return self.right.sum(axis=1) / self.images.sum()

    @property
    def recall(self) -> Values:
        """Recall of each class of the whole model, (classes,); NaN for a class without images."""
        return self.right_before / np.where(self.images > 0, self.images, np.nan)

    @property
    def recall_falls(self) -> Values:
        """Decrease of each class's recall when each filter is zeroed, (F, classes); NaN for a class without images."""
        return (self.right_before - self.right) / np.where(self.images > 0, self.images, np.nan)

    @property
    def order(self) -> Counts:
        """Filter indices in order of decreasing increase of the loss, (F,)."""
        return np.argsort(-self.rises, kind="stable").astype(np.int64)

    def blocks(self) -> list[Block]:
        """Return the title, facts, the table of filters, and a note."""
        count, kind, filters = int(self.images.sum()), self.kind, len(self.losses)
        same, better = int((self.rises == 0).sum()), int((self.rises < 0).sum())
        known = [
            ("images", f"{count:,}; a single one is {100 / count:.3g} points of accuracy"),
            ("whole model", f"loss {self.loss:.4f}, accuracy {self.accuracy:.2%}"),
            ("no effect", f"{same} of {filters} {kind}s: the loss is exactly the same"),
            ("harmful", f"{better} of {filters} {kind}s: the loss is lower without them"),
        ]
        note = (
            f"Ablation sets the output of the {kind} to zero, after the activation; for ReLU this is equivalent to a "
            f"kernel and bias of zero. Limitations: only one {kind} is ablated at a time, so that two redundant ones "
            "both appear unimportant; and with few images, small differences are not significant."
        )
        title = f"Ablation: loss and accuracy without each {kind} of {self.layer!r}"
        rows = []
        for rank, f in enumerate(self.order.tolist(), start=1):
            change = points(float(self.accuracies[f]) - self.accuracy, sign=True)
            worst = int(np.nanargmax(self.recall_falls[f]))
            fall = float(self.recall_falls[f, worst])
            rows.append([
                str(rank), str(f), f"{self.losses[f]:.4f}", f"{self.rises[f]:+.4f}",
                f"{self.accuracies[f]:.2%}", f"{change} points", f"{self.active[f]:.1%}",
                f"class {worst}: recall -{points(fall)} points" if fall > 0 else "none",
            ])  # fmt: skip
        if len(rows) > FIRST + LAST + 1:
            rows[FIRST:-LAST] = [["…", f"{len(rows) - FIRST - LAST} more", *[""] * 6]]
        heads = ["rank", kind, "loss", "increase", "accuracy", "change", "active", "most affected class"]
        return [Title(title), Facts(known), Table(heads, rows, left=(7,)), Paragraph(note)]

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw loss and recall without each filter; write them to `to_file`, if given, as `plots.save`."""
        from scratchcnn.inspection.attribution.figure import plot_ablation

        title, order = f"Ablation: each {self.kind} of {self.layer!r} set to zero", self.order
        falls = self.recall_falls[order]
        return plot_ablation(title, self.kind, order, self.losses[order], self.loss, falls, self.recall, to_file)


def filter_ablation(
    model: Sequential, layer: str | int | Layer, x: npt.ArrayLike, y: npt.ArrayLike, *, batch_size: int = 128
) -> FilterAblation:
    """Set the output of each filter of a layer to zero in turn, and measure loss and accuracy.

    The layer's output is computed once, and the layers after it F + 1 times. Dropout is off. A filter is zeroed after
    its activation: for ReLU and linear layers this is equivalent to a kernel and bias of zero, for an activation with
    activation(0) != 0 it is not. The model is not changed.

    Parameters
    ----------
    model : Sequential
        Built.
    layer : str, int or Layer
        Name, index or the layer itself: a Conv2D, or any other but the last; of a Dense, each unit is zeroed in turn.
    x, y : array-like (N, *input_shape), (N,)
        Images, as for `predict`, and their classes.
    batch_size : int, default 128
        Number of images processed at once; it affects the result only by rounding.

    Returns
    -------
    FilterAblation
        `print` it; `plot('ablation.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        The model is not built; a layer that does not exist, or the last one; images or labels that do not fit.

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
    place = layer_index(model, layer)
    if place >= len(layers) - 1:
        raise ValueError(
            f"Expected a layer before the last, received {model.leaf_layers[place].label}, whose outputs are the "
            f"predictions; choose for example {model.leaf_names[0]!r}."
        )
    before, after = (Plan(part, model.engine) for part in (layers[: place + 1], layers[place + 1 :]))
    images = check_images(x, sample_shape(model), model.dtype)
    labels = check_classes("y", y, classes)
    if len(labels) != len(images):
        raise ValueError(f"Expected one label for each of the {len(images)} images, received {len(labels)} in y.")
    batch_size = positive_integer("batch_size", batch_size)
    count, chosen = len(images), model.leaf_layers[place]
    shape = chosen.output_shape or ()
    filters = shape[-1]
    # The first of the losses and of the correct predictions is that of the whole model.
    losses, right, active = np.zeros(1 + filters), np.zeros((1 + filters, classes), np.int64), np.zeros(filters)
    loss = SparseCategoricalCrossentropy(from_logits=True)
    for start in range(0, count, batch_size):
        rows = slice(start, start + batch_size)
        features = predict_batch(before, as_input(images[rows], model.dtype))  # (N, ..., F)
        active += (features != 0).mean(axis=tuple(range(1, features.ndim - 1)), dtype=np.float64).sum(axis=0)
        targets = loss.encode(labels[rows], (classes,), features.dtype)
        for number in range(1 + filters):
            changed = features.copy()
            if number > 0:
                changed[..., number - 1] = 0
            of_samples, probabilities = loss.forward(predict_batch(after, changed), targets, after.ops)
            losses[number] += of_samples.sum(dtype=np.float64)
            correct = probabilities.argmax(axis=1) == labels[rows]
            right[number] += np.bincount(labels[rows][correct], minlength=classes)
    return FilterAblation(
        model.leaf_names[place], "filter" if len(shape) == 3 else "unit",
        np.bincount(labels, minlength=classes).astype(np.int64), float(losses[0] / count),
        float(right[0].sum() / count), losses[1:] / count, right[1:], right[0], active / count,
    )  # fmt: skip
