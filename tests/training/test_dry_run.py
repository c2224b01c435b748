"""A dry run finds every kernel that a step and a prediction call, changes nothing, and leaves a user's classes out."""

import subprocess
import sys

import numpy as np

from scratchcnn import Sequential
from scratchcnn.kernels.runtime.dry_run import recorded
from scratchcnn.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D
from scratchcnn.training.dry_run import dry_run_of_prediction, dry_run_of_step

# In a new process, the kernels that were called are those that have been compiled or loaded for some types.
COVERAGE = """
import numpy as np
from scratchcnn.kernels.runtime import processes
from scratchcnn.kernels.runtime.cache import Cache
from scratchcnn.kernels.runtime.dry_run import recorded
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.training.dry_run import dry_run_of_prediction, dry_run_of_step
from scratchcnn.warm_up import models

Cache.contains = lambda *arguments: False  # so that all kernels are recorded
needed = {}
for model in models("float32"):
    x = np.full((8, *model.input_shape[1:]), 0.5, np.float32)
    for dry_run in (dry_run_of_step(model.trainer, x), dry_run_of_prediction(model.plan, x)):
        for name, kinds in recorded(dry_run.perform).items():
            needed.setdefault(name, []).extend(kinds)
    outputs = model.predict(x, verbose=0)
    sparse = isinstance(model.compiled.loss, SparseCategoricalCrossentropy)
    model.train_on_batch(x, np.zeros(8, np.int64) if sparse else np.zeros_like(outputs))
called = [(name, kinds) for name, make in processes.kernels.items() for kinds in make().overloads]
assert len(called) > 50, len(called)
print(*(f"{name} {kinds}" for name, kinds in called if kinds not in needed.get(name, [])), sep="\\n")
"""
CLIPPING = "scratchcnn.kernels.optimizers.clipping:_scale"  # called only if the norm is above the limit


def test_dry_runs_find_all_kernels_that_are_called():
    ended = subprocess.run([sys.executable, "-W", "error", "-c", COVERAGE], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert [line for line in ended.stdout.splitlines() if line and not line.startswith(CLIPPING)] == []


def model_of(*last):
    layers = [
        Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
        MaxPooling2D(),
        BatchNormalization(),
        Dropout(0.5),
    ]
    model = Sequential([*layers, *last, Flatten(), Dense(3)], seed=0)
    model.compile("adam", "mse")
    return model


def test_dry_run_changes_nothing():
    model = model_of()
    x = np.ones((5, 8, 8, 1), np.float32)
    trainer, weights = model.trainer, model.get_weights()
    slots = [array.copy() for arrays in trainer.optimizer_state.slots for array in arrays]
    state = trainer.dropout_rng.bit_generator.state
    for dry_run in (dry_run_of_step(trainer, x), dry_run_of_prediction(model.plan, x)):
        dry_run.perform()  # with kernels, so that their effects would be seen
        recorded(dry_run.perform)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(
        slots, (array for arrays in trainer.optimizer_state.slots for array in arrays), strict=True
    ):
        np.testing.assert_array_equal(before, after)
    assert trainer.dropout_rng.bit_generator.state == state
    assert trainer.optimizer_state.iterations == 0


class Counting(Layer):
    """A layer of a user."""

    calls = 0

    def forward(self, x, ops, training, rng):
        Counting.calls += 1
        return x, None

    def backward(self, dy, cache, ops, input_gradient=True):
        return dy, {}


def test_dry_run_leaves_out_a_layer_of_a_user_and_continues_behind_it(monkeypatch):
    called = []
    monkeypatch.setattr("scratchcnn.kernels.runtime.dry_run.record", lambda kernel, kinds: called.append(kernel))
    model = model_of(Counting())
    x = np.ones((7, 8, 8, 1), np.float32)
    before = Counting.calls
    recorded(dry_run_of_step(model.trainer, x).perform)
    assert Counting.calls == before
    names = {kernel.py_func.__name__ for kernel in called}
    assert {"_dense", "_dropout", "_adam", "_mean_squared_error"} <= names
