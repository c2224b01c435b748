"""Training that is saved and goes on in another process ends as if it had never stopped, to the bit."""

import hashlib
import json
import subprocess
import sys

import pytest
from networks import small_data, small_model

from scratchcnn import load_model
from scratchcnn.optimizers import SGD, Adam, schedules

OPTIMIZERS = {
    "adam": lambda: Adam(),
    "amsgrad": lambda: Adam(schedules.CosineDecay(0.01, 12), amsgrad=True),
    "sgd": lambda: SGD(0.05),
    "nesterov": lambda: SGD(schedules.OneCycle(0.1, 12), momentum=0.9, nesterov=True),
}


def fingerprint(model):
    """All that a step depends on, and what it has come to."""
    iterations, slots = model._trainer.optimizer_state
    arrays = [*model.get_weights(), *(slot for of_one in slots for slot in of_one)]
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays))
    generators = (model._init_rng, model._shuffle_rng, model._dropout_rng)
    state = [iterations, [generator.bit_generator.state for generator in generators]]
    digest.update(json.dumps(state).encode())
    return digest.hexdigest()


def train(model, epochs):
    x, y = small_data()
    return model.fit(x, y, batch_size=8, epochs=epochs, verbose=0)


def go_on(paths):
    """What the other process does."""
    for path in paths:
        model = load_model(path)
        train(model, 2)
        print(fingerprint(model))


def in_another_process(paths):
    code = f"import sys; sys.path[:0] = {[__file__.rsplit('/', 1)[0], *sys.path]!r}\n"
    code += f"import test_resumed_training as t; t.go_on({paths!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_training_goes_on_in_another_process_to_the_bit(tmp_path):
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
    assert in_another_process(paths) == expected


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_go_on_to_the_bit(tmp_path, name):
    model = small_model(seed=3)
    model.compile(OPTIMIZERS[name](), metrics=["accuracy"])
    train(model, 1)
    model.save(tmp_path / "model.npz")
    expected = train(model, 2).history
    loaded = load_model(tmp_path / "model.npz")
    assert train(loaded, 2).history == expected
    assert fingerprint(loaded) == fingerprint(model)


def test_saving_changes_nothing_in_the_training_that_goes_on(tmp_path):
    saved, other = small_model(seed=3), small_model(seed=3)
    for model in (saved, other):
        train(model, 1)
    saved.save(tmp_path / "model.npz")
    for model in (saved, other):
        train(model, 1)
    assert fingerprint(saved) == fingerprint(other)


def test_a_model_saved_before_training_trains_as_it_would_have(tmp_path):
    model = small_model(seed=3)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    for one in (model, loaded):
        train(one, 1)
    assert fingerprint(loaded) == fingerprint(model)
