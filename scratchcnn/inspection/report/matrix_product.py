"""The section on im2col: the first convolution of a small part of the image, as a matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.descriptions.registry import kind_of
from scratchcnn.inspection.arguments import index_of
from scratchcnn.inspection.im2col.story import show_im2col
from scratchcnn.inspection.report.sections import Section
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.layers import Conv2D
from scratchcnn.operands import Array
from scratchcnn.page import ArrayStore

STEPS = 2  # steps of the window in the part of the image, down and across


def matrix_product(found: Trace, store: ArrayStore) -> tuple[Section, dict[str, Any]] | tuple[None, None]:
    """Return the section and the data for the script; None and None for a model without a convolution."""
    layer = next((layer for layer in found if kind_of(layer.layer) is Conv2D), None)
    if layer is None:
        return None, None
    assert isinstance(layer.layer, Conv2D)
    top, left, part = _most_varied_part(layer.layer, layer.input[0])
    story = show_im2col(part, layer.layer, engine=found.model.engine)
    height, width, channels = story.image.shape
    rows, columns = story.matrix.shape
    paragraphs = [
        "Libraries rarely compute a convolution with nested loops. They copy each window of the image (a patch) into "
        "one row of a matrix, which is called im2col. Then one matrix product, which processors compute very fast, "
        f"gives all outputs of all filters. The example is a part of {layer.name}'s input, {height} × {width} pixels "
        f"from row {top}, column {left} on: {rows} patches of {columns} values.",
        "Choose a row of the matrix to see which pixels it contains.",
    ]
    strongest = int(np.abs(story.product).max(axis=0).argmax())
    data = {
        "shape": [height, width, channels],
        "matrixShape": [rows, columns],
        "outputs": [axis.output for axis in story.windows],
        "filter": strongest,
        "bias": None if story.bias is None else float(story.bias[strongest]),
        "columns": [", ".join(map(str, place[: 2 + (channels > 1)])) for place in story.columns()],
        "weights": store.add(story.kernel_matrix[:, strongest]),
        "product": store.add(story.product[:, strongest]),
        **{name: store.add(getattr(story, name)) for name in ("image", "matrix", "sources", "overlaps")},
    }
    where = f"model.leaf_layers[{found.names.index(layer.name)}]"
    call = f"show_im2col(x[{top}:{top + height}, {left}:{left + width}], {where})"
    title = "im2col: a convolution as a matrix product"
    return Section(paragraphs, call, str(story), key="im2col", title=title), data


def _most_varied_part(layer: Conv2D, image: Array) -> tuple[int, int, Array]:
    """Return row, column and values of the part of an input (H, W, C) with the largest standard deviation."""
    extent = (np.array(layer.kernel_size) - 1) * layer.dilation_rate + 1 + STEPS * np.array(layer.strides)
    height, width = np.minimum(extent, image.shape[:2]).tolist()
    parts = np.lib.stride_tricks.sliding_window_view(image.sum(axis=2, dtype=np.float64), (height, width))
    spread = parts.std(axis=(2, 3))
    top, left = index_of(spread.argmax(), spread)
    return top, left, image[top : top + height, left : left + width]
