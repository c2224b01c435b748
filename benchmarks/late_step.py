"""Times a training step late in training, when Adam's moments of some weights have decayed to denormal numbers.

    python benchmarks/late_step.py

A unit of the dense layer that never fires has gradients of zero. Its mean of past gradients shrinks by a tenth in every
step, and after some 800 steps lies below 1.2e-38, where float32 keeps numbers in a form with which processors are slow;
it stays there. Here a share of the units is silenced, and the same network takes the same steps twice, in turn: with
moments of zero ('beginning'), and with moments of 1e-40 ('late'). The weights that learn have ordinary moments after
one step in both. Beside it stands the optimizer's part alone, on the largest array with every moment denormal.
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
SILENT = -1e3  # a bias from which no input lifts a unit above zero


class AdamWithMoments(Adam):
    """Adam whose moments begin at a number of one's choice."""

    def __init__(self, moment: float) -> None:
        super().__init__()
        self.moment = moment

    def start(self, parameters: Sequence[Array]) -> State:
        """No steps; all moments at the chosen number."""
        iterations, slots = super().start(parameters)
        for array in (array for each in slots for array in each):
            array[...] = self.moment
        return State(iterations, slots)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a training step with denormal moments beside one without.")
    parser.add_argument("--share", type=float, default=0.12, help="of the dense layer's units, silenced (default: "
                        "%(default)s, as after three epochs of MNIST)")  # fmt: skip
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7, help="rounds, in which the two take turns")
    parser.add_argument("--steps", type=int, default=15, help="steps of a round")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    if not 0 <= options.share <= 1:
        parser.error(f"argument --share: expected a share from 0 to 1, received {options.share}")
    for name in ("batch_size", "rounds", "steps"):
        if getattr(options, name) < 1:
            parser.error(f"argument --{name.replace('_', '-')}: expected at least 1, received {getattr(options, name)}")
    moments = {"beginning": 0.0, "late": DENORMAL}
    models = {name: model_with(moment, options.share) for name, moment in moments.items()}
    steps = in_turn({name: steps_of(model, options.batch_size) for name, model in models.items()}, options)
    adams = in_turn({name: adam_alone(moment) for name, moment in moments.items()}, options)
    print(f"Batch {options.batch_size}, float32; {options.share:.0%} of the dense layer's units never fire")
    print(f"{'median ms':30} {'beginning':>10} {'late':>10} {'late / beginning':>17}")
    for what, figures in {"training step": steps, "Adam, all moments denormal": adams}.items():
        early, late = figures["beginning"], figures["late"]
        print(f"{what:30} {1e3 * early:10.3f} {1e3 * late:10.3f} {late / early:17.2f}")
    if options.json:
        options.json.write_text(json.dumps({"share": options.share, "step": steps, "adam": adams}, indent=1))


def model_with(moment: float, share: float) -> Sequential:
    """The article's network with the first units of its dense layer silenced."""
    model = scratchcnn_model()
    weights = model.get_weights()
    bias = weights[5]  # (128,)
    bias[: round(share * len(bias))] = SILENT
    model.set_weights(weights)
    model.compile(AdamWithMoments(moment), "sparse_categorical_crossentropy")
    return model


def steps_of(model: Sequential, batch_size: int) -> Callable[[], object]:
    """A function that takes the next step of training, over and over the embedded sample."""
    (images, y), _ = mnist.load_sample()
    x = floats(images)
    count = [0]

    def step() -> None:
        start = count[0] * batch_size % max(1, len(x) - batch_size)
        count[0] += 1
        model.train_on_batch(x[start : start + batch_size], y[start : start + batch_size])

    return step


def adam_alone(moment: float) -> Callable[[], object]:
    """A function that takes one step of Adam on an array as large as the dense kernel, with gradients of zero."""
    shape = 9216, 128
    parameter = np.random.default_rng(0).standard_normal(shape, np.float32)
    gradient, m, v = (np.full(shape, value, np.float32) for value in (0, moment, moment))
    adam = engine("kernels").adam
    return lambda: adam(parameter, gradient, m, v, v, 1000, 0.001, 0.9, 0.999, 1e-7)


def in_turn(functions: dict[str, Callable[[], object]], options: argparse.Namespace) -> dict[str, float]:
    """Median seconds of a call of each, over rounds in which they take turns; the first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(options.rounds + 1):
        for name, function in functions.items():
            for _ in range(options.steps):
                began = time.perf_counter()
                function()
                if number:
                    seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in seconds.items()}


if __name__ == "__main__":
    main()
