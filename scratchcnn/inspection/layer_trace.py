"""What one layer saw and made in one forward and backward pass."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from scratchcnn.algorithms import Choice
from scratchcnn.inspection.flops import forward_flops
from scratchcnn.layers import Layer
from scratchcnn.operands import Array, Shape


class Shapes(NamedTuple):
    """Shapes of a layer's batches, (N, ...)."""

    input: Shape
    output: Shape


class Seconds(NamedTuple):
    """Time of one layer's passes over the batch; backward is None without labels.

    The first pass in a process also loads the kernels: trace twice to time the second. Backward is what `fit` computes:
    for the first layer with parameters, without the gradient by the images.
    """

    forward: float
    backward: float | None


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer of a `Trace`. All arrays are of the model's dtype and have the batch as their first axis.

    Attributes
    ----------
    layer : Layer
        The layer itself; its parameters go on changing if the model goes on learning.
    name, kind : str
        The layer's name, and that of its class.
    input, output : (N, ...)
        What went in and what came out.
    preactivation : (N, ...)
        z: what the activation was given; the output itself where there is no activation, or where a user's own layer
        does not tell. The activation's name is `activation`.
    d_output, d_preactivation, d_input : (N, ...) or None
        Gradient of the mean loss by each of the three. None without labels. A softmax that `fit` takes as part of the
        loss (`training.step.on_logits`) gets no gradient by its probabilities: d_output is None there, and
        d_preactivation is what the loss sends back.
    params, gradients : dict of str to array
        Copies of the parameters as they were; and the gradient of the mean loss by each, empty without labels.
    seconds : Seconds
    algorithm : Choice or None
        Which algorithm computed a Conv2D, if the engine is 'kernels'.
    mask : bool (N, ...) or None
        What a Dropout kept, if it dropped anything.
    winners : (N, PH, PW, C) or None
        Which element of each window a MaxPooling2D took, as `reference.max_pool2d` numbers them.
    """

    layer: Layer
    name: str
    kind: str
    input: Array
    preactivation: Array
    output: Array
    d_output: Array | None
    d_preactivation: Array | None
    d_input: Array | None
    params: dict[str, Array]
    gradients: dict[str, Array]
    seconds: Seconds
    algorithm: Choice | None
    mask: Array | None
    winners: Array | None

    @property
    def activation(self) -> str | None:
        """Name of the activation function, None for a layer that has none."""
        activation = getattr(self.layer, "activation", None)
        return None if activation is None else activation.name

    @property
    def shapes(self) -> Shapes:
        """Shapes of the input and the output, with the batch."""
        return Shapes(self.input.shape, self.output.shape)

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Of the output, and of all else."""
        return self.output.dtype

    @property
    def bytes(self) -> int:
        """Memory of the output; the gradient by it takes as much."""
        return self.output.nbytes

    @property
    def parameter_count(self) -> int:
        """How many numbers the parameters have in all."""
        return sum(array.size for array in self.params.values())

    @property
    def flops(self) -> int | None:
        """Operations of the forward pass of the batch, as `inspection.flops` counts them; None for a user's layer."""
        return forward_flops(self.layer, *self.shapes, drops=self.mask is not None)

    @cached_property
    def zeros(self) -> float:
        """Share of the output that is exactly zero, 0 to 1."""
        return 1 - np.count_nonzero(self.output) / self.output.size

    @cached_property
    def mean(self) -> float:
        """Mean of the output."""
        with np.errstate(all="ignore"):  # infinities are shown, not warned of
            return float(self.output.mean(dtype=np.float64))

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the output."""
        with np.errstate(all="ignore"):
            return float(self.output.std(dtype=np.float64))

    @cached_property
    def gradient_norm(self) -> float | None:
        """Length of the gradient by all parameters together, sqrt(sum of squares); None if there is none."""
        if not self.gradients:
            return None
        with np.errstate(all="ignore"):
            return math.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in self.gradients.values()))

    def __repr__(self) -> str:
        return f"<LayerTrace of {self.layer.label}, {self.shapes.input} to {self.shapes.output}>"
