"""Classify your own photos of digits: preprocesses and plots them, prints the predictions, and warns of non-digits."""

import argparse
import sys
from pathlib import Path

import numpy as np

from scratchcnn import Sequential, load_model
from scratchcnn.datasets import mnist
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.plots import plot_digit_boxes, plot_digit_steps, save
from scratchcnn.preprocessing import DigitPicture, create_scaler, normalizer, read_digit, read_digits
from scratchcnn.typicality import RARE, Typicality

EPOCHS = 20


def main() -> None:
    options, read, model = read_command_line()
    if model is None:
        model = train_on_sample()
    if options.several:
        for number, (source, digits) in enumerate(zip(options.pictures, read, strict=True), 1):
            name = f"read_digits_{number}.png" if len(read) > 1 else "read_digits.png"
            print_numbers(source, digits, model, options.output / name)
    else:
        print_probabilities(options, [picture for (picture,) in read], model)


def print_numbers(source: str, digits: list[DigitPicture], model: Sequential, path: Path) -> None:
    """Print the number in each line of a picture, and draw the boxes of its digits with the predictions."""
    images = np.concatenate([digit.image for digit in digits])  # (digits, 28, 28, 1)
    probabilities, scores = model.predict(images), Typicality(model).score(images)
    predicted = probabilities.argmax(axis=1)
    for line in range(digits[-1].line + 1):
        places = [place for place, digit in enumerate(digits) if digit.line == line]
        number = "".join(str(predicted[place]) for place in places)
        print(f"{source}: {number}  (least confident digit {100 * probabilities[places].max(axis=1).min():.1f} %)")
        for position, place in enumerate(places, 1):
            if scores[place] < RARE:
                print(f"  Warning: character {position} may not be a digit, only {100 * scores[place]:.1f} % of MNIST "
                      "digits are less typical.")  # fmt: skip
    save(plot_digit_boxes(digits, probabilities), path)
    print("Figure:", path)


def print_probabilities(options: argparse.Namespace, pictures: list[DigitPicture], model: Sequential) -> None:
    """Print the probabilities for each picture of one digit, and plot its steps."""
    images = np.concatenate([picture.image for picture in pictures])  # (pictures, 28, 28, 1)
    probabilities = model.predict(images)
    scores = Typicality(model).score(images)

    for source, picture, row, score in zip(options.pictures, pictures, probabilities, scores, strict=True):
        ink = {True: ", dark ink", False: ", light ink", None: ""}[picture.ink_is_dark]
        print(f"{source}: {row.argmax()}  ({100 * row.max():.1f} %{ink})")
        print("  " + "  ".join(f"{digit}: {probability:.3f}" for digit, probability in enumerate(row)))
        if score < RARE:
            print(f"  Warning: this may not be a digit, only {100 * score:.1f} % of MNIST digits are less typical; "
                  "the probabilities are valid for digits only.")  # fmt: skip

    names = [source.rstrip("/").rpartition("/")[2] for source in options.pictures]
    save(plot_digit_steps(pictures, probabilities, names, scores), options.output / "read_digit.png")
    print("Figure:", options.output / "read_digit.png")


def train_on_sample() -> Sequential:
    """Return the article's network, trained on the embedded sample."""
    print(f"No --model given: training on the 4,000 images of the sample for {EPOCHS} epochs ...", flush=True)
    (x_train, y_train), _ = mnist.load_sample()
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
        seed=0,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    x_train = normalizer(create_scaler([0, 255]), x_train.reshape(-1, 28, 28, 1))
    model.fit(x_train, y_train, batch_size=128, epochs=EPOCHS, verbose=0)
    return model


def read_command_line() -> tuple[argparse.Namespace, list[list[DigitPicture]], Sequential | None]:
    """Return the options, the digits of each photo and the model (None: train one); exit if an option is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="image file (PNG, JPEG, GIF, BMP, TIFF, WebP) or URL")
    add("--model", metavar="FILE",
        help="a model saved with scratchcnn (default: train one on the embedded sample)")  # fmt: skip
    add("--ink", choices=["auto", "dark", "light"], default="auto",
        help="whether the digit is darker or lighter than its background (default: %(default)s)")  # fmt: skip
    add("--several", action="store_true",
        help="read all digits of a line or a sheet, print the numbers and draw a box around each digit")  # fmt: skip
    add("--as-is", action="store_true", help="use images of 28 x 28 pixels without preprocessing, as the article does")
    add("--output", type=Path, default="output", metavar="DIR", help="folder for the figure (default: %(default)s)")
    options = parser.parse_args()

    if options.several and options.as_is:
        parser.error("argument --several: not allowed with argument --as-is, which reads images of one digit")
    read = []
    for source in options.pictures:
        try:
            if options.several:
                read.append(read_digits(source, ink=options.ink))
            else:
                read.append([read_digit(source, ink=options.ink, as_is=options.as_is)])
        except (OSError, ValueError) as error:
            parser.error(f"argument PICTURE: {source}: {error}")
    model = None
    if options.model is not None:
        try:
            model = load_model(options.model)
        except (OSError, ValueError) as error:
            parser.error(f"argument --model: {error}")
        if model.input_shape != (None, 28, 28, 1):
            parser.error(f"argument --model: expected one for images (28, 28, 1), received {model.input_shape}")
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --output: expected a folder, received '{options.output}' ({error.strerror})")
    return options, read, model


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
