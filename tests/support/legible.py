"""Legibility of figures: texts neither overlap nor extend beyond the figure."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text


def texts_of(figure: Figure) -> list[Text]:
    """Return the visible texts, without those of hidden axes and of ticks outside the limits of their axis."""
    found = [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and (text.axes is None or text.axes.axison)
    ]
    for axes in figure.findobj(lambda artist: hasattr(artist, "yaxis")):
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not min(limits) <= tick.get_loc() <= max(limits):
                    found = [text for text in found if text not in (tick.label1, tick.label2)]
    return found


def assert_legible(artist: Any) -> None:
    """Draw the figure that contains `artist`, and check the positions of its texts."""
    figure = artist.figure.figure
    figure.draw_without_rendering()  # positions are known only after drawing
    texts = texts_of(figure)
    assert texts
    boxes = np.array([text.get_window_extent().extents for text in texts])  # left, bottom, right, top
    for text, box in zip(texts, boxes, strict=True):
        inside = np.all(box[:2] >= figure.bbox.min - 1) and np.all(box[2:] <= figure.bbox.max + 1)
        assert inside, f"{text.get_text()!r} extends beyond the figure"
    shared = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    for one, other in np.argwhere(np.triu((shared > 1).all(axis=-1), 1)):
        raise AssertionError(f"{texts[one].get_text()!r} overlaps {texts[other].get_text()!r}")
