"""Whether a picture can be read: no text lies on another, and none leaves the picture."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text


def texts_of(figure: Figure) -> list[Text]:
    """What is written, without the axes that are switched off and the ticks that lie outside the axes' limits."""
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
    """Draw the whole figure of some axes, and look where its texts are."""
    figure = artist.figure.figure
    figure.draw_without_rendering()  # a figure without a window of its own does not draw itself
    texts = texts_of(figure)
    assert texts
    boxes = np.array([text.get_window_extent().extents for text in texts])  # left, bottom, right, top
    for text, box in zip(texts, boxes, strict=True):
        inside = np.all(box[:2] >= figure.bbox.min - 1) and np.all(box[2:] <= figure.bbox.max + 1)
        assert inside, f"{text.get_text()!r} leaves the picture"
    shared = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    for one, other in np.argwhere(np.triu((shared > 1).all(axis=-1), 1)):
        raise AssertionError(f"{texts[one].get_text()!r} lies on {texts[other].get_text()!r}")
