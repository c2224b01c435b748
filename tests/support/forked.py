"""Trains and predicts in other processes and threads; prints those whose results differ, or whose processes died.

    python forked.py before|after METHOD ...

`before`: no kernel has run in this process when the others start; `after`: kernels have run. A method is one of `fork`,
`forkserver`, `spawn` (of `multiprocessing.Pool`), `executor-` with one of these (of `ProcessPoolExecutor`), `joblib`,
`nested` (a forked process forks again) and `threads`.
"""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np

from scratchcnn import Sequential
from scratchcnn.layers import Conv2D, Dense, Flatten, MaxPooling2D

RNG = np.random.default_rng(0)
X, Y = RNG.random((64, 28, 28, 1), np.float32), RNG.integers(0, 10, 64)  # large enough for the parallel kernels
SECONDS = 400


def results(seed):
    """Bits of the predictions of a trained network."""
    model = Sequential([Conv2D(32, 3, activation="relu", input_shape=(28, 28, 1)), MaxPooling2D(), Flatten(),
                        Dense(10, activation="softmax")], seed=seed)  # fmt: skip
    model.compile()
    model.fit(X, Y, batch_size=32, verbose=0)
    return model.predict(X, batch_size=64, verbose=0).tobytes()


def nested(seed):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.map_async(results, [seed]).get(SECONDS)[0]


def mapped(method, seeds):
    name, _, start = method.partition("-")
    if name == "joblib":
        import joblib

        return joblib.Parallel(n_jobs=2, timeout=SECONDS)(joblib.delayed(results)(seed) for seed in seeds)
    if name == "threads":
        with ThreadPoolExecutor(4) as executor:
            return list(executor.map(results, seeds))
    if name == "nested":
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as executor:
            return list(executor.map(nested, seeds, timeout=SECONDS))
    if name == "executor":
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(start)) as executor:
            return list(executor.map(results, seeds, timeout=SECONDS))
    with multiprocessing.get_context(name).Pool(2) as pool:
        return pool.map_async(results, seeds).get(SECONDS)


if __name__ == "__main__":
    moment, *methods = sys.argv[1:]
    expected = [results(seed) for seed in range(2)] if moment == "after" else None
    found = {method: mapped(method, range(2)) for method in methods}
    expected = expected or [results(seed) for seed in range(2)]
    print(*(method for method in methods if found[method] != expected))
