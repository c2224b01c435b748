"""A forward and a backward pass that keep all values of every layer, and copies without dropout.

The passes go through a plan without fused stages, `Plan(layers, engine, fuse=False)`: it uses the algorithms of the
plan that `fit` uses, so every array has the same bits as in `fit`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scratchcnn.activations import Linear, linear
from scratchcnn.algorithms import Choice
from scratchcnn.descriptions.registry import description_of, is_custom, kind_of
from scratchcnn.fusion.plan import Plan
from scratchcnn.fusion.stage import SingleLayer
from scratchcnn.inspection.tracing.layer_trace import LayerTrace, Seconds
from scratchcnn.layers import Dropout, Layer
from scratchcnn.layers.activation import without_activation
from scratchcnn.operands import Array
from scratchcnn.operations import engine as operations_of
from scratchcnn.sequential import Sequential
from scratchcnn.training.step import forward as forward_stages


def stages_of(plan: Plan) -> list[SingleLayer]:
    """Return the stages of a plan without fused stages, one for each layer."""
    return [stage for stage in plan.stages if isinstance(stage, SingleLayer)]


def layer_outputs(plan: Plan, x: Array) -> list[Array]:
    """Return the output of each layer for a batch, without dropout; the plan has no fused stages."""
    return [output for output, _ in forward_stages(plan, x, training=False, rng=None)[1]]


def forward(plan: Plan, x: Array, training: bool, rng: np.random.Generator | None) -> list[LayerTrace]:
    """Pass a batch through the layers, one by one."""
    found = []
    for stage, following in zip(stages_of(plan), [*plan.layers[1:], None], strict=True):
        layer = stage.layer
        layer_input = _own(x, layer)
        started = time.perf_counter()
        x, cache = stage.forward(x, training, rng)
        seconds = time.perf_counter() - started
        output = preactivation = _own(x, layer, following)
        if has_activation(layer):
            preactivation = without_activation(layer).forward(layer_input, stage.ops, training=False, rng=None)[0]
        algorithm = _algorithm(stage)
        found.append(LayerTrace.of_forward(layer, layer_input, preactivation, output, seconds, cache, algorithm))
    return found


def backward(plan: Plan, steps: Sequence[LayerTrace], dy: Array) -> list[LayerTrace]:
    """Backpropagate the gradient of the loss through the layers, down to the images, and add all gradients.

    `fit` stops at the first layer with trainable parameters and computes no gradient w.r.t. its input. Here that
    gradient is computed separately, so that the gradients w.r.t. the parameters are those of `fit`.
    """
    layers: list[Layer | None] = [None, *plan.layers]
    found: list[LayerTrace] = []
    for i, stage in reversed(list(enumerate(stages_of(plan)))):
        step, layer = steps[i], stage.layer
        d_output = _own(dy, layer)
        activation, dz = activation_of(layer), dy
        if has_activation(layer):
            dz = activation.backward(dy, activation.kept(step.preactivation, step.output), stage.ops)
        step = replace(step, d_output=d_output, d_preactivation=_own(dz, layer))
        started = time.perf_counter()
        dx, (of_parameters,) = stage.backward(dy, step.cache, input_gradient=i != plan.first)
        seconds = Seconds(step.seconds.forward, time.perf_counter() - started)
        if i == plan.first:
            dx = stage.backward(_own(d_output, layer), step.cache)[0]
        if dx is None:
            raise ValueError(
                f"Expected a gradient w.r.t. the input of layer {layer.label}, received None from its backward; return "
                "None only if input_gradient is False."
            )
        dy = dx
        gradients = {name: of_parameters[name] for name in layer.learned_params}
        found.append(replace(step, d_input=_own(dy, layer, layers[i]), gradients=gradients, seconds=seconds))
    return found[::-1]


def _algorithm(stage: SingleLayer) -> Choice | None:
    """Return the algorithms of a convolution; those of a subclass of Conv2D do not depend on its neighbours."""
    if stage.choices[0] is not None or stage.ops is operations_of("reference"):
        return stage.choices[0]
    return description_of(stage.layer).algorithm()


def activation_of(layer: Layer) -> Any:
    """Return the activation in which a described layer ends; the identity if it has none."""
    return linear if kind_of(layer) is None else getattr(layer, "activation", linear)


def has_activation(layer: Layer) -> bool:
    """Return whether a described layer ends in an activation other than the identity."""
    return type(activation_of(layer)) is not Linear


def without_dropout(clone: Sequential) -> Sequential:
    """Set the rate of every Dropout of a clone to 0, and return the clone."""
    for layer in clone.leaf_layers:
        if isinstance(layer, Dropout):
            layer.rate = 0.0
    return clone


def _own(array: Array, *users: Layer | None) -> Array:
    """Return the array, or a copy if one of its users is a custom layer, which might overwrite it."""
    return array.copy() if any(layer is not None and is_custom(layer) for layer in users) else array
