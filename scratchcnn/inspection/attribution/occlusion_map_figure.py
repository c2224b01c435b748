"""Figure of an occlusion map over its image, and the prediction under the most important patch."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scratchcnn.inspection.attribution.occlusion_map_data import OcclusionData
from scratchcnn.plots.overlay import draw_image, draw_map, finish, panels


def plot_occlusion(found: OcclusionData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the image, with the patch that matters most, and the mean fall at each pixel.

    Parameters
    ----------
    found : OcclusionData
        What `inspection.occlusion` returned.
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
    title = f"Occlusion: what the probability of class {found.label} ({found.baseline[found.label]:.1%}) hangs on"
    figure, (left, right) = panels(2, found.image, title, to_file)
    draw_image(left, found.image, f"answer: {found.answer} ({found.baseline[found.answer]:.1%})")
    ((row, column),) = found.greatest(1)
    height, width = found.size
    corner = float(found.lefts[column]) - 0.5, float(found.tops[row]) - 0.5
    left.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="firebrick", linewidth=1.5))
    under = found.probabilities[row, column]
    says = int(under.argmax())
    left.set_xlabel(f"with this patch covered:\n{says} ({under[says]:.1%})", fontsize=8.5)
    falls = 100 * found.map
    limit = float(np.abs(falls).max())
    draw_map(right, found.image, falls, limit, f"{height} × {width} covered", "mean fall of the probability, points")
    return finish(figure, to_file)
