"""Lesson 9: the network. Everything so far in one model, trained; first one step by hand, then `fit`.

You learn that a layer is an operation with parameters, that training is one loop over layers forwards and one
backwards, and what convolutions are worth beside dense layers.
Read alongside: scratchcnn/layers/base.py, scratchcnn/training/step.py, and scratchcnn/sequential.py.

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
    model.summary()
    convolutions = sum(layer.parameter_count for layer in model.layers if isinstance(layer, Conv2D))
    total = sum(layer.parameter_count for layer in model.layers)
    work = {layer: multiplications(layer) for layer in model.layers}
    of_convolutions = sum(work[layer] for layer in work if isinstance(layer, Conv2D)) / sum(work.values())
    tell(f"""Notice where the weights are: {convolutions / total:.1%} of them in the convolutions, which do
        {of_convolutions:.0%} of the multiplications, since each of their weights is used at every place.""")

    heading("2. One step of learning, by hand")
    before, after = step_by_hand(x[:BATCH], one_hot(y[:BATCH], "float32"))
    tell(f"""The loss of {BATCH} images was {before:.4f} (log(10) is {np.log(10):.4f}: the network knows nothing
        yet). After one step along minus the gradient, it is {after:.4f} for the same images. That is all of
        learning; the rest is repetition.""")

    heading("3. Many steps: fit")
    reached = {}
    for name, each in {"dense layers only": dense_only(), "with convolutions": model}.items():
        start = time.perf_counter()
        history = each.fit(x, y, batch_size=BATCH, epochs=EPOCHS, validation_data=(x_test, y_test), verbose=0)
        seconds, right = time.perf_counter() - start, each.evaluate(x_test, y_test, verbose=0)[1]
        reached[name] = right
        print(f"  {name}: {sum(layer.parameter_count for layer in each.layers):9,} weights, {EPOCHS} epochs in "
              f"{seconds:4.1f} s, test accuracy {right:.1%}")  # fmt: skip
    dense, convolution = reached.values()
    tell(f"""Both saw the same 4,000 digits. Of 1,000 others {round(1000 * (1 - dense))} are read wrong by one and
        {round(1000 * (1 - convolution))} by the other. Think of the way: lesson 2 chose templates, lesson 3 learned
        them, lesson 4 added a hidden layer, and here neighbours are neighbours.""")
    first = history.history
    tell(f"""Of the first epoch, fit reports an accuracy of {first["accuracy"][0]:.1%} on the training images and
        {first["val_accuracy"][0]:.1%} on the test images. The former is a mean over an epoch in which the network
        still learned, and with dropout.""")

    keep(plot_history(history)[0].figure, options.output / "09_curves.png")
    keep(plot_filters(model).figure, options.output / "09_filters.png")
    keep(plot_mistakes(x_test, y_test, model.predict(x_test))[0].figure, options.output / "09_mistakes.png")
    model.save(options.output / "network.npz")
    print("Model:", options.output / "network.npz")

    heading("Try")
    tell("""Leave out the dropout layers, or one convolution; or train for 20 epochs. train_mnist.py does the same
        with all of MNIST, and read_digit.py --model FILE reads your own handwriting. Next: 10_look_inside.py opens
        the model that was just saved.""")


def convolutional() -> Sequential:
    """The article's network."""
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
    """How often one image meets a weight in this layer: at every place of a map, or once."""
    return int(np.prod(layer.output_shape[:-1])) * layer.params["kernel"].size if layer.params else 0


def compiled(layers: list) -> Sequential:
    model = Sequential(layers, seed=0)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def step_by_hand(images: np.ndarray, targets: np.ndarray, rate: float = 0.05) -> tuple[float, float]:
    """The mean loss of a batch before and after one step of gradient descent on a new network."""
    layers = convolutional().layers
    losses = []
    for _ in range(2):
        outputs, caches = images, []
        for layer in layers:  # forward: each layer hands on its output, and leaves a cache for the way back
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
