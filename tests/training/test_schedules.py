"""Learning-rate schedules: when they are called, their effect on training, and errors."""

import math

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn.optimizers import SGD, Adam
from scratchcnn.schedules import CosineDecay, ExponentialDecay, OneCycle, PiecewiseConstantDecay

X, Y = small_data(40)
OPTIMIZERS = pytest.mark.parametrize("make", [Adam, SGD])
ENGINES = pytest.mark.parametrize("engine", ["kernels", "reference"])


def compiled(optimizer, seed=1, **options):
    model = small_model(seed=seed, **options)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def expect_same_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Recorder:
    """A custom schedule that records its calls."""

    def __init__(self):
        self.steps = []

    def __call__(self, step):
        self.steps.append(step)
        return 0.01


# Calls and their effect on training


@OPTIMIZERS
def test_schedule_is_called_once_per_step_with_the_number_of_steps_taken(make):
    schedule = Recorder()
    model = compiled(make(schedule))
    assert schedule.steps == []
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)  # 3 steps per epoch
    model.evaluate(X, Y, verbose=0)
    model.loss_and_gradients(X, Y)
    model.train_on_batch(X, Y)
    assert schedule.steps == list(range(7))
    assert all(type(step) is int for step in schedule.steps)
    model.compile(make(schedule))  # resets the step counter
    model.train_on_batch(X, Y)
    assert schedule.steps[-1] == 0


@ENGINES
@OPTIMIZERS
def test_constant_schedule_trains_bit_for_bit_like_a_constant_rate(make, engine):
    models = [compiled(make(rate), engine=engine) for rate in (0.02, lambda step: 0.02, lambda step: np.array(0.02))]
    histories = [model.fit(X, Y, batch_size=16, epochs=3, verbose=0).history for model in models]
    assert histories[0] == histories[1] == histories[2]
    expect_same_weights(models[0], models[1])
    expect_same_weights(models[0], models[2])


@ENGINES
@OPTIMIZERS
def test_schedule_trains_bit_for_bit_like_rates_set_manually(make, engine):
    schedule, manual = OneCycle(0.05, 12), make()
    models = [compiled(make(schedule), engine=engine), compiled(manual, engine=engine)]
    for step in range(12):
        manual.learning_rate = schedule(step)
        assert models[0].train_on_batch(X, Y) == models[1].train_on_batch(X, Y)
    expect_same_weights(*models)


def test_seeded_run_with_a_schedule_is_reproducible_bit_for_bit():
    models = [compiled(Adam(CosineDecay(0.01, 9))) for _ in range(2)]
    histories = [model.fit(X, Y, batch_size=16, epochs=3, verbose=0).history for model in models]
    assert histories[0] == histories[1]
    expect_same_weights(*models)


def test_separate_fit_calls_equal_one_call_bit_for_bit():
    together, one_by_one = (compiled(Adam(OneCycle(0.01, 9))) for _ in range(2))
    expected = together.fit(X, Y, batch_size=16, epochs=3, verbose=0, validation_data=(X, Y)).history
    found = [one_by_one.fit(X, Y, batch_size=16, verbose=0, validation_data=(X, Y)).history for _ in range(3)]
    assert {name: [each[name][0] for each in found] for name in expected} == expected
    expect_same_weights(together, one_by_one)


def test_two_models_can_share_an_optimizer_with_a_schedule():
    shared = Adam(ExponentialDecay(0.01, 2, 0.5))
    models = [compiled(shared), compiled(shared), compiled(Adam(ExponentialDecay(0.01, 2, 0.5)))]
    for _ in range(4):
        for model in models:
            model.train_on_batch(X, Y)
    expect_same_weights(models[0], models[2])
    expect_same_weights(models[1], models[2])


# OneCycle (not in Keras)


def test_one_cycle_is_piecewise_linear_and_then_constant():
    schedule = OneCycle(0.4, total_steps=100, warmup_share=0.25, start_factor=0.1, end_factor=0.01)
    rates = np.array([schedule(step) for step in range(151)])
    np.testing.assert_allclose(rates[[0, 25, 100]], [0.04, 0.4, 0.004], rtol=1e-14)
    np.testing.assert_allclose(np.diff(rates[:26]), 0.36 / 25, rtol=1e-10)
    np.testing.assert_allclose(np.diff(rates[25:101]), -0.396 / 75, rtol=1e-10)
    assert (rates[100:] == rates[100]).all()


def test_one_cycle_without_warmup_starts_at_the_maximum_rate():
    schedule = OneCycle(0.4, 4, warmup_share=0, end_factor=0)
    np.testing.assert_allclose([schedule(step) for step in range(6)], [0.4, 0.3, 0.2, 0.1, 0, 0], rtol=1e-14)


def test_one_cycle_of_a_single_step_can_be_trained():
    model = compiled(Adam(OneCycle(0.01, total_steps=1)))
    model.fit(X, Y, verbose=0)


# Errors

CYCLE = {"max_learning_rate": 0.1, "total_steps": 10}
ARGUMENTS = [
    (lambda: CosineDecay(-0.1, 10), "initial_learning_rate as a finite number of at least 0, received -0.1"),
    (lambda: CosineDecay(0.1, 0), "decay_steps as a finite number above 0, received 0"),
    (lambda: CosineDecay(0.1, math.nan), "decay_steps .* received nan"),
    (lambda: CosineDecay(0.1, "10"), "decay_steps .* received '10'"),
    (lambda: CosineDecay(0.1, 10, alpha=-1), "alpha .* received -1"),
    (lambda: CosineDecay(0.1, 10, warmup_target="0.1"), "warmup_target .* received '0.1'"),
    (lambda: CosineDecay(0.1, 10, warmup_target=1, warmup_steps=-2), "warmup_steps .* received -2"),
    (
        lambda: CosineDecay(0.1, 10, warmup_steps=5),
        "warmup_target with warmup_steps=5, received None; pass the learning rate",
    ),
    (lambda: ExponentialDecay(math.inf, 10, 0.5), "initial_learning_rate .* received inf"),
    (lambda: ExponentialDecay(0.1, -10, 0.5), "decay_steps .* received -10"),
    (lambda: ExponentialDecay(0.1, 10, -0.5), "decay_rate .* received -0.5"),
    (lambda: PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "received 2 boundaries and 2 values"),
    (lambda: PiecewiseConstantDecay([], [0.1]), "at least one boundary .* received 0 boundaries and 1 values"),
    (lambda: PiecewiseConstantDecay([2, 2], [0.1, 0.2, 0.3]), r"strictly increasing boundaries, received \[2, 2\]"),
    (lambda: PiecewiseConstantDecay([-1], [0.1, 0.2]), "each of boundaries .* received -1"),
    (lambda: PiecewiseConstantDecay([1], [0.1, None]), "each of values .* received None"),
    (lambda: PiecewiseConstantDecay(1, [0.1, 0.2]), "boundaries as a sequence of numbers, .* received 1"),
    (lambda: OneCycle(math.nan, 10), "max_learning_rate .* received nan"),
    (lambda: OneCycle(0.1, 0), "total_steps as a whole number of at least 1, received 0"),
    (lambda: OneCycle(0.1, 10.5), "total_steps .* received 10.5"),
    (lambda: OneCycle(**CYCLE, warmup_share=1), "warmup_share as a number from 0 to below 1, received 1"),
    (lambda: OneCycle(**CYCLE, start_factor=2), "start_factor as a number from 0 to 1, received 2"),
    (lambda: OneCycle(**CYCLE, end_factor=-1), "end_factor .* received -1"),
    (lambda: Adam("0.001"), "learning_rate .* received '0.001'"),
    (lambda: SGD(None), "learning_rate .* received None"),
    (lambda: Adam(OneCycle), r"schedule object, received the class OneCycle; create an object: OneCycle\(\.\.\.\)"),
]


@pytest.mark.parametrize(("make", "message"), ARGUMENTS, ids=[message[:40] for _, message in ARGUMENTS])
def test_invalid_arguments_raise_an_error(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@OPTIMIZERS
@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, None, "0.1", True, 1j, [0.1], np.full(1, 0.1), np.nan])
def test_invalid_rate_raises_an_error_naming_the_schedule_and_training_can_continue(make, bad):
    broken = [False]

    def schedule(step):
        return bad if broken[0] else 0.01 * (step + 1)

    model, expected = compiled(make(schedule)), compiled(make(lambda step: 0.01 * (step + 1)))
    for each in (model, expected):
        each.train_on_batch(X, Y)
    broken[0] = True
    before = model.get_weights()
    message = r"the learning rate of schedule schedule after 1 steps as a finite number of at least 0, received "
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(X, Y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    broken[0] = False
    expected.loss_and_gradients(X, Y, training=True)  # advances the random generator as the failed step did
    for each in (model, expected):
        each.train_on_batch(X, Y)
    expect_same_weights(model, expected)


def test_exception_in_a_custom_schedule_is_raised_before_any_weight_changes():
    model = compiled(Adam(lambda step: 0.01 / step))
    before = model.get_weights()
    with pytest.raises(ZeroDivisionError):
        model.fit(X, Y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_overflowing_rate_raises_an_error_naming_the_schedule():
    model = compiled(SGD(ExponentialDecay(1e-300, 1, 1e300)))
    model.train_on_batch(X, Y)
    model.train_on_batch(X, Y)
    with pytest.raises(ValueError, match=r"schedule ExponentialDecay after 2 steps .* received inf"):
        model.train_on_batch(X, Y)
