"""What a gradient check looks at: one number that depends on many arrays, and its gradients by the layers' backward.

The number is a model's mean loss, or, of layers alone, a random linear functional of their outputs: the sum of
weight * output, with random weights. (With weights that are all one, many a wrong backward would pass.)
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from scratchcnn.inspection.arguments import built_model, sample_shape
from scratchcnn.inspection.patterns import Pattern, pattern_of
from scratchcnn.layers import Layer
from scratchcnn.losses import Loss
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations
from scratchcnn.operations import engine as operations_of
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Fitting, check_images, check_samples
from scratchcnn.training.step import Passed, backward, forward

INPUT = "input"
FLOAT64 = np.dtype(np.float64)


class Evaluation(NamedTuple):
    """The number, the size of the terms it was added up from, and the switches of the pass."""

    value: float
    magnitude: float
    pattern: Pattern


class Head(Protocol):
    """What makes one number of the outputs."""

    def forward(self, outputs: Array, ops: Operations) -> tuple[float, float]:
        """The number, and the sum of its terms' absolute values."""

    def backward(self, outputs: Array, ops: Operations) -> Array:
        """Its gradient by the outputs."""


class LossHead:
    """The mean loss of a batch."""

    def __init__(self, loss: Loss, targets: Array) -> None:
        self.loss, self.targets = loss, targets

    def forward(self, outputs: Array, ops: Operations) -> tuple[float, float]:
        """The mean loss."""
        losses = self.loss.forward(outputs, self.targets.astype(outputs.dtype), ops)[0]
        # A loss near 0 is the logarithm of a number near 1, and rounded as that one is.
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


class _Held(Layer):
    """An input that is a parameter: with it in front, the backward pass goes on down to the input."""

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
    """A row of layers and a head, as a function of every parameter and of the input.

    Attributes
    ----------
    arrays : dict of str to array
        What it depends on, by name: 'conv2d kernel', 'conv2d bias', ..., 'input'. Changing one in place changes the
        function.
    own_pass : bool
        Whether the gradients by the parameters are those of the very pass that `fit` makes, which does not go on to
        the input, rather than of one that does.
    """

    def __init__(
        self, layers: Sequence[Layer], head: Head, x: Array, ops: Operations, training: bool, seed: int, own_pass: bool
    ) -> None:
        self.layers, self.head, self.x, self.ops = list(layers), head, x, ops
        self.training, self.seed, self.own_pass = training, seed, own_pass
        self.owners = {
            f"{layer.name or layer.default_name} {key}": (layer, key) for layer in layers for key in layer.params
        }
        self.arrays = {name: layer.params[key] for name, (layer, key) in self.owners.items()} | {INPUT: x}
        self.faults: dict[str, str] = {}

    def value(self) -> float:
        """The number alone."""
        return self.evaluate().value

    def evaluate(self) -> Evaluation:
        """The number, with the same units dropped each time."""
        outputs, passed = self._forward(self.layers)
        return Evaluation(*self.head.forward(outputs, self.ops), pattern_of(self.layers, passed))

    def gradients(self) -> dict[str, Array]:
        """What backward says, by the name of each array.

        Notes down in `faults` the arrays that a pass has changed, and puts them back; and those whose gradient is of
        another shape.
        """
        before = {name: array.copy() for name, array in self.arrays.items()}
        *found, dx = self._backward([_Held(self.x), *self.layers], skip=1)
        if self.own_pass:
            found = self._backward(self.layers, skip=0)
        gradients = dict(zip([*self.owners, INPUT], [*found, dx], strict=True))
        for name, array in self.arrays.items():
            if not np.array_equal(array, before[name]):
                self.faults[name] = "a pass has changed the numbers themselves"
                array[...] = before[name]
            if np.shape(gradients[name]) != array.shape:
                self.faults[name] = f"backward gave a gradient of shape {np.shape(gradients[name])}"
        return gradients

    def _forward(self, layers: Sequence[Layer]) -> tuple[Array, list[Passed]]:
        return forward(layers, self.x, self.ops, self.training, np.random.default_rng(self.seed))

    def _backward(self, layers: Sequence[Layer], skip: int) -> list[Array]:
        """Gradients of a whole pass; those of the first `skip` layers come last."""
        outputs, passed = self._forward(layers)
        dy = self.head.backward(outputs, self.ops)
        try:
            found = backward(layers, passed, dy, self.ops)
        except KeyError as error:
            raise ValueError(
                f"Expected backward to return a gradient for every parameter, received none for {error}; "
                "the keys of its dict are those of layer.params."
            ) from error
        return [*found[skip:], *found[:skip]]


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
    """A twin of a model or layer in `dtype`, with the same parameters; the thing itself is left alone.

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
    shape = sample_shape(built_model(model, "a gradient check"))
    ops = operations_of(engine or model.engine)
    images = _own(check_images(x, shape, model.dtype), dtype)
    if y is None:
        output = model.layers[-1].output_shape
        assert output is not None
        weights = np.random.default_rng(seed).standard_normal((len(images), *output))
        return Differentiable(
            [twin(layer, dtype) for layer in model.layers], FunctionalHead(weights), images, ops, training, seed, True
        )
    model._expect_compiled("a gradient check with labels")
    trainer = model._ready_trainer()
    fitting = Fitting(shape, trainer.classes, model.dtype, trainer.loss)
    targets = trainer.loss.encode(check_samples(x, y, fitting).y, trainer.classes, FLOAT64)
    layers = [twin(layer, dtype) for layer in trainer.layers]
    return Differentiable(layers, LossHead(trainer.loss, targets), images, ops, training, seed, True)


def _of_layer(
    layer: Layer, x: object, y: object, training: bool, engine: str | None, seed: int, dtype: np.dtype[np.floating]
) -> Differentiable:
    if y is not None:
        raise ValueError("Expected labels for a model alone, received them beside a layer; leave y out.")
    shape = np.shape(np.asarray(x))[1:]
    images = _own(check_images(x, layer.input_shape or shape, FLOAT64), dtype)
    own = built(layer, images.shape[1:], seed, dtype)
    assert own.output_shape is not None
    weights = np.random.default_rng(seed).standard_normal((len(images), *own.output_shape))
    ops = operations_of(engine or "kernels")
    return Differentiable([own], FunctionalHead(weights), images, ops, training, seed, False)


def twin(layer: Layer, dtype: np.dtype[np.floating] = FLOAT64) -> Any:
    """A copy of a layer with its parameters in `dtype`."""
    copied = copy.deepcopy(layer)
    copied.params = {name: _own(array, dtype) for name, array in layer.params.items()}
    return copied


def built(layer: Layer, input_shape: Shape, seed: int, dtype: np.dtype[np.floating] = FLOAT64) -> Any:
    """A `twin` of a layer; if that has no parameters yet, some are made, and none is left at zero, which hides much."""
    copied = twin(layer, dtype)
    if layer.output_shape is None:
        rng = np.random.default_rng(seed)
        copied.build(input_shape, rng, dtype)
        for array in copied.params.values():
            array += (0.1 * rng.standard_normal(array.shape)).astype(array.dtype)
    return copied


def _own(array: Array, dtype: np.dtype[np.floating]) -> Array:
    return np.array(array, dtype, order="C")
