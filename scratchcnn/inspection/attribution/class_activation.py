"""Grad-CAM: the regions of the image where the feature maps of a convolution support a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scratchcnn.descriptions.words import plural
from scratchcnn.display.blocks import Block, Facts, Paragraph, Title
from scratchcnn.inspection.arguments import layer_index
from scratchcnn.inspection.attribution.image_result import Drawing, ImageResult, Map
from scratchcnn.inspection.attribution.prediction import Probabilities, checked_inputs
from scratchcnn.inspection.attribution.receptive_field import Coordinates, convolutions, field_centers, interpolate
from scratchcnn.inspection.attribution.saliency import class_gradient
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

LISTED = 3  # filters of each sign in the text
RELIABLE = 0.5  # fraction of the gradient that averaging must keep, or the text warns


@dataclass(frozen=True, eq=False, repr=False)
class GradCAM(ImageResult):
    """Result of `grad_cam`; `image`, `label` and `answer` as in `ImageResult`.

    Attributes
    ----------
    probabilities : float64 (classes,)     of the image
    logit : float                          of the class
    layer : str                            its name
    rows, columns : float64 (OH,), (OW,)   receptive-field centers of its positions; 0 is the center of the first pixel
    features : (OH, OW, F)                 feature maps of the layer, after its activation, in the model's dtype
    gradient : (OH, OW, F)                 of the logit w.r.t. each element of the feature maps
    weights : (F,)                         mean of the gradient over the positions of each feature map
    evidence : (OH, OW)                    weighted sum of the feature maps: positive for the class, negative against it
    map : float32 (H, W)                   max(evidence, 0), interpolated linearly between the receptive-field centers
    """

    probabilities: Probabilities
    logit: float
    layer: str
    rows: Coordinates
    columns: Coordinates
    features: Array
    gradient: Array
    weights: Array
    evidence: Array
    map: Array

    @property
    def by_position(self) -> Array:
        """Gradient × features, summed over the feature maps: (OH, OW). The gradient is not averaged over the positions.

        This is HiResCAM (Draelos & Carin 2020). Before Flatten and one Dense, its sum is the logit without the bias.
        """
        return (self.gradient * self.features).sum(axis=2)

    @property
    def kept(self) -> float:
        """Fraction of the gradient that averaging keeps: sum of |weights| / sum of the mean |gradient|, from 0 to 1."""
        whole = float(np.abs(self.gradient).mean(axis=(0, 1), dtype=np.float64).sum())
        return float(np.abs(self.weights).sum(dtype=np.float64)) / whole if whole > 0 else 1.0

    def blocks(self) -> list[Block]:
        """Return the title, facts, the map, and a note."""
        (height, width, filters), rows, columns = self.features.shape, self.rows, self.columns
        low, high = min(0.0, float(self.evidence.min())), max(0.0, float(self.evidence.max()))
        warning = (
            "" if self.kept >= RELIABLE else ": it varies over the positions, as before a Flatten, and cancels; "
            ".by_position uses it without averaging"
        )  # fmt: skip
        centers = f"rows {rows[0]:g} to {rows[-1]:g}, columns {columns[0]:g} to {columns[-1]:g}"
        known = [
            *self._classes(self.probabilities),
            ("logit of the class", f"{self.logit:.4g}"),
            ("layer", f"{self.layer!r}, {plural(filters, 'feature map')} of {height} × {width}"),
            ("centers", f"of the receptive fields: {centers}"),
            ("evidence", f"from {low:.3g} (against the class) to {high:.3g} (for it)"),
            ("largest weights", self._listed(np.argsort(-self.weights, kind="stable"), 1)),
            ("smallest weights", self._listed(np.argsort(self.weights, kind="stable"), -1)),
            ("kept by averaging", f"{self.kept:.0%} of the gradient{warning}"),
        ]
        shown: list[Block] = [Paragraph("There is no positive evidence: this layer supports the class nowhere.")]
        if high > 0:
            shown = self._sketch(self.map, "the evidence for the class", f"{self.map.max():.3g}")
        note = (
            "Each feature map is weighted by the mean gradient of the logit w.r.t. it. Only the positive part of the "
            "sum is kept (ReLU), as negative evidence belongs to other classes. Limitations: the map is as coarse as "
            "the layer, as it is interpolated between the centers of its receptive fields; and a single weight cannot "
            "distinguish where a filter supports the class from where it opposes it (Selvaraju et al. 2017, section 3)."
        )
        title = f"Grad-CAM: where the feature maps of {self.layer!r} support class {self.label}"
        return [Title(title), Facts(known), *shown, Paragraph(note)]

    def _listed(self, order: npt.NDArray[np.int64], sign: int) -> str:
        """Return the first filters of an order whose weight has that sign."""
        found = [int(f) for f in order[:LISTED] if sign * self.weights[f] > 0]
        return ", ".join(f"filter {f} ({self.weights[f]:+.3g})" for f in found) or "none"

    def _drawing(self) -> Drawing:
        """The map, and gradient × features by position."""
        by_position = "gradient × features, {} × {}".format(*self.by_position.shape)
        maps = [
            Map(self.map, "Grad-CAM" if self.map.any() else "no positive evidence", "evidence", signed=False),
            Map(self.by_position, by_position, "contribution to the logit", rows=self.rows, columns=self.columns),
        ]
        title = f"Grad-CAM: evidence of {self.layer!r} for class {self.label} ({self.probabilities[self.label]:.1%})"
        return title, self._caption(self.probabilities), maps, None


def grad_cam(
    model: Sequential, image: npt.ArrayLike, label: int | None = None, layer: str | int | Layer | None = None
) -> GradCAM:
    """Weight the feature maps of a convolution by the mean gradient of a class's logit, and map their sum to the image.

        weight[f] = mean over oy, ox of d logit / d features[oy, ox, f]
        evidence[oy, ox] = sum over f of weight[f] * features[oy, ox, f]
        map[y, x] = max(evidence, 0), interpolated between the receptive-field centers

    Between the centers the map is linear; pixels beyond the outermost centers have the value of the nearest position,
    whose receptive field reaches over them. One forward and one backward pass, dropout off.

    Parameters
    ----------
    model : Sequential
        Built, on images (H, W, C).
    image, label : array-like, int, optional
        One image, as for `predict`, without the batch axis; the class of interest, by default the predicted class.
    layer : str, int or Layer, optional
        Its output is (OH, OW, F); by name, index or the layer itself. Default: the last convolution.

    Returns
    -------
    GradCAM
        `print` it; `plot('grad_cam.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        As `predict`; a model without Conv2D; a layer that does not exist or has no feature maps; no such class.

    References
    ----------
    Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization".

    Examples
    --------
    >>> from scratchcnn.layers import Conv2D, Dense, Flatten
    >>> model = Sequential([Conv2D(2, 3, input_shape=(6, 5, 1)), Flatten(), Dense(3, "softmax")], seed=0)
    >>> found = grad_cam(model, np.eye(6, 5), label=2)
    >>> found.layer, found.evidence.shape, found.rows.tolist(), found.map.shape
    ('conv2d', (4, 3), [1.0, 2.0, 3.0, 4.0], (6, 5))
    """
    pixels, label, answer, probabilities = checked_inputs(model, image, label, "grad_cam")
    found = convolutions(model)
    if layer is None and not found:
        raise ValueError(
            "Expected a model with a Conv2D for grad_cam, received one without; use occlusion or input_gradient."
        )
    place = found[-1] if layer is None else layer_index(model, layer)
    chosen = model.leaf_layers[place]
    if chosen.output_shape is None or len(chosen.output_shape) != 3:
        raise ValueError(
            f"Expected a layer with feature maps (OH, OW, F), received {chosen.label} with output shape "
            f"{chosen.output_shape}; choose a Conv2D or a MaxPooling2D."
        )
    rows, columns = field_centers(model, place)
    logit, features, gradient = class_gradient(model, pixels[None], label, "logit", place)
    weights = gradient.mean(axis=(0, 1))  # (F,)
    evidence = features @ weights
    placed = interpolate(np.maximum(evidence, 0), rows, columns, *pixels.shape[:2]).astype(np.float32)
    return GradCAM(
        pixels, label, answer, probabilities, logit, model.leaf_names[place], rows, columns, features, gradient,
        weights, evidence, placed,
    )  # fmt: skip
