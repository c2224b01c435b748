"""Lesson 1: one neuron. It adds up all pixels, each times a weight, adds a bias, and answers with the sign.

You learn what weights and a bias are by choosing them by hand, for a neuron that distinguishes two digits.
Read alongside: scratchcnn/reference/dense.py. A neuron is a dense layer with a single output.

    python examples/01_one_neuron.py
"""

import numpy as np
from lesson import command_line, draw_image, draw_signed, heading, keep, load_digits, panels, read, tell

from scratchcnn import reference


def main() -> None:
    options = read_command_line()
    a, b = options.digits
    (x, y), (x_test, y_test) = (of_two(*pair, a, b) for pair in load_digits())
    mean_a, mean_b = x[y == a].mean(axis=0), x[y == b].mean(axis=0)  # (784,), the mean images

    heading("1. A neuron computes a weighted sum")
    by_hand = 0.0
    for pixel, weight in zip(x_test[0], mean_b, strict=True):
        by_hand += pixel * weight
    sums = reference.dense(x_test, mean_b[:, None], None)[:, 0]  # (N, 784) times (784, 1): one sum per image
    tell(f"""An image has 28 * 28 = {x.shape[1]} pixels with values from 0 (paper) to 1 (ink). You use {len(x)} images
        of {a} and {b}, the training images, to choose the weights, and {len(x_test)} other images, the test images, to
        find out how good they are.

        A neuron has one weight for each pixel. It multiplies every pixel by its weight and adds up the products. Use
        the mean image of {b} as weights: then ink counts where a {b} usually has ink.

        The first test image is labelled {y_test[0]}; {np.count_nonzero(x_test[0])} of its pixels contain ink. Its
        weighted sum is {by_hand:.6f}, computed pixel by pixel. The function reference.dense, which computes the sums
        of all images at once, returns {sums[0]:.6f}.""")

    heading("2. A bias moves the threshold")
    tell(f"""The neuron answers {b} if its output is above zero, and {a} otherwise. But no pixel and no weight is
        negative, so every sum is above zero (the smallest is {sums.min():.2f}), and the answer is always {b}. The
        accuracy, the fraction of correct answers, is {correct(sums, y_test, b):.1%}.""")
    sum_a, sum_b = (x[y == a] @ mean_b).mean(), (x[y == b] @ mean_b).mean()
    bias = -(sum_a + sum_b) / 2
    tell(f"""The sums of the images of {a} average {sum_a:.1f}, those of {b} {sum_b:.1f}. The bias is a constant that
        the neuron adds to its weighted sum. A bias of {bias:.1f} puts zero halfway between the two averages. The
        accuracy is now {correct(sums + bias, y_test, b):.1%}.""")

    heading("3. Negative weights count ink against a digit")
    weights = mean_b - mean_a
    bias = -weights @ (mean_a + mean_b) / 2
    outputs = reference.dense(x_test, weights[:, None], np.array([bias]))[:, 0]
    least, most = weights.argmin(), weights.argmax()
    tell(f"""Use the difference between the two mean images as weights. The accuracy is now
        {correct(outputs, y_test, b):.1%}.

        The largest weight, {weights[most]:+.2f}, is in row {most // 28}, column {most % 28}: ink there is evidence for
        {b}. The smallest weight, {weights[least]:+.2f}, is in row {least // 28}, column {least % 28}: ink there is
        evidence for {a}. In the figure, you recognize both digits in the weights: {b} in red, {a} in blue.""")
    draw(mean_a, mean_b, weights, outputs, y_test, options)

    heading("Try")
    tell(f"""Run the lesson with --digits 4 9. Which two digits are the hardest to distinguish for one neuron?

        Without its bias of {bias:+.1f}, the last neuron has an accuracy of {correct(outputs - bias, y_test, b):.1%}.
        How must two digits differ so that the bias is important?

        Next: 02_a_layer_of_neurons.py uses one neuron for each of the ten digits.""")


def of_two(x: np.ndarray, y: np.ndarray, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """The images of two digits as rows (N, 784), and their labels."""
    chosen = (y == a) | (y == b)
    return x[chosen].reshape(-1, 784), y[chosen]


def correct(outputs: np.ndarray, labels: np.ndarray, b: int) -> float:
    """Accuracy of a neuron that answers b if its output is above zero."""
    return float(np.mean((outputs > 0) == (labels == b)))


def draw(mean_a, mean_b, weights, outputs, labels, options) -> None:
    a, b = options.digits
    axes = panels(4, width=2.6, height=2.7, title=f"One neuron that distinguishes {a} from {b}")
    draw_image(axes[0], mean_a.reshape(28, 28), f"mean image of {a}")
    draw_image(axes[1], mean_b.reshape(28, 28), f"mean image of {b}")
    draw_signed(axes[2:3], [weights.reshape(28, 28)], ["weights"], f"weight (red: evidence for {b})")
    bins = np.linspace(outputs.min(), outputs.max(), 31)
    for digit, color in ((a, "tab:blue"), (b, "tab:red")):
        axes[3].hist(outputs[labels == digit], bins, color=color, alpha=0.7, label=f"images of {digit}")
    axes[3].axvline(0, color="black", linewidth=1)
    axes[3].set(xlabel="output of the neuron", ylabel="number of test images")
    axes[3].legend(fontsize=8)
    keep(axes[0].figure, options.output / "01_one_neuron.png")


def read_command_line():
    parser = command_line(__doc__)
    parser.add_argument("--digits", nargs=2, type=int, choices=range(10), default=[0, 1], metavar=("A", "B"),
                        help="the two digits to distinguish (default: 0 1)")  # fmt: skip
    options = read(parser)
    if len(set(options.digits)) < 2:
        parser.error(f"argument --digits: expected two different digits, received {options.digits[0]} twice")
    return options


if __name__ == "__main__":
    main()
