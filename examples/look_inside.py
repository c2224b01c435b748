"""Writes a page on which you draw a digit, and watch every layer of a trained network while you draw.

With --static, the page explains one stored image instead, from the pixels to the probabilities and back, with the
source code of each layer. Without --digit and --test-image, that is a test image of which the network is not certain:
among the correctly classified ones, that with the probability nearest to 70 %. There the gradients are large enough to
be seen; for a digit with a probability of 99.99 %, all of them are nearly zero.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from scratchcnn import Sequential, load_model, reference, set_threads
from scratchcnn.datasets import cifar10, fashion_mnist, mnist
from scratchcnn.inspection import Report, write_laboratory, write_report
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Rescaling
from scratchcnn.preprocessing import Augmenter, create_scaler, normalizer, read_digit

PROCESSED = 160_000  # images processed by the training without --model: 40 epochs of the sample, 2.7 of all of MNIST
LEARNED = 3_200  # images from which a copy with new weights learns, in 100 steps
TRAINED = 1_000  # images on the page from which a small network learns in the browser
EVALUATED = 500  # images for the evaluation without each filter
PROBABILITY = 0.7  # of the correct class, for the default digit
SHAPES = {"mnist": (28, 28, 1), "fashion_mnist": (28, 28, 1), "cifar10": (32, 32, 3)}


def main() -> None:
    options, own_digit, models, train, test = read_command_line()
    model, other = models
    saved = options.output / "look_inside.npz"
    if model is None:
        model = train_network(train, test, options.seed)
        model.save(saved)
        print(f"Saved the network: use --model {saved} to skip the training")

    page = options.output / "look_inside.html"
    if options.static:
        image, label = (
            (own_digit, options.label) if own_digit is not None else test_digit(model, test, options.test_image)
        )
        print(write_static(model, image, label, page, train, test))
        return
    images, labels = as_input_of(model, test[0]), test[1]
    first = options.test_image or 0
    images, labels = (np.concatenate([each[first:], each[:first]]) for each in (images, labels))
    if own_digit is not None:
        own = as_input_of(model, own_digit[None])
        label = model.predict(own).argmax() if options.label is None else options.label
        images, labels = np.concatenate([own, images]), np.concatenate([[label], labels])
    x_train, y_train = (each[:TRAINED] for each in train)
    training = as_input_of(model, x_train), y_train
    names = options.names or names_of(options.model, options.compare)
    print(write_laboratory(model, page, images, labels, training=training, compare=other, names=names))


def names_of(file: str | None, other: str | None) -> tuple[str, str]:
    """Return the names of two models: those of their files, or the whole paths if these are the same."""
    first, second = Path(file or "look_inside.npz"), Path(other or "")
    return (first.name, second.name) if first.name != second.name else (str(first), str(second))


def write_static(
    model: Sequential, image: np.ndarray, label: int | None, page: Path, train: tuple, test: tuple
) -> Report:
    """Write the page about one image (H, W, C) with values from 0 to 1."""
    (x_train, y_train), (x_test, y_test) = train, test
    report = write_report(
        model, as_input_of(model, image[None])[0], label, page,
        images=as_input_of(model, x_test[:EVALUATED]), labels=y_test[:EVALUATED],
        training=(as_input_of(model, x_train[:LEARNED]), y_train[:LEARNED]),
    )  # fmt: skip
    correct = "" if label is None else f", label {label}"
    print(f"Predicted class {report.answer}{correct}")
    return report


def test_digit(model: Sequential, test: tuple, number: int | None) -> tuple:
    """Return a test image and its label: the given one, or a correctly classified one that is not too easy."""
    images, labels = test
    if number is None:
        outputs = model.predict(as_input_of(model, images))
        is_probability = outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-3)
        number = uncertain_digit(outputs if is_probability else reference.softmax(outputs), labels)
        print(f"Test image {number}: correctly classified, with the probability nearest to {PROBABILITY:.0%}")
    return images[number], int(labels[number])


def uncertain_digit(probabilities: np.ndarray, labels: np.ndarray) -> int:
    """Return the index of the correctly classified image whose probability is nearest to 70 %.

    If no image is classified correctly, all images are considered.
    """
    of_label = probabilities[np.arange(len(labels)), labels]
    correct = probabilities.argmax(axis=1) == labels
    distances = np.abs(of_label - PROBABILITY)
    return int(np.where(correct | ~correct.any(), distances, np.inf).argmin())


def as_input_of(model: Sequential, images: np.ndarray) -> np.ndarray:
    """Return images (N, H, W, C) with values from 0 to 1 in the shape and range of the model's input."""
    if isinstance(model.layers[0], Rescaling):  # it expects bytes
        images = np.round(255 * images).astype(np.uint8)
    return images.reshape(-1, *model.input_shape[1:])


def train_network(train: tuple, test: tuple, seed: int) -> Sequential:
    """Train the network of the article on random variants of the digits, so that it reads drawings well, too."""
    x_train, y_train = train
    epochs = max(1, round(PROCESSED / len(x_train)))
    print(f"No --model: training on variants of {len(x_train):,} images for {epochs} epochs", flush=True)
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
    variants = Augmenter(x_train, y_train, batch_size=128, factor=1, seed=seed)
    model.fit(variants, epochs=epochs, verbose=0, validation_data=test)
    print(f"Accuracy on {len(test[1]):,} test images: {model.history.history['val_accuracy'][-1]:.2%}")
    return model


def read_command_line() -> tuple:
    """Return the options, and the digit, models and data that they name; exit with a message if one of them is wrong.

    Images are (N, H, W, C) with values from 0 to 1.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", metavar="FILE",
        help="a model saved with scratchcnn (default: train the network of the README)")  # fmt: skip
    add("--compare", metavar="FILE",
        help="a second saved model, which reads the same drawing side by side with the first one")  # fmt: skip
    add("--names", nargs=2, metavar="NAME", help="with --compare: names of the two models (default: of their files)")
    add("--static", action="store_true", help="write the page about one image, which does not compute")
    add("--digit", metavar="PHOTO", help="a photo of a digit, a file or a URL, shown first (default: a test image)")
    add("--label", type=int, metavar="N", help="the digit on the photo (default: the predicted class)")
    add("--ink", choices=["auto", "dark", "light"], default="auto",
        help="whether the digit is darker or lighter than its background (default: %(default)s)")  # fmt: skip
    add("--test-image", type=int, metavar="N",
        help="without --digit: index of the test image (default: the first; with --static, an unsure one)")  # fmt: skip
    add("--dataset", choices=SHAPES, default="mnist",
        help="the images; others than those of MNIST require --model (default: %(default)s)")  # fmt: skip
    add("--data", default="auto", metavar="{auto,sample,PATH}",
        help="auto: the data set from the cache or the web, MNIST otherwise from the sample; sample: 5,000 "
             "images in scratchcnn; PATH: a folder or file of the data set (default: %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N", help="random seed of the training (default: %(default)s)")
    add("--threads", type=int, metavar="N", help="number of threads (default: all)")
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
    if options.dataset != "mnist" and (options.model is None or options.digit or options.data == "sample"):
        parser.error(
            f"argument --dataset: expected --model, and neither --digit nor --data sample, with {options.dataset}"
        )
    own_digit = None
    if options.digit is not None:
        try:
            own_digit = read_digit(options.digit, ink=options.ink).image[0]
        except (OSError, ValueError) as error:
            parser.error(f"argument --digit: {options.digit}: {error}")
    models = read_models(parser, options)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        if (options.output / "look_inside.html").is_dir():
            raise IsADirectoryError(0, "look_inside.html is a folder there")
    except OSError as error:
        parser.error(f"argument --output: expected a folder, received '{options.output}' ({error.strerror})")
    train, test = read_data(parser, options)
    if options.test_image is not None and not 0 <= options.test_image < len(test[1]):
        parser.error(
            f"argument --test-image: expected a number from 0 to {len(test[1]) - 1}, received {options.test_image}"
        )
    return options, own_digit, models, train, test


def read_models(parser: argparse.ArgumentParser, options: argparse.Namespace) -> list[Sequential | None]:
    """Return the models of --model and --compare; None for one that is not given."""
    if options.compare is not None and (options.static or options.compare == options.model):
        parser.error("argument --compare: expected another file than that of --model, without --static")
    if options.names is not None and (options.compare is None or len({*options.names, ""}) != 3):
        parser.error("argument --names: expected two different names, together with --compare")
    shape, files = SHAPES[options.dataset], {"--model": options.model, "--compare": options.compare}
    models = [None if file is None else read_model(parser, name, file, shape) for name, file in files.items()]
    expected, received = (f"{shape} from 0 to 1" if each is None else input_of(each) for each in models)
    if models[1] is not None and expected != received:
        parser.error(
            f"argument --compare: expected a model of images {expected}, as the first one, received {received}"
        )
    return models


def input_of(model: Sequential) -> str:
    """Return shape and range of the images that a model expects."""
    return f"{model.input_shape[1:]} from 0 to {255 if isinstance(model.layers[0], Rescaling) else 1}"


def read_model(parser: argparse.ArgumentParser, argument: str, file: str, shape: tuple) -> Sequential:
    """Return the model in a file if it classifies images of that shape."""
    try:
        model = load_model(file)
    except (OSError, ValueError) as error:
        parser.error(f"argument {argument}: {error}")
    shapes = ((None, *shape), (None, int(np.prod(shape))))
    if model.input_shape not in shapes or model.output_shape != (None, 10):
        parser.error(
            f"argument {argument}: expected a model from images {shape} to 10 classes, received one from "
            f"{model.input_shape} to {model.output_shape}"
        )
    return model


def read_data(parser: argparse.ArgumentParser, options: argparse.Namespace) -> tuple:
    """Return training and test data: images (N, H, W, C) with values from 0 to 1, and labels (N,)."""
    dataset = {"mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10}[options.dataset]
    named = {"auto": dataset.load_data, "sample": mnist.load_sample}
    try:
        train, test = named[options.data]() if options.data in named else dataset.load_data(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    scaler, shape = create_scaler([0, 255]), SHAPES[options.dataset]
    return tuple((normalizer(scaler, x.reshape(-1, *shape)), y.reshape(-1)) for x, y in (train, test))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
