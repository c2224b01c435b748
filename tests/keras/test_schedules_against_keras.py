"""Learning-rate schedules compared with Keras on JAX: learning rates, and the weights after training with them.

Both compute in float64 and agree up to its rounding, except for the cosine, which Keras evaluates with float32
precision even when it is set to float64. There the tolerance is the rounding of float32, which is still far below any
difference of formula.
"""

import jax
import keras
import numpy as np
import pytest

from scratchcnn import Sequential, layers, optimizers
from scratchcnn.optimizers import schedules

# Keras's variables accept no `copy` argument in __array__, which NumPy 2 passes; NumPy warns and omits it.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

FLOAT32 = np.finfo(np.float32).eps

SCHEDULES = {
    "cosine": ("CosineDecay", (0.01, 50), {}),
    "cosine to a tenth": ("CosineDecay", (0.01, 50, 0.1), {}),
    "cosine after warmup": ("CosineDecay", (0.001, 30), {"alpha": 0.2, "warmup_target": 0.01, "warmup_steps": 20}),
    "cosine after decreasing warmup": ("CosineDecay", (0.01, 30), {"warmup_target": 0.002, "warmup_steps": 7}),
    "cosine without warmup steps": ("CosineDecay", (0.5, 30), {"warmup_target": 0.01}),
    "cosine with fractional steps": ("CosineDecay", (0.0, 12.5), {"warmup_target": 0.01, "warmup_steps": 2.5}),
    "exponential": ("ExponentialDecay", (0.01, 7, 0.5), {}),
    "exponential staircase": ("ExponentialDecay", (0.01, 7, 0.5), {"staircase": True}),
    "exponential growth": ("ExponentialDecay", (0.001, 20, 3.0), {}),
    "inverse time": ("InverseTimeDecay", (0.01, 7, 0.5), {}),
    "inverse time staircase": ("InverseTimeDecay", (0.01, 7, 2.0), {"staircase": True}),
    "exponential with factor zero": ("ExponentialDecay", (0.01, 7, 0.0), {}),
    "one decrease": ("PiecewiseConstantDecay", ([10], [0.01, 0.001]), {}),
    "increase and decrease": ("PiecewiseConstantDecay", ([0, 5, 60], [0.001, 0.01, 0.005, 0.0]), {}),
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _keras_in_float64():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def pair(name, positional, options):
    """Return the same schedule of this package and of Keras."""
    makers = getattr(schedules, name), getattr(keras.optimizers.schedules, name)
    return [make(*positional, **options) for make in makers]


@pytest.mark.parametrize(("name", "positional", "options"), SCHEDULES.values(), ids=SCHEDULES)
def test_learning_rates_equal_keras(name, positional, options):
    ours, theirs = pair(name, positional, options)
    steps = [*range(70), 1000, 10**6]
    found = [ours(step) for step in steps]
    assert all(type(rate) is float for rate in found)
    expected = [float(theirs(step)) for step in steps]
    if name == "CosineDecay":
        # The highest rate times a sum of values up to 1, in about eight operations with an error of eps / 2 each.
        np.testing.assert_allclose(found, expected, rtol=0, atol=4 * FLOAT32 * max(expected))
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def network(kind):
    return [
        kind.Conv2D(3, 3, activation="relu"),
        kind.MaxPooling2D(2),
        kind.Flatten(),
        kind.Dense(9, activation="relu"),
        kind.Dense(4, activation="softmax"),
    ]


@pytest.fixture(scope="module")
def keras_network():
    """Return a small network in Keras and its loss and gradients, compiled once for all schedules."""
    model = keras.Sequential([keras.layers.Input((8, 7, 2)), *network(keras.layers)])
    state = [variable.value for variable in model.non_trainable_variables]
    loss = keras.losses.SparseCategoricalCrossentropy()

    def loss_of(variables, x, y):
        return loss(y, model.stateless_call(variables, state, x, training=False)[0])

    return model, jax.jit(jax.value_and_grad(loss_of))


OPTIMIZERS = {
    "adam": ("Adam", {}),
    "amsgrad": ("Adam", {"amsgrad": True}),
    "sgd": ("SGD", {}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
}
IN_TRAINING = {  # within 20 steps every part of the schedule is reached
    "cosine after warmup": ("CosineDecay", (0.001, 10), {"alpha": 0.2, "warmup_target": 0.03, "warmup_steps": 5}),
    "exponential staircase": ("ExponentialDecay", (0.03, 6, 0.5), {"staircase": True}),
    "increase and decrease": ("PiecewiseConstantDecay", ([3, 12], [0.001, 0.03, 0.005]), {}),
}


# Learning rates with a relative error of 4 eps of float32, 5e-7, change the total distance of about 0.2 by 1e-7, which
# 20 steps amplify about ten times. A wrong learning rate in a single step would change weights by about 1e-3.
TOLERANCE = {"CosineDecay": 1e-6}


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", IN_TRAINING)
def test_weights_after_twenty_steps_with_a_schedule_equal_keras(rng, keras_network, schedule, optimizer, engine):
    theirs, gradients_of = keras_network
    our_schedule, their_schedule = pair(*IN_TRAINING[schedule])
    name, options = OPTIMIZERS[optimizer]
    tolerance = TOLERANCE.get(IN_TRAINING[schedule][0], 1e-10)
    ours = Sequential([layers.Input((8, 7, 2)), *network(layers)], engine=engine, dtype="float64", seed=1)
    start = ours.get_weights()
    theirs.set_weights(start)
    their_optimizer = getattr(keras.optimizers, name)(their_schedule, **options)
    ours.compile(getattr(optimizers, name)(our_schedule, **options), "sparse_categorical_crossentropy")
    for _ in range(20):
        x, y = rng.random((16, 8, 7, 2)), rng.integers(4, size=16)
        loss, gradients = gradients_of([variable.value for variable in theirs.trainable_variables], x, y)
        their_optimizer.apply(gradients, theirs.trainable_variables)
        np.testing.assert_allclose(ours.train_on_batch(x, y), float(loss), rtol=tolerance)
    for found, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    assert max(abs(a - b).max() for a, b in zip(ours.get_weights(), start, strict=True)) > 0.01


def test_schedule_object_of_keras_is_accepted():
    theirs = keras.optimizers.schedules.PolynomialDecay(0.1, 5)
    x, y = np.eye(4), np.arange(4)
    weights = []
    for learning_rate in (theirs, lambda step: 0.1 + (0.0001 - 0.1) * min(step / 5, 1)):
        model = Sequential([layers.Dense(4, activation="softmax", input_shape=(4,))], dtype="float64", seed=0)
        model.compile(optimizers.SGD(learning_rate))
        for _ in range(7):
            model.train_on_batch(x, y)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
