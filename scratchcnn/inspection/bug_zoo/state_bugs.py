"""Bugs in the state of a layer: in inference, in the mean, or between passes. A check of its behavior finds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.inspection.bug_zoo.case import LAST, STEPS, Case, Measured, batches, final_loss, train
from scratchcnn.inspection.bug_zoo.exhibit import Check, Exhibit
from scratchcnn.inspection.bug_zoo.planting import Backward, Rng, in_model, input_of, is_hidden, position
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.layer_check import check_layer
from scratchcnn.layers import Dense, Dropout, Layer
from scratchcnn.layers.base import Gradients
from scratchcnn.layers.dense import DenseCache
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers import SGD
from scratchcnn.training.step import backward, forward

EARLY_RATE = 0.02  # learning rate of the layer that updates itself


class DropoutNotScaled(Dropout):
    """A dropout that does not divide the remaining activations by 1 - rate."""

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Array | None]:
        _, kept = super().forward(x, ops, training, rng)
        return (x if kept is None else x * kept.astype(x.dtype)), kept

    def backward(self, dy: Array, cache: Array | None, ops: Operations, input_gradient: bool = True) -> Backward:
        if not input_gradient:
            return None, {}
        return (dy if cache is None else dy * cache.astype(dy.dtype)), {}


class DropoutOnAtTestTime(Dropout):
    """A dropout that ignores the argument `training`."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(rate, **options)
        self.own_rng = np.random.default_rng(0)

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Array | None]:
        return super().forward(x, ops, True, rng or self.own_rng)


class StaleCache(Dense):
    """A dense layer that stores its last input on itself."""

    last: DenseCache

    def forward(self, x: Array, ops: Operations, training: bool, rng: Rng) -> tuple[Array, Any]:
        y, self.last = super().forward(x, ops, training, rng)
        return y, None

    def backward(self, dy: Array, cache: Any, ops: Operations, input_gradient: bool = True) -> Backward:
        count = min(len(dy), len(self.last.x))
        last = DenseCache(self.last.x[:count], self.last.kept[:count])
        return super().backward(dy[:count], last, ops, input_gradient)


class GradientNotReset(Dense):
    """A dense layer that accumulates its gradients on itself and never resets them."""

    total: Gradients | None = None

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        dx, gradients = super().backward(dy, cache, ops, input_gradient)
        before = self.total or {}
        self.total = {name: before.get(name, 0) + gradient for name, gradient in gradients.items()}
        return dx, dict(self.total)


class UpdatedTooEarly(Dense):
    """A dense layer that updates its kernel before it computes the input gradient with it."""

    def backward(self, dy: Array, cache: DenseCache, ops: Operations, input_gradient: bool = True) -> Backward:
        gradients = super().backward(dy, cache, ops, False)[1]
        for name, gradient in gradients.items():
            self.params[name] -= self.params[name].dtype.type(EARLY_RATE) * gradient
        return super().backward(dy, cache, ops, input_gradient)[0], gradients


def _check(kind: type[Layer]) -> Check:
    """Check the last hidden layer of a class, with its input in the model."""

    def run(case: Case) -> Findings:
        place = position(case.model, kind, is_hidden)
        return check_layer(case.model.leaf_layers[place], input_of(case, place))

    return Check("check_layer(layer, x)", run)


def _mean_in_inference(case: Case) -> Measured:
    """Sum of the output of dropout in inference over that in training."""
    place = position(case.model, Dropout)
    layer: Any = case.model.leaf_layers[place]
    x, ops = input_of(case, place, 64), case.model.ops
    trained = layer.forward(x, ops, training=True, rng=np.random.default_rng(0))[0]
    fixed = layer.forward(x, ops, training=False, rng=None)[0]
    return Measured(float(fixed.sum() / trained.sum()), train(case)[1])


def _changing_classes(case: Case) -> Measured:
    """Fraction of validation images whose predicted class changes from one call to the next."""
    model, losses = train(case)
    one, two = (model.predict(case.x_val, batch_size=256).argmax(axis=1) for _ in range(2))
    return Measured(float((one != two).mean()), losses)


def _loss_with_interleaved_passes(case: Case) -> Measured:
    """Final loss of a training that evaluates validation images between the forward and the backward pass."""
    trainer, losses = case.model.clone().trainer, []
    plan, loss, ops = trainer.plan, trainer.loss, trainer.ops
    others = case.x_val[:32].astype(trainer.dtype)
    for batch in batches(case, STEPS):
        targets = loss.encode(case.y[batch], trainer.output_shape, trainer.dtype)
        outputs, passed = forward(plan, case.x[batch].astype(trainer.dtype), True, trainer.dropout_rng)
        of_samples, probabilities = loss.forward(outputs, targets, ops)
        losses.append(float(of_samples.mean()))
        forward(plan, others, False, None)
        gradients = backward(plan, passed, loss.backward(probabilities, targets, ops))
        trainer.optimizer_state = trainer.optimizer.step(trainer.parameters, gradients, trainer.optimizer_state, ops)
    return Measured(float(np.mean(losses[-LAST:])), np.array(losses))


def _change_by_backward(case: Case) -> Measured:
    """Largest change of a parameter of the hidden dense layer by a backward pass alone."""
    place = position(case.model, Dense, is_hidden)
    model = case.model.clone()
    layer: Any = model.leaf_layers[place]
    before = {name: array.copy() for name, array in layer.params.items()}
    y, cache = layer.forward(input_of(case, place, 32), model.ops, training=True, rng=None)
    layer.backward(np.ones_like(y), cache, model.ops)
    change = max(float(np.abs(array - before[name]).max()) for name, array in layer.params.items())
    return Measured(change, train(case)[1])


EXHIBITS = (
    Exhibit(
        name="dropout_not_scaled",
        title="dropout does not divide the remaining activations by 1 - rate",
        bug="y = x * kept",
        fix="y = x * kept / (1 - rate)",
        symptom_text="In inference, where dropout is off, the following layers receive larger activations than in "
        "training. The validation accuracy is too low, and lower the higher the rate is.",
        hint="Compare the mean output over many training passes with the output in inference.",
        check=_check(Dropout), plant=in_model(DropoutNotScaled),
        quantity="mean output in inference over that in training", measure=_mean_in_inference, shift=0.1,
    ),
    Exhibit(
        name="dropout_on_at_test_time",
        title="dropout is on in inference",
        bug="def forward(x): y = drop(x)",
        fix="def forward(x, training): y = drop(x) if training else x",
        symptom_text="Predictions for the same image change from call to call, and the accuracy is lower than it "
        "could be.",
        hint="Call predict twice.",
        check=_check(Dropout), plant=in_model(DropoutOnAtTestTime),
        quantity="fraction of validation images whose class changes from call to call", measure=_changing_classes,
        shift=0.01,
    ),
    Exhibit(
        name="stale_cache",
        title="a layer stores its last input on itself",
        bug="self.x = x",
        fix="return y, Cache(x)",
        symptom_text="Plain training works. But when other images pass between forward and backward, for example to "
        "evaluate validation images, the gradient is that of the wrong images.",
        hint="Call forward for A, forward for B, backward for A. Which input does backward use?",
        check=_check(Dense), plant=in_model(StaleCache, is_hidden),
        quantity="final loss if validation images pass between forward and backward",
        measure=_loss_with_interleaved_passes, shift=0.1,
    ),
    Exhibit(
        name="gradient_not_reset",
        title="gradients are accumulated and never reset to zero",
        bug="self.dW += x.T @ dz",
        fix="dW = x.T @ dz",
        symptom_text="Each step continues in the direction of all previous steps, as with a momentum of 1. At first "
        "the loss may even decrease faster; then it oscillates with a growing amplitude, until the weights are so "
        "large that no unit passes a gradient, and all classes are equally probable.",
        hint="Call backward twice for one forward pass. Is the second gradient twice the first?",
        check=_check(Dense), plant=in_model(GradientNotReset, is_hidden),
        quantity="loss at the end of 300 steps of SGD", measure=lambda case: final_loss(case, SGD(0.2), 300), shift=0.5,
    ),
    Exhibit(
        name="updated_too_early",
        title="a layer updates its weights before it computes the input gradient",
        bug="W -= rate * dW; dx = dz @ W.T",
        fix="dx = dz @ W.T for all layers first; then W -= rate * dW",
        symptom_text="The network learns, but with an additional step besides that of the optimizer, and the "
        "earlier layers receive the gradient of another network than the one that computed the loss. The loss curve "
        "hardly shows it.",
        hint="Are the parameters the same before and after backward?",
        check=_check(Dense), plant=in_model(UpdatedTooEarly, is_hidden),
        quantity="largest change of a parameter by backward alone", measure=_change_by_backward, shift=1e-4,
    ),
)  # fmt: skip
