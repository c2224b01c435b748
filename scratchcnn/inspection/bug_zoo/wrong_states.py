"""Exhibits that behave wrongly: at test time, in the mean, or when two passes meet. Found by looking at the layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.inspection.bug_zoo import sick_layers
from scratchcnn.inspection.bug_zoo.case import (
    LAST,
    STEPS,
    Case,
    Measured,
    batches,
    mean_of_last,
    position,
    reaching,
    train,
)
from scratchcnn.inspection.bug_zoo.exhibit import Exhibit
from scratchcnn.inspection.bug_zoo.planting import in_layer
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.layer_check import check_layer
from scratchcnn.layers import Dense, Dropout, Layer
from scratchcnn.optimizers import SGD
from scratchcnn.training.step import backward, forward

TOOL = "check_layer(layer, x)"
LONG = 300  # steps


def looked_at(kind: type[Layer], number: int = -1) -> Callable[[Case], Findings]:
    """Check the layer of a kind that the mistake may be in, with what reaches it."""

    def examine(case: Case) -> Findings:
        place = position(case.model, kind, lambda layer: hidden(layer) or not isinstance(layer, Dense))
        return check_layer(case.model.layers[place], reaching(case, place))

    return examine


def hidden(layer: Layer) -> bool:
    """Whether it is no output layer."""
    return getattr(getattr(layer, "activation", None), "name", "") != "softmax"


def _mean_in_predict(case: Case) -> Measured:
    """What comes out of dropout in predict, as a multiple of what came out in training."""
    place = position(case.model, Dropout)
    layer: Any = case.model.layers[place]
    x = reaching(case, place, 64)
    rng = np.random.default_rng(0)
    trained = layer.forward(x, case.model.ops, training=True, rng=rng)[0]
    return Measured(
        float(layer.forward(x, case.model.ops, training=False, rng=None)[0].sum() / trained.sum()), train(case)[1]
    )


def _fickle_answers(case: Case) -> Measured:
    """Share of validation images whose class changes from one predict to the next."""
    model, losses = train(case)
    answers = [model.predict(case.x_val, batch_size=256).argmax(axis=1) for _ in range(2)]
    return Measured(float((answers[0] != answers[1]).mean()), losses)


def _peeking(case: Case) -> Measured:
    """Loss at the end of a training that looks at validation images between forward and backward."""
    model = case.model.clone()
    trainer, losses = model.trainer, []
    others = case.x_val[:32].astype(model.dtype)
    for batch in batches(case, STEPS):
        images = case.x[batch].astype(model.dtype)
        targets = trainer.loss.encode(case.y[batch], trainer.output_shape, model.dtype)
        outputs, passed = forward(trainer.plan, images, True, trainer.dropout_rng)
        of_samples, probabilities = trainer.loss.forward(outputs, targets, trainer.ops)
        losses.append(float(of_samples.mean()))
        forward(trainer.plan, others, False, None)
        gradients = backward(trainer.plan, passed, trainer.loss.backward(probabilities, targets, trainer.ops))
        trainer.optimizer_state = trainer.optimizer.step(
            trainer.parameters, gradients, trainer.optimizer_state, trainer.ops
        )
    return Measured(float(np.mean(losses[-LAST:])), np.array(losses))


def _later_loss(case: Case) -> Measured:
    """Loss at the end of a longer training by SGD: what adds up needs time to do harm."""
    losses = train(case, SGD(0.1), LONG)[1]
    return Measured(mean_of_last(losses), losses)


def _kernel_moved(case: Case) -> Measured:
    """How far a backward pass alone moves the numbers of the hidden dense layer."""
    place = position(case.model, Dense, hidden)
    twin = case.model.clone()
    layer: Any = twin.layers[place]
    before = {name: array.copy() for name, array in layer.params.items()}
    x = reaching(case, place, 32)
    y, cache = layer.forward(x, twin.ops, training=True, rng=None)
    layer.backward(np.ones_like(y), cache, twin.ops)
    moved = max(float(np.abs(array - before[name]).max()) for name, array in layer.params.items())
    return Measured(moved, train(case)[1])


EXHIBITS = (
    Exhibit(
        name="dropout_not_scaled",
        title="dropout does not divide what stays by 1 - rate",
        wrong="y = x * kept",
        right="y = x * kept / (1 - rate)",
        symptom_text="In predict, where nothing is dropped, the layers above get larger numbers than they were trained "
        "with: validation is worse than it should be, the more so the higher the rate.",
        hint="What is the mean of the output over many passes of training, and what is the output in predict?",
        tool=TOOL, place="model", quantity="output in predict over that in training", shift=0.1,
        sicken=in_layer(sick_layers.DropoutNotScaled, Dropout), examine=looked_at(Dropout), measure=_mean_in_predict,
    ),
    Exhibit(
        name="dropout_on_at_test_time",
        title="dropout drops in predict too",
        wrong="def forward(x): drop",
        right="def forward(x, training): drop if training",
        symptom_text="The same image gets another answer each time, and the accuracy is lower than it could be.",
        hint="Call predict twice.",
        tool=TOOL, place="model", quantity="share of validation images whose class changes from call to call",
        shift=0.01,
        sicken=in_layer(sick_layers.DropoutOnAtTestTime, Dropout), examine=looked_at(Dropout), measure=_fickle_answers,
    ),
    Exhibit(
        name="stale_cache",
        title="a layer keeps its last input on itself",
        wrong="self.x = x",
        right="return y, Cache(x)",
        symptom_text="Training alone goes well. As soon as something else passes through between forward and backward, "
        "as a look at validation images, the gradient is that of the wrong images.",
        hint="Forward A, forward B, backward A: whose input does backward use?",
        tool=TOOL, place="model", quantity="loss at the end of a training that peeks at validation images", shift=0.1,
        sicken=in_layer(sick_layers.StaleCache, Dense, hidden), examine=looked_at(Dense), measure=_peeking,
    ),
    Exhibit(
        name="gradient_not_reset",
        title="gradients are added up, and never set back to zero",
        wrong="self.dW += x.T @ dz",
        right="dW = x.T @ dz",
        symptom_text="Each step goes on in the direction of all steps before it, as with a momentum of 1. At first "
        "that may even be faster; then the loss swings, ever more widely.",
        hint="Call backward twice with the same pass: is the second gradient twice the first?",
        tool=TOOL, place="model", quantity="loss at the end of 300 steps of SGD", shift=0.5,
        sicken=in_layer(sick_layers.GradientNotReset, Dense, hidden), examine=looked_at(Dense), measure=_later_loss,
    ),
    Exhibit(
        name="updated_too_early",
        title="a layer is updated before the gradient of the layer below is taken",
        wrong="W -= rate * dW; dx = dz @ W.T",
        right="dx = dz @ W.T; ...; W -= rate * dW once all is known",
        symptom_text="It learns, with a step that nobody asked for on top of the optimizer's, and the layers below "
        "follow a gradient of a network that is no longer the one that made the loss. The curve hardly shows it.",
        hint="Are the parameters the same before and after backward?",
        tool=TOOL, place="model", quantity="largest change of a number by backward alone", shift=1e-4,
        sicken=in_layer(sick_layers.UpdatedTooEarly, Dense, hidden), examine=looked_at(Dense), measure=_kernel_moved,
    ),
)  # fmt: skip
