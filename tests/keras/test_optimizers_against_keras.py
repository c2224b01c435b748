"""Optimizers, gradient clipping and weight decay, compared with Keras in float64 over several steps."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_floats import floats

from scratchcnn import kernels, optimizers, reference

# The __array__ of Keras's variables has no `copy` argument, which NumPy 2 passes; NumPy falls back with a warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SHAPES = [(3, 3, 2, 4), (4,), (7, 5), (5,)]
STEPS = 5
# Each step makes some 20 rounding errors of size eps, relative to quantities of order one. A root magnifies the
# relative error of a difference (centered RMSprop) by its cancellation, at most 1 / epsilon = 1e3 here.
TOLERANCE = {"rtol": 1e-10, "atol": 1e-10}

shares = st.sampled_from([0.0, 0.5, 0.9])
epsilons = st.sampled_from([1e-7, 1e-3])
ARGUMENTS = {
    "SGD": st.fixed_dictionaries({"momentum": shares, "nesterov": st.booleans()}),
    "Adam": st.fixed_dictionaries({"beta_1": shares, "beta_2": shares, "epsilon": epsilons, "amsgrad": st.booleans()}),
    "AdamW": st.fixed_dictionaries({"beta_1": shares, "beta_2": shares, "epsilon": epsilons, "amsgrad": st.booleans()}),
    "RMSprop": st.fixed_dictionaries(
        {"rho": shares, "momentum": shares, "epsilon": st.just(1e-3), "centered": st.booleans()}
    ),
    "Adagrad": st.fixed_dictionaries({"initial_accumulator_value": st.sampled_from([0.0, 0.1]), "epsilon": epsilons}),
    "Adadelta": st.fixed_dictionaries({"rho": shares, "epsilon": epsilons}),
}
CLIPPING = st.one_of(
    st.just({}),
    st.tuples(st.sampled_from(["clipnorm", "clipvalue", "global_clipnorm"]), st.sampled_from([0.1, 1.0, 100.0])).map(
        lambda pair: dict([pair])
    ),
)
DECAY = st.sampled_from([{}, {"weight_decay": 0.0}, {"weight_decay": 0.1}])


def test_every_optimizer_is_compared():
    assert {kind.__name__ for kind in optimizers.KNOWN.values()} == ARGUMENTS.keys()


@pytest.mark.parametrize("name", ARGUMENTS)
@settings(max_examples=12)
@given(st.data(), CLIPPING, DECAY, st.sampled_from([0.001, 0.1]), st.integers(0, 2**32 - 1))
def test_steps_equal_those_of_keras(name, data, clipping, decay, rate, seed):
    arguments = {"learning_rate": rate, **data.draw(ARGUMENTS[name]), **clipping, **decay}
    rng = np.random.default_rng(seed)
    start = [rng.standard_normal(shape) for shape in SHAPES]
    gradients = [[rng.standard_normal(shape) for shape in SHAPES] for _ in range(STEPS)]
    with floats("float64"):
        theirs = getattr(keras.optimizers, name)(**arguments)
        variables = [keras.Variable(array) for array in start]
        for each in gradients:
            theirs.apply([keras.ops.convert_to_tensor(gradient) for gradient in each], variables)
        expected = [np.asarray(variable) for variable in variables]
    for ops in (kernels, reference):
        ours, parameters = getattr(optimizers, name)(**arguments), [array.copy() for array in start]
        state = ours.start(parameters)
        for each in gradients:
            state = ours.step(parameters, each, state, ops)
        for found, wanted in zip(parameters, expected, strict=True):
            np.testing.assert_allclose(found, wanted, **TOLERANCE)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_and_defaults_are_those_of_keras(name):
    ours, theirs = (getattr(package, name)().get_config() for package in (optimizers, keras.optimizers))
    not_here = {"name", "use_ema", "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
                "gradient_accumulation_steps"}  # fmt: skip
    assert ours.keys() == theirs.keys() - not_here
    assert ours == pytest.approx({option: theirs[option] for option in ours})
