"""Random rows of convolutions and poolings, with a batch for each."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from scratchcnn.layers import Conv2D, Layer, MaxPooling2D


@st.composite
def rows(draw: Any, channels: tuple[int, ...] = (1, 2, 16), filters: tuple[int, ...] = (3, 16, 20)) -> list[Layer]:
    """One to five unbuilt layers, of geometries for which every fused stage and every algorithm of 'auto' occurs."""
    depth, row = draw(st.sampled_from(channels)), []
    shape = (draw(st.integers(10, 15)), draw(st.integers(10, 15)), depth)
    for _ in range(draw(st.integers(1, 3))):
        usual = draw(st.booleans())
        row.append(
            Conv2D(
                draw(st.sampled_from(filters)), 3 if usual else (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
                strides=1 if usual else (1, draw(st.integers(1, 2))),
                padding="valid" if usual else draw(st.sampled_from(["valid", "same"])),
                dilation_rate=1 if usual else (draw(st.integers(1, 2)), 1),
                activation=draw(st.sampled_from(["relu", "relu", "relu", None])), use_bias=draw(st.booleans()),
                input_shape=None if row else shape,
            )
        )  # fmt: skip
        if draw(st.booleans()):
            pool = draw(st.sampled_from([{}, {}, {"padding": "same"}, {"pool_size": 3, "strides": 2}, {"strides": 3}]))
            row.append(MaxPooling2D(**pool))
    following = shape
    for layer in row:
        try:
            following = layer.compute_output_shape(following)
        except ValueError:  # no room for another window
            assume(False)
    return row


def sparse_batch(shape: tuple[int, ...], seed: int, dtype: str) -> np.ndarray[Any, Any]:
    """Random images with an empty background, and of both signs."""
    rng = np.random.default_rng(seed)
    images = rng.standard_normal(shape) * (rng.random(shape) < 0.5)
    images[:, : shape[1] // 3] = 0
    return images.astype(dtype)
