"""Gradient descent, plain, with momentum and with Nesterov momentum: steps computed by hand."""

import numpy as np
import pytest

from scratchcnn import reference


@pytest.mark.parametrize(
    ("momentum", "nesterov", "parameters", "velocities"),
    [
        # Gradients 8, then -4, with a learning rate of 1/4: updates of -2 and +1.
        (0.0, False, [8, 9], [-2, 1]),
        (0.0, True, [8, 9], [-2, 1]),
        # Velocity -2, then -2 / 2 + 1 = 0.
        (0.5, False, [8, 8], [-2, 0]),
        # 10 + (-2 / 2 - 2) = 7, then 7 + (0 / 2 + 1) = 8.
        (0.5, True, [7, 8], [-2, 0]),
    ],
)
def test_first_two_steps_equal_values_computed_by_hand(momentum, nesterov, parameters, velocities):
    parameter, velocity = np.array([10.0]), np.zeros(1)
    for gradient, expected_parameter, expected_velocity in zip([8.0, -4.0], parameters, velocities, strict=True):
        reference.sgd(parameter, np.array([gradient]), velocity, 0.25, momentum, nesterov)
        assert (parameter.item(), velocity.item()) == (expected_parameter, expected_velocity)
