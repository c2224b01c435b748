"""Classify your own photos of digits: preprocesses them like MNIST, plots each step, and prints the predictions."""

import argparse
import sys
from pathlib import Path

import numpy as np

from scratchcnn import Sequential, load_model
from scratchcnn.datasets import mnist
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.plots import plot_digit_steps, save
from scratchcnn.preprocessing import DigitPicture, create_scaler, normalizer, read_digit

EPOCHS = 20


def main() -> None:
    options, pictures, model = read_command_line()
    if model is None:
        model = train_on_sample()
    images = np.concatenate([picture.image for picture in pictures])  # (pictures, 28, 28, 1)
    probabilities = model.predict(images)

    for source, picture, row in zip(options.pictures, pictures, probabilities, strict=True):
        ink = {True: ", dark ink", False: ", light ink", None: ""}[picture.ink_is_dark]
        print(f"{source}: {row.argmax()}  ({100 * row.max():.1f} %{ink})")
        print("  " + "  ".join(f"{digit}: {probability:.3f}" for digit, probability in enumerate(row)))

    names = [source.rstrip("/").rpartition("/")[2] for source in options.pictures]
    save(plot_digit_steps(pictures, probabilities, names), options.output / "read_digit.png")
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


def read_command_line() -> tuple[argparse.Namespace, list[DigitPicture], Sequential | None]:
    """Return the options, the preprocessed photos and the model (None: train one); exit if an option is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="image file (PNG, JPEG, GIF, BMP, TIFF, WebP) or URL")
    add("--model", metavar="FILE",
        help="a model saved with scratchcnn (default: train one on the embedded sample)")  # fmt: skip
    add("--ink", choices=["auto", "dark", "light"], default="auto",
        help="whether the digit is darker or lighter than its background (default: %(default)s)")  # fmt: skip
    add("--as-is", action="store_true", help="use images of 28 x 28 pixels without preprocessing, as the article does")
    add("--output", type=Path, default="output", metavar="DIR", help="folder for the figure (default: %(default)s)")
    options = parser.parse_args()

    pictures = []
    for source in options.pictures:
        try:
            pictures.append(read_digit(source, ink=options.ink, as_is=options.as_is))
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
    return options, pictures, model


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
