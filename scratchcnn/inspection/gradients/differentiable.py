"""A model or layer as a scalar function of its input and parameters, with the gradients of its own backward pass.

The scalar is the model's mean loss, including the penalties of regularizers. Where there is no loss, it is a random
linear functional of the outputs, the sum of weight * output with random weights: weights of one would hide many wrong
backward passes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.activations import ELU, LeakyReLU, ReLU
from scratchcnn.arguments import seed_number
from scratchcnn.descriptions.registry import description_of
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.arguments import built_model, sample_shape
from scratchcnn.layers import Layer
from scratchcnn.losses import Loss
from scratchcnn.operands import Array, Shape
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Fitting, check_images, check_samples
from scratchcnn.training.penalties import penalized, total_penalty, with_penalty_gradients
from scratchcnn.training.step import Passed, backward, forward

INPUT = "input"
FLOAT64 = np.dtype(np.float64)


class Evaluation(NamedTuple):
    """The value of the function, the sum of the absolute values of its terms, and the activation pattern.

    A network is smooth as long as its pattern does not change, and has a kink where it does.
    """

    value: float
    magnitude: float
    pattern: list[Array]

    def switched(self, other: Evaluation) -> int:
        """Return how many ReLU masks and argmax indices differ."""
        return sum(int((a != b).sum()) for a, b in zip(self.pattern, other.pattern, strict=True))


def pattern_of(layers: Sequence[Layer], passed: Sequence[Passed]) -> list[Array]:
    """Return the ReLU masks and argmax indices of a pass without fused stages; custom layers describe theirs."""
    pattern: list[Array] = []
    for layer, (output, cache) in zip(layers, passed, strict=True):
        own = description_of(layer).pattern(cache)
        if own is not None:
            pattern.append(own)
        if isinstance(getattr(layer, "activation", None), (ReLU, LeakyReLU, ELU)):  # y > 0 where x > 0
            pattern.append(output > 0)
    return pattern


class Differentiable:
    """A copy of a model or layer in `dtype`, as a function of its input and parameters; arguments of `check_gradients`.

    Attributes
    ----------
    arrays : dict of str to array  the arguments of the function by name: 'conv2d kernel', 'conv2d bias', ..., 'input';
        modifying one in place changes the value of the function
    faults : dict of str to str  errors that concern an array as a whole
    """

    def __init__(
        self, thing: Sequential | Layer, x: object, y: object, *, training: bool, engine: str | None, seed: int,
        dtype: np.dtype[np.floating] = FLOAT64,
    ) -> None:  # fmt: skip
        self.training, self.seed = bool(training), seed_number(seed) or 0
        self.loss: Loss | None = None
        targets: Array | None = None
        if isinstance(thing, Sequential):
            shape, engine = sample_shape(built_model(thing, "a gradient check")), engine or thing.engine
            layers: Sequence[Layer] = thing.leaf_layers
            if y is None:
                images = check_images(x, shape, thing.dtype)
            else:
                thing.expect_compiled("a gradient check with labels")
                trainer = thing.trainer
                self.loss, layers = trainer.loss, trainer.layers
                samples = check_samples(x, y, Fitting(shape, trainer.output_shape, thing.dtype, trainer.loss))
                images, targets = samples.x, trainer.loss.encode(samples.y, trainer.output_shape, FLOAT64)
            copies = [copy_as(layer, dtype) for layer in layers]
            for copied, name in zip(copies, thing.leaf_names, strict=False):  # without a softmax that the loss includes
                copied.name = name
        elif isinstance(thing, Layer):
            if y is not None:
                raise ValueError("Expected labels for a model only, received them for a layer; omit y.")
            images = check_images(x, thing.input_shape or np.shape(np.asarray(x))[1:], FLOAT64)
            copies = [built_copy(thing, images.shape[1:], self.seed, dtype)]
        else:
            raise TypeError(f"Expected a model or a layer, received {thing!r}; give the object itself, as Dense(10).")
        if targets is None:  # the weights of the functional, (N, *output_shape)
            targets = np.random.default_rng(self.seed).standard_normal((len(images), *copies[-1].output_shape))
        self.x, self.targets = np.array(images, dtype, order="C"), targets
        self.single = Plan(copies, engine or "kernels", fuse=False)
        # `fit` has fused stages and computes no input gradient, so the parameter gradients of a model are those of a
        # second pass.
        self.as_in_fit = Plan(copies, engine or "kernels") if isinstance(thing, Sequential) else None
        self.arrays = {
            f"{layer.name or layer.default_name} {name}": array
            for layer in copies
            for name, array in layer.learned_params.items()
        } | {INPUT: self.x}
        self.faults: dict[str, str] = {}

    def evaluate(self) -> Evaluation:
        """Evaluate the function, with the same dropout masks each time."""
        outputs, passed = forward(self.single, self.x, self.training, np.random.default_rng(self.seed))
        if self.loss is None:
            terms = self.targets * outputs
            value, magnitude, signs = terms.sum(dtype=FLOAT64), np.abs(terms).sum(dtype=FLOAT64), []
        else:
            losses = self.loss.forward(outputs, self.targets.astype(outputs.dtype), self.single.ops)[0]
            # 1 +: a loss close to 0 is the logarithm of a probability close to 1, and has the rounding error of that.
            regularized = penalized(self.single.layers)
            penalty = total_penalty(regularized, self.single.ops)
            # the signs of weights with an L1 penalty: |w| has a kink at 0
            signs = [each.parameter > 0 for each in regularized if getattr(each.regularizer, "l1", 0)]
            value = losses.mean(dtype=FLOAT64) + penalty
            magnitude = 1 + np.abs(losses).mean(dtype=FLOAT64) + abs(penalty)
        return Evaluation(float(value), float(magnitude), pattern_of(self.single.layers, passed) + signs)

    def gradients(self) -> dict[str, Array]:
        """Run the backward pass, and return the gradient w.r.t. each array, by its name.

        Arrays that a pass modifies are restored and recorded in `faults`, as are gradients of another shape.
        """
        before = {name: array.copy() for name, array in self.arrays.items()}
        try:
            found = self._backward()
        except KeyError as error:
            raise ValueError(
                f"Expected backward to return a gradient for every parameter, received none for {error}; "
                "the keys of its dict are those of layer.learned_params."
            ) from error
        gradients = dict(zip(self.arrays, found, strict=True))
        for name, array in self.arrays.items():
            if not np.array_equal(array, before[name]):
                self.faults[name] = "the forward or backward pass modified the array itself"
                array[...] = before[name]
            if np.shape(gradients[name]) != array.shape:
                self.faults[name] = f"backward returned a gradient of shape {np.shape(gradients[name])}"
        return gradients

    def _backward(self) -> list[Any]:
        """Compute the gradients w.r.t. the parameters, and last w.r.t. the input."""
        passed, dy = self._forward(self.single)
        gradients: list[Array] = []
        dx: Array | None = dy
        for stage, (_, cache) in zip(self.single.stages[::-1], passed[::-1], strict=True):
            assert dx is not None
            dx, (of_layer,) = stage.backward(dx, cache)
            gradients[:0] = [of_layer[name] for name in stage.layers[0].learned_params]
        if self.as_in_fit is not None:
            in_fit = iter(backward(self.as_in_fit, *self._forward(self.as_in_fit)))
            trained = [layer.trainable for layer in self.single.layers for _ in layer.learned_params]
            gradients = [next(in_fit) if each else own for own, each in zip(gradients, trained, strict=True)]
        if self.loss is not None:
            parameters = list(self.arrays.values())[:-1]  # without the input
            gradients = with_penalty_gradients(penalized(self.single.layers), parameters, gradients, self.single.ops)
        return [*gradients, dx]

    def _forward(self, plan: Plan) -> tuple[list[Passed], Array]:
        """Return what each stage leaves behind, and the gradient w.r.t. the outputs."""
        outputs, passed = forward(plan, self.x, self.training, np.random.default_rng(self.seed))
        targets = self.targets.astype(outputs.dtype)
        if self.loss is None:
            return passed, targets
        return passed, self.loss.backward(self.loss.forward(outputs, targets, plan.ops)[1], targets, plan.ops)


def copy_as(layer: Layer, dtype: np.dtype[np.floating]) -> Any:
    """Return a copy of a layer with its parameters in `dtype`: trainable, unless its function depends on that.

    A frozen layer with statistics may use them in training, too, as BatchNormalization does.
    """
    copied = copy.deepcopy(layer)
    copied.params = {name: np.array(array, dtype, order="C") for name, array in layer.params.items()}
    copied.trainable = layer.trainable or not layer.statistics
    return copied


def built_copy(layer: Layer, input_shape: Shape, seed: int, dtype: np.dtype[np.floating]) -> Any:
    """Return a `copy_as`, built if the layer is not; then no parameter is zero, since zeros may hide bugs."""
    copied = copy_as(layer, dtype)
    if layer.output_shape is None:
        rng = np.random.default_rng(seed)
        copied.build(input_shape, rng, dtype)
        for array in copied.params.values():
            array += (0.1 * rng.standard_normal(array.shape)).astype(array.dtype)
    return copied
