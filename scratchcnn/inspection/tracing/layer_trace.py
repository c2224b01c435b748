"""The trace of one layer: its input, output and gradients in one pass, its cost, and statistics of its output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.algorithms import Choice
from scratchcnn.descriptions.registry import description_of
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.descriptions.words import plural, times
from scratchcnn.display.blocks import Block, Facts, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.text.numbers import BYTE_UNITS, FLOP_UNITS, scaled, short
from scratchcnn.layers import Layer
from scratchcnn.operands import Array


class Seconds(NamedTuple):
    """Time of one layer's passes over the batch, in seconds; backward is None without labels.

    The passes are timed in a second run, when all kernels are compiled and loaded. The first layer with trainable
    parameters is timed without the gradient w.r.t. its input, as in `fit`.
    """

    forward: float
    backward: float | None


@dataclass(frozen=True, eq=False, repr=False)
class LayerTrace(Displayed, LayerValues):
    """One layer of a `Trace`; `print` shows its cost and statistics.

    All arrays are of the model's dtype and have the batch as their first axis.

    Attributes
    ----------
    layer : Layer  the layer itself; its parameters change if training continues
    name, kind : str  the name of the layer and of its class
    input, output : (N, ...)
    preactivation : (N, ...)
        z: the input of the activation function; the output itself if there is no activation, or if it is inside a
        custom layer. The name of the activation is `activation`.
    d_output, d_preactivation, d_input : (N, ...) or None
        Gradients of the mean loss w.r.t. these three; None without labels. For a softmax that is part of the loss in
        `fit` (`training.logits_loss`), d_output is None, and d_preactivation is the gradient of the loss w.r.t. the
        logits.
    params, gradients : dict of str to array
        Copies of the parameters, and the gradient of the mean loss w.r.t. each; without labels, no gradients.
    algorithm : Choice or None
        The algorithms of a Conv2D, as `model.plan` selects them; None for other layers and on the reference engine.
    cache  what the layer's `forward` returned for its `backward`; `mask` and `winners` are taken from it
    mask : bool (N, ...) or None  the elements that a Dropout kept, if it was active
    winners : (N, PH, PW, C) or None  the argmax indices of a max pooling, as defined by `reference.max_pool2d`
    seconds : Seconds
    """

    seconds: Seconds

    @classmethod
    def of_forward(
        cls, layer: Layer, x: Array, z: Array, y: Array, seconds: float, cache: Any = None,
        algorithm: Choice | None = None,
    ) -> LayerTrace:  # fmt: skip
        """Return the trace of a forward pass with input x, preactivation z and output y, and without gradients."""
        name, kind, times = layer.name or layer.default_name, type(layer).__name__, Seconds(seconds, None)
        return cls(layer, name, kind, x, z, y, None, None, None, layer.params, {}, algorithm, cache, times)

    @property
    def bytes(self) -> int:
        """Memory of the output; its gradient takes the same."""
        return self.output.nbytes

    @property
    def parameter_count(self) -> int:
        """Total number of elements of the parameters."""
        return sum(array.size for array in self.params.values())

    @property
    def flops(self) -> int | None:
        """FLOPs of the forward pass of the batch, as `LayerDescription.flops` counts them; None if unknown."""
        cost = description_of(self.layer).flops(self.shapes.input[1:])
        if cost is None:
            return None
        of_activation = getattr(getattr(self.layer, "activation", None), "flops", 0)
        return self.output.size * (cost + (self.mask is not None) + of_activation)

    @cached_property
    def zeros(self) -> float:
        """Sparsity: fraction of the output that is exactly zero."""
        return 1 - np.count_nonzero(self.output) / self.output.size

    @cached_property
    def mean(self) -> float:
        """Mean of the output."""
        with np.errstate(all="ignore"):  # infinities are shown without a warning
            return float(self.output.mean(dtype=np.float64))

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the output."""
        with np.errstate(all="ignore"):
            return float(self.output.std(dtype=np.float64))

    @cached_property
    def gradient_norm(self) -> float | None:
        """L2 norm of the gradient w.r.t. all parameters together; None if there is none."""
        if not self.gradients:
            return None
        with np.errstate(all="ignore"):
            return math.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in self.gradients.values()))

    def facts(self) -> dict[str, str]:
        """Return the output shape, cost and statistics of the forward pass as text, by name."""
        found = {
            "output shape": times(self.shapes.output[1:]),
            "parameters": f"{self.parameter_count:,}",
            "FLOPs": scaled(self.flops, FLOP_UNITS, 1000),
            "memory": scaled(self.bytes, BYTE_UNITS, 1024),
            "sparsity": f"{100 * self.zeros:.0f} %",
            "mean": short(self.mean),
            "standard deviation": short(self.spread),
            "time": f"{1000 * self.seconds.forward:.2f} ms",
        }
        return found if self.algorithm is None else {**found, "algorithm": self.algorithm.forward}

    def blocks(self) -> list[Block]:
        """Return the title, and the facts."""
        found = self.facts()
        if self.gradients:
            found["gradient norm"] = short(self.gradient_norm)
        return [Title(f"Trace of {self.layer.label}: {plural(len(self.output), 'sample')}"), Facts(found.items())]

    def __repr__(self) -> str:
        return f"<LayerTrace of {self.layer.label}, {self.shapes.input} to {self.shapes.output}>"
