"""Ctrl-C and errors during `fit`: steps are complete, the history is kept, and training resumes exactly."""

import signal
import threading

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import load_model
from scratchcnn.callbacks import Callback, EarlyStopping, LambdaCallback, ModelCheckpoint
from scratchcnn.kernels.runtime import workspace
from scratchcnn.optimizers import Adam

X, Y = small_data(40)
EPOCHS, STEPS = 4, 4  # steps per epoch
METHODS = ["on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_epoch_end"]


def fit(model, callbacks=None, **options):
    return model.fit(X, Y, batch_size=8, epochs=EPOCHS, verbose=0, callbacks=callbacks, validation_split=0.2, **options)


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


class Acting(Callback):
    """Calls `action` once in one method: in the second epoch, and at its third batch for a method of batches."""

    def __init__(self, method, action):
        super().__init__()
        self.epoch, self.method, self.action = None, method, action
        setattr(self, method, self.act)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def act(self, number, logs):
        if number == 1 if "epoch" in self.method else (self.epoch, number) == (1, 2):
            self.action()


def saved_bytes(model, path):
    model.save(path)
    return path.read_bytes()


@pytest.fixture
def uninterrupted(tmp_path):
    """The file saved after a run without interruption."""
    model = small_model(seed=1)
    fit(model)
    return saved_bytes(model, tmp_path / "uninterrupted.npz")


def assert_resumes_exactly(model, path, uninterrupted):
    model.save(path)
    loaded = load_model(path)
    history = fit(loaded, initial_epoch=len(loaded.history.epoch))
    assert history.epoch == list(range(EPOCHS))
    assert saved_bytes(loaded, path) == uninterrupted


class Interrupting(list):
    """Parameters that raise Ctrl-C while they are iterated over, when some of them have been updated."""

    def __iter__(self):
        for number, parameter in enumerate(super().__iter__()):
            if number in (2, 3, 4):  # three times: not even a second Ctrl-C may interrupt a step
                ctrl_c()
            yield parameter


def test_ctrl_c_within_a_step_takes_effect_after_the_step(monkeypatch, tmp_path, uninterrupted):
    model, update = small_model(seed=1), Adam.step

    def step(self, parameters, gradients, state, ops):
        chosen = Interrupting(parameters) if state.iterations == 6 else parameters
        return update(self, chosen, gradients, state, ops)

    monkeypatch.setattr(Adam, "step", step)
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    monkeypatch.undo()
    assert model.optimizer_state.iterations == 7
    other = small_model(seed=1)

    def stop_after_seven_steps(batch, logs):
        other.stop_training = other.optimizer_state.iterations == 7

    fit(other, LambdaCallback(on_train_batch_end=stop_after_seven_steps))
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.history.epoch == [0]
    assert_resumes_exactly(model, tmp_path / "model.npz", uninterrupted)


@pytest.mark.parametrize("method", METHODS)
def test_training_resumes_exactly_after_ctrl_c_in_a_callback(method, tmp_path, uninterrupted):
    model = small_model(seed=1)
    with pytest.raises(KeyboardInterrupt):
        fit(model, Acting(method, ctrl_c))
    assert model.history.epoch == ([0, 1] if method == "on_epoch_end" else [0])
    assert_resumes_exactly(model, tmp_path / "model.npz", uninterrupted)


def test_training_resumes_with_validation_after_ctrl_c_during_validation(monkeypatch, tmp_path, uninterrupted):
    from scratchcnn.training import loop

    def interrupted(*_):
        ctrl_c()
        raise AssertionError("Ctrl-C did not interrupt the validation")

    model = small_model(seed=1)
    monkeypatch.setattr(loop, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    monkeypatch.undo()
    assert model.history.epoch == []
    assert model.position.steps == STEPS
    assert_resumes_exactly(model, tmp_path / "model.npz", uninterrupted)


@pytest.mark.parametrize("method", METHODS)
def test_training_resumes_exactly_after_error_in_a_callback(method, monkeypatch, tmp_path, uninterrupted):
    monkeypatch.setattr(workspace, "WORTH_IT", 1)  # so that the arrays of a model this small are reused, too
    seen = []

    def fail():
        seen.extend(model.trainer.workspace._blocks)
        raise RuntimeError("of a callback")

    model = small_model(seed=1)
    with pytest.raises(RuntimeError, match="of a callback"):
        fit(model, Acting(method, fail))
    assert seen
    assert not model.trainer.workspace._blocks, "the memory was not released"
    assert_resumes_exactly(model, tmp_path / "model.npz", uninterrupted)


def test_interrupted_model_can_be_trained_again_from_the_start_of_an_epoch():
    model = small_model(seed=1)
    with pytest.raises(KeyboardInterrupt):
        fit(model, Acting("on_train_batch_end", ctrl_c))
    assert fit(model, initial_epoch=1).epoch == [0, 1, 2, 3]
    assert fit(model).epoch == [0, 1, 2, 3]
    assert model.optimizer_state.iterations == STEPS + 3 + 3 * STEPS + 4 * STEPS


def test_fit_calls_and_restores_the_users_signal_handler():
    received = []

    def handler(number, frame):
        received.append(number)

    before = signal.signal(signal.SIGINT, handler)
    try:
        fit(small_model(seed=1), Acting("on_train_batch_end", ctrl_c))  # the handler returns, so training continues
        assert signal.getsignal(signal.SIGINT) is handler
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        fit(small_model(seed=1), Acting("on_train_batch_end", ctrl_c))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert received == [signal.SIGINT]


def test_second_ctrl_c_interrupts_a_callback():
    reached = []

    def twice():
        ctrl_c()
        reached.append("after the first")
        ctrl_c()
        reached.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        fit(small_model(seed=1), Acting("on_epoch_end", twice))
    assert reached == ["after the first"]


def test_training_in_another_thread_gives_the_same_bits(tmp_path, uninterrupted):
    model = small_model(seed=1)
    thread = threading.Thread(target=fit, args=(model,))
    thread.start()
    thread.join()
    assert saved_bytes(model, tmp_path / "model.npz") == uninterrupted


def test_ctrl_c_closes_the_progress_bar(capsys):
    model = small_model(seed=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=8, verbose=1, callbacks=LambdaCallback(on_train_batch_end=lambda *_: ctrl_c()))
    from tqdm import tqdm

    assert not tqdm._instances
    assert capsys.readouterr().out.startswith("Epoch 1/1\n")


def test_best_weights_are_not_restored_after_ctrl_c(tmp_path, uninterrupted):
    model = small_model(seed=1)
    best = EarlyStopping("loss", patience=9, mode="max", restore_best_weights=True)
    with pytest.raises(KeyboardInterrupt):
        fit(model, [best, Acting("on_train_batch_end", ctrl_c)])
    assert_resumes_exactly(model, tmp_path / "model.npz", uninterrupted)


def test_interrupted_epoch_starts_over_with_other_data(tmp_path):
    model, path = small_model(seed=1), tmp_path / "model.npz"
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=ModelCheckpoint(path, save_freq=3))
    loaded = load_model(path)
    with pytest.warns(UserWarning, match=r"middle of epoch 1, .*'samples': 40.*'samples': 24.*the epoch starts over"):
        loaded.fit(X[:24], Y[:24], batch_size=8, verbose=0)
    assert loaded.optimizer_state.iterations == 3 + 3
    loaded = load_model(path)
    loaded.fit(X, Y, batch_size=8, verbose=0)
    assert loaded.optimizer_state.iterations == 5
    loaded = load_model(path)
    loaded.fit(X, Y, batch_size=8, epochs=2, initial_epoch=1, verbose=0)  # another epoch
    assert loaded.optimizer_state.iterations == 3 + 5


def test_fit_that_failed_before_its_first_step_can_be_repeated(tmp_path, uninterrupted):
    model, path = small_model(seed=1), tmp_path / "model.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Acting("on_train_batch_end", ctrl_c))
    model.save(path)
    loaded = load_model(path)
    with pytest.raises(FileNotFoundError):
        fit(loaded, ModelCheckpoint(tmp_path / "nowhere" / "model.npz"), initial_epoch=1)
    fit(loaded, initial_epoch=1)
    assert saved_bytes(loaded, path) == uninterrupted
