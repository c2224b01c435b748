"""Lesson 3: loss and gradient descent. The network learns its weights from the training images.

You learn how a loss measures errors, how its gradient says in which direction to change the weights, and what the
learning rate does.
Read alongside: scratchcnn/reference/losses/cross_entropy.py and scratchcnn/reference/optimizers/sgd.py.

    python examples/03_loss_and_gradient_descent.py
"""

import math

import numpy as np
from lesson import accuracy, command_line, draw_signed, heading, keep, load_digits, one_hot, panels, read, tell

from scratchcnn import reference

STEPS = 100
LEARNING_RATES = (0.01, 0.5, 8.0)


def main() -> None:
    options = read(command_line(__doc__))
    (x, y), (x_test, y_test) = load_digits()
    x, x_test, targets = x.reshape(-1, 784), x_test.reshape(-1, 784), one_hot(y)  # (N, 784), (N, 10)

    heading("1. The loss measures the error")
    kernel, bias = np.zeros((784, 10)), np.zeros(10)
    loss, gradient, bias_gradient = loss_and_gradients(x, targets, kernel, bias)
    tell(f"""To learn, a network needs a measure of its errors: the loss. For one image, the cross-entropy loss is
        -log(probability of the correct digit). It is 0 if this probability is 1, and the smaller the probability, the
        larger the loss. The loss of several images is the mean.

        With all weights zero, every digit has the probability 1/10. The loss is then {loss:.6f}, and log(10) =
        {math.log(10):.6f}. An untrained network for ten classes has a loss close to this value.""")

    heading("2. The gradient is the slope of the loss")
    tell(f"""The gradient contains the derivative of the loss with respect to each weight: how much the loss changes if
        you change this weight a little. Increasing a weight with a negative derivative lowers the loss.

        With respect to the logits of an image, the gradient is simply probability - target, where the target is 1 for
        the correct digit and 0 for the others. For the first image, labelled {y[0]}, it is
        {np.array2string(0.1 - targets[0], precision=1)}.

        With respect to a weight, it is (probability - target) * pixel, averaged over all images. So a pixel that never
        contains ink has weights with gradient 0. This is the case for {np.mean(abs(gradient).max(axis=1) == 0):.0%} of
        the 784 pixels, all near the edge of the image: their weights never change.""")
    rate = 1e-3
    predicted = rate * ((gradient**2).sum() + (bias_gradient**2).sum())
    after = loss_and_gradients(x, targets, kernel - rate * gradient, bias - rate * bias_gradient)[0]
    tell(f"""A small step in the direction of the negative gradient lowers the loss. A step of {rate:g} * gradient
        should lower it by about {rate:g} * |gradient|^2 = {predicted:.3e}. The measured decrease is
        {loss - after:.3e}.""")

    heading("3. Gradient descent repeats the step")
    tell(f"""Gradient descent repeats such steps. The factor in front of the gradient is the learning rate. {STEPS}
        steps with three learning rates, each from weights of zero:""")
    curves, kernels = {}, {}
    for rate in LEARNING_RATES:
        curves[rate], kernels[rate], bias = descend(x, targets, rate)
        test_accuracy = accuracy(reference.dense(x_test, kernels[rate], bias), y_test)
        print(f"  learning rate {rate:4}: loss {curves[rate][0]:.3f} -> {curves[rate][-1]:.3f}, "
              f"increased in {np.sum(np.diff(curves[rate]) > 0):2} steps, "
              f"test accuracy {test_accuracy:.1%}")  # fmt: skip
    best = min(curves, key=lambda rate: curves[rate][-1])
    tell(f"""A learning rate of {best} ends with the lowest loss. With the smallest one, the loss decreases steadily,
        but slowly. With the largest one, the steps overshoot the minimum: the loss often increases, and its curve in
        the figure is jagged.

        Compare the accuracy with lesson 2: the same ten neurons, but with learned weights.""")
    draw(curves, kernels[best], options.output)

    heading("Try")
    tell("""Find the largest learning rate for which the loss never increases. Then train with the first 128 images
        only. What happens to the loss, and what to the test accuracy?

        Next: 04_backpropagation.py adds a second layer.""")


def loss_and_gradients(x, targets, kernel, bias):
    """Mean loss of images (N, 784), and its gradients w.r.t. the kernel (784, 10) and the bias (10,)."""
    losses, probabilities = reference.softmax_cross_entropy(reference.dense(x, kernel, bias), targets)
    d_scores = reference.softmax_cross_entropy_gradient(probabilities, targets, 1 / len(x))  # (N, 10)
    return losses.mean(), reference.dense_kernel_gradient(d_scores, x), reference.bias_gradient(d_scores)


def descend(x, targets, rate):
    """Gradient descent from zero weights: the loss before each step, and the final kernel and bias."""
    kernel, bias = np.zeros((784, 10)), np.zeros(10)
    velocities = np.zeros_like(kernel), np.zeros_like(bias)  # of the momentum, the topic of lesson 8; 0 here
    losses = []
    for _ in range(STEPS):
        loss, *gradients = loss_and_gradients(x, targets, kernel, bias)
        losses.append(loss)
        for parameter, gradient, velocity in zip((kernel, bias), gradients, velocities, strict=True):
            reference.sgd(parameter, gradient, velocity, rate, 0.0, False)  # parameter -= rate * gradient
    return losses, kernel, bias


def draw(curves: dict[float, list[float]], kernel: np.ndarray, folder) -> None:
    (ax,) = panels(1, width=6, height=3.6)
    for (rate, losses), style in zip(curves.items(), (":", "-", "-"), strict=True):
        ax.plot(losses, style, label=f"learning rate {rate}")
    ax.axhline(math.log(10), color="0.6", linewidth=1, zorder=0, label="log(10)")
    ax.set(xlabel="step", ylabel="loss (logarithmic scale)", yscale="log", title="Gradient descent: training loss")
    ax.minorticks_off()
    ax.set_yticks((0.3, 1, 3, 10, 30), ("0.3", "1", "3", "10", "30"))
    ax.legend(loc="upper center")
    keep(ax.figure, folder / "03_loss.png")
    axes = panels(5, 2, width=1.7, height=1.9, title="Learned weights of the ten neurons")
    draw_signed(axes, list(kernel.T.reshape(10, 28, 28)), [f"neuron {digit}" for digit in range(10)], "weight")
    keep(axes[0].figure, folder / "03_weights.png")


if __name__ == "__main__":
    main()
