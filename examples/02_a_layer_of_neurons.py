"""Lesson 2: a layer of neurons. Ten neurons side by side, one for each digit; the one with the largest sum wins.

You learn that a layer is a matrix product, how softmax makes probabilities of any ten numbers, and why a network needs
something that is not a straight line between its layers.
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

    heading("1. Ten neurons are one matrix")
    kernel = np.stack([x[y == digit].mean(axis=0) for digit in range(10)], axis=1)  # (784, 10): a mean image a column
    bias = -(kernel**2).sum(axis=0) / 2  # (10,)
    scores = reference.dense(x_test, kernel, bias)  # (N, 10)
    right, right_without_bias = accuracy(scores, y_test), accuracy(scores - bias, y_test)
    tell(f"""Neuron d takes the mean image of digit d as its weights. All of it is one matrix product: images
        {x_test.shape} times weights {kernel.shape} plus biases {bias.shape} is scores {scores.shape}. The neuron
        with the largest score is right for {right:.1%} of the test images; a guess would be right for 10 %.""")
    tell(f"""The biases are no decoration: without them {right_without_bias:.1%} are right, because mean images with
        much ink win too often. They are chosen such that the largest score belongs to the nearest mean image: |x -
        m|^2 = |x|^2 - 2 (x * m - |m|^2 / 2), and |x|^2 is the same for all ten.""")
    of_digit = [accuracy(scores[y_test == digit], y_test[y_test == digit]) for digit in range(10)]
    worst = int(np.argmin(of_digit))
    taken_for = int(np.bincount(scores[(y_test == worst) & (scores.argmax(axis=1) != worst)].argmax(axis=1)).argmax())
    tell(f"""Right of each digit: {", ".join(f"{d}: {share:.0%}" for d, share in enumerate(of_digit))}. The hardest
        is {worst}, most often taken for {taken_for}: a mean image knows nothing of the many ways to write it.""")

    heading("2. Softmax: scores become probabilities")
    probabilities = reference.softmax(scores)
    unsure = int(probabilities.max(axis=1).argmin())
    tell(f"""softmax takes exp of every score and divides by the sum of the ten, so that they sum to
        {probabilities[unsure].sum():.6f}. Of test image {unsure}, labelled {y_test[unsure]}, this layer is least
        sure: its best guess is {probabilities[unsure].argmax()} with {probabilities[unsure].max():.1%}.""")
    spread = reference.softmax(scores / 10)[unsure].max(), reference.softmax(scores * 10)[unsure].max()
    tell(f"""Only differences between scores count. Scores ten times smaller give it {spread[0]:.1%}, ten times
        larger {spread[1]:.1%}: how sure a network sounds is a matter of scale, and learning will have to set it.""")

    heading("3. Why a ReLU between two layers")
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(784, 32)) / 28, rng.normal(size=(32, 10))  # random weights of two layers
    two_layers = reference.dense(reference.dense(x_test, first, None), second, None)
    one_layer = reference.dense(x_test, first @ second, None)
    with_relu = reference.dense(reference.relu(reference.dense(x_test, first, None)), second, None)
    tell(f"""Two layers on top of each other, with nothing between, are one layer whose matrix is the product of
        theirs: the largest difference is {abs(two_layers - one_layer).max():.1e}. With a ReLU between, which makes
        negative numbers zero, the difference is {abs(with_relu - one_layer).max():.2f}: no single layer could do the
        same any more.""")
    draw(kernel, x_test[unsure], probabilities[unsure], y_test[unsure], options.output)

    heading("Try")
    tell("""Make the templates from fewer images, x[:100]: how many do they need? Use the median image in place of
        the mean. Next: 03_loss_and_gradient_descent.py no longer chooses the weights by hand.""")


def draw(kernel: np.ndarray, image: np.ndarray, probabilities: np.ndarray, label: int, folder) -> None:
    axes = panels(6, 2, width=1.7, height=1.9, title="Ten templates, and the image that they are least sure of")
    draw_signed(axes[:5] + axes[6:11], list(kernel.T.reshape(10, 28, 28)), [f"weights of {d}" for d in range(10)],
                "weight")  # fmt: skip
    draw_image(axes[5], image.reshape(28, 28), f"labelled {label}")
    colors = ["tab:green" if digit == label else "0.5" for digit in range(10)]
    axes[11].barh(range(10), probabilities, color=colors)
    axes[11].set(yticks=range(10), xlabel="probability", ylim=(9.6, -0.6))
    axes[11].tick_params(labelsize=7)
    keep(axes[0].figure, folder / "02_a_layer_of_neurons.png")


if __name__ == "__main__":
    main()
