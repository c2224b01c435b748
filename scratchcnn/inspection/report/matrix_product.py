"""The section on im2col: a small part of the image, and the convolution of it as one product of matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scratchcnn.descriptions.registry import kind_of
from scratchcnn.inspection.im2col.story import Im2colStory, show_im2col
from scratchcnn.inspection.report.arrays import ArrayStore
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.layers import Conv2D
from scratchcnn.operands import Array

STEPS = 2  # so many steps of the window fit into the part of the image, down and across


@dataclass(frozen=True)
class MatrixProduct:
    """What the template and the script need of it.

    Attributes
    ----------
    words : list of str
    text : str
        What `print` shows.
    data : dict
        For the script: names of arrays, and sizes.
    """

    layer: str
    words: list[str]
    text: str
    data: dict[str, object]


def matrix_product(found: Trace, store: ArrayStore) -> MatrixProduct | None:
    """The section for the first convolution of a model; None if it has none."""
    layer = next((layer for layer in found if kind_of(layer.layer) is Conv2D), None)
    if layer is None:
        return None
    assert isinstance(layer.layer, Conv2D)
    top, left, part = _busiest_part(layer)
    story = show_im2col(part, layer.layer, engine=found.model.engine)
    height, width, _ = story.image.shape
    rows, columns = story.matrix.shape
    words = [
        "Seven loops around one multiplication are slow. So libraries copy each patch into one row of a matrix "
        "(im2col), and the whole convolution becomes one product of matrices, which processors do best. Here for "
        f"{height} × {width} pixels of {layer.name}'s input, from row {top}, column {left}: {rows} patches, so {rows} "
        f"rows, of {columns} numbers each.",
        "Choose a row to see which pixels it is a copy of.",
    ]
    return MatrixProduct(layer.name, words, str(story), _data(story, store, (top, left)))


def _data(story: Im2colStory, store: ArrayStore, corner: tuple[int, int]) -> dict[str, object]:
    strongest = int(np.abs(story.product).max(axis=0).argmax())
    bias = None if story.bias is None else float(story.bias[strongest])
    return {
        "corner": list(corner),
        "shape": list(story.image.shape),
        "matrixShape": list(story.matrix.shape),
        "outputs": [axis.output for axis in story.windows],
        "filter": strongest,
        "bias": bias,
        "image": store.add(story.image),
        "matrix": store.add(story.matrix),
        "sources": store.add(story.sources),
        "weights": store.add(story.kernel_matrix[:, strongest]),
        "product": store.add(story.product[:, strongest]),
        "overlaps": store.add(story.overlaps),
        "columns": [
            f"{row}, {column}" + (f", {c}" if story.image.shape[2] > 1 else "") for row, column, c in story.columns()
        ],
    }


def _busiest_part(layer: LayerTrace) -> tuple[int, int, Array]:
    """Its row and column, and the part of the layer's input, just large enough, in which most is going on."""
    own, image = layer.layer, layer.input[0]
    assert isinstance(own, Conv2D)
    sizes = [
        min(length, (kernel - 1) * dilation + 1 + STEPS * stride)
        for length, kernel, dilation, stride in zip(
            image.shape, own.kernel_size, own.dilation_rate, own.strides, strict=False
        )
    ]
    parts = np.lib.stride_tricks.sliding_window_view(image.sum(axis=2, dtype=np.float64), tuple(sizes))
    spread = parts.std(axis=(2, 3))
    top, left = (int(place) for place in np.unravel_index(spread.argmax(), spread.shape))
    return top, left, image[top : top + sizes[0], left : left + sizes[1]]
