"""The article's network in scratchcnn, its input images and its command line, shared by the benchmarks."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from architectures import NETWORKS
from contestants.in_scratchcnn import build_model

from scratchcnn import Sequential, load_model
from scratchcnn.datasets import mnist

Array = np.ndarray[Any, Any]
Data = tuple[Array, Array]  # images and labels


def scratchcnn_model(seed: int = 0) -> Sequential:
    """Build the network and compile it as in the article; `seed` is that of initial weights, dropout and shuffling."""
    return build_model(NETWORKS["article"], seed)


def floats(images: Array) -> Array:
    """Scale images (N, 28, 28) from [0, 255] to the input of the network, float32 (N, 28, 28, 1) in [0, 1]."""
    return images[..., None] / np.float32(255)


# Command line


def read_data(parser: argparse.ArgumentParser, data: str | None) -> tuple[Data, Data]:
    """Return MNIST's training and test set, or the embedded sample's; exit if the option --data is wrong."""
    try:
        return mnist.load_sample() if data == "sample" else mnist.load_data(data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")


def read_network_options(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Data, Data]:
    """Parse the command line of a benchmark of one trained network on pictures; exit if an option is wrong.

    Adds --data, --model, --epochs, --seed and --count. Returns the options, with the loaded model or None, and the
    training and test set.
    """
    add = parser.add_argument
    add("--data", metavar="{sample,PATH}", help="sample: the embedded sample; PATH: folder of IDX files, or .npz file "
        "(default: the search order of mnist.load_data)")  # fmt: skip
    add("--model", metavar="FILE", help="a model saved with scratchcnn (default: train one)")
    add("--epochs", type=int, default=5, metavar="N", help="training epochs (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="seed of the training (default: %(default)s)")
    add("--count", type=int, default=300, metavar="N", help="MNIST digits or pictures per row (default: %(default)s)")
    options = parser.parse_args()
    for name, minimum in {"epochs": 1, "seed": 0, "count": 1}.items():
        if getattr(options, name) < minimum:
            parser.error(f"argument --{name}: expected at least {minimum}, received {getattr(options, name)}")
    train, test = read_data(parser, options.data)
    if options.model is not None:
        try:
            options.model = load_model(options.model)
        except (OSError, ValueError) as error:
            parser.error(f"argument --model: {error}")
    return options, train, test


def trained_network(options: argparse.Namespace, train: Data) -> Sequential:
    """Return the model of the command line, or train the article's network."""
    if options.model is not None:
        return options.model
    images, labels = train
    model = scratchcnn_model(options.seed)
    model.fit(floats(images), labels, batch_size=128, epochs=options.epochs, verbose=2)
    print(f"{len(images)} training images, {options.epochs} epochs")
    return model
