"""Is the training code correct? Checks of gradients, layers, losses, optimizers, data and training.

    >>> from scratchcnn.layers import Dense
    >>> check_gradients(Dense(2, activation="relu"), [[1.0, -2.0]]).ok
    True

`check_gradients` compares a backward pass with differences of the loss, and `sweep_step` shows how their step matters.
"""

from scratchcnn.inspection.gradients.check import check_gradients
from scratchcnn.inspection.gradients.data_check import check_data
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.layer_check import check_layer, compare_layers
from scratchcnn.inspection.gradients.overfitting import Overfitting, overfit_one_batch
from scratchcnn.inspection.gradients.step_sweep import StepSweep, sweep_step
from scratchcnn.inspection.gradients.table import GradientCheck
from scratchcnn.inspection.gradients.training_checks import check_loss, check_optimizer

__all__ = [
    "Findings",
    "GradientCheck",
    "Overfitting",
    "StepSweep",
    "check_data",
    "check_gradients",
    "check_layer",
    "check_loss",
    "check_optimizer",
    "compare_layers",
    "overfit_one_batch",
    "sweep_step",
]
