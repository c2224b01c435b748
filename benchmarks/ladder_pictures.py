"""Draws what kernel_ladder.py measured: a roofline of the forward pass, and bars of every pass.

Algorithms differ in marker and hatching, so that a print in grey will do.
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

Layers = Mapping[str, Any]  # as kernel_ladder.py writes them to its JSON file

PASS_TITLES = {
    "forward": "forward", "dW": "dW, gradient by the kernel", "dX": "dX, gradient by the input",
    "dW+dX": "dW and dX of a gradient that comes through a 2 x 2 max-pooling",
}  # fmt: skip

APART = 1.04  # points of a layer, as factors of its intensity


class Style(NamedTuple):
    """How an algorithm is drawn."""

    color: str
    hatch: str
    marker: str


STYLES = {  # in the order of the bars
    "loops": Style("white", "", "o"),
    "im2col": Style("0.9", "////", "s"),
    "tile": Style("0.7", "", "^"),
    "winograd_2x2": Style("tab:orange", "....", "D"),
    "winograd_4x4": Style("tab:blue", "", "P"),
    "winners": Style("black", "", "*"),
}


def write_pictures(folder: Path, limits: Limits, layers: Layers) -> list[Path]:
    """Write kernel_roofline.png and kernel_ladder.png into a folder."""
    pictures = {"kernel_roofline.png": draw_roofline(limits, layers), "kernel_ladder.png": draw_bars(limits, layers)}
    for name, picture in pictures.items():
        save(picture, folder / name)
    return [folder / name for name in pictures]


# Roofline


def draw_roofline(limits: Limits, layers: Layers) -> Figure:
    """GFLOP/s over FLOPs per byte, one point for each layer and algorithm, under the machine's limits."""
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
    axes.set_xlabel("arithmetic intensity: FLOP of the plain convolution per byte of images, kernel and output\n"
                    "(dotted; the points of a layer stand beside each other)")  # fmt: skip
    axes.set_ylabel("GFLOP/s of the plain convolution")
    axes.set_title("Roofline of the forward pass: Winograd multiplies less, so it may pass above the roof",
                   loc="left", fontsize=11)  # fmt: skip
    axes.grid(which="major", color="0.92", zorder=0)
    figure.legend(loc="outside right upper", fontsize=9)
    return figure


def draw_roof(axes: Axes, limits: Limits, edges: list[float]) -> None:
    """The lesser of what the memory delivers and what the processor multiplies."""
    ridge = limits.flops / limits.bandwidth
    corners = [edges[0], *(edge for edge in [ridge] if edges[0] < edge < edges[1]), edges[1]]
    axes.plot(corners, [limits.roof(intensity) / 1e9 for intensity in corners], color="black", linewidth=1.8,
              label=f"roof: {limits.bandwidth / 1e9:.0f} GB/s, {limits.flops / 1e9:.0f} GFLOP/s")  # fmt: skip


def draw_points(axes: Axes, layers: Layers) -> list[float]:
    """Draw the points, those of a layer a little apart, so that none hides another; return their GFLOP/s."""
    every = []
    for place, (algorithm, style) in enumerate(STYLES.items()):
        points = [
            (layer["intensity"] * APART ** (place - 2), speed(layer["passes"]["forward"], algorithm))
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
    """GFLOP/s of each algorithm, grouped by layer, a panel for each pass."""
    passes = [name for name in PASS_TITLES if any(name in layer["passes"] for layer in layers.values())]
    figure = new_figure(11, 2.7 * len(passes) + 0.5)
    figure.set_layout_engine("constrained", h_pad=0.08)
    panels = figure.subplots(len(passes), 1, squeeze=False, sharey=True)[:, 0]
    for axes, name in zip(panels, passes, strict=True):
        draw_panel(axes, name, limits, {key: layer for key, layer in layers.items() if name in layer["passes"]})
    entries = [entry for axes in panels for entry in zip(*axes.get_legend_handles_labels(), strict=True)]
    handles = {label: handle for handle, label in entries}  # once, though in several panels
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=len(handles), fontsize=9,
                  title="GFLOP/s of the plain convolution; Winograd and winners multiply less; "
                        "* what algorithm='auto' takes")  # fmt: skip
    return figure


def draw_panel(axes: Axes, name: str, limits: Limits, layers: Layers) -> None:
    groups = [layer["passes"][name] for layer in layers.values()]
    present = [algorithm for algorithm in STYLES if any(algorithm in group["algorithms"] for group in groups)]
    width = 0.84 / len(present)
    for place, algorithm in enumerate(present):
        style = STYLES[algorithm]
        at = [number for number, group in enumerate(groups) if algorithm in group["algorithms"]]
        heights = [speed(groups[number], algorithm) for number in at]
        bars = axes.bar(np.array(at) + (place - (len(present) - 1) / 2) * width, heights, width, color=style.color,
                        hatch=style.hatch, edgecolor="black", linewidth=0.6, label=algorithm, zorder=2)  # fmt: skip
        marks = ["*" if groups[number]["auto"] == algorithm else "" for number in at]
        for label in axes.bar_label(bars, marks, fontsize=11, padding=1, zorder=4):
            if label.get_text():
                label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0})
    axes.axhline(limits.flops / 1e9, color="black", linewidth=1, linestyle="--", label="measured peak", zorder=1)
    axes.set(title=PASS_TITLES[name], ylabel="GFLOP/s", xlim=(-0.6, max(len(groups), 5) - 0.4))
    axes.set_xticks(range(len(groups)), list(layers))
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.14)
    axes.grid(axis="y", color="0.9", zorder=0)


def speed(of_pass: Mapping[str, Any], algorithm: str) -> float:
    """GFLOP/s of an algorithm, by the median time and the FLOPs of the plain convolution."""
    return of_pass["flops"] / of_pass["algorithms"][algorithm]["seconds"]["median"] / 1e9
