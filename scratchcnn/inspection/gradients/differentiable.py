"""The function whose gradients are checked: a scalar of the input and every parameter, with the layers' own gradients.

The scalar is a model's mean loss or, for layers without a loss, a random linear functional of their outputs: the sum of
weight * output, with random weights. (With weights of one, many wrong backward passes would go unnoticed.)
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

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
    """The value, the sum of the absolute values of its terms, and the activation pattern of the pass."""

    value: float
    magnitude: float
    pattern: Pattern


class Head(Protocol):
    """A scalar function of the outputs."""

    def forward(self, outputs: Array, ops: Operations) -> tuple[float, float]:
        """Return the value, and the sum of the absolute values of its terms."""

    def backward(self, outputs: Array, ops: Operations) -> Array:
        """Return the gradient w.r.t. the outputs."""


class LossHead:
    """The mean loss of a batch."""

    def __init__(self, loss: Loss, targets: Array) -> None:
        self.loss, self.targets = loss, targets

    def forward(self, outputs: Array, ops: Operations) -> tuple[float, float]:
        """The mean loss."""
        losses = self.loss.forward(outputs, self.targets.astype(outputs.dtype), ops)[0]
        # A loss near 0 is the logarithm of a number near 1, and inherits the rounding error of that number.
        return float(losses.mean(dtype=np.float64)), 1 + float(np.abs(losses).mean(dtype=np.float64))

    def backward(self, outputs: Array, ops: Operations) -> Array:
        """The loss's own gradient."""
        targets = self.targets.astype(outputs.dtype)
        return self.loss.backward(self.loss.forward(outputs, targets, ops)[1], targets, ops)


class FunctionalHead:
    """A random linear functional: the sum of weight * output."""

    def __init__(self, weights: Array) -> None:
        self.weights = weights

    def forward(self, outputs: Array, ops: Operations) -> tuple[float, float]:
        """The sum."""
        terms = self.weights * outputs
        return float(terms.sum(dtype=np.float64)), float(np.abs(terms).sum(dtype=np.float64))

    def backward(self, outputs: Array, ops: Operations) -> Array:
        """The weights."""
        return self.weights.astype(outputs.dtype)


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
    """A row of layers and a head, as a function of the input and every parameter.

    Parameters
    ----------
    layers : sequence of Layer
        Built; all are trainable.
    head : Head
    x : array
        The input.
    engine : {'kernels', 'reference'}
    training : bool
    seed : int
        Of dropout, the same for every evaluation.
    as_in_fit : bool
        Whether the parameter gradients are computed as in `fit`, where no gradient w.r.t. the input is required. False:
        by a pass that computes it.

    Attributes
    ----------
    arrays : dict of str to array
        The arguments of the function by name: 'conv2d kernel', 'conv2d bias', ..., 'input'. Changing one in place
        changes the value of the function.
    faults : dict of str to str
        What is wrong with the gradient w.r.t. an array, besides its values.
    """

    def __init__(
        self, layers: Sequence[Layer], head: Head, x: Array, engine: str, training: bool, seed: int, as_in_fit: bool
    ) -> None:
        self.head, self.x, self.training, self.seed, self.as_in_fit = head, x, training, seed, as_in_fit
        self.single = Plan(layers, engine, fuse=False)
        self.plan, self.with_input = Plan(layers, engine), Plan([_InputAsParameter(x), *layers], engine)
        self.ops = self.plan.ops
        arrays = [
            (f"{layer.name or layer.default_name} {name}", array)
            for layer in layers
            for name, array in layer.params.items()
        ]
        self.arrays = {**dict(arrays), INPUT: x}
        self.faults: dict[str, str] = {}

    def value(self) -> float:
        """Return the value of the function."""
        return self.evaluate().value

    def evaluate(self) -> Evaluation:
        """Evaluate the function, with the same dropout masks each time."""
        outputs, passed = self._forward(self.single)
        return Evaluation(*self.head.forward(outputs, self.ops), pattern_of(self.single.layers, passed))

    def gradients(self) -> dict[str, Array]:
        """Return the gradients that the backward pass computes, by the name of each array.

        Records in `faults` the arrays that a pass has modified, which are restored, and those whose gradient has
        another shape.
        """
        before = {name: array.copy() for name, array in self.arrays.items()}
        dx, *found = self._backward(self.with_input)
        if self.as_in_fit:
            found = self._backward(self.plan)
        gradients = dict(zip(self.arrays, [*found, dx], strict=True))
        for name, array in self.arrays.items():
            if not np.array_equal(array, before[name]):
                self.faults[name] = "a pass has changed the numbers themselves"
                array[...] = before[name]
            if np.shape(gradients[name]) != array.shape:
                self.faults[name] = f"backward gave a gradient of shape {np.shape(gradients[name])}"
        return gradients

    def _forward(self, plan: Plan) -> tuple[Array, list[Passed]]:
        return forward(plan, self.x, self.training, np.random.default_rng(self.seed))

    def _backward(self, plan: Plan) -> list[Array]:
        outputs, passed = self._forward(plan)
        try:
            return backward(plan, passed, self.head.backward(outputs, self.ops))
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
        Not built, or data that do not fit.
    RuntimeError
        y for a model that is not compiled.
    """
    if isinstance(thing, Sequential):
        return _of_model(thing, x, y, training, engine, seed, dtype)
    if isinstance(thing, Layer):
        return _of_layer(thing, x, y, training, engine, seed, dtype)
    raise TypeError(f"Expected a model or a layer, received {thing!r}; give the object itself, as Dense(10).")


def _of_model(
    model: Sequential, x: object, y: object, training: bool, engine: str | None, seed: int,
    dtype: np.dtype[np.floating],
) -> Differentiable:  # fmt: skip
    shape, engine = sample_shape(built_model(model, "a gradient check")), engine or model.engine
    if y is None:
        images, layers = _own(check_images(x, shape, model.dtype), dtype), model.layers
        head: Head = _functional(layers, len(images), seed)
    else:
        model.expect_compiled("a gradient check with labels")
        trainer = model.trainer
        samples = check_samples(x, y, Fitting(shape, trainer.output_shape, model.dtype, trainer.loss))
        images, layers = _own(samples.x, dtype), trainer.layers
        head = LossHead(trainer.loss, trainer.loss.encode(samples.y, trainer.output_shape, FLOAT64))
    return Differentiable([twin(layer, dtype) for layer in layers], head, images, engine, training, seed, True)


def _of_layer(
    layer: Layer, x: object, y: object, training: bool, engine: str | None, seed: int, dtype: np.dtype[np.floating]
) -> Differentiable:
    if y is not None:
        raise ValueError("Expected labels for a model only, received them for a layer; omit y.")
    shape = np.shape(np.asarray(x))[1:]
    images = _own(check_images(x, layer.input_shape or shape, FLOAT64), dtype)
    layers = [built(layer, images.shape[1:], seed, dtype)]
    head = _functional(layers, len(images), seed)
    return Differentiable(layers, head, images, engine or "kernels", training, seed, False)


def _functional(layers: Sequence[Layer], count: int, seed: int) -> FunctionalHead:
    output_shape = layers[-1].output_shape
    assert output_shape is not None
    return FunctionalHead(np.random.default_rng(seed).standard_normal((count, *output_shape)))


def twin(layer: Layer, dtype: np.dtype[np.floating] = FLOAT64) -> Any:
    """Return a trainable copy of a layer with its parameters in `dtype`."""
    copied = copy.deepcopy(layer)
    copied.params = {name: _own(array, dtype) for name, array in layer.params.items()}
    copied.trainable = True
    return copied


def built(layer: Layer, input_shape: Shape, seed: int, dtype: np.dtype[np.floating] = FLOAT64) -> Any:
    """Return a `twin` of a layer, built if the layer is not; then no parameter is zero, which would hide errors."""
    copied = twin(layer, dtype)
    if layer.output_shape is None:
        rng = np.random.default_rng(seed)
        copied.build(input_shape, rng, dtype)
        for array in copied.params.values():
            array += (0.1 * rng.standard_normal(array.shape)).astype(array.dtype)
    return copied


def _own(array: Array, dtype: np.dtype[np.floating]) -> Array:
    return np.array(array, dtype, order="C")
