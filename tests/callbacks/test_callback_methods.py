"""Every method of a callback that Keras has is called, in Keras's order, by fit, evaluate and predict."""

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn.callbacks import Callback, LambdaCallback, LearningRateScheduler
from scratchcnn.callbacks.base import METHODS

X, Y = small_data(20)


def recorder(calls, names=METHODS):
    """A callback that records the names of the methods that are called, and the arguments."""

    def record(name):
        def called(*arguments):
            calls.append((name, *arguments))

        return called

    return LambdaCallback(**{name: record(name) for name in names if name != "on_non_finite_loss"})


def names_of(calls):
    return [call[0] for call in calls]


def passed(kind, batches):
    steps = [f"on_{kind}_batch_begin", f"on_{kind}_batch_end"] * batches
    return [f"on_{kind}_begin", *steps, f"on_{kind}_end"]


def test_fit_calls_the_methods_of_training_and_of_validation():
    calls = []
    small_model().fit(X, Y, batch_size=8, epochs=2, verbose=0, validation_data=(X, Y), validation_batch_size=10,
                      callbacks=recorder(calls))  # fmt: skip
    epoch = ["on_epoch_begin", *["on_train_batch_begin", "on_train_batch_end"] * 3, *passed("test", 2), "on_epoch_end"]
    assert names_of(calls) == ["on_train_begin", *epoch, *epoch, "on_train_end"]


def test_evaluate_calls_the_methods_of_testing_with_the_running_means():
    calls, model = [], small_model(seed=0)
    values = model.evaluate(X, Y, 8, verbose=0, return_dict=True, callbacks=recorder(calls))
    assert names_of(calls) == passed("test", 3)
    assert calls[-1] == ("on_test_end", values)
    name, batch, logs = calls[2]
    assert (name, batch) == ("on_test_batch_end", 0)
    assert logs == pytest.approx(model.test_on_batch(X[:8], Y[:8], return_dict=True), rel=1e-12)


def test_predict_calls_the_methods_of_prediction_with_the_outputs():
    calls, model = [], small_model(seed=0)
    outputs = model.predict(X, 8, callbacks=[recorder(calls)])
    assert names_of(calls) == passed("predict", 3)
    of_batches = [call[2]["outputs"] for call in calls if call[0] == "on_predict_batch_end"]
    np.testing.assert_array_equal(np.concatenate(of_batches), outputs)


def test_earlier_names_of_the_batch_methods_are_called_with_the_same_arguments():
    class Old(Callback):
        def __init__(self):
            super().__init__()
            self.calls = []

        def on_batch_begin(self, batch, logs=None):
            self.calls.append(("begin", batch, dict(logs)))

        def on_batch_end(self, batch, logs=None):
            self.calls.append(("end", batch, sorted(logs)))

    old = Old()
    small_model().fit(X, Y, batch_size=10, verbose=0, callbacks=old)
    means = ["accuracy", "loss"]
    assert old.calls == [("begin", 0, {}), ("end", 0, means), ("begin", 1, {}), ("end", 1, means)]


def test_callback_has_the_model_and_parameters_in_evaluate_and_predict():
    seen = []

    class Looks(Callback):
        def on_test_begin(self, logs=None):
            seen.append((self.model, self.params))

        on_predict_begin = on_test_begin

    model = small_model()
    model.evaluate(X, Y, 8, verbose=0, callbacks=Looks())
    model.predict(X, 10, callbacks=Looks())
    assert [each is model for each, _ in seen] == [True, True]
    assert [params["steps"] for _, params in seen] == [3, 2]


def test_unknown_method_of_a_lambda_callback_is_an_error_with_the_nearest():
    with pytest.raises(TypeError, match=r"arguments of LambdaCallback, .*, received 'on_epoch_ends'. .*'on_epoch_end'"):
        LambdaCallback(on_epoch_ends=print)


class Halving:
    """A schedule of the epoch alone that is not a function."""

    def __call__(self, epoch):
        return 0.5**epoch


SCHEDULES = {
    "epoch": (lambda epoch: 0.5**epoch, [1, 0.5, 0.25]), "object": (Halving(), [1, 0.5, 0.25]),
    "both": (lambda epoch, rate: rate / 2, [0.0005, 0.00025, 0.000125]),
    "optional second": (lambda epoch, rate=1.0: rate / 2, [0.0005, 0.00025, 0.000125]),
    "any number": (lambda *arguments: len(arguments), [2, 2, 2]), "built in": (max, [0.001, 1, 2]),
}  # fmt: skip


@pytest.mark.parametrize(("schedule", "rates"), SCHEDULES.values(), ids=SCHEDULES)
def test_schedule_of_one_or_two_arguments(schedule, rates):
    model = small_model(seed=0)
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=LearningRateScheduler(schedule))
    assert history.history["learning_rate"] == rates


def test_error_inside_a_schedule_is_its_own():
    def broken(epoch):
        return epoch + "a"

    with pytest.raises(TypeError, match="unsupported operand"):
        small_model().fit(X, Y, verbose=0, callbacks=LearningRateScheduler(broken))


@pytest.mark.parametrize("schedule", [lambda: 0.1, lambda epoch, rate, more: rate])
def test_schedule_of_another_number_of_arguments_is_an_error(schedule):
    with pytest.raises(TypeError, match="schedule as a function of epoch and learning rate, or of epoch, received"):
        LearningRateScheduler(schedule)
