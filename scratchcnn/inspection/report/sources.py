"""Where the code stands that computes a layer: the formula in `reference/`, the hot loop in `kernels/`."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from scratchcnn.inspection.tracing.kinds import kind_of
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.layers import Conv2D, Dense, Dropout, MaxPooling2D

MICRO_KERNEL = "kernels.gemm.micro_kernel:_MicroKernel.add_products"
FORWARD_LOOPS = {
    "loops": ("kernels.conv2d.loops:_conv2d",),
    "im2col": ("kernels.conv2d.explicit_gemm:conv2d", MICRO_KERNEL),
    "tile": ("kernels.conv2d.implicit_gemm:correlate_image", MICRO_KERNEL),
    "winograd_2x2": ("kernels.conv2d.winograd:_convolve_share", MICRO_KERNEL),
    "winograd_4x4": ("kernels.conv2d.winograd:_convolve_share", MICRO_KERNEL),
}
KERNEL_LOOPS = {
    "loops": ("kernels.conv2d.loops:_kernel_gradient",),
    "im2col": ("kernels.conv2d.explicit_gemm:conv2d_kernel_gradient", MICRO_KERNEL),
    "tile": ("kernels.conv2d.implicit_gemm:_sum_outer_products", MICRO_KERNEL),
    "winograd_2x2": ("kernels.conv2d.winograd_kernel_gradient:_sum_products", MICRO_KERNEL),
    "winograd_4x4": ("kernels.conv2d.winograd_kernel_gradient:_sum_products", MICRO_KERNEL),
    "winners": tuple(f"kernels.conv2d.sparse_gradients:{name}" for name in ("_add_kernel_gradient", "_input_gradient")),
}


class Source(NamedTuple):
    """A function, as it stands in its file.

    Attributes
    ----------
    role : str
        'formula' or 'hot loop'.
    name : str
    path : str
        From the folder that holds the package: 'scratchcnn/reference/conv2d.py'.
    line : int
        Of its `def`, from 1.
    lines : list of (int, str)
        Its source, each line with its number.
    """

    role: str
    name: str
    path: str
    line: int
    lines: list[tuple[int, str]]


def forward_sources(layer: LayerTrace, engine: str) -> list[Source]:
    """The code of a layer's forward pass; empty for a user's own, whose source may be anywhere."""
    formulas, loops = _forward_names(layer)
    return _found(formulas, loops, engine)


def backward_sources(layer: LayerTrace, engine: str) -> list[Source]:
    """Return the code of a layer's backward pass, the gradients w.r.t. its parameters first."""
    formulas, loops = _backward_names(layer)
    return _found(formulas, loops, engine)


def loss_sources(engine: str) -> list[Source]:
    """The code of softmax and cross-entropy together."""
    formula = ("reference.cross_entropy:softmax_cross_entropy",)
    return _found(formula, ("kernels.cross_entropy:_softmax_cross_entropy",), engine)


def _forward_names(layer: LayerTrace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of formulas and of loops."""
    kind = kind_of(layer.layer)
    formulas: tuple[str, ...] = ()
    loops: tuple[str, ...] = ()
    if kind is Conv2D:
        formulas = ("reference.conv2d:conv2d",)
        loops = FORWARD_LOOPS[layer.algorithm.forward] if layer.algorithm else ()
    elif kind is Dense:
        formulas, loops = ("reference.dense:dense",), ("kernels.dense:_dense", MICRO_KERNEL)
    elif kind is MaxPooling2D:
        formulas = ("reference.max_pool2d:max_pool2d",)
        loops = ("kernels.max_pool2d:_max_pool2d", "kernels.max_pool2d:_Maximum.keep_larger")
    elif kind is Dropout:
        formulas, loops = ("reference.dropout:dropout",), ("kernels.dropout:_dropout",)
    if kind is not None and layer.activation in ("relu", "softmax"):
        name = layer.activation
        kernel = "kernels.relu:_relu" if name == "relu" else "kernels.softmax:softmax_row"
        formulas += (f"reference.{name}:{name}",)
        loops += (kernel,) if name == "softmax" or not loops else ()  # ReLU is done in the loop before, in registers
    return formulas, loops


def _backward_names(layer: LayerTrace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    kind = kind_of(layer.layer)
    if kind is Conv2D:
        formulas = ("reference.conv2d:conv2d_kernel_gradient", "reference.conv2d:conv2d_input_gradient")
        return formulas, KERNEL_LOOPS[layer.algorithm.kernel_gradient] if layer.algorithm else ()
    if kind is Dense:
        formulas = ("reference.dense:dense_kernel_gradient", "reference.dense:dense_input_gradient")
        return formulas, ("kernels.dense:_dense_kernel_gradient", "kernels.dense:_dense_input_gradient")
    if kind is MaxPooling2D:
        return ("reference.max_pool2d:max_pool2d_gradient",), ("kernels.max_pool2d:_max_pool2d_gradient",)
    if kind is Dropout:
        return ("reference.dropout:dropout_gradient",), ("kernels.dropout:_dropout_gradient",)
    return (), ()


def _found(formulas: tuple[str, ...], loops: tuple[str, ...], engine: str) -> list[Source]:
    loops = loops if engine == "kernels" else ()
    return [source_of(name, "formula") for name in formulas] + [source_of(name, "hot loop") for name in loops]


@cache
def source_of(name: str, role: str) -> Source:
    """The source of 'module:function' of this package, wherever it stands now."""
    module, _, path = name.partition(":")
    thing: Any = importlib.import_module(f"scratchcnn.{module}")
    for part in path.split("."):
        thing = getattr(thing, part)
    thing = inspect.unwrap(getattr(thing, "py_func", thing))
    lines, first = inspect.getsourcelines(thing)
    file = Path(inspect.getsourcefile(thing) or "").resolve()
    where = file.relative_to(Path(__file__).resolve().parents[3]).as_posix()
    numbered = [(number, line.rstrip("\n")) for number, line in enumerate(lines, first)]
    start = next(number for number, line in numbered if line.lstrip().startswith("def "))
    return Source(role, path.rpartition(".")[2], where, start, numbered)
