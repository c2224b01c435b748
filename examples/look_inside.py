"""Makes a page that shows how a trained network reads one digit: from the pixels to the probabilities, and back."""

import argparse
import sys
from pathlib import Path

import numpy as np

from scratchcnn import Sequential, load_model, set_threads
from scratchcnn.datasets import mnist
from scratchcnn.inspection import write_report
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Rescaling
from scratchcnn.preprocessing import create_scaler, normalizer, read_digit

SHOWN = (
    80_000  # images in a training without --model: 20 epochs of the sample, or one and a third of the whole of MNIST
)
LEARNT = 3_200  # images from which a new copy learns for a hundred steps
TESTED = 500  # images on which the page measures what each filter is worth


def main() -> None:
    options, picture, model, train, test = read_command_line()
    kept = options.output / "look_inside.npz"
    if model is None:
        model = train_network(train, test, options.seed)
        model.save(kept)
        print(f"Kept the network: --model {kept} takes it again, without training")

    image, label = (picture, options.label) if picture is not None else digit_of(test, options)
    (x_train, y_train), (x_test, y_test) = train, test
    report = write_report(
        model, as_taken_by(model, image[None])[0], label, options.output / "look_inside.html",
        images=as_taken_by(model, x_test[:TESTED]), labels=y_test[:TESTED],
        training=(as_taken_by(model, x_train[:LEARNT]), y_train[:LEARNT]),
    )  # fmt: skip
    said = "" if label is None else f", label {label}"
    print(f"The network says {report.answer}{said}")
    print(report)


def digit_of(test: tuple, options: argparse.Namespace) -> tuple:
    """A test image and its label."""
    print(f"No --digit: test image number {options.test_image}")
    return test[0][options.test_image], int(test[1][options.test_image])


def as_taken_by(model: Sequential, images: np.ndarray) -> np.ndarray:
    """Images (N, 28, 28, 1) from 0 to 1, in the shape and the range that the model takes."""
    if isinstance(model.layers[0], Rescaling):  # it begins with bytes
        images = np.round(255 * images).astype(np.uint8)
    return images.reshape(-1, *model.input_shape[1:])


def train_network(train: tuple, test: tuple, seed: int) -> Sequential:
    """The article's network, trained on so many images that it reads well."""
    x_train, y_train = train
    epochs = max(1, round(SHOWN / len(x_train)))
    print(f"No --model: training on {len(x_train):,} images for {epochs} epochs, some seconds", flush=True)
    model = Sequential(
        [
            Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)),
            Conv2D(64, (3, 3), activation="relu"),
            MaxPooling2D(pool_size=(2, 2)),
            Dropout(0.25),
            Flatten(),
            Dense(128, activation="relu"),
            Dropout(0.5),
            Dense(10, activation="softmax"),
        ],
        seed=seed,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=128, epochs=epochs, verbose=0, validation_data=test)
    print(f"Accuracy on {len(test[1]):,} test images: {model.history.history['val_accuracy'][-1]:.2%}")
    return model


def read_command_line() -> tuple:
    """The options, and the picture, model and data that they name; a wrong one ends the program with a line about it.

    Images are (N, 28, 28, 1) from 0 to 1.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", metavar="FILE",
        help="a model that was saved with scratchcnn; default: the article's network, trained now")  # fmt: skip
    add("--digit", metavar="PICTURE", help="a picture of a digit, a file or an address; default: a test image")
    add("--label", type=int, metavar="N", help="which digit the picture shows (default: what the network says)")
    add("--ink", choices=["auto", "dark", "light"], default="auto",
        help="whether the digit is darker or lighter than its background (default: %(default)s)")  # fmt: skip
    add("--test-image", type=int, default=0, metavar="N",
        help="without --digit: the number of the test image (default: %(default)s)")  # fmt: skip
    add("--data", default="auto", metavar="{auto,sample,PATH}",
        help="auto: MNIST from a cache or the web, or else the sample; sample: the 5,000 images that come with "
             "scratchcnn; PATH: a folder of IDX files, or an .npz file (default: %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N", help="fixes the training (default: %(default)s)")
    add("--threads", type=int, metavar="N", help="threads that the kernels use (default: all)")
    add("--output", type=Path, default="output", metavar="DIR",
        help="folder for look_inside.html and the trained network (default: %(default)s)")  # fmt: skip
    options = parser.parse_args()

    if options.seed < 0:
        parser.error(f"argument --seed: expected at least 0, received {options.seed}")
    if options.label is not None and not (options.digit and 0 <= options.label <= 9):
        parser.error("argument --label: expected a digit from 0 to 9, together with --digit")
    if options.threads is not None:
        try:
            set_threads(options.threads)
        except ValueError as error:
            parser.error(f"argument --threads: {error}")
    picture = None
    if options.digit is not None:
        try:
            picture = read_digit(options.digit, ink=options.ink).image[0]
        except (OSError, ValueError) as error:
            parser.error(f"argument --digit: {options.digit}: {error}")
    model = None if options.model is None else read_model(parser, options.model)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        if (options.output / "look_inside.html").is_dir():
            raise IsADirectoryError(0, "look_inside.html is a folder there")
    except OSError as error:
        parser.error(f"argument --output: expected a folder, received '{options.output}' ({error.strerror})")
    train, test = read_data(parser, options.data)
    if not 0 <= options.test_image < len(test[1]):
        parser.error(
            f"argument --test-image: expected a number from 0 to {len(test[1]) - 1}, received {options.test_image}"
        )
    return options, picture, model, train, test


def read_model(parser: argparse.ArgumentParser, file: str) -> Sequential:
    """The model of that file, if it is one for digits."""
    try:
        model = load_model(file)
    except (OSError, ValueError) as error:
        parser.error(f"argument --model: {error}")
    shapes = ((None, 28, 28, 1), (None, 784))
    if model.input_shape not in shapes or model.output_shape != (None, 10):
        parser.error(
            f"argument --model: expected one from images (28, 28, 1) to 10 classes, received one from "
            f"{model.input_shape} to {model.output_shape}"
        )
    return model


def read_data(parser: argparse.ArgumentParser, data: str) -> tuple:
    """Images (N, 28, 28, 1) from 0 to 1 and labels, to train and to test."""
    named = {"auto": mnist.load_data, "sample": mnist.load_sample}
    try:
        (x_train, y_train), (x_test, y_test) = named[data]() if data in named else mnist.load_data(data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    scaler = create_scaler([0, 255])
    x_train, x_test = (normalizer(scaler, images.reshape(-1, 28, 28, 1)) for images in (x_train, x_test))
    return (x_train, y_train), (x_test, y_test)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
