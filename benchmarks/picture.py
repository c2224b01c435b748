"""Plot the time of a training step as a bar chart, one bar per system, from the output of train_step.py.

    python benchmarks/train_step.py --peer all --json step.json
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
    parser = argparse.ArgumentParser(description="Plot the time of a training step as a bar chart.")
    parser.add_argument("measurements", metavar="STEP.json", help="the file written by train_step.py --json")
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
            f"argument STEP.json: expected the output of train_step.py --json, received '{options.measurements}'"
        )
    save(figure, options.picture)


def draw(report: Mapping[str, Any]) -> Any:
    """Draw the medians as bars, fastest on top, with error bars from the lowest to the highest median of a round."""
    settings, machine = report["settings"], report["machine"]
    seconds = {name: system["seconds"] for name, system in report["systems"].items()}
    names = sorted(seconds, key=lambda name: seconds[name]["median"])
    ours = seconds["scratchcnn"]["median"]
    figure = new_figure(8, 1.7 + 0.42 * len(names))
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
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
    axes.set_xlabel("ms per training step, lower is better (median; error bar: lowest and highest round)")
    threads = f"{settings['threads']} thread{'s' if settings['threads'] > 1 else ''}"
    axes.set_title(f"One training step of the article's network, batch size {settings['batch_size']}, float32, "
                   f"{threads}", loc="left", fontsize=11)  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="0.9", zorder=0)
    figure.supxlabel(f"{machine['processor']}; {versions(machine['packages'], seconds)}", fontsize=7, color="0.3")
    return figure


def versions(packages: Mapping[str, str], systems: Mapping[str, Any]) -> str:
    """Return the versions of the systems' packages, for example "torch 2.13.0, keras 3.15.1"."""
    words = {word for system in systems for word in system.split("-")}
    shown = [name for name in packages if name.removesuffix("-cpu") in words]
    return ", ".join(f"{name} {packages[name]}" for name in shown)


if __name__ == "__main__":
    main()
