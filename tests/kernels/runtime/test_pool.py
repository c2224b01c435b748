"""Kernels run in forked processes and in several Python threads at once, with every layer of Numba's thread pool."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = Path(__file__).parents[2] / "support" / "forked.py"
FORKS = hasattr(os, "fork")
METHODS = ["spawn", "threads", "joblib", *(["fork", "forkserver", "executor-fork", "nested"] if FORKS else [])]


def run(layer, *arguments):
    environment = os.environ | {"NUMBA_THREADING_LAYER": layer}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", CHILD, *arguments]  # of fork() beside threads
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)


@pytest.mark.parametrize(("layer", "moment"), [("omp", "before"), ("omp", "after"), ("workqueue", "after")])
def test_results_are_the_same_in_every_kind_of_process(layer, moment):
    done = run(layer, moment, *METHODS)
    assert (done.stdout, done.returncode) == ("\n", 0), done.stderr


@pytest.mark.skipif(not FORKS, reason="this system does not fork")
def test_without_the_replaced_function_a_forked_process_dies():
    """The reason for `pool`: if this fails, Numba's pool has become usable after a fork, and `pool` can be removed."""
    code = """
import os, sys
import numba, numpy as np
@numba.njit(parallel=True)
def doubled(x):
    for i in numba.prange(len(x)):
        x[i] *= 2
doubled(np.ones(100))
child = os.fork()
if child == 0:
    doubled(np.ones(100))
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    environment = os.environ | {"NUMBA_THREADING_LAYER": "omp"}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True)
    assert int(done.stdout) == -signal.SIGTERM, done.stderr


def test_without_compilation_the_other_engine_is_named():
    code = """
import numpy as np
from scratchcnn import Sequential
from scratchcnn.layers import Conv2D, Dense, Flatten, MaxPooling2D
for engine in ("reference", "kernels"):
    layers = [Conv2D(2, 3, activation="relu", input_shape=(8, 8, 1)), MaxPooling2D(), Flatten(), Dense(3, "softmax")]
    try:
        model = Sequential(layers, engine=engine)
        model.compile()
        model.fit(np.zeros((4, 8, 8, 1)), [0, 1, 2, 0], verbose=0)
        print(model.predict(np.zeros((1, 8, 8, 1)), verbose=0).shape)
    except RuntimeError as error:
        print(error)
"""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    worked, error = done.stdout.splitlines()
    assert worked == "(1, 3)"
    assert "NUMBA_DISABLE_JIT=1; unset it, or use Sequential(engine='reference')" in error
