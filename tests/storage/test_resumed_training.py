"""Training that is saved and resumed in another process ends bit for bit as if it had not been interrupted."""

import hashlib
import json
import subprocess
import sys

import pytest
from networks import small_data, small_model

from scratchcnn import load_model
from scratchcnn.callbacks import LambdaCallback, ModelCheckpoint
from scratchcnn.optimizers import SGD, Adam, schedules

OPTIMIZERS = {
    "adam": lambda: Adam(),
    "amsgrad": lambda: Adam(schedules.CosineDecay(0.01, 12), amsgrad=True),
    "sgd": lambda: SGD(0.05),
    "nesterov": lambda: SGD(schedules.OneCycle(0.1, 12), momentum=0.9, nesterov=True),
}


def fingerprint(model):
    """A hash of the parameters, the optimizer state and the random states."""
    iterations, slots = model.optimizer_state
    arrays = [*model.get_weights(), *(slot for arrays in slots for slot in arrays)]
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays))
    state = [iterations, [generator.bit_generator.state for generator in model.generators.values()]]
    digest.update(json.dumps(state).encode())
    return digest.hexdigest()


def train(model, epochs):
    x, y = small_data()
    return model.fit(x, y, batch_size=8, epochs=epochs, verbose=0)


def resume(paths):
    """Resume training of each model and print its fingerprint; called in another process."""
    for path in paths:
        model = load_model(path)
        train(model, 2)
        print(fingerprint(model))


def resume_in_another_process(paths):
    code = f"import sys; sys.path[:0] = {[__file__.rsplit('/', 1)[0], *sys.path]!r}\n"
    code += f"import test_resumed_training as t; t.resume({paths!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_training_is_resumed_in_another_process_bit_for_bit(tmp_path):
    expected, paths = [], []
    for name, optimizer in OPTIMIZERS.items():
        for dtype in ("float32", "float64"):
            model = small_model(seed=3, dtype=dtype)
            model.compile(optimizer(), metrics=["accuracy"])
            train(model, 1)
            paths.append(str(tmp_path / f"{name}_{dtype}.npz"))
            model.save(paths[-1])
            train(model, 2)
            expected.append(fingerprint(model))
    assert len(set(expected)) == len(expected)
    assert resume_in_another_process(paths) == expected


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_history_of_resumed_training_is_equal(tmp_path, name):
    model = small_model(seed=3)
    model.compile(OPTIMIZERS[name](), metrics=["accuracy"])
    train(model, 1)
    model.save(tmp_path / "model.npz")
    expected = train(model, 2).history
    loaded = load_model(tmp_path / "model.npz")
    assert train(loaded, 2).history == expected
    assert fingerprint(loaded) == fingerprint(model)


def test_saving_does_not_affect_further_training(tmp_path):
    saved, other = small_model(seed=3), small_model(seed=3)
    for model in (saved, other):
        train(model, 1)
    saved.save(tmp_path / "model.npz")
    for model in (saved, other):
        train(model, 1)
    assert fingerprint(saved) == fingerprint(other)


def test_model_saved_before_training_is_trained_as_the_original(tmp_path):
    model = small_model(seed=3)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    for one in (model, loaded):
        train(one, 1)
    assert fingerprint(loaded) == fingerprint(model)


@pytest.mark.parametrize("frozen", [0, 4, 6])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_with_a_frozen_layer_is_resumed_bit_for_bit(tmp_path, name, frozen):
    model = small_model(seed=3)
    model.compile(OPTIMIZERS[name](), metrics=["accuracy"])
    model.layers[frozen].trainable = False
    before = model.layers[frozen].params["kernel"].copy()
    train(model, 1)
    model.save(tmp_path / "model.npz")
    expected = train(model, 2).history
    loaded = load_model(tmp_path / "model.npz")
    assert train(loaded, 2).history == expected
    assert fingerprint(loaded) == fingerprint(model)
    assert len(loaded.optimizer_state.slots) == 4
    assert (loaded.layers[frozen].params["kernel"] == before).all()


def freeze_and_unfreeze(model, number, logs):
    """Freeze the first layer in epoch or batch 1, and in 3 unfreeze it and freeze another layer."""
    if number in (1, 3):
        model.layers[0].trainable, model.layers[4].trainable = number == 3, number == 1


@pytest.mark.parametrize("name", ["adam", "nesterov"])
@pytest.mark.parametrize("event", ["on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end"])
@pytest.mark.parametrize("save_freq", ["epoch", 2])
def test_training_in_which_a_callback_freezes_layers_is_resumed_from_any_checkpoint(tmp_path, name, event, save_freq):
    x, y = small_data()

    def run(model, *callbacks, **options):
        freeze = LambdaCallback(**{event: lambda number, logs: freeze_and_unfreeze(model, number, logs)})
        model.fit(x, y, batch_size=8, epochs=5, verbose=0, callbacks=[freeze, *callbacks], **options)
        return fingerprint(model)

    model = small_model(seed=3)
    model.compile(OPTIMIZERS[name]())
    checkpoint = ModelCheckpoint(tmp_path / ("{epoch}.npz" if save_freq == "epoch" else "{epoch}_{batch}.npz"),
                                 save_freq=save_freq)  # fmt: skip
    expected = run(model, checkpoint)
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == (5 if save_freq == "epoch" else 12)
    for path in paths:
        loaded = load_model(path)
        done = len(loaded.history.epoch)
        if done < 5:
            assert run(loaded, initial_epoch=done) == expected, path.name
