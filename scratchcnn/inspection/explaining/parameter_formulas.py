"""The terms of a parameter gradient: one for every sample and every position at which the parameter is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.inspection.explaining.forward_formulas import Position, magnitude_of, ones_inside
from scratchcnn.inspection.explaining.rounding import sum_bound, winograd_kernel_bound
from scratchcnn.inspection.explaining.terms import Terms, every_position
from scratchcnn.inspection.explaining.windows import gather, windows_of
from scratchcnn.inspection.tracing.kinds import kind_of
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.layers import Conv2D, Dense

if TYPE_CHECKING:
    from scratchcnn.inspection.tracing.trace import Trace


def gradient_terms(trace: Trace, number: int, parameter: str, position: Position) -> Terms:
    """Return the terms of the gradient of the mean loss w.r.t. one element of a parameter.

    Raises
    ------
    ValueError
        The layer is a user's own.
    """
    layer = trace[number]
    kind = kind_of(layer.layer)
    if kind is None:
        raise ValueError(
            f"Expected a layer whose formula is known, received one of class {layer.kind}; its gradients are in "
            f"trace[{layer.name!r}].gradients, and check_gradients holds them against measured slopes."
        )
    if parameter == "bias":
        return _bias(layer, position)
    return _conv2d_kernel(layer, position) if kind is Conv2D else _dense_kernel(layer, position)


def _conv2d_kernel(layer: LayerTrace, position: Position) -> Terms:
    assert isinstance(layer.layer, Conv2D)
    assert layer.d_preactivation is not None
    ky, kx, c, f = position
    windows = windows_of(layer.layer, layer.input.shape)
    rows, columns = (
        np.arange(axis.output) * axis.stride - axis.before + k * axis.dilation
        for axis, k in zip(windows, (ky, kx), strict=True)
    )
    images = np.moveaxis(layer.input[..., c], 0, -1)  # (H, W, N)
    x, inside = (np.moveaxis(each, -1, 0) for each in gather(images, rows, columns))  # (N, OH, OW)
    dz = layer.d_preactivation[..., f]
    bound = sum_bound(magnitude_of(x, dz), x.size, layer.dtype)
    if layer.algorithm is not None and layer.algorithm.kernel_gradient.startswith("winograd"):
        rung = layer.algorithm.kernel_gradient
        bound += winograd_kernel_bound(rung, layer.input[..., c], dz, (ky, kx), windows, layer.dtype)
    grid = np.meshgrid(np.arange(len(x)), rows, columns, [c], indexing="ij")
    sources = np.stack([each[..., 0] for each in grid], axis=-1)
    notes = (f"This weight met {x.size:,} numbers: one at every place of the output, in every sample.",)
    return Terms(
        "dkernel = sum over samples and places of x * dz", x, dz, sources, inside, f"{layer.name}.input",
        f"d_preactivation[..., {f}]", ("sample", "output row", "output column"), 0.0, bound, notes,
    )  # fmt: skip


def _dense_kernel(layer: LayerTrace, position: Position) -> Terms:
    assert layer.d_preactivation is not None
    assert isinstance(layer.layer, Dense)
    i, j = position
    x, dz = layer.input[:, i], layer.d_preactivation[:, j]
    return Terms(
        "dkernel[i, j] = sum over samples of x[i] * dz[j]", x, dz, every_position(x.shape, after=(i,)),
        ones_inside(x), f"{layer.name}.input", f"d_preactivation[:, {j}]", ("sample",), 0.0,
        sum_bound(magnitude_of(x, dz), len(x), layer.dtype),
    )  # fmt: skip


def _bias(layer: LayerTrace, position: Position) -> Terms:
    """Return the terms of a bias gradient, which is accumulated in float64 and rounded once."""
    assert layer.d_preactivation is not None
    f = position[0]
    dz = layer.d_preactivation[..., f]
    size = magnitude_of(dz, np.ones(1))
    bound = sum_bound(size, 0, layer.dtype) + sum_bound(size, dz.size, np.dtype(np.float64))
    sources = every_position(dz.shape, after=(f,))
    axes = ("sample", "output row", "output column") if dz.ndim == 3 else ("sample",)
    notes = (f"The bias was added at {dz.size:,} place{'s' * (dz.size != 1)}, and each sends back its gradient.",)
    return Terms(
        "dbias = sum over samples and places of dz", dz, np.ones_like(dz), sources, ones_inside(dz),
        f"{layer.name}.d_preactivation", "", axes, 0.0, bound, notes,
    )  # fmt: skip
