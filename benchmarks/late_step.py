"""Time a training step late in training, when Adam's moment estimates of some weights have decayed to denormals.

    python benchmarks/late_step.py

A dead unit of the dense layer has zero gradients. The first moment estimates of its weights shrink by a factor of 0.9
in every step; after about 800 steps they are below 1.2e-38, the smallest normal float32, and remain denormal. Many
processors are slow with denormal numbers. Here a fraction of the units is made dead, and the same network takes the
same steps twice, in interleaved rounds: starting from moment estimates of 0 ('beginning') and of 1e-40 ('late').
The weights that learn have ordinary moment estimates after one step in both cases. A second row times the Adam update
alone, for the largest array and with all moment estimates denormal.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from article_network import floats, scratchcnn_model

from scratchcnn import Sequential
from scratchcnn.datasets import mnist
from scratchcnn.operations import engine
from scratchcnn.optimizers import Adam, State

Array = np.ndarray[Any, Any]
DENORMAL = 1e-40
DEAD = -1e3  # a bias so low that the unit is zero for every input


class AdamWithMoments(Adam):
    """Adam with a given initial value of all moment estimates."""

    def __init__(self, moment: float) -> None:
        super().__init__()
        self.moment = moment

    def start(self, parameters: Sequence[Array]) -> State:
        """Return the state before the first step."""
        iterations, slots = super().start(parameters)
        for array in (array for each in slots for array in each):
            array[...] = self.moment
        return State(iterations, slots)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a training step with and without denormal moment estimates.")
    parser.add_argument("--dead", type=float, default=0.12, metavar="FRACTION", help="fraction of dead units in the "
                        "dense layer (default: %(default)s, as after three epochs of MNIST)")  # fmt: skip
    parser.add_argument(
        "--batch-size", type=int, default=128, metavar="N", help="images per batch (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=15, metavar="N", help="steps per round (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements to this file")
    options = parser.parse_args()
    if not 0 <= options.dead <= 1:
        parser.error(f"argument --dead: expected a fraction from 0 to 1, received {options.dead}")
    for name in ("batch_size", "rounds", "steps"):
        if getattr(options, name) < 1:
            parser.error(f"argument --{name.replace('_', '-')}: expected at least 1, received {getattr(options, name)}")
    moments = {"beginning": 0.0, "late": DENORMAL}
    models = {name: build_model(moment, options.dead) for name, moment in moments.items()}
    steps = time_interleaved(
        {name: training_step(model, options.batch_size) for name, model in models.items()}, options
    )
    updates = time_interleaved({name: adam_update(moment) for name, moment in moments.items()}, options)
    print(f"batch size {options.batch_size}, float32; {options.dead:.0%} of the units in the dense layer are dead")
    print(f"{'median ms':30} {'beginning':>10} {'late':>10} {'late / beginning':>17}")
    for row, medians in {"training step": steps, "Adam update, all denormal": updates}.items():
        early, late = medians["beginning"], medians["late"]
        print(f"{row:30} {1e3 * early:10.3f} {1e3 * late:10.3f} {late / early:17.2f}")
    if options.json:
        options.json.write_text(json.dumps({"dead": options.dead, "step": steps, "adam": updates}, indent=1))


def build_model(moment: float, dead: float) -> Sequential:
    """Build the article's network with a fraction of dead units in its dense layer."""
    model = scratchcnn_model()
    weights = model.get_weights()
    bias = weights[5]  # (128,)
    bias[: round(dead * len(bias))] = DEAD
    model.set_weights(weights)
    model.compile(AdamWithMoments(moment), "sparse_categorical_crossentropy")
    return model


def training_step(model: Sequential, batch_size: int) -> Callable[[], object]:
    """Return a function that takes the next training step, cycling through the embedded sample."""
    (images, y), _ = mnist.load_sample()
    x = floats(images)
    count = [0]

    def step() -> None:
        first = count[0] * batch_size % max(1, len(x) - batch_size)
        count[0] += 1
        model.train_on_batch(x[first : first + batch_size], y[first : first + batch_size])

    return step


def adam_update(moment: float) -> Callable[[], object]:
    """Return a function that performs one Adam update of an array the size of the dense kernel, with zero gradients."""
    shape = 9216, 128
    parameter = np.random.default_rng(0).standard_normal(shape, np.float32)
    gradient, m, v = (np.full(shape, value, np.float32) for value in (0, moment, moment))
    adam = engine("kernels").adam
    return lambda: adam(parameter, gradient, m, v, v, 1000, 0.001, 0.9, 0.999, 1e-7)


def time_interleaved(functions: dict[str, Callable[[], object]], options: argparse.Namespace) -> dict[str, float]:
    """Return the median seconds per call of each function over interleaved rounds; the first round is a warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(options.rounds + 1):
        for name, function in functions.items():
            for _ in range(options.steps):
                start = time.perf_counter()
                function()
                if number:
                    seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


if __name__ == "__main__":
    main()
