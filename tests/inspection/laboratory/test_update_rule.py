"""The optimizer as the page has it: Adam and SGD with their settings, Adam in the place of others."""

from __future__ import annotations

from typing import Any

import pytest

from scratchcnn import Sequential
from scratchcnn.inspection.laboratory.update_rule import update_rule_data
from scratchcnn.layers import Dense
from scratchcnn.optimizers import SGD, Adam, AdamW
from scratchcnn.schedules import ExponentialDecay

ADAM: dict[str, Any] = {"name": "adam", "learningRate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}


def data_of(optimizer: object) -> dict[str, Any] | None:
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(optimizer, loss="mean_squared_error")
    return update_rule_data(model)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (Adam(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-4),
         {"name": "adam", "learningRate": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "replaced": None}),
        (Adam(amsgrad=True), {**ADAM, "replaced": None}),  # in the first step, the maximum is v itself
        (Adam(ExponentialDecay(0.5, 10, 0.9)), {**ADAM, "learningRate": 0.5, "replaced": None}),
        (SGD(0.1, momentum=0.9), {"name": "sgd", "learningRate": 0.1, "momentum": 0.9, "replaced": None}),
        (SGD(0.1, momentum=0.9, nesterov=True), {**ADAM, "replaced": "SGD"}),
        (SGD(0.1, clipnorm=1.0), {**ADAM, "replaced": "SGD"}),
        (AdamW(), {**ADAM, "replaced": "AdamW"}),
        ("rmsprop", {**ADAM, "replaced": "RMSprop"}),
    ],
)  # fmt: skip
def test_adam_and_sgd_have_their_settings_and_others_are_replaced(optimizer, expected):
    assert data_of(optimizer) == expected


def test_model_that_is_not_compiled_has_no_rule():
    assert update_rule_data(Sequential([Dense(2, input_shape=(3,))])) is None
