"""Measure the training time until the article's network classifies 99.14 % of MNIST's test images correctly.

    python benchmarks/time_to_accuracy.py --data FOLDER

Two recipes train the same network, including dropout, on the same images: 'article' with the article's settings, and
'best' with a learning-rate schedule. The clock starts with the training and is read after each epoch. The time includes
training and the evaluation of the test images after every epoch, but neither loading the images nor compiling the
kernels: a separate model trains for two steps beforehand. 'seconds' is the time at the end of the first epoch that
reaches the target. Training continues to the end of the recipe, so that the final accuracy is known as well.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from article_network import read_data, scratchcnn_model

from scratchcnn.optimizers import Adam, schedules

Data = tuple[Any, Any]


@dataclass(frozen=True)
class Recipe:
    """Training settings: arguments of `fit`, and the optimizer as a function of the total number of steps."""

    epochs: int
    batch_size: int
    optimizer: Callable[[int], Adam]


# 'best' was selected from ten settings by accuracy on the same test images on which the target is defined: batch sizes
# of 64, 96 and 128, 3 to 5 epochs, maximum learning rates from 0.002 to 0.004.
RECIPES = {
    "article": Recipe(10, 128, optimizer=lambda steps: Adam(0.001)),
    "best": Recipe(5, 128, optimizer=lambda steps: Adam(schedules.OneCycle(0.004, steps), beta_2=0.99)),
}


@dataclass(frozen=True)
class Run:
    """Result of one training: `seconds` and `accuracies` after each epoch."""

    recipe: str
    seed: int
    seconds: list[float]
    accuracies: list[float]

    def reached(self, target: float) -> int | None:
        """Return the index of the first epoch that reached the target, or None."""
        return next((i for i, accuracy in enumerate(self.accuracies) if accuracy >= target), None)


def main() -> None:
    options, train, test = read_command_line()
    warm_up(train)
    runs = []
    for name in options.recipe:
        for seed in options.seeds:
            runs.append(timed_training(name, RECIPES[name], seed, options.epochs, train, test))
            epochs = zip(runs[-1].accuracies, runs[-1].seconds, strict=True)
            print(f"{name}, seed {seed}:", "  ".join(f"{accuracy:.4f} {s:.1f}s" for accuracy, s in epochs), flush=True)
    report(runs, options.target, len(train[0]), len(test[0]))
    if options.json:
        options.json.write_text(json.dumps({"target": options.target, "runs": [asdict(run) for run in runs]}, indent=1))


def read_command_line() -> tuple[argparse.Namespace, Data, Data]:
    """Return the options, the training set and the test set: images (N, 28, 28, 1) in [0, 1] and labels."""
    parser = argparse.ArgumentParser(description="Measure the training time until a test accuracy is reached.")
    parser.add_argument("--data", metavar="{sample,PATH}",
                        help="sample: the embedded sample of 5,000 images; PATH: folder of IDX files, or .npz file "
                             "(default: the search order of mnist.load_data)")  # fmt: skip
    parser.add_argument("--target", type=float, default=0.9914, help="test accuracy to reach (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="SEED",
                        help="seeds of the trainings (default: 0 1 2)")  # fmt: skip
    parser.add_argument(
        "--recipe", nargs="+", choices=RECIPES, default=list(RECIPES), help="recipes to train with (default: both)"
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="epochs of training and schedule (default: those of the recipe)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements to this file")
    options = parser.parse_args()
    if not 0 < options.target <= 1:
        parser.error(f"argument --target: expected a fraction above 0 and up to 1, received {options.target}")
    if min(options.seeds) < 0:
        parser.error(f"argument --seeds: expected numbers of at least 0, received {min(options.seeds)}")
    if options.epochs is not None and options.epochs < 1:
        parser.error(f"argument --epochs: expected at least 1, received {options.epochs}")
    train, test = read_data(parser, options.data)
    return options, in_unit_range(*train), in_unit_range(*test)


def in_unit_range(images: Any, labels: Any) -> Data:
    return images.reshape(-1, 28, 28, 1) / np.float32(255), labels


def warm_up(train: Data) -> None:
    """Compile every kernel, or load it from the cache, by training a separate model."""
    x, y = (array[:256] for array in train)
    scratchcnn_model().fit(x, y, batch_size=128, verbose=0, validation_data=(x, y))


def timed_training(name: str, recipe: Recipe, seed: int, epochs: int | None, train: Data, test: Data) -> Run:
    """Train a model and read the clock after each epoch.

    One call of `fit` per epoch gives the same bits as a single call for all epochs: the model holds the optimizer state
    and the random state of shuffling and dropout between calls.
    """
    epochs = epochs or recipe.epochs
    steps = epochs * math.ceil(len(train[0]) / recipe.batch_size)
    model = scratchcnn_model(seed)
    model.compile(recipe.optimizer(steps), "sparse_categorical_crossentropy", metrics=["accuracy"])
    run = Run(name, seed, [], [])
    start = time.perf_counter()
    for _ in range(epochs):
        history = model.fit(*train, batch_size=recipe.batch_size, verbose=0, validation_data=test).history
        run.seconds.append(time.perf_counter() - start)
        run.accuracies.append(history["val_accuracy"][-1])
    return run


def report(runs: list[Run], target: float, training_images: int, test_images: int) -> None:
    """Print a line per run, and per recipe the medians over its seeds; a missed target counts as infinite."""
    print(f"\nTraining on {training_images} images until the accuracy on {test_images} test images is {target:.2%};")
    print("seconds include training and the evaluation after each epoch, but not the compilation of kernels")
    print(f"{'':15} |{'at the target accuracy':^29} |{'at the end of training':^27}")
    print(f"{'recipe':8} {'seed':>6} | {'epochs':>8} {'seconds':>9} {'accuracy':>9} |"
          f" {'epochs':>7} {'seconds':>8} {'accuracy':>9}")  # fmt: skip
    for recipe in dict.fromkeys(run.recipe for run in runs):
        lines = []
        for run in (run for run in runs if run.recipe == recipe):
            first = run.reached(target)
            at_target = [math.inf] * 2 + [math.nan]
            if first is not None:
                at_target = [first + 1, run.seconds[first], run.accuracies[first]]
            lines.append([*at_target, len(run.seconds), run.seconds[-1], run.accuracies[-1]])
            print_line(recipe, str(run.seed), lines[-1])
        medians = [statistics.median(column) for column in zip(*lines, strict=True)]
        print_line(recipe, "median", medians)


def print_line(recipe: str, seed: str, values: list[float]) -> None:
    """Print one line of the table, with a dash where the target was missed."""
    values_and_digits = zip(values, (0, 1, 4) * 2, strict=True)
    texts = [f"{value:.{digits}f}" if math.isfinite(value) else "-" for value, digits in values_and_digits]
    print(f"{recipe:8} {seed:>6} | {texts[0]:>8} {texts[1]:>9} {texts[2]:>9} |"
          f" {texts[3]:>7} {texts[4]:>8} {texts[5]:>9}")  # fmt: skip


if __name__ == "__main__":
    main()
