"""Figure of a symptom of the bug zoo: training loss with and without the mistake, step by step."""

from __future__ import annotations

import os
import textwrap

import numpy as np
from matplotlib.figure import Figure

from scratchcnn.inspection.bug_zoo.symptom_data import SymptomData
from scratchcnn.plots.picture import check_path, new_figure, save

HIGHEST = 20.0  # times the healthy losses; what lies above is cut off
LETTERS = 72  # in a line of the title


def plot_symptom(symptom: SymptomData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the losses of a Symptom.

    Parameters
    ----------
    symptom : SymptomData
        What `bug_zoo.exhibit(name).symptom()` returned.
    to_file : str or path, optional
        Where to write the picture.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        Nothing was trained for it; or `to_file` has another ending.
    OSError
        `to_file` cannot be written.
    """
    if not len(symptom.healthy_losses):
        raise ValueError(f"Expected a symptom of a training, received {symptom.name!r}, for which nothing is trained.")
    if to_file is not None:
        check_path(to_file)
    figure = new_figure(6.4, 4.2)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    for losses, style, colour, label in (
        (symptom.healthy_losses, "-", "black", "healthy"),
        (symptom.sick_losses, "--", "tab:orange", "with the mistake"),
    ):
        known = np.isfinite(losses)
        if known.any():
            axes.plot(np.flatnonzero(known) + 1, losses[known], style, color=colour, label=label)
        if not known.all():  # training broke off at the last
            text = f"{label}: NaN after {known.sum()} steps"
            axes.axvline(len(losses), linestyle=":", color=colour, linewidth=2, label=text)
    top = HIGHEST * float(np.nanmax(symptom.healthy_losses))
    axes.set_ylim(0, min(axes.get_ylim()[1], top))
    numbers = f"healthy {symptom.healthy:.3g}, with the mistake {symptom.sick:.3g}"
    axes.set_title("\n".join([symptom.name, *textwrap.wrap(symptom.quantity, LETTERS), numbers]), fontsize="medium")
    axes.set(xlabel="step", ylabel="loss of the batch (nats)")
    axes.grid(color="0.9")
    axes.legend()
    if to_file is not None:
        save(figure, to_file)
    return figure
