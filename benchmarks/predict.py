"""Time the prediction of 10,000 images with several systems, in interleaved rounds of one run.

    python benchmarks/predict.py --peer torch

Each system runs in its own process with the same weights. Before anything is timed, all probabilities must agree to
1e-5. Each system uses the fastest of its standard methods: PyTorch `inference_mode` with channels-last memory format,
Keras `predict_on_batch`. The table contains the median over all rounds, and the lowest and highest median of a round. A
round predicts several times, since a virtual machine may reclaim the memory of a waiting process, which slows down its
first prediction in the next round.
"""

from __future__ import annotations

import argparse

import numpy as np
from article_network import Array, floats, scratchcnn_model
from report import Summary, print_best_peer, print_table, relative, summarize, threads, write_json
from turns import add_options, expect_agreement, folder_of, processes, read_options, run

from scratchcnn.datasets import mnist


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the prediction of images with several systems.")
    add_options(parser, batch_size=1000, rounds=5)
    parser.add_argument("--images", type=int, default=10_000, metavar="N",
                        help="number of images; a smaller data set is repeated (default: %(default)s)")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=3, metavar="N",
                        help="predictions of all images per round (default: %(default)s)")  # fmt: skip
    parser.add_argument("--data", metavar="PATH", help="folder of IDX files, or .npz file, with the test images "
                                                       "(default: the embedded sample)")  # fmt: skip
    options = read_options(parser, ["images", "repeats"])
    try:
        images = read_images(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    x = floats(np.resize(images, (options.images, 28, 28)))  # np.resize repeats the images
    summaries = measure(options, x)
    print_report(options, summaries)
    write_json(options, systems={name: {"seconds": seconds._asdict()} for name, seconds in summaries.items()})


def read_images(path: str | None) -> Array:
    """Return images (N, 28, 28): MNIST's test set from `path`, or the whole embedded sample."""
    if path is not None:
        return mnist.load_data(path)[1][0]
    (train, _), (test, _) = mnist.load_sample()
    return np.concatenate([train, test])


def measure(options: argparse.Namespace, x: Array) -> dict[str, Summary]:
    """Return the seconds in which each system predicts all images."""
    labels = np.zeros(len(x), np.uint8)  # not used: nothing is trained
    with (
        folder_of(x, labels, scratchcnn_model().get_weights()) as folder,
        processes(options.systems, options.threads, folder) as running,
    ):
        size = options.batch_size
        outputs = {
            name: process.ask("predictions", batch_size=size) for name, process in running.items()
        }  # also the warm-up
        expect_agreement("probabilities", outputs, 1e-5)
        rounds = [
            {name: process.ask("predict", count=options.repeats, batch_size=size) for name, process in running.items()}
            for _ in range(options.rounds)
        ]
    return {name: summarize([seconds[name] for seconds in rounds]) for name in options.systems}


def print_report(options: argparse.Namespace, summaries: dict[str, Summary]) -> None:
    medians = {name: seconds.median for name, seconds in summaries.items()}
    print(f"Prediction of {options.images} images, batch size {options.batch_size}, float32, {threads(options)},")
    print(f"{options.rounds} interleaved rounds of {options.repeats} predictions")
    print_table(
        ["system", "seconds", "lowest", "highest", "images/s", "relative"],
        [
            [name, *(f"{value:.3f}" for value in seconds), f"{options.images / seconds.median:.0f}",
             relative(name, medians)]
            for name, seconds in summaries.items()
        ],
    )  # fmt: skip
    print_best_peer("Fastest", medians, options.systems[1:], "time")


if __name__ == "__main__":
    run(main)
