"""Lesson 1: one neuron. It multiplies every pixel by a weight, adds all up, and adds a bias; the sign is its answer.

You learn what weights and a bias are, by choosing them by hand for a neuron that tells two digits apart.
Read alongside: scratchcnn/reference/dense.py, of which one neuron is the case of one output.

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

    heading("1. A neuron is a weighted sum")
    tell(f"""An image is 28 * 28 = {x.shape[1]} numbers from 0 (paper) to 1 (ink). We take {len(x)} images of {a} and
        {b} to choose weights by, and {len(x_test)} others to test with. The first test image is labelled {y_test[0]};
        {np.count_nonzero(x_test[0])} of its pixels have ink. As weights take the mean image of {b}: ink counts
        where {b} usually has ink.""")
    by_hand = 0.0
    for pixel, weight in zip(x_test[0], mean_b, strict=True):
        by_hand += pixel * weight
    sums = reference.dense(x_test, mean_b[:, None], None)[:, 0]  # (N, 784) times (784, 1): a sum for each image
    tell(f"""Its sum, pixel by pixel: {by_hand:.6f}. The same from reference.dense, which does all images at once:
        {sums[0]:.6f}.""")

    heading("2. Why a bias")
    tell(f"""The answer is to be {b} if the sum is above zero. But no pixel and no weight is negative, so the lowest
        sum of all is {sums.min():.2f}, and {np.mean(sums > 0):.0%} of the images are taken for {b}:
        {share_right(sums, y_test, b):.1%} are right, no better than a coin.""")
    sums_a, sums_b = x[y == a] @ mean_b, x[y == b] @ mean_b
    bias = -(sums_a.mean() + sums_b.mean()) / 2
    tell(f"""Images of {a} have a sum of {sums_a.mean():.1f} in the mean, those of {b} {sums_b.mean():.1f}. A bias of
        {bias:.1f} moves the zero half-way between: now {share_right(sums + bias, y_test, b):.1%} are right.""")

    heading("3. Better weights: ink may also count against")
    weights = mean_b - mean_a
    bias = -weights @ (mean_a + mean_b) / 2
    sums = reference.dense(x_test, weights[:, None], np.array([bias]))[:, 0]
    least, most = weights.argmin(), weights.argmax()
    tell(f"""Weights that are the difference of the two mean images: {share_right(sums, y_test, b):.1%} are right.
        The largest weight, {weights[most]:+.2f}, stands in row {most // 28}, column {most % 28}: there ink speaks
        for {b}. The least, {weights[least]:+.2f}, in row {least // 28}, column {least % 28}: there it speaks for
        {a}. Notice in the picture that the weights look like what the neuron looks for.""")
    draw(mean_a, mean_b, weights, sums, y_test, options)

    heading("Try")
    tell(f"""--digits 4 9: which pair is hardest for one neuron? And: without its bias of {bias:+.1f} this neuron has
        {share_right(sums - bias, y_test, b):.1%} right; what do two digits have to differ in for the bias to matter?
        Next: 02_a_layer_of_neurons.py has a neuron for each of the ten digits.""")


def of_two(x: np.ndarray, y: np.ndarray, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """The images of two digits as rows (N, 784), and their labels."""
    chosen = (y == a) | (y == b)
    return x[chosen].reshape(-1, 784), y[chosen]


def share_right(sums: np.ndarray, labels: np.ndarray, b: int) -> float:
    return float(np.mean((sums > 0) == (labels == b)))


def draw(mean_a, mean_b, weights, sums, labels, options) -> None:
    a, b = options.digits
    axes = panels(4, width=2.6, height=2.7, title=f"One neuron that tells {b} from {a}")
    draw_image(axes[0], mean_a.reshape(28, 28), f"mean of all {a}")
    draw_image(axes[1], mean_b.reshape(28, 28), f"mean of all {b}")
    draw_signed(axes[2:3], [weights.reshape(28, 28)], ["weights"], f"red: ink speaks for {b}")
    bins = np.linspace(sums.min(), sums.max(), 31)
    for digit, color in ((a, "tab:blue"), (b, "tab:red")):
        axes[3].hist(sums[labels == digit], bins, color=color, alpha=0.7, label=f"images of {digit}")
    axes[3].axvline(0, color="black", linewidth=1)
    axes[3].set(xlabel="sum plus bias", ylabel="test images")
    axes[3].legend(fontsize=8)
    keep(axes[0].figure, options.output / "01_one_neuron.png")


def read_command_line():
    parser = command_line(__doc__)
    parser.add_argument("--digits", nargs=2, type=int, choices=range(10), default=[0, 1], metavar=("A", "B"),
                        help="the two to tell apart (default: 0 1)")  # fmt: skip
    options = read(parser)
    if len(set(options.digits)) < 2:
        parser.error(f"argument --digits: expected two different digits, received {options.digits[0]} twice")
    return options


if __name__ == "__main__":
    main()
