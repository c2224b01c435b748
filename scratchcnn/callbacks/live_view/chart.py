"""Learning curves as SVG, which needs neither a script nor a plotting library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 54, 350, 10, 182  # of the area of the curves
MOST_POINTS, MOST_MARKERS = 300, 30  # of one curve
LEAST, LARGEST = 1e-300, 1e300  # differences of values and values that are shown, so that all results are finite


class Curve(NamedTuple):
    """One curve: its name, which is also its class in style/live.css, and its points (epochs trained, value)."""

    name: str
    points: Sequence[tuple[float, float]]


def chart(title: str, curves: Sequence[Curve], first: float, last: float) -> str:
    """Return curves over the epochs from `first` to `last` as an SVG element; values that are not finite are omitted.

    >>> svg = chart("loss", [Curve("training", [(1, 0.5), (2, 0.25)])], 0, 2)
    >>> svg.count("<circle"), "training from 0.5 to 0.25" in svg
    (2, True)
    """
    finite = [Curve(name, [point for point in points if abs(point[1]) < LARGEST]) for name, points in curves]
    shown = [curve for curve in finite if curve.points]
    ticks = ticks_of([value for curve in shown for _, value in curve.points])
    low, high = ticks[0], ticks[-1]

    def place(epoch: float, value: float) -> tuple[float, float]:
        x = LEFT + (RIGHT - LEFT) * (epoch - first) / (last - first)
        return round(x, 1), round(BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low), 1)

    parts = []
    for tick in ticks:
        y = place(first, tick)[1]
        parts.append(f'<line class="live-grid" x1="{LEFT}" x2="{RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="live-tick" text-anchor="end" x="{LEFT - 6}" y="{y + 4}">{tick:.6g}</text>')
    words = [(place(epoch, low)[0], BOTTOM + 17, str(epoch)) for epoch in epochs_of(first, last)]
    for x, y, word in [*words, ((LEFT + RIGHT) / 2, HEIGHT - 5, "epoch")]:
        parts.append(f'<text class="live-tick" text-anchor="middle" x="{x}" y="{y}">{word}</text>')
    parts += [_drawn(name, [place(*point) for point in thinned(points)]) for name, points in shown]
    ends = "; ".join(f"{name} from {points[0][1]:.4g} to {points[-1][1]:.4g}" for name, points in shown)
    label = escape(f"{title} over the epochs: {ends or 'no values yet'}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Return at most about `MOST_POINTS` of the points, with the first and the last one."""
    step = -(-len(points) // MOST_POINTS)
    return points if step == 1 else [*points[:-1:step], points[-1]]


def ticks_of(values: Sequence[float]) -> list[float]:
    """Return round numbers, 1, 2 or 5 times a power of ten apart, of which the outermost enclose the values.

    >>> ticks_of([0.03, 0.31])
    [0.0, 0.1, 0.2, 0.3, 0.4]
    """
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low <= max(1e-6 * max(abs(low), abs(high)), LEAST):  # a constant lies in the middle
        space = max(0.1 * abs(high), LEAST) if high else 1.0
        low, high = low - space, high + space
    magnitude = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if (high - low) / (factor * magnitude) <= 4.5)
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12 - math.floor(math.log10(step))) for number in range(begin, end + 1)]


def epochs_of(first: float, last: float) -> range:
    """Return at most seven whole numbers of epochs between `first` and `last`.

    >>> list(epochs_of(0, 25))
    [0, 5, 10, 15, 20, 25]
    """
    begin, end = math.ceil(first), math.floor(last)
    rounded = (factor * 10**power for power in range(16) for factor in (1, 2, 5))
    step = next(step for step in rounded if (end - begin) / step <= 6)
    return range(-(-begin // step) * step, end + 1, step)


def _drawn(name: str, places: Sequence[tuple[float, float]]) -> str:
    line = " ".join(f"{x},{y}" for x, y in places)
    drawn = f'<polyline class="live-line live-{name}" points="{line}"/>'
    marked = places[-1:] if name == "running" or len(places) > MOST_MARKERS else places
    return drawn + "".join(_marker(name, x, y) for x, y in marked)


def _marker(name: str, x: float, y: float) -> str:
    """Return a marker; those of training and validation also differ in shape."""
    if name != "validation":
        return f'<circle class="live-dot live-{name}" cx="{x}" cy="{y}" r="3"/>'
    return f'<rect class="live-dot live-{name}" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>'
