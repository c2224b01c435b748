"""A small network with batch normalization on Fashion-MNIST (clothes) or CIFAR-10 (animals and vehicles in color).

Each block consists of two convolutions, each with batch normalization and ReLU, and max pooling; the next block has
twice as many filters. The mean of each feature map replaces large dense layers.
"""

import argparse
import sys

from small_networks import command_line, read, train_and_show

from scratchcnn import Sequential
from scratchcnn.datasets import cifar10, fashion_mnist
from scratchcnn.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    ReLU,
    Rescaling,
)
from scratchcnn.optimizers import Adam, schedules

DATASETS = {"fashion_mnist": fashion_mnist, "cifar10": cifar10}


def main() -> None:
    parser = command_line(__doc__, epochs=6)
    parser.add_argument("--dataset", choices=DATASETS, default="fashion_mnist", help="(default: %(default)s)")
    parser.add_argument("--data", metavar="PATH",
                        help="folder or file of the data set (default: from the cache or the web)")  # fmt: skip
    options, train, test = read(parser, load)
    steps = -(-len(train[0]) // 64) * options.epochs
    model = network(options.dataset, train[0].shape[1:], steps, options.seed)
    train_and_show(model, train, test, DATASETS[options.dataset].CLASS_NAMES, options)
    print(f"Look inside: python examples/look_inside.py --dataset {options.dataset} "
          f"--model {options.output / model.name}.npz")  # fmt: skip


def load(options: argparse.Namespace) -> tuple:
    return DATASETS[options.dataset].load_data(options.data)


def network(name: str, input_shape: tuple, steps: int, seed: int) -> Sequential:
    """Three blocks of convolutions; the learning rate falls to zero during the given number of steps."""
    model = Sequential([Input(input_shape), Rescaling(1 / 255)], name=name, seed=seed)
    for filters in (16, 32, 64):
        for _ in range(2):
            model.add(Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal"))
            model.add(BatchNormalization(momentum=0.9))  # its beta replaces the bias
            model.add(ReLU())
        model.add(MaxPooling2D(2))
    model.add(GlobalAveragePooling2D())
    model.add(Dropout(0.2))
    model.add(Dense(10, activation="softmax"))
    warmup = steps // 10
    rate = schedules.CosineDecay(0.0, max(1, steps - warmup), warmup_target=0.005, warmup_steps=warmup)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(rate), metrics=["accuracy"])
    return model


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
