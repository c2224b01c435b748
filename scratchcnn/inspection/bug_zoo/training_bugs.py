"""Bugs outside the layers: in the optimizer, in the loss, in a model that cannot learn, or in the data.

With a bug in the data every gradient is correct, but what the network learns is wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from scratchcnn.datasets import mnist
from scratchcnn.inspection.bug_zoo.case import STEPS, Case, Measured, accuracy, final_loss, train, validation_accuracy
from scratchcnn.inspection.bug_zoo.exhibit import Check, Exhibit
from scratchcnn.inspection.bug_zoo.planting import in_model
from scratchcnn.inspection.gradients.data_check import check_data
from scratchcnn.inspection.gradients.overfitting import overfit_one_batch
from scratchcnn.inspection.gradients.training_checks import check_loss, check_optimizer
from scratchcnn.layers import Activation
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers import Adam, State
from scratchcnn.schedules import rate_at

FIRST = 10  # steps in which a missing bias correction has the largest effect
LEAKED_STEPS = 400  # enough to memorize images


class AdamWithoutBiasCorrection(Adam):
    """An Adam that does not correct m and v for their start at zero."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        step = state.iterations + 1
        correction = (1 - self.beta_2**step) ** 0.5 / (1 - self.beta_1**step)
        uncorrected = copy.copy(self)
        uncorrected.learning_rate = rate_at(self.learning_rate, state.iterations) / correction
        return Adam.step(uncorrected, parameters, gradients, state, ops)


class Uphill(Adam):
    """An Adam that adds its step instead of subtracting it."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        return super().step(parameters, [-gradient for gradient in gradients], state, ops)


class SoftmaxWithoutMax(SparseCategoricalCrossentropy):
    """A loss whose softmax does not subtract the largest logit first."""

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        if not self.from_logits:
            return super().forward(outputs, targets, ops)
        with np.errstate(all="ignore"):
            exponentials = np.exp(outputs)
            probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
            return -np.log((probabilities * targets).sum(axis=1)), probabilities


LOSS = Check("check_loss(loss)", lambda case: check_loss(cast(Any, case.model.trainer.loss)))
OPTIMIZER = Check("check_optimizer(optimizer)", lambda case: check_optimizer(case.model.optimizer))
OVERFIT = Check("overfit_one_batch(model, x, y)", lambda case: overfit_one_batch(case.model, case.x, case.y))
DATA = Check(
    "check_data(x, y, validation=(x_val, y_val))",
    lambda case: check_data(case.x, case.y, validation=(case.x_val, case.y_val)),
)


def _highest_loss(case: Case) -> Measured:
    """The highest loss of the first steps with a high learning rate."""
    optimizer: Any = case.model.optimizer
    losses = train(case, type(optimizer)(**optimizer.get_config() | {"learning_rate": 0.01}))[1]
    return Measured(float(np.nan_to_num(losses[: FIRST + 1], nan=np.inf).max()), losses)


def _steps_until_nan(case: Case) -> Measured:
    """Number of steps until the loss is NaN, with pixels from 0 to 255, which give large logits."""
    losses = train(replace(case, x=case.x * np.float32(255)))[1]
    return Measured(float(np.isfinite(losses).sum()), losses)


def _softmax_twice(case: Case) -> Case:
    model = case.model.clone()
    model.add(Activation("softmax"))
    return replace(case, model=model)


def _zero_kernels(case: Case) -> Case:
    model = case.model.clone()
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    return replace(case, model=model)


def _validation_loss(case: Case) -> Measured:
    model, losses = train(case)
    found = model.evaluate(case.x_val, case.y_val, batch_size=256, verbose=0)
    return Measured(found[0] if isinstance(found, list) else found, losses)


def _optimism(case: Case) -> Measured:
    """Validation accuracy minus the accuracy on images that were never used."""
    model, losses = train(case, steps=LEAKED_STEPS)
    _, (images, labels) = mnist.load_sample()
    new = (images[..., None] / 255).astype(np.float32)
    return Measured(accuracy(model, case.x_val, case.y_val) - accuracy(model, new, labels), losses)


def _with_leak(case: Case) -> Case:
    count = len(case.x) - len(case.x_val)
    if count < 1:
        raise ValueError(f"Expected more training images than validation images, received {len(case.x)} of them.")
    x, y = np.concatenate([case.x[:count], case.x_val]), np.concatenate([case.y[:count], case.y_val])
    return replace(case, x=x, y=y)


EXHIBITS = (
    Exhibit(
        name="adam_without_bias_correction",
        title="Adam does not correct m and v for their start at zero",
        bug="w -= rate * m / (sqrt(v) + eps)",
        fix="w -= rate * (m / (1 - beta_1**t)) / (sqrt(v / (1 - beta_2**t)) + eps)",
        symptom_text="The first step is 3.2 times too long, the tenth 6.5 times. The loss rises at the start, and some "
        "networks never recover. After some thousand steps the bug has no effect any more.",
        hint="How long is the first step? With Adam it is the learning rate, for any gradient.",
        check=OPTIMIZER, plant=in_model(AdamWithoutBiasCorrection),
        quantity="highest loss in the first 10 steps at a learning rate of 0.01", measure=_highest_loss, shift=0.3,
    ),
    Exhibit(
        name="uphill",
        title="the update has the wrong sign",
        bug="w += rate * dw",
        fix="w -= rate * dw",
        symptom_text="The loss increases from the first step on.",
        hint="Does one small step decrease the loss of the same batch?",
        check=OPTIMIZER, plant=in_model(Uphill), quantity="loss at the end of 120 steps", measure=final_loss, shift=1.0,
    ),
    Exhibit(
        name="softmax_without_max",
        title="softmax does not subtract the largest logit first",
        bug="p = exp(z) / exp(z).sum()",
        fix="p = exp(z - z.max()) / exp(z - z.max()).sum()",
        symptom_text="Training works until a logit exceeds 88, where exp overflows in float32; then the loss is NaN. "
        "With unscaled images this happens at once, with a learning rate that is slightly too high after hours.",
        hint="In float32, what are exp(89) and inf / inf?",
        check=LOSS, plant=in_model(SoftmaxWithoutMax),
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
        check=OVERFIT, plant=_softmax_twice, quantity="loss at the end of 120 steps", measure=final_loss, shift=1.0,
    ),
    Exhibit(
        name="zero_kernels",
        title="all kernels are initialized to zero",
        bug="kernel_initializer='zeros'",
        fix="kernel_initializer='glorot_uniform'",
        symptom_text="The loss stays at ln(10) = 2.30. Kernels of zeros pass no gradient on, and units that start "
        "equal stay equal. Only the last bias learns.",
        hint="What is the gradient of each parameter in the first step?",
        check=OVERFIT, plant=_zero_kernels, quantity="loss at the end of 120 steps", measure=final_loss, shift=1.0,
    ),
    Exhibit(
        name="unscaled_validation",
        title="training images are scaled to 0 to 1, validation images are not",
        bug="fit(x_train / 255, y_train, validation_data=(x_test, y_test))",
        fix="fit(x_train / 255, y_train, validation_data=(x_test / 255, y_test))",
        symptom_text="The training loss decreases as usual, while the validation loss is very large from the first "
        "epoch on. The validation accuracy may look acceptable, since a brighter image shows the same digit.",
        hint="Print x.min() and x.max() of both.",
        check=DATA, plant=lambda case: replace(case, x_val=case.x_val * np.float32(255)),
        quantity="validation loss after 120 steps", measure=_validation_loss, shift=1.0, in_data=True,
    ),
    Exhibit(
        name="labels_off_by_one",
        title="the training labels are one too high (and the last class is 0)",
        bug="y = labels of the file, counted from 1, with 10 for the digit 0",
        fix="y = labels - 1 or labels % 10, as the documentation of the file states",
        symptom_text="The training loss decreases as usual, and the validation accuracy is close to zero. Guessing "
        "would reach 10 %; an accuracy far below that shows that the network has learned, but the wrong labels.",
        hint="Look at ten images with their labels, from both sets.",
        check=DATA, plant=lambda case: replace(case, y=(case.y + 1) % (int(case.y.max()) + 1)),
        quantity="validation accuracy after 120 steps", measure=validation_accuracy, shift=-0.5, in_data=True,
    ),
    Exhibit(
        name="shuffled_without_labels",
        title="images are shuffled, but labels are not",
        bug="rng.shuffle(x)",
        fix="order = rng.permutation(len(x)); x, y = x[order], y[order]",
        symptom_text="The loss stays near ln(10) = 2.30, and the accuracy at 10 %. A large network memorizes the "
        "training set after many epochs, but its validation accuracy stays at 10 %.",
        hint="Look at ten images with their labels.",
        check=DATA, plant=lambda case: replace(case, x=case.x[np.random.default_rng(0).permutation(len(case.x))]),
        quantity="validation accuracy after 120 steps", measure=validation_accuracy, shift=-0.5, in_data=True,
    ),
    Exhibit(
        name="validation_in_training",
        title="the validation images are also training images",
        bug="x_train, x_val = x, x[-500:]",
        fix="x_train, x_val = x[:-500], x[-500:]",
        symptom_text="The validation accuracy is too high, since it includes memorized images. The accuracy on new "
        "images is lower.",
        hint="How many validation images are in the training set?",
        check=DATA, plant=_with_leak, quantity="validation accuracy minus that on new images, after 400 steps",
        measure=_optimism, shift=0.02, in_data=True,
    ),
    Exhibit(
        name="scaled_twice",
        title="the images are divided by 255 twice",
        bug="x = normalize(x) / 255",
        fix="x = x / 255",
        symptom_text="The loss stays constant for a long time before it decreases: the activations of the first layer "
        "are close to zero, so that little more than its bias matters.",
        hint="Print x.max().",
        check=DATA, plant=lambda case: replace(case, x=case.x / np.float32(255), x_val=case.x_val / np.float32(255)),
        quantity="loss at the end of 120 steps", measure=final_loss, shift=0.3, in_data=True,
    ),
)  # fmt: skip
