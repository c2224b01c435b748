"""Plot the measurements of kernel_ladder.py: a roofline of the forward pass, and a bar chart of every pass.

Algorithms differ in marker and hatching, so that the figures remain readable in greyscale.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from machine_peak import Limits
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from scratchcnn.plots.picture import new_figure, save

Layers = Mapping[str, Any]  # in the format of the JSON file of kernel_ladder.py

PASS_TITLES = {
    "forward": "forward", "dW": "dW, kernel gradient", "dX": "dX, input gradient",
    "dW+dX": "dW and dX, with a gradient backpropagated through 2 x 2 max pooling",
}  # fmt: skip

SEPARATION = 1.04  # ratio of the x-coordinates of two neighbouring points of a layer


class Style(NamedTuple):
    """Appearance of an algorithm in the figures."""

    color: str
    hatch: str
    marker: str


STYLES = {  # in the order of the bars
    "loops": Style("white", "", "o"),
    "im2col": Style("0.9", "////", "s"),
    "tile": Style("0.7", "", "^"),
    "interleaved": Style("tab:green", "\\\\\\\\", "v"),
    "winograd_2x2": Style("tab:orange", "....", "D"),
    "winograd_4x4": Style("tab:blue", "", "P"),
    "winners": Style("black", "", "*"),
}


def write_pictures(folder: Path, limits: Limits, layers: Layers) -> list[Path]:
    """Write kernel_roofline.png and kernel_ladder.png to a folder."""
    pictures = {"kernel_roofline.png": draw_roofline(limits, layers), "kernel_ladder.png": draw_bars(limits, layers)}
    for name, picture in pictures.items():
        save(picture, folder / name)
    return [folder / name for name in pictures]


# Roofline


def draw_roofline(limits: Limits, layers: Layers) -> Figure:
    """Plot GFLOP/s against FLOPs per byte, one point for each layer and algorithm, and the roof of the machine."""
    figure = new_figure(10, 5.6)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    intensities = [layer["intensity"] for layer in layers.values()]
    edges = [min(*intensities, limits.flops / limits.bandwidth) / 2, max(intensities) * 2]
    draw_roof(axes, limits, edges)
    speeds = draw_points(axes, layers)
    axes.set(xscale="log", yscale="log", xlim=edges, ylim=[min(speeds) / 4, max(*speeds, limits.flops / 1e9) * 1.8])
    for name, layer in layers.items():
        axes.axvline(layer["intensity"], color="0.8", linewidth=0.8, linestyle=":", zorder=0)
        axes.annotate(name, (layer["intensity"], 0.015), xycoords=("data", "axes fraction"), rotation=90, ha="center",
                      va="bottom", fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("arithmetic intensity: FLOP of the direct convolution per byte of input, kernel and output\n"
                    "(dotted line; the points of a layer are drawn side by side)")  # fmt: skip
    axes.set_ylabel("effective GFLOP/s (FLOP of the direct convolution)")
    axes.set_title("Roofline of the forward pass; Winograd multiplies less, so it may exceed the roof",
                   loc="left", fontsize=11)  # fmt: skip
    axes.grid(which="major", color="0.92", zorder=0)
    figure.legend(loc="outside right upper", fontsize=9)
    return figure


def draw_roof(axes: Axes, limits: Limits, edges: list[float]) -> None:
    """Draw the roof: the minimum of what memory bandwidth and arithmetic allow."""
    ridge = limits.flops / limits.bandwidth
    corners = [edges[0], *(edge for edge in [ridge] if edges[0] < edge < edges[1]), edges[1]]
    axes.plot(corners, [limits.roof(intensity) / 1e9 for intensity in corners], color="black", linewidth=1.8,
              label=f"roof: {limits.bandwidth / 1e9:.0f} GB/s, {limits.flops / 1e9:.0f} GFLOP/s")  # fmt: skip


def draw_points(axes: Axes, layers: Layers) -> list[float]:
    """Draw the points, those of a layer side by side so that none hides another; return their GFLOP/s."""
    every = []
    for place, (algorithm, style) in enumerate(STYLES.items()):
        points = [
            (layer["intensity"] * SEPARATION ** (place - 2), speed(layer["passes"]["forward"], algorithm))
            for layer in layers.values()
            if algorithm in layer["passes"].get("forward", {}).get("algorithms", {})
        ]
        if points:
            axes.scatter(*zip(*points, strict=True), s=60, marker=style.marker, facecolor=style.color,
                         edgecolor="black", linewidth=0.9, label=algorithm, zorder=3)  # fmt: skip
            every += [speed for _, speed in points]
    return every


# Bars


def draw_bars(limits: Limits, layers: Layers) -> Figure:
    """Draw the GFLOP/s of each algorithm, grouped by layer, with one panel for each pass."""
    passes = [name for name in PASS_TITLES if any(name in layer["passes"] for layer in layers.values())]
    figure = new_figure(11, 2.7 * len(passes) + 0.5)
    figure.set_layout_engine("constrained", h_pad=0.08)
    panels = figure.subplots(len(passes), 1, squeeze=False, sharey=True)[:, 0]
    for axes, name in zip(panels, passes, strict=True):
        draw_panel(axes, name, limits, {key: layer for key, layer in layers.items() if name in layer["passes"]})
    entries = [entry for axes in panels for entry in zip(*axes.get_legend_handles_labels(), strict=True)]
    handles = {label: handle for handle, label in entries}  # one entry, even if several panels contain it
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=len(handles), fontsize=9,
                  title="effective GFLOP/s (FLOP of the direct convolution); Winograd and winners multiply less; "
                        "*: selected by algorithm='auto'")  # fmt: skip
    return figure


def draw_panel(axes: Axes, name: str, limits: Limits, layers: Layers) -> None:
    groups = [layer["passes"][name] for layer in layers.values()]
    present = [algorithm for algorithm in STYLES if any(algorithm in group["algorithms"] for group in groups)]
    width = 0.84 / len(present)
    for place, algorithm in enumerate(present):
        style = STYLES[algorithm]
        positions = [number for number, group in enumerate(groups) if algorithm in group["algorithms"]]
        heights = [speed(groups[number], algorithm) for number in positions]
        centres = np.array(positions) + (place - (len(present) - 1) / 2) * width
        bars = axes.bar(centres, heights, width, color=style.color, hatch=style.hatch,
                        edgecolor="black", linewidth=0.6, label=algorithm, zorder=2)  # fmt: skip
        marks = ["*" if groups[number]["auto"] == algorithm else "" for number in positions]
        for label in axes.bar_label(bars, marks, fontsize=11, padding=1, zorder=4):
            if label.get_text():
                label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0})
    axes.axhline(limits.flops / 1e9, color="black", linewidth=1, linestyle="--", label="measured peak", zorder=1)
    axes.set(title=PASS_TITLES[name], ylabel="GFLOP/s", xlim=(-0.6, max(len(groups), 5) - 0.4))
    axes.set_xticks(range(len(groups)), list(layers))
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.14)
    axes.grid(axis="y", color="0.9", zorder=0)


def speed(measured: Mapping[str, Any], algorithm: str) -> float:
    """Return the effective GFLOP/s of an algorithm: the FLOPs of the direct convolution over the median time."""
    return measured["flops"] / measured["algorithms"][algorithm]["seconds"]["median"] / 1e9
