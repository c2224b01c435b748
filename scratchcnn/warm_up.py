"""Compile the kernels ahead of the first run, for a container image, a classroom, or a benchmark.

    python -m scratchcnn.warm_up

It compiles what training and prediction with the layers, losses and optimizers of this package call, on all cores, and
stores it in the cache. What a network calls beyond that, such as an algorithm that was selected by name, is compiled
when it is needed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np

from scratchcnn import activations, losses, optimizers
from scratchcnn.descriptions.words import plural
from scratchcnn.kernels.runtime import cache, processes
from scratchcnn.kernels.runtime.dry_run import recorded
from scratchcnn.kernels.runtime.processes import Needed, Types
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
    ZeroPadding2D,
)
from scratchcnn.sequential import Sequential
from scratchcnn.training.dry_run import dry_run_of_prediction, dry_run_of_step
from scratchcnn.training.progress import of_compilation

BATCHES = 1, 128  # small arrays are computed by one thread, and other kernels are compiled for it


def networks() -> list[list[Layer]]:
    """Return networks, without their last layers, that together call every kernel that the layers select."""
    return [
        [Conv2D(32, 3, activation="relu", input_shape=(28, 28, 1)), Conv2D(64, 3, activation="relu"), MaxPooling2D(),
         Dropout(0.25), Flatten(), Dense(128, activation="relu"), Dropout(0.5)],
        [Conv2D(32, 3, activation="relu", input_shape=(28, 28, 1)), MaxPooling2D(),
         Conv2D(64, 3, activation="relu"), MaxPooling2D(), Flatten()],
        [Conv2D(6, 5, activation="relu", padding="same", input_shape=(28, 28, 1)), MaxPooling2D(),
         Conv2D(16, 5, activation="relu"), MaxPooling2D(), Flatten(), Dense(120, activation="relu")],
        [Conv2D(32, 3, activation="relu", padding="same", input_shape=(32, 32, 3)),
         Conv2D(32, 3, activation="relu", padding="same"), MaxPooling2D(),
         Conv2D(64, 3, padding="same"), BatchNormalization(), Activation("relu"), AveragePooling2D(),
         Conv2D(64, 3, activation="relu", padding="same"), MaxPooling2D(),
         Conv2D(64, 3, activation="relu", padding="same"), GlobalAveragePooling2D()],
        [Conv2D(16, 3, strides=2, activation="relu", input_shape=(28, 28, 1)), Conv2D(64, 1, activation="relu"),
         Conv2D(64, 3, strides=2, padding="same", activation="relu"), ZeroPadding2D(),
         Conv2D(64, 3, dilation_rate=2), GlobalMaxPooling2D()],
        [Dense(512, kernel_regularizer="l1_l2", input_shape=(64,)), *(Activation(name) for name in activations.KNOWN)],
    ]  # fmt: skip


def models(dtype: str) -> Iterator[Sequential]:
    """Yield compiled models: every network, then every loss, then every optimizer."""
    default = losses.SparseCategoricalCrossentropy
    for layers in networks():
        yield _model(layers, default(), optimizers.Adam(), dtype)
    for kind in dict.fromkeys(losses.KNOWN.values()):
        yield _model([Dense(512, input_shape=(64,))], kind(), optimizers.Adam(), dtype)
    settings = optimizers.Adam(amsgrad=True), optimizers.SGD(clipnorm=1), optimizers.SGD(clipvalue=1)
    for optimizer in (*(kind() for kind in optimizers.KNOWN.values()), *settings):
        yield _model([Dense(512, input_shape=(64,))], default(), optimizer, dtype)


def _model(layers: Sequence[Layer], loss: losses.Loss, optimizer: optimizers.Optimizer, dtype: str) -> Sequential:
    model = Sequential([*layers, Dense(10, activation=loss.activation)], dtype=dtype, seed=0)
    model.compile(optimizer, loss)
    return model


def kernels_of(model: Sequential) -> Iterator[tuple[str, Types]]:
    """Yield the kernels that training and prediction with a model call and that are not in the cache, with types."""
    for count in BATCHES:
        x = np.zeros((count, *(size or 1 for size in model.layers[0].input_shape or ())), model.dtype)
        for dry_run in (dry_run_of_step(model.trainer, x), dry_run_of_prediction(model.plan, x)):
            for name, found in recorded(dry_run.perform).items():
                yield from ((name, kinds) for kinds in found)


def warm_up(dtype: str = "float32") -> int:
    """Compile the kernels of training and prediction; return how many were not in the cache before.

    Parameters
    ----------
    dtype : {'float32', 'float64'}
        Of the models whose kernels are compiled.
    """
    needed: Needed = {}
    for name, kinds in dict.fromkeys(pair for model in models(dtype) for pair in kernels_of(model)):
        needed.setdefault(name, []).append(kinds)
    processes.compile_all(needed, of_compilation)
    return sum(map(len, needed.values()))


def main() -> None:
    """Read the command line, compile, and print where the cache is."""
    parser = argparse.ArgumentParser(prog="python -m scratchcnn.warm_up", description=__doc__.partition("\n")[0])
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="default: float32")
    options = parser.parse_args()
    start = time.perf_counter()
    count = warm_up(options.dtype)
    seconds = time.perf_counter() - start
    folder = cache.folder()
    size = sum(path.stat().st_size for path in folder.rglob("*.nb[ic]"))
    if not size:
        sys.exit(f"Expected a writable folder for the compiled kernels, received {folder}; set NUMBA_CACHE_DIR.")
    print(f"Compiled {plural(count, 'kernel')} for {options.dtype} in {seconds:.0f} s.")
    print(f"The cache is {folder}, {size / 1e6:.1f} MB.")


if __name__ == "__main__":
    main()
