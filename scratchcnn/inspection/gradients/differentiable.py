"""A model or layer as a scalar function of its input and parameters, with the gradients of its own backward pass.

The scalar is the model's mean loss. Where there is no loss, it is a random linear functional of the outputs, the sum of
weight * output with random weights: weights of one would hide many wrong backward passes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.arguments import built_model, sample_shape
from scratchcnn.inspection.gradients.patterns import Pattern, pattern_of
from scratchcnn.layers import Layer
from scratchcnn.losses import Loss
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Fitting, check_images, check_samples
from scratchcnn.training.step import Passed, backward, forward

INPUT = "input"
FLOAT64 = np.dtype(np.float64)


class Evaluation(NamedTuple):
    """The value of the function, the sum of the absolute values of its terms, and the activation pattern."""

    value: float
    magnitude: float
    pattern: Pattern


class _InputAsParameter(Layer):
    """Outputs its only parameter: in front of other layers, it gives their backward pass an input gradient."""

    def __init__(self, x: Array) -> None:
        super().__init__(name=INPUT)
        self.params = {"x": x}

    def forward(self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None) -> tuple[Array, None]:
        return self.params["x"], None

    def backward(
        self, dy: Array, cache: None, ops: Operations, input_gradient: bool = True
    ) -> tuple[None, dict[str, Array]]:
        return None, {"x": dy}


class Differentiable:
    """Layers with a loss, as a function of the input and every parameter.

    Parameters
    ----------
    layers : sequence of Layer
        Built and trainable.
    loss : Loss or None
        None: the random linear functional.
    targets : (N, *output_shape)
        Targets of the loss, or the weights of the functional.
    x : (N, *input_shape)
    engine : {'kernels', 'reference'}
    training : bool
    seed : int
        Seed of dropout; every evaluation uses the same masks.
    as_in_fit : bool
        True: compute the parameter gradients as in `fit`, where no input gradient is required. False: in the pass that
        also computes the input gradient.

    Attributes
    ----------
    arrays : dict of str to array
        The arguments of the function by name: 'conv2d kernel', 'conv2d bias', ..., 'input'. Modifying one in place
        changes the value of the function.
    faults : dict of str to str
        Errors that concern an array as a whole.
    """

    def __init__(
        self, layers: Sequence[Layer], loss: Loss | None, targets: Array, x: Array, engine: str, training: bool,
        seed: int, as_in_fit: bool,
    ) -> None:  # fmt: skip
        self.loss, self.targets, self.x = loss, targets, x
        self.training, self.seed, self.as_in_fit = training, seed, as_in_fit
        self.single = Plan(layers, engine, fuse=False)
        self.plan, self.with_input = Plan(layers, engine), Plan([_InputAsParameter(x), *layers], engine)
        self.arrays = {
            f"{layer.name or layer.default_name} {name}": array
            for layer in layers
            for name, array in layer.params.items()
        } | {INPUT: x}
        self.faults: dict[str, str] = {}

    def evaluate(self) -> Evaluation:
        """Evaluate the function, with the same dropout masks each time."""
        outputs, passed = self._forward(self.single)
        pattern = pattern_of(self.single.layers, passed)
        if self.loss is None:
            terms = self.targets * outputs
            return Evaluation(float(terms.sum(dtype=FLOAT64)), float(np.abs(terms).sum(dtype=FLOAT64)), pattern)
        losses = self.loss.forward(outputs, self.targets.astype(outputs.dtype), self.single.ops)[0]
        # 1 +: a loss close to 0 is the logarithm of a probability close to 1, and has the rounding error of that one.
        magnitude = 1 + float(np.abs(losses).mean(dtype=FLOAT64))
        return Evaluation(float(losses.mean(dtype=FLOAT64)), magnitude, pattern)

    def gradients(self) -> dict[str, Array]:
        """Run the backward pass, and return the gradient w.r.t. each array, by its name.

        Arrays that a pass modifies are restored and recorded in `faults`, as are gradients of another shape.
        """
        before = {name: array.copy() for name, array in self.arrays.items()}
        dx, *found = self._backward(self.with_input)
        if self.as_in_fit:
            found = self._backward(self.plan)
        gradients = dict(zip(self.arrays, [*found, dx], strict=True))
        for name, array in self.arrays.items():
            if not np.array_equal(array, before[name]):
                self.faults[name] = "the forward or backward pass modified the array itself"
                array[...] = before[name]
            if np.shape(gradients[name]) != array.shape:
                self.faults[name] = f"backward returned a gradient of shape {np.shape(gradients[name])}"
        return gradients

    def _forward(self, plan: Plan) -> tuple[Array, list[Passed]]:
        return forward(plan, self.x, self.training, np.random.default_rng(self.seed))

    def _backward(self, plan: Plan) -> list[Array]:
        outputs, passed = self._forward(plan)
        d_outputs = targets = self.targets.astype(outputs.dtype)
        if self.loss is not None:
            d_outputs = self.loss.backward(self.loss.forward(outputs, targets, plan.ops)[1], targets, plan.ops)
        try:
            return backward(plan, passed, d_outputs)
        except KeyError as error:
            raise ValueError(
                f"Expected backward to return a gradient for every parameter, received none for {error}; "
                "the keys of its dict are those of layer.params."
            ) from error


def differentiable(
    thing: Sequential | Layer,
    x: object,
    y: object,
    *,
    training: bool,
    engine: str | None,
    seed: int,
    dtype: np.dtype[np.floating] = FLOAT64,
) -> Differentiable:
    """Return a copy of a model or layer in `dtype`, with the same parameters, as a differentiable function.

    Raises
    ------
    TypeError
        Neither a model nor a layer.
    ValueError
        The model is not built, or the data do not fit.
    RuntimeError
        y for a model that is not compiled.
    """
    loss: Loss | None = None
    targets: Array | None = None
    if isinstance(thing, Sequential):
        shape, engine = sample_shape(built_model(thing, "a gradient check")), engine or thing.engine
        layers: Sequence[Layer] = thing.layers
        if y is None:
            images = check_images(x, shape, thing.dtype)
        else:
            thing.expect_compiled("a gradient check with labels")
            trainer = thing.trainer
            loss, layers = trainer.loss, trainer.layers
            samples = check_samples(x, y, Fitting(shape, trainer.output_shape, thing.dtype, loss))
            images, targets = samples.x, loss.encode(samples.y, trainer.output_shape, FLOAT64)
        copies = [copy_as(layer, dtype) for layer in layers]
    elif isinstance(thing, Layer):
        if y is not None:
            raise ValueError("Expected labels for a model only, received them for a layer; omit y.")
        images = check_images(x, thing.input_shape or np.shape(np.asarray(x))[1:], FLOAT64)
        copies = [built_copy(thing, images.shape[1:], seed, dtype)]
    else:
        raise TypeError(f"Expected a model or a layer, received {thing!r}; give the object itself, as Dense(10).")
    if targets is None:
        targets = np.random.default_rng(seed).standard_normal((len(images), *copies[-1].output_shape))
    as_in_fit = isinstance(thing, Sequential)
    return Differentiable(copies, loss, targets, _as(images, dtype), engine or "kernels", training, seed, as_in_fit)


def copy_as(layer: Layer, dtype: np.dtype[np.floating] = FLOAT64) -> Any:
    """Return a trainable copy of a layer with its parameters in `dtype`."""
    copied = copy.deepcopy(layer)
    copied.params = {name: _as(array, dtype) for name, array in layer.params.items()}
    copied.trainable = True
    return copied


def built_copy(layer: Layer, input_shape: Shape, seed: int, dtype: np.dtype[np.floating] = FLOAT64) -> Any:
    """Return a `copy_as`, built if the layer is not; then no parameter is zero, since zeros may hide bugs."""
    copied = copy_as(layer, dtype)
    if layer.output_shape is None:
        rng = np.random.default_rng(seed)
        copied.build(input_shape, rng, dtype)
        for array in copied.params.values():
            array += (0.1 * rng.standard_normal(array.shape)).astype(array.dtype)
    return copied


def _as(array: Array, dtype: np.dtype[np.floating]) -> Array:
    return np.array(array, dtype, order="C")
