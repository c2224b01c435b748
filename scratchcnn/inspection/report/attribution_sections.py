"""The sections on attribution: which pixels and filters determine the prediction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.inspection.attribution.ablation import filter_ablation
from scratchcnn.inspection.attribution.class_activation import grad_cam
from scratchcnn.inspection.attribution.occlusion_map import occlusion
from scratchcnn.inspection.attribution.receptive_field import convolutions
from scratchcnn.inspection.attribution.saliency import input_gradient
from scratchcnn.inspection.attribution.shifts import pixel_shifts
from scratchcnn.inspection.report.sections import Data, Map, Section, section
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.operands import Array
from scratchcnn.page import ArrayStore
from scratchcnn.sequential import Sequential

LISTED = 12  # filters in the chart of the ablation


def attribution_sections(found: Trace, label: int | None, store: ArrayStore, evaluated: Data | None) -> list[Section]:
    """Return the sections on one class, None: the predicted one; the ablation requires images and labels."""
    arguments = found.model, found.x[0], label, store
    sections = [make(*arguments) for make in (_occlusion, _input_gradient, _grad_cam, _shifts)]
    return sections if evaluated is None else [*sections, _ablation(found.model, *evaluated)]


@section("occlusion", "Occlusion: cover a patch")
def _occlusion(model: Sequential, image: Array, label: int | None, store: ArrayStore) -> Section:
    found = occlusion(model, image, label)
    changed = int((found.answers != found.answer).sum())
    paragraphs = [
        f"A patch of {found.size[0]} × {found.size[1]} pixels is covered with background at every position, and "
        f"the model predicts each of the {found.falls.size} covered images. Orange: the probability of "
        f"{found.label} falls when these pixels are covered, so the network needs them. Blue: it rises.",
        f"The predicted class changes for {changed} of the patches.",
    ]
    maps = [_map(found.map, store, "mean fall of the probability")]
    return Section(paragraphs, "occlusion(model, image)", str(found), maps)


@section("input-gradient", "Input gradient: change a pixel slightly")
def _input_gradient(model: Sequential, image: Array, label: int | None, store: ArrayStore) -> Section:
    found = input_gradient(model, image, label)
    if found.contributions.ndim != 2:
        raise ValueError("Expected a model of images, received one whose input is a vector.")
    gradient = found.gradient.sum(axis=2) if found.gradient.ndim == 3 else found.gradient
    paragraphs = [
        f"The gradient of the {found.of} of {found.label} w.r.t. each pixel, from one backward pass: how fast the "
        "score changes when the pixel becomes brighter. Orange: it rises. Blue: it falls.",
        "The second map is gradient × pixel, the approximate contribution of each bright pixel to the score. Both "
        "maps are noisy, because a gradient describes very small changes only.",
    ]
    maps = [
        _map(gradient, store, f"gradient of the {found.of}"),
        _map(found.contributions, store, "gradient × pixel"),
    ]
    return Section(paragraphs, "input_gradient(model, image)", str(found), maps)


@section("grad-cam", "Grad-CAM: evidence in the last convolution")
def _grad_cam(model: Sequential, image: Array, label: int | None, store: ArrayStore) -> Section:
    found = grad_cam(model, image, label)
    paragraphs = [
        f"Grad-CAM weights each feature map of {found.layer} by the mean gradient of the score of {found.label} "
        "w.r.t. that map, and adds the maps up. Positive values are evidence for the class at that position. The map "
        "has the resolution of the feature maps, and is interpolated between the centers of the receptive fields."
    ]
    maps = [_map(found.map, store, "evidence for the class")]
    return Section(paragraphs, "grad_cam(model, image)", str(found), maps)


@section("shifts", "Shifts: move the image")
def _shifts(model: Sequential, image: Array, label: int | None, store: ArrayStore) -> Section:
    found = pixel_shifts(model, image, label)
    count, changed = found.answers.size - 1, int((found.answers != found.answer).sum())
    changes = f"changes at {changed} of the" if changed else "is the same at all"
    paragraphs = [
        f"The image is moved by up to {found.most} pixels in each direction. A cell of the map is the probability "
        f"of {found.label} for one shift; in the center the image is not moved.",
        f"The predicted class {changes} {count} shifts.",
    ]
    shifts = _map(found.map, store, "probability")
    maps = [shifts._replace(over_image=False, rows="pixels down", columns="pixels right", first=-found.most)]
    return Section(paragraphs, "pixel_shifts(model, image)", str(found), maps)


@section("ablation", "Ablation: remove a filter")
def _ablation(model: Sequential, images: npt.ArrayLike, labels: npt.ArrayLike) -> Section:
    last = len(model.leaf_layers) - 1
    place = max((each for each in convolutions(model) if each < last), default=max(0, last - 1))
    found = filter_ablation(model, place, images, labels)
    listed = found.order.tolist()[:LISTED]
    largest = float(np.abs(found.rises).max()) or 1.0
    paragraphs = [
        f"The output of one {found.kind} of {found.layer} at a time is set to zero, and the model is evaluated on "
        f"{int(found.images.sum()):,} images. The bars show the increase of the loss for the {len(listed)} "
        f"{found.kind}s with the largest increase: these are the ones that the network needs most. For comparison, the "
        f"whole model has the loss {found.loss:.4f} and the accuracy {found.accuracy:.2%}."
    ]
    bars = []
    for number in listed:
        text = f"loss {found.rises[number]:+.4f}, accuracy {found.accuracies[number]:.2%}"
        bars.append((f"{found.kind} {number}", max(0.0, float(found.rises[number]) / largest), text))
    return Section(paragraphs, f"filter_ablation(model, {found.layer!r}, x, y)", str(found), bars=bars)


def _map(values: npt.ArrayLike, store: ArrayStore, unit: str) -> Map:
    grid = np.asarray(values, np.float32)
    return Map(store.add(grid), len(grid), len(grid[0]), unit)
