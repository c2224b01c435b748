"""Exhibits of optimizers, losses and networks that cannot learn as they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scratchcnn.inspection.bug_zoo import sick_training
from scratchcnn.inspection.bug_zoo.case import STEPS, Case, Measured, final_loss, train
from scratchcnn.inspection.bug_zoo.exhibit import Exhibit
from scratchcnn.inspection.bug_zoo.planting import in_loss, in_optimizer
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.loss_check import check_loss
from scratchcnn.inspection.gradients.optimizer_check import check_optimizer
from scratchcnn.inspection.gradients.overfitting import overfit_one_batch
from scratchcnn.layers import Activation
from scratchcnn.losses import CategoricalCrossentropy
from scratchcnn.optimizers import Adam

FIRST = 10  # steps in which a missing bias correction does most harm
BRISK = 0.01  # learning rate


def _optimizer(case: Case) -> Findings:
    return check_optimizer(case.model.optimizer)


def _loss(case: Case) -> Findings:
    loss = case.model.expect_compiled("check_loss").loss
    assert isinstance(loss, CategoricalCrossentropy)
    return check_loss(loss)


def _by_heart(case: Case) -> Findings:
    return overfit_one_batch(case.model, case.x, case.y)


def _first_losses(case: Case) -> Measured:
    """The highest loss of the first steps, with a brisk learning rate."""
    optimizer = case.model.optimizer
    assert isinstance(optimizer, Adam)
    losses = train(case, type(optimizer)(**optimizer.get_config() | {"learning_rate": BRISK}))[1]
    return Measured(float(np.nan_to_num(losses[: FIRST + 1], nan=np.inf).max()), losses)


def _steps_survived(case: Case) -> Measured:
    """Steps until the loss is NaN, with images from 0 to 255, which make large logits."""
    bytes_ = replace(case, x=case.x * np.float32(255))
    losses = train(bytes_)[1]
    return Measured(float(np.isfinite(losses).sum()), losses)


def _softmax_again(case: Case) -> Case:
    model = case.model.clone()
    model.add(Activation("softmax"))
    return replace(case, model=model)


def _zeros(case: Case) -> Case:
    model = case.model.clone()
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    return replace(case, model=model)


EXHIBITS = (
    Exhibit(
        name="adam_without_bias_correction",
        title="Adam without the correction for m and v that begin at zero",
        wrong="w -= rate * m / (sqrt(v) + eps)",
        right="w -= rate * (m / (1 - beta_1**t)) / (sqrt(v / (1 - beta_2**t)) + eps)",
        symptom_text="The first step is 3.2 times too long, the tenth 6.5 times: the loss jumps up at the start, and a "
        "network may never recover from it. After some thousand steps nothing is to be seen any more.",
        hint="How long is the very first step? It should be the learning rate, whatever the gradient.",
        tool="check_optimizer(optimizer)", place="model",
        quantity="highest loss in the first 10 steps at a learning rate of 0.01", shift=0.3,
        sicken=in_optimizer(sick_training.AdamWithoutBiasCorrection), examine=_optimizer, measure=_first_losses,
    ),
    Exhibit(
        name="uphill",
        title="the update has the wrong sign",
        wrong="w += rate * dw",
        right="w -= rate * dw",
        symptom_text="The loss rises from the first step on.",
        hint="Does one small step along the update lower the loss of the same batch?",
        tool="check_optimizer(optimizer)", place="model", quantity="loss at the end of 120 steps", shift=1.0,
        sicken=in_optimizer(sick_training.Uphill), examine=_optimizer, measure=final_loss,
    ),
    Exhibit(
        name="softmax_without_max",
        title="softmax does not take the largest logit off first",
        wrong="p = exp(z) / exp(z).sum()",
        right="p = exp(z - z.max()) / exp(z - z.max()).sum()",
        symptom_text="All is well until a logit passes 88, where exp overflows in float32: then the loss is NaN, at "
        "once with images that were not scaled, or after hours with a learning rate that is a little high.",
        hint="What are exp(89) and inf / inf in float32?",
        tool="check_loss(loss)", place="model", quantity="steps until the loss is NaN, images from 0 to 255, of 120",
        shift=-STEPS / 4, sicken=in_loss(sick_training.SoftmaxWithoutMax), examine=_loss, measure=_steps_survived,
    ),
    Exhibit(
        name="softmax_twice",
        title="softmax is applied to probabilities",
        wrong="Dense(10, activation='softmax'), then softmax in the loss or in another layer",
        right="softmax once: in the last layer, or in the loss (from_logits=True)",
        symptom_text="It learns, slowly, and the loss never falls below 1.4612 = ln(1 + 9 / e), though the accuracy "
        "may well be high: no probability can be above e / (e + 9) = 0.23.",
        hint="What is the largest probability the model ever gives?",
        tool="overfit_one_batch(model, x, y)", place="model", quantity="loss at the end of 120 steps", shift=1.0,
        sicken=_softmax_again, examine=_by_heart, measure=final_loss,
    ),
    Exhibit(
        name="zero_kernels",
        title="all kernels begin at zero",
        wrong="kernel_initializer='zeros'",
        right="kernel_initializer='glorot_uniform'",
        symptom_text="The loss stays at ln(10) = 2.30: zeros let no gradient through, and units that begin alike stay "
        "alike. Only the last bias learns.",
        hint="What is the gradient of each parameter in the first step?",
        tool="overfit_one_batch(model, x, y)", place="model", quantity="loss at the end of 120 steps", shift=1.0,
        sicken=_zeros, examine=_by_heart, measure=final_loss,
    ),
)  # fmt: skip
