"""Digit classification with a CNN: from the MNIST images to a trained network and its predictions."""

import argparse
import sys
from pathlib import Path

from scratchcnn import Sequential, load_model, plot_model, set_threads
from scratchcnn.callbacks import ModelCheckpoint
from scratchcnn.datasets import mnist
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.plots import (
    plot_confusion_matrix,
    plot_digit,
    plot_digits,
    plot_filters,
    plot_history,
    plot_mistakes,
    save,
)
from scratchcnn.preprocessing import create_scaler, normalizer


def main() -> None:
    options, (X_train, y_train), (X_test, y_test) = read_command_line()

    # 1. Explore the data
    print("X_train:", X_train.shape, " y_train:", y_train.shape)
    print("X_test: ", X_test.shape, " y_test: ", y_test.shape)
    print("First label:", y_train[0])
    save(plot_digit(X_train[0], label=y_train[0]), options.output / "digit.png")
    save(plot_digits(X_train[:40], y_train[:40])[0], options.output / "digits.png")

    # 2. Preprocess the data: add a channel axis for the convolution, and scale the pixels from [0, 255] to [0, 1]
    X_train = X_train.reshape(-1, 28, 28, 1)
    X_test = X_test.reshape(-1, 28, 28, 1)
    scaler = create_scaler([0, 255])
    X_train_ = normalizer(scaler, X_train)
    X_test_ = normalizer(scaler, X_test)

    # 3. Define the network, or resume an interrupted training
    model = options.resumed or new_network(options)
    model.summary()
    plot_model(model, to_file=options.output / "model.png", show_shapes=True, show_layer_names=True,
               show_params=True)  # fmt: skip

    # 4. Train the network
    epochs_done = len(model.history.epoch) if model.history else 0
    try:
        history = model.fit(X_train_, y_train, batch_size=options.batch_size, epochs=options.epochs,
                            verbose=options.verbose, validation_data=(X_test_, y_test), initial_epoch=epochs_done,
                            callbacks=options.callbacks)  # fmt: skip
    except KeyboardInterrupt:
        if options.checkpoint:
            model.save(options.checkpoint)
            print(f"\nSaved to {options.checkpoint}; to resume, repeat the command with --resume {options.checkpoint}",
                  file=sys.stderr)  # fmt: skip
        raise
    save(plot_history(history)[0], options.output / "curves.png")

    # 5. Evaluate the network
    loss, accuracy = model.evaluate(X_test_, y_test, verbose=options.verbose)
    print(f"Test loss: {loss:.4f}")
    print(f"Test accuracy: {accuracy:.4f}")
    prediction = model.predict(X_test_[0].reshape(1, 28, 28, 1)).argmax()
    print(f"First test image: label {y_test[0]}, prediction {prediction}")
    probabilities = model.predict(X_test_)  # (images, 10)
    save(plot_confusion_matrix(y_test, probabilities), options.output / "confusion.png")
    save(plot_mistakes(X_test, y_test, probabilities)[0], options.output / "mistakes.png")
    save(plot_filters(model), options.output / "filters.png")
    figures = ("digit", "digits", "model", "curves", "confusion", "mistakes", "filters")
    print("Figures:", *(options.output / f"{name}.png" for name in figures))


def new_network(options: argparse.Namespace) -> Sequential:
    """Two convolutions, max pooling and two dense layers, with dropout."""
    model = Sequential(engine=options.engine, seed=options.seed)
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(Conv2D(64, (3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def read_command_line() -> tuple[argparse.Namespace, tuple, tuple]:
    """The options, the training set and the test set; a wrong value ends the program with an error message."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data", default="auto", metavar="{auto,sample,PATH}",
        help="auto: MNIST from the cache or the web, otherwise the sample; sample: the 5,000 images that are part of "
             "scratchcnn; PATH: a folder with IDX files, or an .npz file (default: %(default)s)")  # fmt: skip
    add("--epochs", type=int, default=10, metavar="N", help="passes over the training images (default: %(default)s)")
    add("--batch-size", type=int, default=128, metavar="N", help="images per training step (default: %(default)s)")
    add("--limit", type=int, metavar="N", help="train on the first N images only (default: all)")
    add("--seed", type=int, default=0, metavar="N",
        help="random seed for the initial weights, the order of the images and dropout; the same seed gives the same "
             "network (default: %(default)s)")  # fmt: skip
    add("--verbose", choices=["auto", "0", "1", "2"], default="auto",
        help="0: silent; 1: progress bar; 2: one line per epoch; auto: 1 on a terminal, 2 elsewhere "
             "(default: %(default)s)")  # fmt: skip
    add("--engine", choices=["kernels", "reference"], default="kernels",
        help="kernels: compiled and fast; reference: readable and slow, use it with --limit 128 "
             "(default: %(default)s)")  # fmt: skip
    add("--threads", type=int, metavar="N", help="number of threads of the kernels (default: all)")
    add("--output", type=Path, default="output", metavar="DIR", help="folder for the figures (default: %(default)s)")
    add("--checkpoint", metavar="FILE",
        help="save the training state to this .npz file after each epoch and on Ctrl-C")  # fmt: skip
    add("--resume", metavar="FILE",
        help="resume training from a checkpoint, and save to it unless --checkpoint names another file; with the same "
             "options, the result is bit for bit that of an uninterrupted training")  # fmt: skip
    options = parser.parse_args()

    for name, least in {"epochs": 1, "batch_size": 1, "limit": 1, "seed": 0}.items():
        value = getattr(options, name)
        if value is not None and value < least:
            parser.error(f"argument --{name.replace('_', '-')}: expected at least {least}, received {value}")
    if options.threads is not None:
        try:
            set_threads(options.threads)
        except ValueError as error:
            parser.error(f"argument --threads: {error}")
    if options.verbose != "auto":
        options.verbose = int(options.verbose)
    read_checkpoint_options(parser, options)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --output: expected a folder, received '{options.output}' ({error.strerror})")
    try:
        named = {"auto": mnist.load_data, "sample": mnist.load_sample}
        (X_train, y_train), test = named[options.data]() if options.data in named else mnist.load_data(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    if options.limit is not None and options.limit > len(X_train):
        parser.error(f"argument --limit: expected at most {len(X_train)}, the number of training images, "
                     f"received {options.limit}")  # fmt: skip
    return options, (X_train[: options.limit], y_train[: options.limit]), test


def read_checkpoint_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Set `options.callbacks` for --checkpoint, and `options.resumed` to the model that --resume loads."""
    options.resumed = None
    if options.resume:
        try:
            options.resumed = load_model(options.resume)
            _ = options.resumed.optimizer
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            parser.error(f"argument --resume: {error}")
        if (options.resumed.input_shape, options.resumed.output_shape) != ((None, 28, 28, 1), (None, 10)):
            parser.error(f"argument --resume: expected a network with input shape (None, 28, 28, 1) and output "
                         f"shape (None, 10), received {options.resumed.input_shape} and {options.resumed.output_shape} "
                         f"in '{options.resume}'")  # fmt: skip
    options.checkpoint = options.checkpoint or options.resume
    options.callbacks = []
    if options.checkpoint:
        if not Path(options.checkpoint).absolute().parent.is_dir():
            parser.error(f"argument --checkpoint: expected a file in a folder that exists, received "
                         f"'{options.checkpoint}'")  # fmt: skip
        try:
            options.callbacks = [ModelCheckpoint(options.checkpoint)]
        except ValueError as error:
            parser.error(f"argument --checkpoint: {error}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
