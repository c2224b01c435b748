"""Plot the time of a training step as bar charts, one per network, from the output of networks.py.

    python benchmarks/networks.py --networks article --batch-size 128 --peer all --json step.json
    python benchmarks/picture.py step.json train_step.png

scratchcnn's bar is dark and the others are light, so that the chart remains readable in greyscale.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from scratchcnn.plots.picture import check_path, new_figure, save


def main() -> None:
    parser = argparse.ArgumentParser(description="Plot the time of a training step as bar charts.")
    parser.add_argument("measurements", metavar="STEP.json", help="the file written by networks.py --json")
    parser.add_argument("picture", metavar="PICTURE", help="the image file to write: .png, .jpg, .pdf or .svg")
    options = parser.parse_args()
    try:
        check_path(options.picture)
    except (OSError, ValueError) as error:
        parser.error(f"argument PICTURE: {error}")
    try:
        with open(options.measurements, encoding="utf-8") as file:
            figure = draw(json.load(file))
    except OSError as error:
        parser.error(f"argument STEP.json: expected a readable file, received '{options.measurements}': "
                     f"{error.strerror}")  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        parser.error(
            f"argument STEP.json: expected the output of networks.py --json, received '{options.measurements}'"
        )
    save(figure, options.picture)


def draw(report: Mapping[str, Any]) -> Any:
    """Draw a chart for each network."""
    settings, machine, networks = report["settings"], report["machine"], report["networks"]
    bars = [len(network["systems"]) for network in networks.values()]
    figure = new_figure(8, sum(1.3 + 0.42 * count for count in bars) + 0.4)
    figure.set_layout_engine("constrained")
    heights = [1 + count for count in bars]
    charts = figure.subplots(len(bars), squeeze=False, height_ratios=heights)[:, 0]
    for axes, network in zip(charts, networks.values(), strict=True):
        draw_network(axes, network)
    charts[-1].set_xlabel("ms per training step, lower is better (median; error bar: lowest and highest round)")
    threads = f"{settings['threads']} thread{'s' if settings['threads'] > 1 else ''}"
    figure.suptitle(f"One training step, float32, {threads}", fontsize=11)
    systems = dict.fromkeys(system for network in networks.values() for system in network["systems"])
    figure.supxlabel(f"{machine['processor']}; {versions(machine['packages'], systems)}", fontsize=7, color="0.3")
    return figure


def draw_network(axes: Any, network: Mapping[str, Any]) -> None:
    """Draw the medians as bars, fastest on top, with error bars from the lowest to the highest median of a round."""
    seconds = {name: system["seconds"] for name, system in network["systems"].items()}
    names = sorted(seconds, key=lambda name: seconds[name]["median"])
    ours = seconds["scratchcnn"]["median"]
    for place, name in enumerate(names):
        lowest, median, highest = (1e3 * seconds[name][word] for word in ("lowest", "median", "highest"))
        mine = name == "scratchcnn"
        axes.barh(place, median, 0.62, color="0.25" if mine else "0.8", edgecolor="black",
                  xerr=[[median - lowest], [highest - median]], capsize=3, zorder=2)  # fmt: skip
        ratio = "" if mine else f"   {median / 1e3 / ours:.1f} times"
        axes.annotate(f"{median:.1f} ms{ratio}", (highest, place), xytext=(8, 0), textcoords="offset points",
                      va="center", fontweight="bold" if mine else "normal")  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.35e3 * max(system["highest"] for system in seconds.values()))  # room for the labels
    axes.set_title(f"{network['network']}, batch size {network['batch_size']}", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="0.9", zorder=0)


def versions(packages: Mapping[str, str], systems: Mapping[str, Any]) -> str:
    """Return the versions of the systems' packages, for example "torch 2.13.0, keras 3.15.1"."""
    words = {word for system in systems for word in system.split("-")}
    shown = [name for name in packages if name.removesuffix("-cpu") in words]
    return ", ".join(f"{name} {packages[name]}" for name in shown)


if __name__ == "__main__":
    main()
