"""Bugs in the data: every gradient is correct, but what the network learns is wrong. `check_data` finds them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scratchcnn.datasets import mnist
from scratchcnn.inspection.bug_zoo.case import BATCH, Case, Measured, accuracy, final_loss, train, validation_accuracy
from scratchcnn.inspection.bug_zoo.exhibit import Check, Exhibit
from scratchcnn.inspection.gradients.data_check import check_data

LEAKED_STEPS = 400  # enough to memorize images

CHECK = Check(
    "check_data(x, y, validation=(x_val, y_val))",
    lambda case: check_data(case.x, case.y, validation=(case.x_val, case.y_val)),
)


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
    if count < BATCH:
        raise ValueError(f"Expected more training images than validation images, received {len(case.x)} of them.")
    x, y = np.concatenate([case.x[:count], case.x_val]), np.concatenate([case.y[:count], case.y_val])
    return replace(case, x=x, y=y)


EXHIBITS = (
    Exhibit(
        name="unscaled_validation",
        title="training images are scaled to 0 to 1, validation images are not",
        bug="fit(x_train / 255, y_train, validation_data=(x_test, y_test))",
        fix="fit(x_train / 255, y_train, validation_data=(x_test / 255, y_test))",
        symptom_text="The training loss decreases as usual, while the validation loss is very large from the first "
        "epoch on. The validation accuracy may look acceptable, since a brighter image shows the same digit.",
        hint="Print x.min() and x.max() of both.",
        check=CHECK, plant=lambda case: replace(case, x_val=case.x_val * np.float32(255)),
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
        check=CHECK, plant=lambda case: replace(case, y=(case.y + 1) % (int(case.y.max()) + 1)),
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
        check=CHECK, plant=lambda case: replace(case, x=case.x[np.random.default_rng(0).permutation(len(case.x))]),
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
        check=CHECK, plant=_with_leak, quantity="validation accuracy minus that on new images, after 400 steps",
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
        check=CHECK,
        plant=lambda case: replace(case, x=case.x / np.float32(255), x_val=case.x_val / np.float32(255)),
        quantity="loss at the end of 120 steps", measure=final_loss, shift=0.3, in_data=True,
    ),
)  # fmt: skip
