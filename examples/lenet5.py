"""LeNet-5 on MNIST: tanh, average pooling and 61,706 parameters, in the form that is usual today.

The original connects its second convolution to some of the maps only, scales its pooled values by learned weights, and
ends in radial basis functions (LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document
recognition", section II.B).
"""

import argparse
import sys

from small_networks import command_line, read, train_and_show

from scratchcnn import Sequential
from scratchcnn.datasets import mnist
from scratchcnn.layers import AveragePooling2D, Conv2D, Dense, Flatten, Input, Rescaling


def main() -> None:
    parser = command_line(__doc__, epochs=12)
    parser.add_argument("--data", default="auto", metavar="{auto,sample,PATH}",
                        help="auto: MNIST from the cache or the web, otherwise the sample; sample: the 5,000 images "
                             "that are part of scratchcnn; PATH: a folder with IDX files, or an .npz file "
                             "(default: %(default)s)")  # fmt: skip
    options, train, test = read(parser, load)
    train_and_show(lenet5(options.seed), train, test, list("0123456789"), options)
    print(f"Look inside: python examples/look_inside.py --model {options.output / 'lenet5.npz'}")


def load(options: argparse.Namespace) -> tuple:
    named = {"auto": mnist.load_data, "sample": mnist.load_sample}
    return named[options.data]() if options.data in named else mnist.load_data(options.data)


def lenet5(seed: int) -> Sequential:
    """Two convolutions with average pooling, and three dense layers."""
    model = Sequential(
        [
            Input((28, 28, 1)),
            Rescaling(1 / 255),
            Conv2D(6, 5, padding="same", activation="tanh", name="c1"),  # (28, 28, 6)
            AveragePooling2D(2, name="s2"),  # (14, 14, 6)
            Conv2D(16, 5, activation="tanh", name="c3"),  # (10, 10, 16)
            AveragePooling2D(2, name="s4"),  # (5, 5, 16)
            Flatten(),
            Dense(120, activation="tanh", name="c5"),
            Dense(84, activation="tanh", name="f6"),
            Dense(10, activation="softmax", name="output"),
        ],
        name="lenet5",
        seed=seed,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
