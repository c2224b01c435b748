"""Data augmentation: the article's network, trained on a thousand digits without and with augmentation."""

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
PLAIN_EPOCHS = 60  # without augmentation


def main() -> None:
    options, (X_train, y_train), (X_test, y_test), test_name = read_command_line()

    # 1. A small random training set, with equally many images of each digit
    few = choose(y_train, options.images // 10, options.seed)
    scaler = create_scaler([0, 255])
    X_few, y_few = normalizer(scaler, X_train[few].reshape(-1, 28, 28, 1)), y_train[few]
    X_test_ = normalizer(scaler, X_test.reshape(-1, 28, 28, 1))
    print(f"Training images: {len(X_few):,} ({options.images // 10:,} of each digit)")
    print(f"Test images: {len(X_test):,} {test_name}")

    # 2. Plot augmented variants of one image of each digit
    first = [int(np.flatnonzero(y_few == digit)[0]) for digit in range(10)]
    sheet = plot_variants(X_few[first], augment(X_few[first], factor=12, seed=options.seed))
    save(sheet, options.output / "variants.png")

    # 3. Train without augmentation
    model = network(options.seed, PLAIN_EPOCHS * -(-len(X_few) // BATCH_SIZE))
    model.fit(X_few, y_few, batch_size=BATCH_SIZE, epochs=PLAIN_EPOCHS, verbose=0)
    plain = model.evaluate(X_test_, y_test, batch_size=1000, verbose=0)[1]
    print(f"Test accuracy without augmentation: {plain:.4f}")

    # 4. Train with augmentation: variants are computed during training, new ones in every epoch
    variants = Augmenter(X_few, y_few, batch_size=BATCH_SIZE, factor=FACTOR, seed=options.seed)
    model = network(options.seed, options.epochs * len(variants))
    model.fit(variants, epochs=options.epochs, verbose=options.verbose)
    augmented = model.evaluate(X_test_, y_test, batch_size=1000, verbose=0)[1]
    print(f"Test accuracy with augmentation: {augmented:.4f}")
    print("Figure:", options.output / "variants.png")


def choose(labels: np.ndarray, of_each: int, seed: int) -> np.ndarray:
    """Return the indices of `of_each` random images of each digit, in random order."""
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(np.flatnonzero(labels == digit), of_each, replace=False) for digit in range(10)]
    return rng.permutation(np.concatenate(chosen))


def network(seed: int, steps: int) -> Sequential:
    """Return the article's network, compiled with a one-cycle learning rate schedule over `steps` steps."""
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
    """Return the options, training and test data, and a description of the test images; exit if an option is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data", default="auto", metavar="{auto,sample,PATH}",
        help="auto: MNIST from a cache or the web, otherwise the sample; sample: the 5,000 images in the package; "
             "PATH: a folder of IDX files, or an .npz file (default: %(default)s)")  # fmt: skip
    add("--images", type=int, default=1000, metavar="N",
        help="number of training images, a multiple of ten (default: %(default)s)")  # fmt: skip
    add("--epochs", type=int, default=30, metavar="N",
        help=f"epochs with augmentation, each with {FACTOR} variants of every image "
             "(default: %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N",
        help="random seed of the training set, the variants and the network (default: %(default)s)")  # fmt: skip
    add("--verbose", choices=["auto", "0", "1", "2"], default="auto",
        help="0: silent; 1: progress bar; 2: one line per epoch; auto: progress bar on a terminal, otherwise lines "
             "(default: %(default)s)")  # fmt: skip
    add("--threads", type=int, metavar="N", help="number of threads (default: all)")
    add("--output", type=Path, default="output", metavar="DIR", help="folder for the figure (default: %(default)s)")
    options = parser.parse_args()

    for name, least in {"images": 10, "epochs": 1, "seed": 0}.items():
        if getattr(options, name) < least:
            parser.error(f"argument --{name}: expected at least {least}, received {getattr(options, name)}")
    if options.images % 10:
        parser.error(f"argument --images: expected a multiple of 10, received {options.images}")
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
    """Describe the test images, as those of the sample do not belong to the test set of MNIST."""
    if (train_count, test_count) == (60_000, 10_000):
        return "(test set of MNIST)"
    if data == "sample" or (data == "auto" and test_count == 1000):
        return "(of the sample, from the training set of MNIST)"
    return f"(of {data})"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
