"""Times the prediction of 10,000 images beside other systems, in turn, in one run.

    python benchmarks/predict.py --peer torch

Each system runs in a process of its own with the same weights, and must first agree on every probability to 1e-5. It
predicts in whichever of its ordinary ways is the fastest: PyTorch in `inference_mode` with channels last, Keras with
`predict_on_batch`. The table has the median over all rounds, and the lowest and highest median of a round. A round
predicts several times, since a virtual machine may take back memory from a system that waits, and the first prediction
of its next turn then pays for that.
"""

from __future__ import annotations

import argparse

import numpy as np
from article_network import Array, floats, scratchcnn_model
from report import Figure, figure, print_best_peer, print_table, threads, times, write_json
from turns import add_options, expect_agreement, folder_of, processes, read_options, run

from scratchcnn.datasets import mnist


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the prediction of images beside other systems.")
    add_options(parser, batch_size=1000, rounds=5)
    parser.add_argument("--images", type=int, default=10_000, metavar="N",
                        help="images; where there are fewer, they come again (default: %(default)s)")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=3, metavar="N",
                        help="how often a round predicts them (default: %(default)s)")  # fmt: skip
    parser.add_argument("--data", metavar="PATH", help="folder of IDX files or .npz, of which the test images are "
                                                       "taken (default: the embedded sample)")  # fmt: skip
    options = read_options(parser, ["images", "repeats"])
    try:
        images = read_images(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    x = floats(np.resize(images, (options.images, 28, 28)))  # np.resize repeats what there is
    figures = measure(options, x)
    print_report(options, figures)
    write_json(options, systems={name: {"seconds": seconds._asdict()} for name, seconds in figures.items()})


def read_images(path: str | None) -> Array:
    """Images (N, 28, 28): MNIST's test set from `path`, or all of the embedded sample."""
    if path is not None:
        return mnist.load_data(path)[1][0]
    (train, _), (test, _) = mnist.load_sample()
    return np.concatenate([train, test])


def measure(options: argparse.Namespace, x: Array) -> dict[str, Figure]:
    """Seconds of each system for all images."""
    labels = np.zeros(len(x), np.uint8)  # nothing is trained
    with (
        folder_of(x, labels, scratchcnn_model().get_weights()) as folder,
        processes(options.systems, options.threads, folder) as running,
    ):
        size = options.batch_size
        found = {name: process.ask("predictions", batch_size=size) for name, process in running.items()}  # warms up too
        expect_agreement("probabilities", found, 1e-5)
        rounds = [
            {name: process.ask("predict", count=options.repeats, batch_size=size) for name, process in running.items()}
            for _ in range(options.rounds)
        ]
    return {name: figure([of_round[name] for of_round in rounds]) for name in options.systems}


def print_report(options: argparse.Namespace, figures: dict[str, Figure]) -> None:
    medians = {name: seconds.median for name, seconds in figures.items()}
    print(f"Predictions for {options.images} images, batch {options.batch_size}, float32, {threads(options)},")
    print(f"{options.rounds} rounds of {options.repeats} predictions in turn")
    print_table(
        ["system", "seconds", "lowest", "highest", "images/s", "times"],
        [
            [name, *(f"{value:.3f}" for value in seconds), f"{options.images / seconds.median:.0f}",
             times(name, medians)]
            for name, seconds in figures.items()
        ],
    )  # fmt: skip
    print_best_peer("Fastest", medians, options.systems[1:], "time")


if __name__ == "__main__":
    run(main)
