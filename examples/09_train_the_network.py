"""Lesson 9: train the network. A model combines all layers; you train it with one step by hand, then with `fit`.

You learn that a layer is an operation with parameters, that a training step is a loop over the layers forward and a
loop backward, and how much convolutions improve on dense layers.
Read alongside: scratchcnn/layers/base.py, scratchcnn/training/step.py, and scratchcnn/sequential/training.py.

    python examples/09_train_the_network.py
"""

import time

import numpy as np
from lesson import command_line, heading, keep, load_digits, one_hot, read, tell

from scratchcnn import Sequential, kernels
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D
from scratchcnn.plots import plot_filters, plot_history, plot_mistakes

EPOCHS, BATCH = 6, 64


def main() -> None:
    options = read(command_line(__doc__))
    (x, y), (x_test, y_test) = load_digits("float32")

    heading("1. The model")
    model = convolutional()
    print()
    model.summary()
    convolutions = sum(layer.parameter_count for layer in model.layers if isinstance(layer, Conv2D))
    total = sum(layer.parameter_count for layer in model.layers)
    work = {layer: multiplications(layer) for layer in model.layers}
    of_convolutions = sum(work[layer] for layer in work if isinstance(layer, Conv2D)) / sum(work.values())
    tell(f"""Only {convolutions / total:.1%} of the parameters belong to the convolutions, but {of_convolutions:.0%} of
        the multiplications: each weight of a filter is used at every position of the feature map.""")

    heading("2. One training step by hand")
    before, after = step_by_hand(x[:BATCH], one_hot(y[:BATCH], "float32"))
    tell(f"""The loss of a batch of {BATCH} images is {before:.4f} before training. As in lesson 3, it is close to
        log(10) = {np.log(10):.4f}. After one step in the direction of the negative gradient, it is {after:.4f} for the
        same images. Training repeats such steps.""")

    heading("3. Many steps with fit")
    reached = {}
    for name, each in {"dense layers only": dense_only(), "with convolutions": model}.items():
        start = time.perf_counter()
        history = each.fit(x, y, batch_size=BATCH, epochs=EPOCHS, validation_data=(x_test, y_test), verbose=0)
        seconds, right = time.perf_counter() - start, each.evaluate(x_test, y_test, verbose=0)[1]
        reached[name] = right
        print(f"  {name}: {sum(layer.parameter_count for layer in each.layers):9,} parameters, {EPOCHS} epochs in "
              f"{seconds:4.1f} s, test accuracy {right:.1%}")  # fmt: skip
    dense, convolution = reached.values()
    first = history.history
    tell(f"""Both networks are trained with the same 4,000 images. Of the 1,000 test images, the dense network
        misclassifies {round(1000 * (1 - dense))}, and the convolutional network {round(1000 * (1 - convolution))}. In
        lesson 2 you chose templates, in lesson 3 they were learned, lesson 4 added a hidden layer, and the
        convolutions now make use of neighbouring pixels.

        After the first epoch, fit reports an accuracy of {first["accuracy"][0]:.1%} for the training images and of
        {first["val_accuracy"][0]:.1%} for the test images. The first value is an average over the epoch, while the
        weights still change, and with dropout; the second is measured at its end, without dropout.""")

    keep(plot_history(history)[0].figure, options.output / "09_curves.png")
    keep(plot_filters(model).figure, options.output / "09_filters.png")
    keep(plot_mistakes(x_test, y_test, model.predict(x_test))[0].figure, options.output / "09_mistakes.png")
    model.save(options.output / "network.npz")
    print("Model:", options.output / "network.npz")

    heading("Try")
    tell("""Remove the dropout layers or one convolution, or train for 20 epochs. The script train_mnist.py trains the
        same network with all of MNIST, and read_digit.py --model FILE reads your own handwriting.

        Next: 10_look_inside.py inspects the network that you have just saved.""")


def convolutional() -> Sequential:
    """Two convolutions, max pooling and two dense layers, with dropout."""
    return compiled([
        Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)),
        Conv2D(64, (3, 3), activation="relu"),
        MaxPooling2D(pool_size=(2, 2)),
        Dropout(0.25),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(0.5),
        Dense(10, activation="softmax"),
    ])  # fmt: skip


def dense_only() -> Sequential:
    return compiled([Flatten(input_shape=(28, 28, 1)), Dense(128, activation="relu"), Dense(10, activation="softmax")])


def multiplications(layer: Layer) -> int:
    """Multiplications per image: each weight is used at every position of the feature map, or once."""
    return int(np.prod(layer.output_shape[:-1])) * layer.params["kernel"].size if layer.params else 0


def compiled(layers: list) -> Sequential:
    model = Sequential(layers, seed=0)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def step_by_hand(images: np.ndarray, targets: np.ndarray, rate: float = 0.05) -> tuple[float, float]:
    """Loss of a batch before and after one step of gradient descent, for a new network."""
    layers = convolutional().layers
    losses = []
    for _ in range(2):
        outputs, caches = images, []
        for layer in layers:  # forward: the cache of a layer is needed for its backward pass
            outputs, cache = layer.forward(outputs, kernels, training=False, rng=None)
            caches.append(cache)
        losses.append(float(kernels.cross_entropy(outputs, targets).mean()))
        gradient = kernels.cross_entropy_gradient(outputs, targets, 1 / len(images))
        for layer, cache in zip(reversed(layers), reversed(caches), strict=True):  # backward
            gradient, of_parameters = layer.backward(gradient, cache, kernels)
            for name, array in layer.params.items():
                array -= rate * of_parameters[name]
    return losses[0], losses[1]


if __name__ == "__main__":
    main()
