"""Grad-CAM: where the feature maps of a convolution speak for a class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.inspection.arguments import built_model, layer_index, one_image
from scratchcnn.inspection.attribution.class_activation_data import GradCAMData
from scratchcnn.inspection.attribution.class_score import class_gradient, class_to_watch
from scratchcnn.inspection.attribution.covering import image_size
from scratchcnn.inspection.text.layout import facts, wrap
from scratchcnn.inspection.text.sketch import sketch
from scratchcnn.layers import Conv2D, Layer
from scratchcnn.preprocessing.resize import resize
from scratchcnn.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LISTED = 3  # filters of each sign in the text
TRUSTED = 0.5  # share of the gradient that the means must keep, or the text warns


@dataclass(frozen=True, eq=False)
class GradCAM(GradCAMData):
    """What `grad_cam` found.

    Attributes
    ----------
    image : (H, W, C) or (H, W), as it was given
    label : int
        The class.
    probabilities : float64 (classes,)
        What the model gives the image.
    logit : float
        Of the class.
    layer : str
        Name of the layer whose feature maps are weighed.
    features : (OH, OW, F), the model's dtype
        Those maps, after the layer's activation.
    gradient : (OH, OW, F), the model's dtype
        Of the logit by each number of the maps.
    weights : (F,), the model's dtype
        Of each map: the mean of its gradient over its positions.
    evidence : (OH, OW), the model's dtype
        The weighted sum of the maps. Above 0 speaks for the class, below 0 against it.
    map : float32 (H, W)
        max(evidence, 0), enlarged to the image.
    """

    def __str__(self) -> str:
        rows, columns, filters = self.features.shape
        limit, least = max(0.0, float(self.evidence.max())), min(0.0, float(self.evidence.min()))
        known = [
            ("model's answer", f"{self.answer} ({self.probabilities[self.answer]:.1%})"),
            ("class", f"{self.label} ({self.probabilities[self.label]:.1%}, logit {self.logit:.4g})"),
            ("layer", f"{self.layer!r}, {filters} feature map{'s' * (filters > 1)} of {rows} × {columns}"),
            ("evidence", f"from {least:.3g} (against the class) to {limit:.3g} (for it)"),
            ("greatest weights", self._listed(np.argsort(-self.weights, kind="stable"), 1)),
            ("least weights", self._listed(np.argsort(self.weights, kind="stable"), -1)),
            ("kept by the means", f"{self.kept:.0%} of the gradient{self._warned()}"),
        ]
        lines = [f"Grad-CAM: where the feature maps of {self.layer!r} speak for class {self.label}", ""]
        lines += [*facts(known), ""]
        if limit > 0:
            lines += [
                f"The image, and the evidence for the class (9: near {limit:.3g}, the most; 1: a tenth of that).",
                "",
            ]
            lines += [*sketch(self.image, self.map, float(self.map.max())), ""]
        else:
            lines += ["There is no evidence above 0: at no place does this layer speak for the class.", ""]
        lines += wrap(
            "Each map is weighted by the mean gradient of the logit. Of their sum only what is above 0 is kept "
            "(ReLU), as what speaks against this class speaks for others. Weakness: the map is coarse, and "
            "stretched to the image without asking which pixels each position saw; and one weight cannot tell "
            "where a filter helps from where it harms (Selvaraju et al. 2017, section 3)."
        )
        return "\n".join(lines)

    def _warned(self) -> str:
        """What it means that the means keep little."""
        if self.kept >= TRUSTED:
            return ""
        return ": it differs from place to place, as before a Flatten, and cancels; .by_position takes no means"

    def _listed(self, order: npt.NDArray[np.int64], sign: int) -> str:
        """The first filters of an order whose weight has that sign."""
        found = [int(f) for f in order[:LISTED] if sign * self.weights[f] > 0]
        return ", ".join(f"filter {f} ({self.weights[f]:+.3g})" for f in found) or "none"

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the map over the image; write it to a file if one is named. Errors as `plots.save`."""
        from scratchcnn.inspection.attribution.class_activation_figure import plot_grad_cam

        return plot_grad_cam(self, to_file)


def grad_cam(
    model: Sequential, image: npt.ArrayLike, label: int | None = None, layer: str | int | Layer | None = None
) -> GradCAM:
    """Weigh the feature maps of a convolution by how much the class's logit grows with them.

        weight[f] = mean over oy, ox of d logit / d features[oy, ox, f]
        evidence[oy, ox] = sum over f of weight[f] * features[oy, ox, f]
        map = max(evidence, 0), enlarged to the image

    Parameters
    ----------
    model : Sequential
        Built, on images (H, W, C).
    image : array-like
        One image, as the model takes it; without the channel axis if there is one channel.
    label : int, optional
        The class; default: what the model takes the image for.
    layer : str, int or Layer, optional
        The layer whose outputs (OH, OW, F) are weighed, by name, place or itself; default: the last Conv2D.

    Returns
    -------
    GradCAM
        `print` it; `plot('grad_cam.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        The model is not built or has no Conv2D; a layer that is not there or gives no feature maps; not one image; no
        such class.

    Notes
    -----
    One forward and one backward pass, dropout off. Enlarging is linear interpolation, edge to edge.

    References
    ----------
    Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization", section
    3, equations 1 and 2.

    Examples
    --------
    >>> from scratchcnn.layers import Conv2D, Dense, Flatten
    >>> model = Sequential([Conv2D(2, 3, input_shape=(6, 5, 1)), Flatten(), Dense(3, "softmax")], seed=0)
    >>> found = grad_cam(model, np.eye(6, 5), label=2)
    >>> found.layer, found.evidence.shape, found.map.shape
    ('conv2d', (4, 3), (6, 5))
    """
    model = built_model(model, "grad_cam")
    place = _feature_layer(model, layer)
    height, width = image_size(model, "grad_cam")
    batch = one_image(model, image)
    probabilities, label = class_to_watch(model, batch, label)
    logit, features, gradient = class_gradient(model, batch, label, "logit", place)
    weights = gradient.mean(axis=(0, 1))  # (F,)
    evidence = features @ weights
    enlarged = resize(np.maximum(evidence, 0).astype(np.float32), height, width)
    name = str(model.layers[place].name)
    return GradCAM(batch[0].copy(), label, probabilities, logit, name, features, gradient, weights, evidence, enlarged)


def _feature_layer(model: Sequential, layer: object) -> int:
    """The place of the layer asked for, or of the last Conv2D; it gives (OH, OW, F)."""
    if layer is None:
        found = [place for place, each in enumerate(model.layers) if isinstance(each, Conv2D)]
        if not found:
            raise ValueError(
                "Expected a model with a Conv2D for grad_cam, whose feature maps say where, received one without; use "
                "occlusion or input_gradient."
            )
        return found[-1]
    place = layer_index(model, layer)
    chosen = model.layers[place]
    if chosen.output_shape is None or len(chosen.output_shape) != 3:
        raise ValueError(
            f"Expected a layer that gives feature maps (OH, OW, F), received {chosen.label}, which gives "
            f"{chosen.output_shape}; choose a Conv2D or a MaxPooling2D."
        )
    return place
