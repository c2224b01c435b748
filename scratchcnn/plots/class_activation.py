"""Draws a Grad-CAM map over its image, beside what each of the layer's positions adds by itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from scratchcnn.plots.overlay import SIGNED, color_bar, draw_image, draw_map, finish, panel_title, panels
from scratchcnn.plots.tiles import shortened

if TYPE_CHECKING:
    from scratchcnn.inspection.class_activation import GradCAM


def plot_grad_cam(found: GradCAM, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the image, the map over it, and gradient × features at the layer's own positions, for and against.

    Parameters
    ----------
    found : GradCAM
        What `inspection.grad_cam` returned.
    to_file : str, path or None
        Where to write the picture. None: nowhere.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError, OSError
        As `picture.save`.
    """
    layer = shortened(found.layer, 24)
    title = f"Grad-CAM: where {layer!r} speaks for class {found.label} ({found.probabilities[found.label]:.1%})"
    figure, (first, second, third) = panels(3, found.image, title, to_file)
    draw_image(first, found.image, f"answer: {found.answer} ({found.probabilities[found.answer]:.1%})")
    draw_map(second, found.image, found.map, float(found.map.max()), "Grad-CAM", "evidence for the class", signed=False)
    by_position = found.by_position
    limit = float(np.abs(by_position).max()) or 1.0
    rows, columns = by_position.shape
    drawn = third.imshow(by_position, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
    third.set_xticks([])
    third.set_yticks([])
    panel_title(third, f"gradient × features, {rows} × {columns}")
    color_bar(drawn, third, "for and against the class, logit")
    return finish(figure, to_file)
