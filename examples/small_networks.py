"""What the examples of small networks share: options, training, and the figures of the data and of the result."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from scratchcnn import Sequential, plot_model
from scratchcnn.layers import Conv2D
from scratchcnn.plots import (
    plot_confusion_matrix,
    plot_digits,
    plot_feature_maps,
    plot_filters,
    plot_history,
    plot_mistakes,
    save,
)

Data = tuple[np.ndarray, np.ndarray]  # images (N, H, W, C) of bytes, and class numbers (N,)


def command_line(description: str | None, epochs: int) -> argparse.ArgumentParser:
    """A parser with the options of every example; the default number of epochs is given."""
    parser = argparse.ArgumentParser(description=description)
    add = parser.add_argument
    add("--epochs", type=int, default=epochs, metavar="N",
        help="passes over the training images (default: %(default)s)")  # fmt: skip
    add("--limit", type=int, metavar="N", help="train on the first N images only (default: all)")
    add("--seed", type=int, default=0, metavar="N",
        help="random seed for the initial weights and the order of the images (default: %(default)s)")  # fmt: skip
    add("--output", type=Path, default="output", metavar="DIR",
        help="folder for the figures and the network (default: %(default)s)")  # fmt: skip
    return parser


def read(
    parser: argparse.ArgumentParser, load: Callable[[argparse.Namespace], tuple]
) -> tuple[argparse.Namespace, Data, Data]:
    """Parse the options and load the data; a wrong value ends the program with an error message."""
    options = parser.parse_args()
    for name, least in {"epochs": 1, "limit": 1, "seed": 0}.items():
        value = getattr(options, name)
        if value is not None and value < least:
            parser.error(f"argument --{name}: expected at least {least}, received {value}")
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --output: expected a folder, received '{options.output}' ({error.strerror})")
    try:
        train, test = load(options)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    train, test = (
        (x.reshape(*x.shape[:3], -1), y.reshape(-1)) for x, y in (train, test)
    )  # (N, H, W) -> (N, H, W, 1); CIFAR-10 has labels (N, 1)
    return options, tuple(array[: options.limit] for array in train), test


def train_and_show(
    model: Sequential, train: Data, test: Data, names: Sequence[str], options: argparse.Namespace
) -> None:
    """Train the model, print its accuracy, and save the network and its figures in the output folder."""
    (x_train, y_train), (x_test, y_test) = train, test
    model.summary()
    history = model.fit(x_train, y_train, batch_size=64, epochs=options.epochs, validation_data=test)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"Test loss: {loss:.4f}")
    print(f"Test accuracy: {accuracy:.4f}")

    name, folder = model.name, options.output
    probabilities = model.predict(x_test, verbose=0)  # (N, 10)
    convolution = next(layer for layer in model.layers if isinstance(layer, Conv2D))
    figures = {
        "images": plot_digits(x_train[:40], [names[label] for label in y_train[:40]])[0],
        "model": plot_model(model, to_file=None, show_shapes=True, show_params=True),
        "curves": plot_history(history)[0],
        "confusion": plot_confusion_matrix(y_test, probabilities, names=names),
        "mistakes": plot_mistakes(x_test, y_test, probabilities, names=names)[0],
        "filters": plot_filters(model),
        "feature_maps": plot_feature_maps(model, x_test[0], convolution),
    }
    for figure, axes in figures.items():
        save(axes, folder / f"{name}_{figure}.png")
    print("Figures:", *(folder / f"{name}_{figure}.png" for figure in figures))
    model.save(folder / f"{name}.npz")
