"""Figure of the gradient of a class score with respect to each pixel, over the image."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.figure import Figure

from scratchcnn.inspection.attribution.saliency_data import InputGradientData
from scratchcnn.plots.overlay import draw_image, draw_map, finish, panels


def plot_input_gradient(found: InputGradientData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the image, the gradient, and gradient × input; of several channels, the sums.

    Parameters
    ----------
    found : InputGradientData
        What `inspection.input_gradient` returned.
    to_file : str, path or None
        Where to write the picture. None: nowhere.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        The model's input is no image.
    ValueError, OSError
        As `picture.save`.
    """
    if found.image.ndim not in (2, 3):
        raise ValueError(
            f"Expected the gradient of an image (H, W, C) or (H, W), received one of shape {found.image.shape}; its "
            "numbers are in .gradient."
        )
    title = f"Input gradient: how the {found.of} of class {found.label} changes with each pixel"
    figure, (first, second, third) = panels(3, found.image, title, to_file)
    draw_image(first, found.image, f"answer: {found.answer} ({found.probabilities[found.answer]:.1%})")
    gradient = found.gradient.sum(axis=2) if found.gradient.ndim == 3 else found.gradient
    limit = float(np.abs(gradient).max())
    draw_map(second, found.image, gradient, limit, "gradient", f"{found.of} for each 1 of a pixel")
    limit = float(np.abs(found.contributions).max())
    draw_map(third, found.image, found.contributions, limit, "gradient × input", found.of)
    return finish(figure, to_file)
