"""Bugs in the optimizer, in the loss, or in a model that cannot learn."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scratchcnn.inspection.bug_zoo.case import STEPS, Case, Measured, final_loss, train
from scratchcnn.inspection.bug_zoo.exhibit import Check, Exhibit
from scratchcnn.inspection.bug_zoo.planting import in_loss, in_optimizer
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.training_checks import check_loss, check_optimizer, overfit_one_batch
from scratchcnn.layers import Activation
from scratchcnn.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers import Adam, State
from scratchcnn.schedules import rate_at

FIRST = 10  # steps in which a missing bias correction has the largest effect
HIGH_RATE = 0.01  # learning rate


class AdamWithoutBiasCorrection(Adam):
    """An Adam that does not correct m and v for their start at zero."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """Compute parameter -= rate * m / (sqrt(v) + epsilon)."""
        step = state.iterations + 1
        correction = (1 - self.beta_2**step) ** 0.5 / (1 - self.beta_1**step)
        uncorrected = copy.copy(self)
        uncorrected.learning_rate = rate_at(self.learning_rate, state.iterations) / correction
        return Adam.step(uncorrected, parameters, gradients, state, ops)


class Uphill(Adam):
    """An Adam that adds its step instead of subtracting it."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """Compute parameter += rate * m / (sqrt(v) + epsilon)."""
        return super().step(parameters, [-gradient for gradient in gradients], state, ops)


class SoftmaxWithoutMax(SparseCategoricalCrossentropy):
    """A loss whose softmax does not subtract the largest logit first."""

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        """Compute exp(z) / sum of exp(z), and its logarithm."""
        if not self.from_logits:
            return super().forward(outputs, targets, ops)
        with np.errstate(all="ignore"):
            exponentials = np.exp(outputs)
            probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
            return -np.log((probabilities * targets).sum(axis=1)), probabilities


def _check_loss(case: Case) -> Findings:
    loss = case.model.expect_compiled("check_loss").loss
    assert isinstance(loss, CategoricalCrossentropy)
    return check_loss(loss)


CHECK_OPTIMIZER = Check("check_optimizer(optimizer)", lambda case: check_optimizer(case.model.optimizer))
OVERFIT = Check("overfit_one_batch(model, x, y)", lambda case: overfit_one_batch(case.model, case.x, case.y))


def _highest_first_loss(case: Case) -> Measured:
    """The highest loss of the first steps with a high learning rate."""
    optimizer = case.model.optimizer
    assert isinstance(optimizer, Adam)
    losses = train(case, type(optimizer)(**optimizer.get_config() | {"learning_rate": HIGH_RATE}))[1]
    return Measured(float(np.nan_to_num(losses[: FIRST + 1], nan=np.inf).max()), losses)


def _steps_until_nan(case: Case) -> Measured:
    """Number of steps until the loss is NaN, with pixels from 0 to 255, which give large logits."""
    losses = train(replace(case, x=case.x * np.float32(255)))[1]
    return Measured(float(np.isfinite(losses).sum()), losses)


def _with_second_softmax(case: Case) -> Case:
    model = case.model.clone()
    model.add(Activation("softmax"))
    return replace(case, model=model)


def _with_zero_kernels(case: Case) -> Case:
    model = case.model.clone()
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    return replace(case, model=model)


EXHIBITS = (
    Exhibit(
        name="adam_without_bias_correction",
        title="Adam does not correct m and v for their start at zero",
        bug="w -= rate * m / (sqrt(v) + eps)",
        fix="w -= rate * (m / (1 - beta_1**t)) / (sqrt(v / (1 - beta_2**t)) + eps)",
        symptom_text="The first step is 3.2 times too long, the tenth 6.5 times. The loss rises at the start, and some "
        "networks never recover. After some thousand steps the bug has no effect any more.",
        hint="How long is the first step? With Adam it is the learning rate, for any gradient.",
        check=CHECK_OPTIMIZER, plant=in_optimizer(AdamWithoutBiasCorrection),
        quantity="highest loss in the first 10 steps at a learning rate of 0.01", measure=_highest_first_loss,
        shift=0.3,
    ),
    Exhibit(
        name="uphill",
        title="the update has the wrong sign",
        bug="w += rate * dw",
        fix="w -= rate * dw",
        symptom_text="The loss increases from the first step on.",
        hint="Does one small step decrease the loss of the same batch?",
        check=CHECK_OPTIMIZER, plant=in_optimizer(Uphill), quantity="loss at the end of 120 steps",
        measure=final_loss, shift=1.0,
    ),
    Exhibit(
        name="softmax_without_max",
        title="softmax does not subtract the largest logit first",
        bug="p = exp(z) / exp(z).sum()",
        fix="p = exp(z - z.max()) / exp(z - z.max()).sum()",
        symptom_text="Training works until a logit exceeds 88, where exp overflows in float32; then the loss is NaN. "
        "With unscaled images this happens at once, with a learning rate that is slightly too high after hours.",
        hint="In float32, what are exp(89) and inf / inf?",
        check=Check("check_loss(loss)", _check_loss), plant=in_loss(SoftmaxWithoutMax),
        quantity="steps until the loss is NaN, of 120, with pixels from 0 to 255", measure=_steps_until_nan,
        shift=-STEPS / 4,
    ),
    Exhibit(
        name="softmax_twice",
        title="softmax is applied to probabilities",
        bug="Dense(10, activation='softmax'), and softmax again in the loss or in another layer",
        fix="softmax once: in the last layer, or in the loss (from_logits=True)",
        symptom_text="The network learns slowly, and the loss never falls below ln(1 + 9 / e) = 1.4612, even if the "
        "accuracy is high: no probability can exceed e / (e + 9) = 0.23.",
        hint="What is the largest probability that the model predicts?",
        check=OVERFIT, plant=_with_second_softmax, quantity="loss at the end of 120 steps", measure=final_loss,
        shift=1.0,
    ),
    Exhibit(
        name="zero_kernels",
        title="all kernels are initialized to zero",
        bug="kernel_initializer='zeros'",
        fix="kernel_initializer='glorot_uniform'",
        symptom_text="The loss stays at ln(10) = 2.30. Kernels of zeros pass no gradient on, and units that start "
        "equal stay equal. Only the last bias learns.",
        hint="What is the gradient of each parameter in the first step?",
        check=OVERFIT, plant=_with_zero_kernels, quantity="loss at the end of 120 steps", measure=final_loss, shift=1.0,
    ),
)  # fmt: skip
