"""Exhibits of data that are not what they are taken for: no gradient is wrong, and nothing is learned that holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scratchcnn.datasets import mnist
from scratchcnn.inspection.bug_zoo.case import BATCH, Case, Measured, accuracy, final_loss, train, validation_accuracy
from scratchcnn.inspection.bug_zoo.exhibit import Exhibit
from scratchcnn.inspection.gradients.data_check import check_data
from scratchcnn.inspection.gradients.findings import Findings

TOOL = "check_data(x, y, validation=(x_val, y_val))"
LEAKED_STEPS = 400  # long enough to know images by heart


def _data(case: Case) -> Findings:
    return check_data(case.x, case.y, validation=(case.x_val, case.y_val))


def _validation_loss(case: Case) -> Measured:
    model, losses = train(case)
    found = model.evaluate(case.x_val, case.y_val, batch_size=256, verbose=0)
    return Measured(found[0] if isinstance(found, list) else found, losses)


def _too_good(case: Case) -> Measured:
    """Accuracy on the validation images, less that on new ones that nobody has seen."""
    model, losses = train(case, steps=LEAKED_STEPS)
    _, (images, labels) = mnist.load_sample()
    new = (images[..., None] / 255).astype(np.float32)
    return Measured(accuracy(model, case.x_val, case.y_val) - accuracy(model, new, labels), losses)


def _unscaled(case: Case) -> Case:
    return replace(case, x_val=case.x_val * np.float32(255))


def _off_by_one(case: Case) -> Case:
    classes = int(case.y.max()) + 1
    return replace(case, y=(case.y + 1) % classes)


def _shuffled(case: Case) -> Case:
    return replace(case, x=case.x[np.random.default_rng(0).permutation(len(case.x))])


def _leaked(case: Case) -> Case:
    some = len(case.x) - len(case.x_val)
    if some < BATCH:
        raise ValueError(f"Expected more training images than validation images, received {len(case.x)} of them.")
    x, y = np.concatenate([case.x[:some], case.x_val]), np.concatenate([case.y[:some], case.y_val])
    return replace(case, x=x, y=y)


def _scaled_twice(case: Case) -> Case:
    return replace(case, x=case.x / np.float32(255), x_val=case.x_val / np.float32(255))


EXHIBITS = (
    Exhibit(
        name="unscaled_validation",
        title="training images are scaled to 0 to 1, validation images are not",
        wrong="fit(x_train / 255, y_train, validation_data=(x_test, y_test))",
        right="fit(x_train / 255, y_train, validation_data=(x_test / 255, y_test))",
        symptom_text="The training loss falls as it should, while the validation loss is enormous, from the first "
        "epoch on; the accuracy may look passable, since a larger picture is still the same picture.",
        hint="Print x.min() and x.max() of both.",
        tool=TOOL, place="data", quantity="validation loss after 120 steps", shift=1.0,
        sicken=_unscaled, examine=_data, measure=_validation_loss,
    ),
    Exhibit(
        name="labels_off_by_one",
        title="the training labels are one too high (and the last class has become 0)",
        wrong="y = label_in_file, counted from 1, with 10 for the 0",
        right="y = label_in_file - 1, or % 10, whichever the file means",
        symptom_text="The training loss falls as always, and the validation accuracy is near zero: far below chance, "
        "which is the sign. Who knows nothing is right in 10 % of cases; who is never right knows something.",
        hint="Look at ten images with their labels, of both sets.",
        tool=TOOL, place="data", quantity="validation accuracy after 120 steps", shift=-0.5,
        sicken=_off_by_one, examine=_data, measure=validation_accuracy,
    ),
    Exhibit(
        name="shuffled_without_labels",
        title="images are shuffled, and labels are not",
        wrong="rng.shuffle(x)",
        right="order = rng.permutation(len(x)); x, y = x[order], y[order]",
        symptom_text="The loss stays near ln(10) = 2.30, the accuracy at chance. Given time and parameters the network "
        "learns the training set by heart, and still nothing that holds for new images.",
        hint="Look at ten images with their labels.",
        tool=TOOL, place="data", quantity="validation accuracy after 120 steps", shift=-0.5,
        sicken=_shuffled, examine=_data, measure=validation_accuracy,
    ),
    Exhibit(
        name="validation_in_training",
        title="the validation images are among the training images",
        wrong="x_train, x_val = x, x[-500:]",
        right="x_train, x_val = x[:-500], x[-500:]",
        symptom_text="Validation looks better than it is: what was learned by heart is taken for known. New images "
        "tell.",
        hint="How many validation images are in the training set?",
        tool=TOOL, place="data", quantity="validation accuracy less that on new images, after 400 steps", shift=0.02,
        sicken=_leaked, examine=_data, measure=_too_good,
    ),
    Exhibit(
        name="scaled_twice",
        title="the images are divided by 255 twice",
        wrong="x = normalise(x) / 255",
        right="x = x / 255",
        symptom_text="The loss lies still for a long time before it begins to fall: the first layer sees next to "
        "nothing, and its bias is all that counts.",
        hint="Print x.max().",
        tool=TOOL, place="data", quantity="loss at the end of 120 steps", shift=0.3,
        sicken=_scaled_twice, examine=_data, measure=final_loss,
    ),
)  # fmt: skip
