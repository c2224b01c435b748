"""Time one training step of the article's network in several systems, in interleaved rounds of one run.

    python benchmarks/train_step.py --peer torch

Each system runs in its own process and starts with the same weights. Before anything is timed, the losses of the first
batch must agree. The first hundred steps are a warm-up: during these, the gradient has twice as many nonzero elements,
which makes steps of scratchcnn, but of no other system, up to 25 % slower; a training has thousands of steps. The table
contains the median time of a step over all rounds, and the lowest and highest median of a round.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from article_network import floats, scratchcnn_model, training_flops
from report import Summary, print_best_peer, print_table, relative, summarize, threads, write_json
from turns import add_options, expect_agreement, folder_of, processes, read_options, run

from scratchcnn.datasets import mnist


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one training step in several systems.")
    add_options(parser, rounds=7)
    parser.add_argument("--steps", type=int, default=30, metavar="N", help="steps per round (default: %(default)s)")
    parser.add_argument("--warm-up", type=int, default=100, metavar="N",
                        help="untimed steps of each system before the first round (default: %(default)s)")  # fmt: skip
    options = read_options(parser, ["steps", "warm_up"])
    (images, y), _ = mnist.load_sample()
    if options.batch_size > len(images):
        parser.error(f"argument --batch-size: expected at most {len(images)}, the number of images, "
                     f"received {options.batch_size}")  # fmt: skip
    model = scratchcnn_model()
    with folder_of(floats(images), y, model.get_weights()) as folder:
        summaries, losses = measure(options, folder)
    flops = training_flops(model, options.batch_size)
    print_report(options, summaries, flops)
    write_json(options, systems={name: {"seconds": summaries[name]._asdict(), "loss_of_first_batch": losses[name]}
                                 for name in options.systems}, flops=flops)  # fmt: skip


def measure(options: argparse.Namespace, folder: Path) -> tuple[dict[str, Summary], dict[str, list[float]]]:
    """Return, by system, the seconds per step, and the loss of the first batch before and after all steps."""
    with processes(options.systems, options.threads, folder) as running:

        def ask_all(question: str, **arguments: int) -> dict:
            return {name: process.ask(question, batch_size=options.batch_size, **arguments)
                    for name, process in running.items()}  # fmt: skip

        before = ask_all("loss")
        expect_agreement("loss of the first batch", before, 1e-5)  # float32 sums of 9216 terms in different order
        ask_all("steps", count=options.warm_up)
        rounds = [ask_all("steps", count=options.steps) for _ in range(options.rounds)]
        after = ask_all("loss")
    for name in options.systems:
        if after[name] == before[name]:
            sys.exit(f"Expected a loss that changes in training, received a constant {before[name]} from {name}.")
    summaries = {name: summarize([seconds[name] for seconds in rounds]) for name in options.systems}
    return summaries, {name: [before[name], after[name]] for name in options.systems}


def print_report(options: argparse.Namespace, summaries: dict[str, Summary], flops: int) -> None:
    medians = {name: seconds.median for name, seconds in summaries.items()}
    print(f"One training step, batch size {options.batch_size}, float32, {threads(options)},")
    print(f"{options.rounds} interleaved rounds of {options.steps} steps after {options.warm_up} warm-up steps;")
    print(f"{flops / 1e9:.2f} GFLOP with direct convolutions")
    print_table(
        ["system", "ms/step", "lowest", "highest", "images/s", "GFLOP/s", "relative"],
        [
            [name, *(f"{1e3 * value:.2f}" for value in seconds), f"{options.batch_size / seconds.median:.0f}",
             f"{flops / seconds.median / 1e9:.0f}", relative(name, medians)]
            for name, seconds in summaries.items()
        ],
    )  # fmt: skip
    print_best_peer("Fastest", medians, options.systems[1:], "time")


if __name__ == "__main__":
    run(main)
