"""Callbacks are called at the documented times with the documented arguments, and each has the documented effect."""

import csv

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import History, callbacks
from scratchcnn.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from scratchcnn.metrics import Metric
from scratchcnn.optimizers import SGD, Adam, schedules

X, Y = small_data(20)


def fit(model, called, epochs=3, **options):
    return model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=called, **options)


def scripted(values, name="val_loss"):
    """A callback that sets a value of the logs in each epoch."""

    def put(epoch, logs):
        logs[name] = values[epoch]

    return LambdaCallback(on_epoch_end=put)


class Recorder(Callback):
    """Records every call."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append(("train", dict(logs), self.model.history.epoch == []))

    def on_train_end(self, logs=None):
        self.calls.append(("end", sorted(logs)))

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append((f"epoch {epoch}",))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append((f"epoch {epoch} end", sorted(logs), list(self.model.history.epoch)))

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append((f"batch {batch}",))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append((f"batch {batch} end", sorted(logs)))


def test_methods_are_called_in_the_documented_order_with_the_documented_logs():
    recorder, model = Recorder(), small_model(seed=1)
    history = fit(model, recorder, epochs=2, validation_data=(X, Y))
    means, every = ["accuracy", "loss"], ["accuracy", "loss", "val_accuracy", "val_loss"]
    steps = [call for batch in range(3) for call in ((f"batch {batch}",), (f"batch {batch} end", means))]
    assert recorder.calls == [
        ("train", {}, True),
        ("epoch 0",), *steps, ("epoch 0 end", every, [0]),
        ("epoch 1",), *steps, ("epoch 1 end", every, [0, 1]),
        ("end", every),
    ]  # fmt: skip
    assert recorder.model is model
    assert recorder.params == {"epochs": 2, "steps": 3, "verbose": 0}
    assert model.history is history


def test_callbacks_that_only_observe_do_not_affect_training():
    plain, observed = small_model(seed=1), small_model(seed=1)
    assert fit(plain, None).history == fit(observed, [Recorder(), LambdaCallback(), TerminateOnNaN()]).history
    for a, b in zip(plain.get_weights(), observed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Examples(Callback):
    """Records the examples of the sources before training and after each epoch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def set_data(self, training, validation):
        self.training, self.validation = training, validation

    def on_train_begin(self, logs=None):
        self.found.append([source.examples() for source in (self.training, self.validation) if source])

    on_train_end = on_train_begin


def test_sources_of_arrays_have_evenly_spaced_examples():
    recorder = Examples()
    fit(small_model(), recorder, validation_data=(X[:5], Y[:5]))
    chosen = [0, 2, 3, 5, 7, 9, 10, 12, 14, 16, 17, 19]  # 12 of 20
    for training, validation in recorder.found:
        np.testing.assert_array_equal(training.x, X[chosen])
        np.testing.assert_array_equal(training.y, Y[chosen])
        np.testing.assert_array_equal(validation.x, X[:5])


def test_sources_of_batches_have_examples_of_their_first_batch_once_it_was_used():
    recorder = Examples()
    batches = iter([(X[i : i + 4], Y[i : i + 4]) for i in range(0, 16, 4)])
    small_model().fit(batches, steps_per_epoch=2, epochs=2, verbose=0, callbacks=recorder)
    assert recorder.validation is None
    (before,), (after,) = recorder.found
    assert before is None
    np.testing.assert_array_equal(after.x, X[:4])


def test_values_added_to_the_logs_enter_the_history_and_reach_the_next_callback():
    seen = []
    history = fit(
        small_model(), [scripted([3, 4.5, 6], "mine"), LambdaCallback(on_epoch_end=lambda _, logs: seen.append(logs))]
    )
    assert history.history["mine"] == [3.0, 4.5, 6.0]
    assert [logs["mine"] for logs in seen] == [3, 4.5, 6]


@pytest.mark.parametrize(("name", "steps", "epochs"), [("on_train_batch_end", 2, 1), ("on_epoch_end", 6, 2)])
def test_stop_training_ends_training_after_the_current_batch_or_epoch(name, steps, epochs):
    model, ended = small_model(), []

    def stop(number, logs):
        model.stop_training = number == 1

    history = fit(model, LambdaCallback(**{name: stop}, on_train_end=ended.append), validation_data=(X, Y))
    assert len(history.epoch) == epochs
    assert len(history.history["val_loss"]) == epochs
    assert model.optimizer_state.iterations == steps
    assert len(ended) == 1
    fit(model, None, epochs=1)
    assert model.optimizer_state.iterations == steps + 3  # the next fit runs


def test_initial_epoch_continues_the_epoch_numbers_and_the_history():
    model = small_model(seed=1)
    first = fit(model, None, epochs=2)
    numbers = []
    second = fit(model, LambdaCallback(on_epoch_begin=lambda epoch, logs: numbers.append(epoch)), 5, initial_epoch=2)
    assert numbers == [2, 3, 4]
    assert first.epoch == [0, 1]
    assert second.epoch == [0, 1, 2, 3, 4]
    assert second.history["loss"][:2] == first.history["loss"]
    assert fit(model, None, 5, initial_epoch=5).history == second.history
    assert fit(model, None, 9, initial_epoch=8).epoch == [8]  # no history ends right before it
    assert fit(model, None, 1).epoch == [0]


# Each callback; the comparison with Keras is in tests/keras


def test_early_stopping_prints_its_epoch_and_restores_the_best_weights(capsys):
    model, kept = small_model(seed=1), []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    stopping = EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    history = fit(model, [keep, scripted([3, 1, 2, 2, 0]), stopping], epochs=5)
    assert history.epoch == [0, 1, 2, 3]
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch) == (1, 1, 3)
    for a, b in zip(model.get_weights(), kept[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 4: early stopping", "Restoring model weights from the end of the best epoch: 2."
    ]  # fmt: skip


def test_mode_auto_minimizes_losses_and_maximizes_accuracies():
    for name, better in (("accuracy", [1, 2]), ("val_accuracy", [1, 2]), ("loss", [2, 1]), ("val_loss", [2, 1])):
        stopping = EarlyStopping(name)
        stopping.set_model(small_model())
        stopping.on_train_begin()
        for epoch, value in enumerate(better):
            stopping.on_epoch_end(epoch, {name: value})
        assert stopping.best == better[-1], name


class Error(Metric):
    """Fraction of errors, which is minimized."""

    higher_is_better = False

    def of_samples(self, targets, outputs):
        return targets.argmax(axis=1) != outputs.argmax(axis=1)


@pytest.mark.parametrize("mode", ["auto", "min"])
@pytest.mark.parametrize("name", ["error", "val_error"])
def test_mode_auto_minimizes_a_metric_whose_higher_is_better_is_false(name, mode):
    model = small_model(seed=1)
    model.compile(metrics=["accuracy", Error()])
    stopping, reduce = EarlyStopping(name, mode=mode, patience=9), ReduceLROnPlateau(name, mode=mode)
    fit(model, [scripted([0.5, 0.25, 0.75], name), stopping, reduce], validation_data=(X, Y))
    assert (stopping.best, stopping.best_epoch, reduce.best) == (0.25, 1, 0.25)
    assert not stopping.higher_is_better
    maximized = EarlyStopping(name, mode="max", patience=9)
    fit(model, [scripted([0.5, 0.25, 0.75], name), maximized], validation_data=(X, Y))
    assert (maximized.best, maximized.best_epoch) == (0.75, 2)


def test_patience_is_counted_across_resumed_training():
    values = [1, 3, 3, 3, 3, 3]
    rates = {}
    for stopped_at in (None, 1, 2, 3):
        model = small_model(seed=1)
        called = lambda: [scripted(values), ReduceLROnPlateau(patience=2, factor=0.5)]  # noqa: E731
        if stopped_at:
            fit(model, called(), epochs=stopped_at)
        rates[stopped_at] = fit(model, called(), 6, initial_epoch=stopped_at or 0).history["learning_rate"]
    assert rates[None][0] > rates[None][-1]
    assert all(found == rates[None] for found in rates.values())
    for stopped_at in (1, 2):
        model = small_model(seed=1)
        fit(model, [scripted(values), EarlyStopping(patience=2)], epochs=stopped_at)
        assert fit(model, [scripted(values), EarlyStopping(patience=2)], 6, initial_epoch=stopped_at).epoch == [0, 1, 2]
    again = fit(model, [scripted(values), EarlyStopping(patience=2)], 6, initial_epoch=3)
    assert again.epoch == [0, 1, 2]  # it had stopped


def test_warning_if_the_best_epoch_is_before_resumed_training():
    model = small_model(seed=1)
    fit(model, None, epochs=1, validation_data=(X, Y))
    model.history.history["val_loss"][0] = 0.0
    with pytest.warns(UserWarning, match="restore the weights of the best epoch, 1, but training was resumed after it"):
        fit(model, EarlyStopping(restore_best_weights=True), 2, initial_epoch=1, validation_data=(X, Y))


def test_unknown_or_missing_monitor_is_named():
    with pytest.raises(
        ValueError, match=r"monitor of EarlyStopping as one of 'loss', 'accuracy'.*received 'f1'.*mode="
    ):
        fit(small_model(), EarlyStopping("f1"))
    with pytest.warns(
        UserWarning, match=r"'val_loss' among the values .* received 'loss', 'accuracy'; pass validation_data"
    ):
        fit(small_model(), EarlyStopping(), epochs=1)


def test_learning_rates_are_set_recorded_and_printed(capsys):
    model = small_model()
    model.compile(SGD(0.5))
    history = fit(model, LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate, verbose=1))
    assert history.history["learning_rate"] == [0.5, 0.25, 0.125]
    assert model.optimizer.learning_rate == 0.125
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.25." in capsys.readouterr().out
    fit(model, [scripted([1, 1, 1]), ReduceLROnPlateau(patience=1, verbose=1, min_lr=0.1)])
    assert model.optimizer.learning_rate == 0.1
    assert "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.1." in capsys.readouterr().out


@pytest.mark.parametrize("make", [lambda: LearningRateScheduler(lambda epoch, rate: rate), ReduceLROnPlateau])
def test_callback_that_sets_the_learning_rate_rejects_a_schedule(make):
    model = small_model(seed=1)
    model.compile(Adam(schedules.CosineDecay(0.1, 10)))
    with pytest.raises(TypeError, match=r"a learning rate that is a number, which \w+ can set, received the schedule"):
        fit(model, make())
    assert model.optimizer_state.iterations == 0


def test_learning_rate_none_is_rejected():
    with pytest.raises(
        ValueError, match="the return value of schedule as a finite number of at least 0, received None"
    ):
        fit(small_model(), LearningRateScheduler(lambda epoch, rate: None))


@pytest.mark.parametrize("append", [False, True])
def test_csv_logger_writes_one_row_per_epoch(tmp_path, append):
    path = tmp_path / "log.csv"
    path.write_text("existing line\n" if append else "")
    model = small_model(seed=1)
    history = fit(model, CSVLogger(path, separator=";", append=append), validation_data=(X, Y))
    fit(model, CSVLogger(path, separator=";", append=True), 4, initial_epoch=3, validation_data=(X, Y))
    lines = list(csv.reader(path.read_text().splitlines(), delimiter=";"))
    assert lines.pop(0) == (["existing line"] if append else ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"])
    assert [int(line[0]) for line in lines] == [0, 1, 2, 3]
    for place, name in enumerate(("accuracy", "loss", "val_accuracy", "val_loss"), 1):
        assert [float(line[place]) for line in lines[:3]] == history.history[name]


def test_csv_file_that_cannot_be_written_is_reported_before_training(tmp_path):
    model = small_model()
    with pytest.raises(FileNotFoundError):
        fit(model, CSVLogger(tmp_path / "nowhere" / "log.csv"))
    assert model.optimizer_state.iterations == 0


def test_terminate_on_nan_ends_training_without_the_invalid_update(capsys):
    model, ended = small_model(seed=1), []
    model.compile(SGD(1e30), metrics=["accuracy"])
    before = []
    keep = LambdaCallback(on_train_batch_begin=lambda *_: before.append(model.get_weights()))
    history = fit(model, [keep, TerminateOnNaN(), LambdaCallback(on_train_end=ended.append)], 9)
    assert len(history.epoch) == 1
    assert not np.isfinite(history.history["loss"][-1])
    assert len(ended) == 1
    for a, b in zip(model.get_weights(), before[-1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert f"Batch {len(before) - 1}: Invalid loss, terminating training\n" in capsys.readouterr().out
    with pytest.raises(FloatingPointError, match="lower learning rate"):
        fit(model, None)


ARGUMENTS = [
    (lambda: EarlyStopping(mode="down"), "mode as one of 'auto', 'min', 'max', received 'down'"),
    (lambda: EarlyStopping(patience=-1), "patience as a whole number of at least 0, received -1"),
    (lambda: EarlyStopping(patience=1.5), "patience .* received 1.5"),
    (lambda: EarlyStopping(min_delta="a"), "min_delta as a finite number, received 'a'"),
    (lambda: EarlyStopping(baseline=float("nan")), "baseline .* received nan"),
    (lambda: EarlyStopping(restore_best_weights="no"), "restore_best_weights as True or False, received 'no'"),
    (lambda: CSVLogger("a.csv", append="no"), "append as True or False, received 'no'"),
    (lambda: ReduceLROnPlateau(factor=1), "factor as a number from 0 to below 1, received 1"),
    (lambda: ReduceLROnPlateau(min_lr=-1), "min_lr .* received -1"),
    (lambda: CSVLogger("a.csv", separator=", "), "separator as a single character, received ', '"),
    (lambda: LearningRateScheduler(0.1), "schedule as a function .* received 0.1"),
    (lambda: LambdaCallback(on_epoch_end=3), "on_epoch_end as a function, received 3"),
    (lambda: fit(small_model(), [EarlyStopping]), r"callbacks of scratchcnn.callbacks, .*call the class"),
    (lambda: fit(small_model(), [print]), "callbacks of scratchcnn.callbacks, received <built-in function print>"),
    (lambda: fit(small_model(), None, initial_epoch=-1), "initial_epoch as a whole number of at least 0, received -1"),
]


@pytest.mark.parametrize(("make", "message"), ARGUMENTS, ids=[message[:40] for _, message in ARGUMENTS])
def test_invalid_arguments_are_rejected(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_all_exported_names_are_callbacks():
    assert all(issubclass(getattr(callbacks, name), Callback) for name in callbacks.__all__)
    assert isinstance(fit(small_model(), []), History)
