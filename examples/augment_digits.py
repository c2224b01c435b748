"""Few images: the article's network on a thousand digits, as they are, and as new variants of them in every epoch."""

import argparse
import sys
from pathlib import Path

import numpy as np

from scratchcnn import Sequential, set_threads
from scratchcnn.datasets import mnist
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.optimizers import Adam, schedules
from scratchcnn.plots import plot_variants, save
from scratchcnn.preprocessing import Augmenter, augment, create_scaler, normalizer

BATCH_SIZE = 128
FACTOR = 20  # variants of every image in an epoch
PLAIN_EPOCHS = 60  # for the images as they are


def main() -> None:
    options, (X_train, y_train), (X_test, y_test), test_name = read_command_line()

    # 1. Few images: as many of each digit, chosen by chance
    few = choose(y_train, options.images // 10, options.seed)
    scaler = create_scaler([0, 255])
    X_few, y_few = normalizer(scaler, X_train[few].reshape(-1, 28, 28, 1)), y_train[few]
    X_test_ = normalizer(scaler, X_test.reshape(-1, 28, 28, 1))
    print(f"Training images: {len(X_few):,}, {options.images // 10:,} of each digit")
    print(f"Test images: {len(X_test):,} {test_name}")

    # 2. What augmentation makes of one of each digit
    first = [int(np.flatnonzero(y_few == digit)[0]) for digit in range(10)]
    sheet = plot_variants(X_few[first], augment(X_few[first], factor=12, seed=options.seed))
    save(sheet, options.output / "variants.png")

    # 3. Train on the images as they are
    model = network(options.seed, PLAIN_EPOCHS * -(-len(X_few) // BATCH_SIZE))
    model.fit(X_few, y_few, batch_size=BATCH_SIZE, epochs=PLAIN_EPOCHS, verbose=0)
    plain = model.evaluate(X_test_, y_test, batch_size=1000, verbose=0)[1]
    print(f"Test accuracy without augmentation: {plain:.4f}")

    # 4. Train on variants of them, made while training goes on: no two epochs show the same
    variants = Augmenter(X_few, y_few, batch_size=BATCH_SIZE, factor=FACTOR, seed=options.seed)
    model = network(options.seed, options.epochs * len(variants))
    model.fit(variants, epochs=options.epochs, verbose=options.verbose)
    augmented = model.evaluate(X_test_, y_test, batch_size=1000, verbose=0)[1]
    print(f"Test accuracy with augmentation: {augmented:.4f}")
    print("Picture:", options.output / "variants.png")


def choose(labels: np.ndarray, of_each: int, seed: int) -> np.ndarray:
    """Indices of so many images of each digit, in a mixed order."""
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(np.flatnonzero(labels == digit), of_each, replace=False) for digit in range(10)]
    return rng.permutation(np.concatenate(chosen))


def network(seed: int, steps: int) -> Sequential:
    """The article's network, with a learning rate that rises and falls once in so many steps."""
    rate = schedules.OneCycle(0.003, steps)
    model = Sequential(seed=seed)
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(Conv2D(64, (3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(rate), metrics=["accuracy"])
    return model


def read_command_line() -> tuple[argparse.Namespace, tuple, tuple, str]:
    """The options, the data that they name, and whose the test images are; a wrong value ends the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data", default="auto", metavar="{auto,sample,PATH}",
        help="auto: MNIST from a cache or the web, or else the sample; sample: the 5,000 images that come with "
             "scratchcnn; PATH: a folder of IDX files, or an .npz file (default: %(default)s)")  # fmt: skip
    add("--images", type=int, default=1000, metavar="N",
        help="training images, as many of each of the ten digits (default: %(default)s)")  # fmt: skip
    add("--epochs", type=int, default=30, metavar="N",
        help=f"epochs with augmentation, each of {FACTOR} variants of every image (default: %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N",
        help="fixes which images are chosen, their variants and the network's chance "
             "(default: %(default)s)")  # fmt: skip
    add("--verbose", choices=["auto", "0", "1", "2"], default="auto",
        help="0: silent; 1: a bar; 2: a line an epoch; auto: a bar on a terminal, else lines "
             "(default: %(default)s)")  # fmt: skip
    add("--threads", type=int, metavar="N", help="threads that the kernels use (default: all)")
    add("--output", type=Path, default="output", metavar="DIR", help="folder for the picture (default: %(default)s)")
    options = parser.parse_args()

    for name, least in {"images": 10, "epochs": 1, "seed": 0}.items():
        if getattr(options, name) < least:
            parser.error(f"argument --{name}: expected at least {least}, received {getattr(options, name)}")
    if options.images % 10:
        parser.error(f"argument --images: expected a multiple of 10, as many of each digit, received {options.images}")
    if options.threads is not None:
        try:
            set_threads(options.threads)
        except ValueError as error:
            parser.error(f"argument --threads: {error}")
    if options.verbose != "auto":
        options.verbose = int(options.verbose)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --output: expected a folder, received '{options.output}' ({error.strerror})")
    try:
        named = {"auto": mnist.load_data, "sample": mnist.load_sample}
        train, test = named[options.data]() if options.data in named else mnist.load_data(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    fewest = min(np.bincount(train[1], minlength=10))
    if options.images > 10 * fewest:
        parser.error(f"argument --images: expected at most {10 * fewest}, as there are {fewest} training images of one "
                     f"digit, received {options.images}")  # fmt: skip
    return options, train, test, name_of_test_images(len(train[0]), len(test[0]), options.data)


def name_of_test_images(train_count: int, test_count: int, data: str) -> str:
    """Whose accuracy is printed: the sample's test images are not MNIST's."""
    if (train_count, test_count) == (60_000, 10_000):
        return "(MNIST's test set)"
    if data == "sample" or (data == "auto" and test_count == 1000):
        return "(of the sample, which is from MNIST's training set)"
    return f"(of {data})"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
