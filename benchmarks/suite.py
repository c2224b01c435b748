"""The lines of the table of networks: which networks with which batch sizes, their images and their FLOPs."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from architectures import NETWORKS, SUITE, Architecture
from article_network import floats, read_data
from contestants.in_scratchcnn import build_model

from scratchcnn import Sequential

Array = np.ndarray[Any, Any]

MNIST_SHAPE = (28, 28, 1)
SYNTHETIC = 5000  # number of synthetic images


class Entry(NamedTuple):
    """A network, the batch size of its training, the model with its initial weights, and its images."""

    network: str
    batch_size: int
    model: Sequential
    x: Array  # (N, H, W, C), float32 in [0, 1]
    y: Array  # (N,)

    @property
    def name(self) -> str:
        """Network and batch size, for example 'lenet, 64'."""
        return f"{self.network}, {self.batch_size}"

    @property
    def architecture(self) -> Architecture:
        """The layers of the network."""
        return NETWORKS[self.network]

    @property
    def images(self) -> str:
        """Number and kind of the images."""
        return f"{len(self.x)} {'of MNIST' if self.architecture.input_shape == MNIST_SHAPE else 'synthetic'}"


def add_suite_options(parser: argparse.ArgumentParser) -> None:
    """Add --networks and --data."""
    parser.add_argument("--networks", type=_names, default=list(NETWORKS), metavar="NAME,...",
                        help=f"some of {', '.join(NETWORKS)} (default: all)")  # fmt: skip
    parser.add_argument("--data", default="sample", metavar="{sample,PATH}",
                        help="images for the networks on MNIST: the embedded sample, a folder of IDX files, or an .npz "
                             "file (default: %(default)s)")  # fmt: skip


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in NETWORKS:
            raise argparse.ArgumentTypeError(f"expected names of {', '.join(NETWORKS)}, received {name!r}")
    return names


def read_entries(parser: argparse.ArgumentParser, options: argparse.Namespace) -> list[Entry]:
    """Return the chosen networks, with the given batch size or those of the suite; exit if an option is wrong."""
    (images, labels), _ = read_data(parser, options.data)
    sizes = [(network, options.batch_size or size) for network, size in SUITE if network in options.networks]
    entries = []
    for network, size in dict.fromkeys(sizes):
        shape = NETWORKS[network].input_shape
        x, y = (floats(images), labels) if shape == MNIST_SHAPE else synthetic_images(shape)
        if size > len(x):
            parser.error(f"argument --batch-size: expected at most {len(x)}, the number of images, received {size}")
        entries.append(Entry(network, size, build_model(NETWORKS[network]), x, y))
    return entries


def synthetic_images(shape: Sequence[int], count: int = SYNTHETIC) -> tuple[Array, Array]:
    """Return images in [0, 1] and labels: a quarter of an image is the pattern of its class, and the rest is noise.

    A pattern has random squares of 4 × 4 pixels.
    """
    height, width, channels = shape
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, count)
    squares = rng.random((10, height // 4, width // 4, channels), np.float32)
    patterns = squares.repeat(4, axis=1).repeat(4, axis=2)  # (10, H, W, C)
    noise = rng.random((count, *shape), np.float32)
    return np.float32(0.25) * patterns[y] + np.float32(0.75) * noise, y


def print_images(entries: Sequence[Entry]) -> None:
    """Print which images the networks are trained on."""
    networks: dict[str, list[str]] = {}
    for entry in entries:
        if entry.network not in networks.setdefault(entry.images, []):
            networks[entry.images].append(entry.network)
    for images, names in networks.items():
        print(
            f"Images: {images}{' (a pattern of each class, with noise)' * ('synthetic' in images)}: {', '.join(names)}"
        )


def training_flops(model: Sequential, batch_size: int) -> int:
    """Count the FLOPs of one training step with direct convolutions: forward pass, kernel and input gradients.

    The first layer has no input gradient, since the gradient with respect to the images is not needed.
    """
    total = 0
    for number, layer in enumerate(layer for layer in model.layers if "kernel" in layer.params):
        outputs = math.prod((layer.output_shape or ())[:-1])  # output pixels of a convolution, 1 for a dense layer
        forward = 2 * batch_size * outputs * layer.params["kernel"].size
        total += forward * (3 if number else 2)
    return total
