"""Ctrl-C and errors in the middle of fit: no parameter half updated, a history of what is done, and a way to go on."""

import signal
import threading

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import load_model
from scratchcnn.callbacks import Callback, EarlyStopping, LambdaCallback, ModelCheckpoint
from scratchcnn.optimizers import Adam

X, Y = small_data(40)
EPOCHS, STEPS = 4, 4  # steps of an epoch
PLACES = ["on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_epoch_end"]


def fit(model, callbacks=None, **options):
    return model.fit(X, Y, batch_size=8, epochs=EPOCHS, verbose=0, callbacks=callbacks, validation_split=0.2, **options)


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


class Acting(Callback):
    """Does something at one place of the second epoch: at its third batch, if the place is a batch."""

    def __init__(self, place, action):
        super().__init__()
        self.epoch, self.place, self.action = None, place, action
        setattr(self, place, self.act)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def act(self, number, logs):
        if number == 1 if "epoch" in self.place else (self.epoch, number) == (1, 2):
            self.action()


def saved_bytes(model, path):
    model.save(path)
    return path.read_bytes()


@pytest.fixture
def undisturbed(tmp_path):
    """The file of a run that nothing disturbed."""
    model = small_model(seed=1)
    fit(model)
    return saved_bytes(model, tmp_path / "undisturbed.npz")


def expect_to_go_on_as_if_undisturbed(model, path, undisturbed):
    model.save(path)
    loaded = load_model(path)
    history = fit(loaded, initial_epoch=len(loaded.history.epoch))
    assert history.epoch == list(range(EPOCHS))
    assert saved_bytes(loaded, path) == undisturbed


class InTheMiddle(list):
    """Parameters, of which some are updated when Ctrl-C comes."""

    def __iter__(self):
        for number, parameter in enumerate(super().__iter__()):
            if number in (2, 3, 4):  # once is heard at the end, and so are three times
                ctrl_c()
            yield parameter


def test_a_step_is_done_to_its_end_before_ctrl_c_counts(monkeypatch, tmp_path, undisturbed):
    model, update = small_model(seed=1), Adam.step

    def step(self, parameters, gradients, state, ops):
        chosen = InTheMiddle(parameters) if state.iterations == 6 else parameters
        return update(self, chosen, gradients, state, ops)

    monkeypatch.setattr(Adam, "step", step)
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    monkeypatch.undo()
    assert model._trainer.optimizer_state.iterations == 7
    twin, counted = small_model(seed=1), []
    stop = LambdaCallback(on_train_batch_end=lambda batch, logs: counted.append(batch) or stop_after(twin, counted, 7))
    fit(twin, stop)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.history.epoch == [0]
    expect_to_go_on_as_if_undisturbed(model, tmp_path / "model.npz", undisturbed)


def stop_after(model, counted, steps):
    model.stop_training = len(counted) == steps


@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_anywhere_else_leaves_what_can_be_gone_on_with_to_the_bit(place, tmp_path, undisturbed):
    model = small_model(seed=1)
    with pytest.raises(KeyboardInterrupt):
        fit(model, Acting(place, ctrl_c))
    assert model.history.epoch == ([0, 1] if place == "on_epoch_end" else [0])
    expect_to_go_on_as_if_undisturbed(model, tmp_path / "model.npz", undisturbed)


def test_ctrl_c_during_validation_goes_on_with_the_validation(monkeypatch, tmp_path, undisturbed):
    from scratchcnn.training import loop

    def interrupted(*_):
        ctrl_c()
        raise AssertionError("Ctrl-C was not heard")

    model = small_model(seed=1)
    monkeypatch.setattr(loop, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    monkeypatch.undo()
    assert model.history.epoch == []
    assert model._position.steps == STEPS
    expect_to_go_on_as_if_undisturbed(model, tmp_path / "model.npz", undisturbed)


@pytest.mark.parametrize("place", PLACES)
def test_an_error_of_a_callback_comes_through_and_leaves_as_much(place, tmp_path, undisturbed):
    def fail():
        raise RuntimeError("of a callback")

    model = small_model(seed=1)
    with pytest.raises(RuntimeError, match="of a callback"):
        fit(model, Acting(place, fail))
    assert not model._trainer.workspace._blocks  # its memory is given back
    expect_to_go_on_as_if_undisturbed(model, tmp_path / "model.npz", undisturbed)


def test_after_ctrl_c_the_same_model_can_be_fitted_again_from_the_beginning_of_an_epoch():
    model = small_model(seed=1)
    with pytest.raises(KeyboardInterrupt):
        fit(model, Acting("on_train_batch_end", ctrl_c))
    assert fit(model, initial_epoch=1).epoch == [0, 1, 2, 3]
    assert fit(model).epoch == [0, 1, 2, 3]
    assert model._trainer.optimizer_state.iterations == STEPS + 3 + 3 * STEPS + 4 * STEPS


def test_ctrl_c_does_after_fit_what_it_did_before():
    heard = []

    def handler(number, frame):
        heard.append(number)

    before = signal.signal(signal.SIGINT, handler)
    try:
        fit(small_model(seed=1), Acting("on_train_batch_end", ctrl_c))  # a handler that goes on lets training go on
        assert signal.getsignal(signal.SIGINT) is handler
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        fit(small_model(seed=1), Acting("on_train_batch_end", ctrl_c))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


def test_a_second_ctrl_c_does_not_wait_for_a_callback():
    reached = []

    def twice():
        ctrl_c()
        reached.append("after the first")
        ctrl_c()
        reached.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        fit(small_model(seed=1), Acting("on_epoch_end", twice))
    assert reached == ["after the first"]


def test_training_runs_in_another_thread_too(tmp_path, undisturbed):
    model = small_model(seed=1)
    thread = threading.Thread(target=fit, args=(model,))
    thread.start()
    thread.join()
    assert saved_bytes(model, tmp_path / "model.npz") == undisturbed


def test_ctrl_c_closes_the_bar(capsys):
    model = small_model(seed=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=8, verbose=1, callbacks=LambdaCallback(on_train_batch_end=lambda *_: ctrl_c()))
    from tqdm import tqdm

    assert not tqdm._instances
    assert capsys.readouterr().out.startswith("Epoch 1/1\n")


def test_best_weights_are_not_restored_when_ctrl_c_ends_training(tmp_path, undisturbed):
    model = small_model(seed=1)
    best = EarlyStopping("loss", patience=9, mode="max", restore_best_weights=True)
    with pytest.raises(KeyboardInterrupt):
        fit(model, [best, Acting("on_train_batch_end", ctrl_c)])
    expect_to_go_on_as_if_undisturbed(model, tmp_path / "model.npz", undisturbed)


def test_an_epoch_in_the_middle_begins_anew_with_other_data(tmp_path):
    model, path = small_model(seed=1), tmp_path / "model.npz"
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=ModelCheckpoint(path, save_freq=3))
    loaded = load_model(path)
    with pytest.warns(UserWarning, match=r"middle of epoch 1, .*'samples': 40.*'samples': 24.*the epoch begins anew"):
        loaded.fit(X[:24], Y[:24], batch_size=8, verbose=0)
    assert loaded._trainer.optimizer_state.iterations == 3 + 3
    loaded = load_model(path)
    loaded.fit(X, Y, batch_size=8, verbose=0)
    assert loaded._trainer.optimizer_state.iterations == 5
    loaded = load_model(path)
    loaded.fit(X, Y, batch_size=8, epochs=2, initial_epoch=1, verbose=0)  # another epoch
    assert loaded._trainer.optimizer_state.iterations == 3 + 5


def test_a_fit_that_fails_before_its_first_step_can_be_tried_again(tmp_path, undisturbed):
    model, path = small_model(seed=1), tmp_path / "model.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Acting("on_train_batch_end", ctrl_c))
    model.save(path)
    loaded = load_model(path)
    with pytest.raises(FileNotFoundError):
        fit(loaded, ModelCheckpoint(tmp_path / "nowhere" / "model.npz"), initial_epoch=1)
    fit(loaded, initial_epoch=1)
    assert saved_bytes(loaded, path) == undisturbed
