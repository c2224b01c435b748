"""Figures of gradient flow: gradient size and update-to-weight ratio of every layer over the training steps."""

from __future__ import annotations

import os

from matplotlib.figure import Figure

from scratchcnn.inspection.optimizer.gradient_flow_data import GradientFlowData
from scratchcnn.plots.training_lines import finished, layer_lines, names_beside, panels

USUAL, AROUND = 1e-3, 10.0  # of the weights in one step, and how far from it is still usual


def plot_gradient_flow(flow: GradientFlowData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the root mean square of each layer's gradient over the steps, on a logarithmic scale.

    Lines that lie far below the others, for the first layers above all, are gradients that vanish; lines that shoot up
    are gradients that explode. Where a gradient is zero, its line has a gap.

    Parameters
    ----------
    flow : GradientFlowData
    to_file : path, optional
        A picture file to write.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        No step was seen.
    """
    _expect_steps(flow)
    figure, (ax,) = panels(1)
    layer_lines(ax, flow.steps, flow.root_mean_squares, flow.layers)
    ax.set_title("Gradient flow")
    ax.set(xlabel="step", ylabel="size of one number of the gradient\n(root mean square)")
    names_beside(ax)
    return finished(figure, to_file)


def plot_update_ratios(flow: GradientFlowData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw what share of its weights each step changes, layer by layer, beside the usual 1e-3 (within ten times)."""
    _expect_steps(flow)
    figure, (ax,) = panels(1)
    layer_lines(ax, flow.steps, flow.ratios, flow.layers)
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, USUAL / AROUND / 2), max(high, USUAL * AROUND * 2))
    ax.axhspan(USUAL / AROUND, USUAL * AROUND, color="0.93", zorder=0)
    ax.axhline(USUAL, color="0.4", linewidth=0.8, linestyle=(0, (6, 4)), label=f"usual: {USUAL:g}")
    ax.set_title("Update by weight")
    ax.set(xlabel="step", ylabel="|step| / |weights|")
    names_beside(ax)
    return finished(figure, to_file)


def _expect_steps(flow: GradientFlowData) -> None:
    if not len(flow.steps):
        raise ValueError("Expected at least one step to draw, received none; give the watcher to model.fit first.")
