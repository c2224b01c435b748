"""Times one training step of the article's network beside other systems, in turn, in one run.

    python benchmarks/train_step.py --peer torch

Each system runs in a process of its own, begins with the same weights, and must agree on the loss of the first batch.
The first hundred steps are for warming up: until then the gradient has twice as many numbers that are not zero, which
costs scratchcnn, and no other, up to a quarter more time; a training has thousands of steps.
The table has the median over all rounds of the time of a step, and the lowest and highest median of a round.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from article_network import floats, scratchcnn_model, training_flops
from report import Figure, figure, print_best_peer, print_table, threads, times, write_json
from turns import add_options, expect_agreement, folder_of, processes, read_options, run

from scratchcnn.datasets import mnist


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one training step beside other systems.")
    add_options(parser, rounds=7)
    parser.add_argument("--steps", type=int, default=30, metavar="N", help="steps of a round (default: %(default)s)")
    parser.add_argument("--warm-up", type=int, default=100, metavar="N",
                        help="steps of each system before the first that is timed (default: %(default)s)")  # fmt: skip
    options = read_options(parser, ["steps", "warm_up"])
    (images, y), _ = mnist.load_sample()
    if options.batch_size > len(images):
        parser.error(f"argument --batch-size: expected at most {len(images)}, the images there are, "
                     f"received {options.batch_size}")  # fmt: skip
    model = scratchcnn_model()
    with folder_of(floats(images), y, model.get_weights()) as folder:
        figures, losses = measure(options, folder)
    flops = training_flops(model, options.batch_size)
    print_report(options, figures, flops)
    write_json(options, systems={name: {"seconds": figures[name]._asdict(), "loss_of_first_batch": losses[name]}
                                 for name in options.systems}, flops=flops)  # fmt: skip


def measure(options: argparse.Namespace, folder: Path) -> tuple[dict[str, Figure], dict[str, list[float]]]:
    """Seconds of a step, and the loss of the first batch before and after all steps, of each system."""
    with processes(options.systems, options.threads, folder) as running:

        def ask_all(question: str, **arguments: int) -> dict:
            return {name: process.ask(question, batch_size=options.batch_size, **arguments)
                    for name, process in running.items()}  # fmt: skip

        before = ask_all("loss")
        expect_agreement("loss of the first batch", before, 1e-5)  # float32 sums of 9216 terms, in another order
        ask_all("steps", count=options.warm_up)
        rounds = [ask_all("steps", count=options.steps) for _ in range(options.rounds)]
        after = ask_all("loss")
    for name in options.systems:
        if after[name] == before[name]:
            sys.exit(f"Expected steps that train, received a loss of {name} that stays at {before[name]}.")
    figures = {name: figure([of_round[name] for of_round in rounds]) for name in options.systems}
    return figures, {name: [before[name], after[name]] for name in options.systems}


def print_report(options: argparse.Namespace, figures: dict[str, Figure], flops: int) -> None:
    medians = {name: seconds.median for name, seconds in figures.items()}
    print(f"One training step, batch {options.batch_size}, float32, {threads(options)}, {options.rounds} rounds")
    print(f"of {options.steps} steps in turn, after {options.warm_up} to warm up;")
    print(f"{flops / 1e9:.2f} GFLOP with every convolution multiplied out")
    print_table(
        ["system", "ms/step", "lowest", "highest", "images/s", "GFLOP/s", "times"],
        [
            [name, *(f"{1e3 * value:.2f}" for value in seconds), f"{options.batch_size / seconds.median:.0f}",
             f"{flops / seconds.median / 1e9:.0f}", times(name, medians)]
            for name, seconds in figures.items()
        ],
    )  # fmt: skip
    print_best_peer("Fastest", medians, options.systems[1:], "time")


if __name__ == "__main__":
    run(main)
