"""Lesson 2: a layer of neurons. Ten neurons, one for each digit; the one with the largest output gives the answer.

You learn that a layer is a matrix product, how softmax turns outputs into probabilities, and why networks need a
nonlinear function such as ReLU between their layers.
Read alongside: scratchcnn/reference/dense.py, softmax.py and relu.py.

    python examples/02_a_layer_of_neurons.py
"""

import numpy as np
from lesson import accuracy, command_line, draw_image, draw_signed, heading, keep, load_digits, panels, read, tell

from scratchcnn import reference


def main() -> None:
    options = read(command_line(__doc__))
    (x, y), (x_test, y_test) = load_digits()
    x, x_test = x.reshape(-1, 784), x_test.reshape(-1, 784)  # (N, 784)

    heading("1. A layer is a matrix product")
    kernel = np.stack([x[y == digit].mean(axis=0) for digit in range(10)], axis=1)  # (784, 10): mean images as columns
    bias = -(kernel**2).sum(axis=0) / 2  # (10,)
    logits = reference.dense(x_test, kernel, bias)  # (N, 10)
    tell(f"""A layer is a group of neurons with the same inputs. In this one, neuron d has the mean image of digit d as
        its weights, also called a template. The weights of all neurons are the columns of one matrix, the kernel.

        The whole layer is one matrix product: images {x_test.shape} times kernel {kernel.shape} plus biases
        {bias.shape} gives outputs {logits.shape}. The answer is the digit whose neuron has the largest output. The
        accuracy is {accuracy(logits, y_test):.1%}; random guesses would reach 10%.

        The biases matter: without them, the accuracy is {accuracy(logits - bias, y_test):.1%}, because templates with
        much ink have large sums for every image. The biases are chosen so that the largest output belongs to the
        template m that is nearest to the image x: |x - m|^2 = |x|^2 - 2 (x * m - |m|^2 / 2), and |x|^2 is the same for
        all ten templates.""")
    of_digit = [accuracy(logits[y_test == digit], y_test[y_test == digit]) for digit in range(10)]
    print("\n  digit   ", "".join(f"{digit:6}" for digit in range(10)))
    print("  accuracy", "".join(f"{each:6.0%}" for each in of_digit))
    worst = int(np.argmin(of_digit))
    taken_for = int(np.bincount(logits[(y_test == worst) & (logits.argmax(axis=1) != worst)].argmax(axis=1)).argmax())
    tell(f"""The hardest digit is {worst}, which is most often mistaken for {taken_for}: one template cannot represent
        the many ways to write a digit.""")

    heading("2. Softmax turns logits into probabilities")
    probabilities = reference.softmax(logits)
    unsure = int(probabilities.max(axis=1).argmin())
    tell(f"""Outputs that are going to become probabilities are called logits. Softmax computes exp(logit) for each of
        the ten and divides by their sum. The results add up to {probabilities[unsure].sum():.6f}.

        The largest probability is the confidence of the network. It is lowest for test image {unsure}, labelled
        {y_test[unsure]}: the answer is {probabilities[unsure].argmax()}, with a confidence of
        {probabilities[unsure].max():.1%}.""")
    smaller, larger = (reference.softmax(logits * factor)[unsure].max() for factor in (0.1, 10))
    tell(f"""Multiplying all logits by a constant changes the confidence, but not the ranking of the digits. With
        logits ten times smaller, the confidence for this image is {smaller:.1%}; ten times larger, {larger:.1%}.""")

    heading("3. ReLU makes two layers more powerful than one")
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(784, 32)) / 28, rng.normal(size=(32, 10))  # random weights of two layers
    two_layers = reference.dense(reference.dense(x_test, first, None), second, None)
    one_layer = reference.dense(x_test, first @ second, None)
    with_relu = reference.dense(reference.relu(reference.dense(x_test, first, None)), second, None)
    tell(f"""Two layers in succession are no better than a single layer whose kernel is the product of the two kernels:
        for two random kernels, the outputs differ by at most {abs(two_layers - one_layer).max():.1e}.

        Therefore, most layers apply an activation function to their weighted sums; its results are called activations.
        The most common one is ReLU, max(z, 0), which replaces negative sums by zero. With ReLU after the first layer,
        the outputs differ by up to {abs(with_relu - one_layer).max():.2f}. The network is no longer linear, and no
        single layer can replace it.""")
    draw(kernel, x_test[unsure], probabilities[unsure], y_test[unsure], options.output)

    heading("Try")
    tell("""Compute the templates from only 100 images, x[:100]. How much accuracy do you lose? Then use the median
        image instead of the mean.

        Next: in 03_loss_and_gradient_descent.py, you no longer choose the weights by hand.""")


def draw(kernel: np.ndarray, image: np.ndarray, probabilities: np.ndarray, label: int, folder) -> None:
    axes = panels(6, 2, width=1.7, height=1.9, title="Ten templates, and the test image with the lowest confidence")
    draw_signed(axes[:5] + axes[6:11], list(kernel.T.reshape(10, 28, 28)), [f"neuron {d}" for d in range(10)],
                "weight")  # fmt: skip
    draw_image(axes[5], image.reshape(28, 28), f"label: {label}")
    colors = ["tab:green" if digit == label else "0.5" for digit in range(10)]
    axes[11].barh(range(10), probabilities, color=colors)
    axes[11].set(yticks=range(10), xlabel="probability", ylim=(9.6, -0.6))
    axes[11].tick_params(labelsize=7)
    keep(axes[0].figure, folder / "02_a_layer_of_neurons.png")


if __name__ == "__main__":
    main()
