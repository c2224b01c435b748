"""One step of learning: forward, loss, backward, update. The whole of training is this, many times."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from scratchcnn.activations import Softmax, linear
from scratchcnn.kernels.runtime.workspace import Workspace
from scratchcnn.layers import Activation, Conv2D, Layer, MaxPooling2D
from scratchcnn.layers.conv2d import StackedCache
from scratchcnn.losses import Loss
from scratchcnn.metrics import Metric
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers import Optimizer, State
from scratchcnn.training.diagnosis import NonFiniteLossError, first_non_finite


class Passed(NamedTuple):
    """What one layer left behind in the forward pass: its output, and what its backward pass needs.

    A convolution that was computed together with the layers after it has no output of its own.
    """

    output: Array | None
    cache: Any


@dataclass
class Trainer:
    """Everything that training needs, gathered from a compiled model.

    Attributes
    ----------
    layers : list of Layer
        The model's layers; a last softmax has moved into the loss (`on_logits`).
    loss, metrics, optimizer, optimizer_state
    ops : the `kernels` or the `reference` package
    dtype : float32 or float64
    shuffle_rng, dropout_rng : numpy.random.Generator
        Where the order of the samples and the dropped units come from.
    workspace : Workspace
        The memory that each step uses again.
    """

    layers: list[Layer]
    loss: Loss
    metrics: list[Metric]
    optimizer: Optimizer
    optimizer_state: State
    ops: Operations
    dtype: np.dtype[np.floating]
    shuffle_rng: np.random.Generator
    dropout_rng: np.random.Generator
    workspace: Workspace = field(default_factory=Workspace)

    @property
    def parameters(self) -> list[Array]:
        """All parameters, layer by layer."""
        return [array for layer in self.layers for array in layer.params.values()]

    @property
    def classes(self) -> int:
        """Outputs of the last layer."""
        shape = self.layers[-1].output_shape
        assert shape is not None
        return shape[-1]


def train_step(trainer: Trainer, images: Array, targets: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Learn from one batch; the parameters change in place.

    Parameters
    ----------
    trainer : Trainer
    images : (N, *input_shape), the trainer's dtype
    targets : (N, classes), the trainer's dtype
    weights : (N,), the trainer's dtype, optional
        How much each sample counts: what becomes small is the sum of weight * loss, divided by N.

    Returns
    -------
    losses : (N,), of each sample before the step, times its weight
    probabilities : (N, classes)

    Raises
    ------
    NonFiniteLossError (a FloatingPointError)
        The loss is not finite; the message names the first layer with such a number. No parameter has changed.
    """
    with trainer.workspace.active():
        outputs, passed = forward(trainer.layers, images, trainer.ops, training=True, rng=trainer.dropout_rng)
        losses, probabilities = trainer.loss.forward(outputs, targets, trainer.ops)
        expect_finite(losses, trainer.layers, images, passed, trainer.ops)
        d_outputs = trainer.loss.backward(probabilities, targets, trainer.ops)
        if weights is not None:  # the loss is a sum over samples, so each row of its gradient is of one sample
            losses, d_outputs = losses * weights, d_outputs * weights[:, None]
        gradients = backward(trainer.layers, passed, d_outputs, trainer.ops)
        trainer.optimizer_state = trainer.optimizer.step(
            trainer.parameters, gradients, trainer.optimizer_state, trainer.ops
        )
    return losses, probabilities


def loss_and_gradients(trainer: Trainer, images: Array, targets: Array, training: bool) -> tuple[float, list[Array]]:
    """The mean loss of one batch, and its gradient by every parameter; dropout drops if `training`."""
    outputs, passed = forward(trainer.layers, images, trainer.ops, training, trainer.dropout_rng)
    losses, probabilities = trainer.loss.forward(outputs, targets, trainer.ops)
    d_outputs = trainer.loss.backward(probabilities, targets, trainer.ops)
    return float(losses.mean(dtype=np.float64)), backward(trainer.layers, passed, d_outputs, trainer.ops)


def expect_finite(losses: Array, layers: Sequence[Layer], x: Array, passed: Sequence[Passed], ops: Operations) -> None:
    """Refuse losses that are not finite, naming the first layer with such a number."""
    if not math.isfinite(losses.sum(dtype=np.float64)):
        outputs = []
        for layer, (output, _) in zip(layers, passed, strict=True):
            x = layer.forward(x, ops, training=False, rng=None)[0] if output is None else output
            outputs.append(x)
        raise NonFiniteLossError(first_non_finite(layers, outputs, losses), float(losses.mean(dtype=np.float64)))


def forward(
    layers: Sequence[Layer], x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
) -> tuple[Array, list[Passed]]:
    """Pass a batch through the layers; return the last output, and what each layer left behind."""
    passed = list(run(layers, x, ops, training, rng))
    assert passed[-1].output is not None
    return passed[-1].output, passed


def run(
    layers: Sequence[Layer], x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
) -> Iterator[Passed]:
    """Pass a batch through the layers, one by one; but convolutions and the max-pooling after them go together."""
    i = 0
    while i < len(layers):
        layer, second, third = layers[i], *(layers[j] if j < len(layers) else None for j in (i + 1, i + 2))
        if isinstance(layer, Conv2D) and isinstance(second, MaxPooling2D) and layer.pools(second):
            x, cache, of_pooling = layer.forward_pooled(x, second, ops)
            yield Passed(None, cache)
            yield Passed(x, of_pooling)
            i += 2
        elif (
            isinstance(layer, Conv2D) and isinstance(second, Conv2D) and isinstance(third, MaxPooling2D)
            and second.stacks(layer, third) and not any(before.params for before in layers[:i])
        ):  # fmt: skip
            x, stacked, of_pooling = second.forward_stacked(x, layer, third, ops)
            yield Passed(None, stacked)
            yield Passed(None, stacked)
            yield Passed(x, of_pooling)
            i += 3
        else:
            x, cache = layer.forward(x, ops, training, rng)
            yield Passed(x, cache)
            i += 1


def backward(layers: Sequence[Layer], passed: list[Passed], dy: Array, ops: Operations) -> list[Array]:
    """Pass the gradient of the loss back through the layers; return that of every parameter, layer by layer.

    Nobody asks for the gradient by the images, so the pass stops at the first layer that has parameters. `passed` is
    used up: each layer's memory is free for the layers before it.
    """
    gradients: list[Array] = []
    first = next((i for i, layer in enumerate(layers) if layer.params), len(layers))
    gradient: Any = dy
    activated = False  # whether the gradient was taken through the activation of the layer that gets it
    for i in reversed(range(first, len(layers))):
        assert gradient is not None
        layer, cache, before = layers[i], passed.pop().cache, layers[i - 1] if i > first else None
        if hands_winners(layer, before):
            gradient = layer.pooled_gradient(gradient, cache)  # mostly zeros: the layer before can make use of that
            continue
        if isinstance(cache, StackedCache):
            assert isinstance(layer, Conv2D)
            assert isinstance(before, Conv2D)
            of_before, of_parameters = layer.backward_stacked(gradient, cache, before, ops)
            both = [*(of_before[name] for name in before.params), *(of_parameters[name] for name in layer.params)]
            return both + gradients  # the layer before was the first with parameters
        if isinstance(layer, Conv2D) and type(layer).backward is Conv2D.backward:
            relu = passes_relu(layer, before)
            gradient, of_parameters = layer.backward(
                gradient, cache, ops, input_gradient=i > first, activated=activated, input_relu=relu,
                overwrite_input=relu,  # the ReLU's gradient is all that its output was kept for
            )  # fmt: skip
            activated = relu
        else:
            gradient, of_parameters = layer.backward(gradient, cache, ops, input_gradient=i > first)
        gradients[:0] = [of_parameters[name] for name in layer.params]
    return gradients


def hands_winners(layer: Layer, before: Layer | None) -> TypeGuard[MaxPooling2D]:
    """Whether the gradient goes from a layer to the one before it as a `PooledGradient`."""
    pools = type(layer).backward is MaxPooling2D.backward
    return pools and before is not None and before.takes_pooled_gradient


def passes_relu(layer: Layer, before: Layer | None) -> bool:
    """Whether a convolution takes its gradient through the ReLU of the one before it, too."""
    usual = isinstance(layer, Conv2D) and type(layer).backward is Conv2D.backward
    return usual and isinstance(before, Conv2D) and before.ends_in_relu


def on_logits(layers: Sequence[Layer], loss: Loss) -> tuple[list[Layer], Loss]:
    """Move a last softmax from the layers into the loss, where it can be computed without overflow or log(0).

    The layer that ended in softmax is replaced by its twin without, which shares its parameters.

    Warns
    -----
    UserWarning
        The loss expects probabilities and the model does not end in softmax, or the other way round.
    """
    layers = list(layers)
    last = layers[-1]
    ends_in_softmax = isinstance(getattr(last, "activation", None), Softmax)
    if ends_in_softmax == loss.from_logits:
        warnings.warn(
            "Expected a model that ends in softmax, or a loss with from_logits=True, "
            + ("received both: softmax is applied twice." if ends_in_softmax else "received neither: the outputs of "
               f"layer {last.label} are taken for probabilities."),
            UserWarning,
            stacklevel=4,
        )  # fmt: skip
    if loss.from_logits or not ends_in_softmax:
        return layers, loss
    layers.pop()
    if not isinstance(last, Activation) or not layers:
        twin: Any = copy.copy(last)
        twin.activation = linear
        layers.append(twin)
    return layers, loss.on_logits()
