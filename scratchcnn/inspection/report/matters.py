"""The sections about what matters to the answer: parts covered, pixels changed, filters taken away."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.inspection.attribution.ablation import FilterAblation, filter_ablation
from scratchcnn.inspection.attribution.class_activation import grad_cam
from scratchcnn.inspection.attribution.occlusion_map import occlusion
from scratchcnn.inspection.attribution.saliency import input_gradient
from scratchcnn.inspection.attribution.shifts import pixel_shifts
from scratchcnn.inspection.report.arrays import ArrayStore
from scratchcnn.inspection.report.sections import Bar, Picture, Section, or_why_not
from scratchcnn.layers import Conv2D
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

BARS = 12  # filters of an ablation that are listed


def what_matters(
    model: Sequential, image: Array, label: int | None, store: ArrayStore, images: Array | None, labels: Array | None
) -> list[Section]:
    """The sections about what matters to the answer.

    Parameters
    ----------
    image : (*input_shape)
    label : int or None
        The class that is watched; None: what the model answers.
    images, labels : a set to measure on, or None
    """
    sections = [
        or_why_not("occlusion", "Cover a patch", lambda: _occlusion(model, image, label, store)),
        or_why_not("input-gradient", "Change a pixel a little", lambda: _input_gradient(model, image, label, store)),
        or_why_not("grad-cam", "Ask the last convolution", lambda: _grad_cam(model, image, label, store)),
        or_why_not("shifts", "Move the image", lambda: _shifts(model, image, label, store)),
    ]
    if images is not None and labels is not None:
        sections.append(or_why_not("ablation", "Take a filter away", lambda: _ablation(model, images, labels)))
    return sections


def _over(values: npt.ArrayLike, store: ArrayStore, unit: str) -> Picture:
    grid = np.asarray(values, np.float32)
    return Picture(store.add(grid), grid.shape[0], grid.shape[1], True, unit=unit)


def _occlusion(model: Sequential, image: Array, label: int | None, store: ArrayStore) -> Section:
    found = occlusion(model, image, label)
    changed = int((found.answers != found.answer).sum())
    words = [
        f"A patch of {found.size[0]} × {found.size[1]} pixels is covered with background, at every place in turn, and "
        f"the network is asked again: {found.falls.size} times. Orange: the probability of {found.label} falls when "
        "this part is hidden, so the network needs it. Blue: it rises.",
        f"The answer itself changes under {changed} of the patches.",
    ]
    return Section(
        "occlusion", "Cover a patch", words, "occlusion(model, image)", str(found),
        [_over(found.map, store, "mean fall of the probability")],
    )  # fmt: skip


def _input_gradient(model: Sequential, image: Array, label: int | None, store: ArrayStore) -> Section:
    found = input_gradient(model, image, label)
    words = [
        f"How steeply the {found.of} of {found.label} (the number before softmax) would rise if a pixel became a "
        "little brighter: one backward pass gives all of them. Orange: brighter helps. Blue: brighter hurts.",
        "The second map is the same times the pixel: roughly what the ink that is there adds to the score. Such maps "
        "are noisy, as they tell of very small changes only.",
    ]
    if found.contributions.ndim != 2:
        raise ValueError("Expected a model of images, received one whose input is a row of numbers.")
    gradient = found.gradient.sum(axis=2) if found.gradient.ndim == 3 else found.gradient
    pictures = [
        _over(gradient, store, f"slope of the {found.of}"),
        _over(found.contributions, store, "slope times pixel"),
    ]
    return Section(
        "input-gradient", "Change a pixel a little", words, "input_gradient(model, image)", str(found), pictures
    )


def _grad_cam(model: Sequential, image: Array, label: int | None, store: ArrayStore) -> Section:
    found = grad_cam(model, image, label)
    words = [
        f"Grad-CAM weighs each feature map of {found.layer} by how much the score of {found.label} grows with it, and "
        "adds them up. What is above zero speaks for the class at that place; the map is coarse, and interpolated "
        "between the centers of the receptive fields.",
    ]
    picture = _over(found.map, store, "evidence for the class")
    return Section("grad-cam", "Ask the last convolution", words, "grad_cam(model, image)", str(found), [picture])


def _shifts(model: Sequential, image: Array, label: int | None, store: ArrayStore) -> Section:
    found = pixel_shifts(model, image, label)
    others = int((found.answers != found.answer).sum())
    words = [
        f"The image is moved by up to {found.most} pixels each way. In the middle of the map it is not moved; each "
        f"cell is the probability of {found.label} at one shift.",
        f"The answer changes at {others} of the {found.answers.size - 1} shifts."
        if others
        else f"The answer stays the same at all {found.answers.size - 1} shifts.",
    ]
    grid = np.asarray(found.map, np.float32)
    side = len(grid)
    picture = Picture(
        store.add(grid), side, side, False, "pixels down", "pixels right", -found.most, "probability"
    )  # fmt: skip
    return Section("shifts", "Move the image", words, "pixel_shifts(model, image)", str(found), [picture])


def _ablation(model: Sequential, images: Array, labels: Array) -> Section:
    layers = [layer for layer in model.layers[:-1] if isinstance(layer, Conv2D)] or model.layers[:-1]
    found = filter_ablation(model, layers[-1] if layers else model.layers[-1], images, labels)
    words = [
        f"The output of each {found.kind} of {found.layer} is set to zero in turn, and the network is tested on "
        f"{int(found.images.sum()):,} images. The bars show how much the loss rises without it: a long bar is a "
        f"{found.kind} that the network needs. Below: the {min(BARS, len(found.losses))} that matter most.",
    ]
    return Section(
        "ablation", "Take a filter away", words, f"filter_ablation(model, {found.layer!r}, x, y)", str(found),
        bars=_bars(found),
    )  # fmt: skip


def _bars(found: FilterAblation) -> list[Bar]:
    largest = float(np.abs(found.rises).max()) or 1.0
    return [
        Bar(
            f"{found.kind} {number}", float(found.rises[number]) / largest,
            f"loss {found.rises[number]:+.4f}, accuracy {found.accuracies[number]:.2%}",
        )
        for number in found.order.tolist()[:BARS]
    ]  # fmt: skip
