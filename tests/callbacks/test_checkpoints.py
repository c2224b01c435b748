"""ModelCheckpoint writes the documented files at the documented times, and errors lose no completed step."""

import errno
import os

import numpy as np
import pytest
from networks import small_data, small_model
from npz_files import rewrite

from scratchcnn import atomic, load_model
from scratchcnn.callbacks import Callback, LambdaCallback, ModelCheckpoint, ReduceLROnPlateau, checkpoint
from scratchcnn.storage import StorageError, files

X, Y = small_data(20)


def fit(model, called, epochs=3, **options):
    return model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=called, **options)


def scripted(values):
    def put(epoch, logs):
        logs["val_loss"] = values[epoch]

    return LambdaCallback(on_epoch_end=put)


def same_weights(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_path_is_formatted_with_epoch_and_logs(tmp_path):
    fit(small_model(), [scripted([0.5, 1, 0.25]), ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.2f}.npz")])
    assert sorted(os.listdir(tmp_path)) == ["01-0.50.npz", "02-1.00.npz", "03-0.25.npz"]
    for epochs, name in enumerate(sorted(os.listdir(tmp_path)), 1):
        assert load_model(tmp_path / name).history.epoch == list(range(epochs))


def test_save_freq_counts_batches_across_epochs(tmp_path):
    fit(small_model(), ModelCheckpoint(str(tmp_path / "{epoch}_{batch}_{loss:.1f}.npz"), save_freq=2))
    names = sorted(name.rsplit("_", 1)[0] for name in os.listdir(tmp_path))
    assert names == ["1_2", "2_1", "2_3", "3_2"]  # three batches per epoch


def test_save_best_only_saves_improvements_only(tmp_path, capsys):
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}.npz", save_best_only=True, verbose=1)
    fit(small_model(), [checkpoint, scripted([3, 4, 2, 2, 1])], epochs=5)
    assert sorted(os.listdir(tmp_path)) == ["1.npz", "3.npz", "5.npz"]
    printed = capsys.readouterr().out
    assert f"\nEpoch 1: val_loss improved from None to 3.00000, saving model to {tmp_path}/1.npz\n" in printed
    assert "\nEpoch 2: val_loss did not improve from 3.00000\n" in printed
    assert f"\nEpoch 3: val_loss improved from 3.00000 to 2.00000, saving model to {tmp_path}/3.npz\n" in printed
    assert checkpoint.best == 1
    worse = ModelCheckpoint(tmp_path / "not_{epoch}.npz", save_best_only=True, initial_value_threshold=0.5)
    fit(small_model(), [worse, scripted([3, 4, 2])])
    assert len(os.listdir(tmp_path)) == 3


def test_best_value_is_taken_from_the_history_when_training_is_resumed(tmp_path):
    model, values = small_model(), [1, 2, 3, 0.5]
    fit(model, [scripted(values)], epochs=2)
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}.npz", save_best_only=True)
    fit(model, [scripted(values), checkpoint], epochs=4, initial_epoch=2)
    assert os.listdir(tmp_path) == ["4.npz"]


@pytest.mark.parametrize("ending", ["npz", "weights.h5", "h5", "hdf5"])
def test_save_weights_only(tmp_path, ending):
    model, other = small_model(seed=1), small_model(seed=2)
    fit(model, ModelCheckpoint(tmp_path / f"a.{ending}", save_weights_only=True))
    other.load_weights(tmp_path / f"a.{ending}")
    assert same_weights(model, other)


@pytest.mark.parametrize("ending", ["keras", "h5", "hdf5"])
def test_model_is_saved_in_formats_of_keras(tmp_path, ending):
    model = small_model(seed=1)
    fit(model, ModelCheckpoint(tmp_path / f"a.{ending}"))
    assert same_weights(load_model(tmp_path / f"a.{ending}"), model)


def test_checkpoint_contains_the_effects_of_the_other_callbacks(tmp_path):
    path = tmp_path / "model.npz"
    fit(small_model(), [ModelCheckpoint(path), scripted([1, 1, 1]), ReduceLROnPlateau(patience=2, factor=0.5)])
    loaded = load_model(path)
    assert loaded.optimizer.learning_rate == 0.0005
    assert loaded.history.history["val_loss"] == [1.0, 1.0, 1.0]
    assert loaded.history.history["learning_rate"] == [0.001] * 3


def test_checkpoint_in_the_middle_of_an_epoch_contains_the_position(tmp_path):
    path = tmp_path / "model.npz"
    fit(small_model(), ModelCheckpoint(path, save_freq=2), epochs=1)
    position = load_model(path).position
    assert (position.epoch, position.steps, position.count, position.loaded) == (0, 2, 16, True)
    fit(small_model(), ModelCheckpoint(path), epochs=1)
    assert load_model(path).position is None


# Errors


def test_missing_folder_is_reported_before_training(tmp_path):
    model = small_model()
    with pytest.raises(FileNotFoundError, match=r"an existing folder for the checkpoints: create it.*nowhere"):
        fit(model, ModelCheckpoint(tmp_path / "nowhere" / "model.npz"))
    assert model.optimizer_state.iterations == 0


def test_read_only_folder_is_reported_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, mode: False)
    with pytest.raises(PermissionError, match="a writable folder for the checkpoints"):
        fit(small_model(), ModelCheckpoint(tmp_path / "model.npz"))


class FullFrom(Callback):
    """Simulates a disk that is full from a given epoch on."""

    def __init__(self, monkeypatch, epoch):
        super().__init__()
        self.monkeypatch, self.epoch = monkeypatch, epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:

            def full(*_):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            self.monkeypatch.setattr(atomic.os, "fsync", full)


@pytest.mark.parametrize("save_freq", ["epoch", 3])
def test_full_disk_ends_training_and_loses_no_completed_step(tmp_path, monkeypatch, save_freq):
    uninterrupted, model, path = small_model(seed=1), small_model(seed=1), tmp_path / "model.npz"
    expected = fit(uninterrupted, None).history
    with pytest.raises(OSError, match=r"No space left on device \(an existing file is unchanged\)"):
        fit(model, [FullFrom(monkeypatch, 1), ModelCheckpoint(path, save_freq=save_freq)])
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["model.npz"]
    loaded = load_model(path)
    history = fit(loaded, None, initial_epoch=len(loaded.history.epoch))
    assert history.history == expected
    assert same_weights(loaded, uninterrupted)
    model.save(path)  # the model in memory can be resumed as well
    loaded = load_model(path)
    assert fit(loaded, None, initial_epoch=len(loaded.history.epoch)).history == expected


def test_checkpoints_have_the_formats_that_a_model_saves():
    assert tuple(files.MODELS) == checkpoint.MODEL_SUFFIXES
    assert tuple(files.WEIGHTS) == checkpoint.WEIGHT_SUFFIXES


ARGUMENTS = [
    (lambda: ModelCheckpoint("model.tf"), r"ends in \.npz or \.keras or \.h5 or \.hdf5, received 'model\.tf'"),
    (lambda: ModelCheckpoint("a.weights.h5"), r"for complete models, received 'a\.weights\.h5'; set save_weights_only"),
    (
        lambda: ModelCheckpoint("a.keras", save_weights_only=True),
        r"ends in \.npz or \.weights\.h5 or \.h5 or \.hdf5, received 'a\.keras'",
    ),
    (lambda: ModelCheckpoint("a.npz", save_best_only="no"), "save_best_only as True or False, received 'no'"),
    (lambda: ModelCheckpoint("a.npz", save_weights_only="no"), "save_weights_only as True or False, received 'no'"),
    (lambda: ModelCheckpoint("a.npz", save_freq="batch"), r"save_freq \(or 'epoch'\) as a whole number .* 'batch'"),
    (lambda: ModelCheckpoint("a.npz", save_freq=0), "save_freq .* received 0"),
    (lambda: ModelCheckpoint("a.npz", mode="best"), "mode as one of"),
    (lambda: ModelCheckpoint("a.npz", initial_value_threshold="1"), "initial_value_threshold .* received '1'"),
]


@pytest.mark.parametrize(("make", "message"), ARGUMENTS, ids=[message[:40] for _, message in ARGUMENTS])
def test_invalid_arguments_are_rejected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["{f1}.npz", "{epoch:q}.npz", "{0}.npz", "{batch}.npz"])
def test_path_with_unknown_fields_is_rejected_with_the_known_ones(tmp_path, name):
    with pytest.raises(
        ValueError, match="Expected filepath to be formatted with 'loss', 'accuracy', 'epoch', received"
    ):
        fit(small_model(), ModelCheckpoint(tmp_path / name))


@pytest.mark.parametrize(
    "change",
    [
        lambda position: position.update(steps=-1),
        lambda position: position.update(epoch=0.5),
        lambda position: position.update(sums={"loss": "1"}),
        lambda position: position.update(data=[1]),
        lambda position: position.update(loaded=False),
        lambda position: position.pop("order"),
        lambda position: position["order"].update(state={"state": 2**128, "inc": 1}),
    ],
)
def test_invalid_position_in_a_file_is_rejected(tmp_path, change):
    path = tmp_path / "model.npz"
    fit(small_model(), ModelCheckpoint(path, save_freq=2), epochs=1)
    assert load_model(path).position is not None
    rewrite(path, lambda header: change(header["training"]["position"]))
    with pytest.raises(StorageError, match=r"model\.npz: "):
        load_model(path)
