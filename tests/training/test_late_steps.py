"""Late in training: moment estimates of parameters without gradient decay to denormal numbers, which is harmless.

`benchmarks/late_step.py` measures what denormal numbers cost in time.
"""

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn.operations import engine
from scratchcnn.optimizers import SGD, Adam, State

ENGINES = pytest.mark.parametrize("engine_name", ["kernels", "reference"])
OPTIMIZERS = {
    "adam": (Adam, {}),
    "amsgrad": (Adam, {"amsgrad": True}),
    "momentum": (SGD, {"momentum": 0.9}),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
}
EVERY_OPTIMIZER = pytest.mark.parametrize(("kind", "options"), OPTIMIZERS.values(), ids=OPTIMIZERS)
X, Y = small_data(40)
SMALLEST_NORMAL = np.finfo(np.float32).tiny


@ENGINES
@EVERY_OPTIMIZER
def test_without_gradient_moments_become_denormal_and_the_parameter_stops_moving(kind, options, engine_name):
    optimizer, ops = kind(**options), engine(engine_name)
    weights = np.array([-2.0, 1.0, 0.25, 0.0], np.float32)
    gradient = np.array([1e-3, -0.5, 3e-7, 2.0], np.float32)
    no_gradient = np.zeros_like(gradient)
    state = optimizer.start([weights])
    for _ in range(20):
        state = optimizer.step([weights], [gradient], state, ops)
    moved = []  # distance of each step
    for _ in range(2000):
        before = weights.copy()
        state = optimizer.step([weights], [no_gradient], state, ops)
        moved.append(abs(weights.astype(float) - before))
    first = state.slots[0][0]
    assert (abs(first) < SMALLEST_NORMAL).all()
    assert (first != 0).any()  # denormal: because of rounding it never reaches zero
    assert all(np.isfinite(slot).all() and (slot >= 0).all() for slot in state.slots[0][1:])
    assert np.isfinite(weights).all()
    assert max(moved[0]) > 0
    assert not np.array(moved[1000:])[:, :3].any()  # the last weight ends near zero, where no step is rounded away
    assert np.array(moved[1000:])[:, 3].sum() < 1e-36


class Denormal:
    """An optimizer whose moment estimates start at 1e-40."""

    def __init__(self, optimizer):
        self.optimizer, self.learning_rate, self.step = optimizer, optimizer.learning_rate, optimizer.step

    def start(self, parameters):
        iterations, slots = self.optimizer.start(parameters)
        return State(iterations, [tuple(np.full_like(array, 1e-40) for array in each) for each in slots])


@ENGINES
@EVERY_OPTIMIZER
def test_training_from_denormal_moments_equals_training_from_zero_moments(kind, options, engine_name):
    models = [small_model(seed=1, engine=engine_name) for _ in range(2)]
    for model, optimizer in zip(models, (kind(**options), Denormal(kind(**options))), strict=True):
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    histories = [model.fit(X, Y, batch_size=8, epochs=3, verbose=0).history for model in models]
    assert histories[0] == histories[1]
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-32)  # a zero bias moves by 1e-40 / epsilon per step


@ENGINES
def test_dead_unit_keeps_its_weights_exactly(engine_name):
    model = small_model(seed=1, engine=engine_name)
    weights = model.get_weights()
    weights[3][:4] = -1e3  # biases of the dense layer
    model.set_weights(weights)
    model.compile(Denormal(Adam()), "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=8, epochs=20, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(after[2][:, :4], weights[2][:, :4])
    np.testing.assert_array_equal(after[3][:4], weights[3][:4])
    assert (after[2][:, 4:] != weights[2][:, 4:]).any()
