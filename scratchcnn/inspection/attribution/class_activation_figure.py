"""Figure of a Grad-CAM map over its image, beside the contribution of each position of the layer."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.figure import Figure

from scratchcnn.inspection.attribution.class_activation_data import GradCAMData
from scratchcnn.plots.overlay import draw_image, draw_map, finish, panels
from scratchcnn.plots.tiles import shortened


def plot_grad_cam(found: GradCAMData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the image, the map over it, and gradient × features at the layer's own positions, for and against.

    Parameters
    ----------
    found : GradCAMData
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
    limit, by_position = float(found.map.max()), found.by_position
    says = "Grad-CAM" if limit > 0 else "Grad-CAM: nothing above 0"
    draw_map(second, found.image, found.map, limit, says, "evidence for the class", signed=False)
    rows, columns = by_position.shape
    says = f"gradient × features, {rows} × {columns}"
    draw_map(
        third, found.image, by_position, float(np.abs(by_position).max()), says, "for and against the class, logit"
    )
    return finish(figure, to_file)
