"""Lesson 3: loss and gradient descent. The weights are no longer chosen: they roll downhill.

You learn what a loss is, that its gradient says how every weight should change, and what the learning rate does.
Read alongside: scratchcnn/reference/cross_entropy.py and sgd.py.

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

    heading("1. The loss: how surprised the network is")
    kernel, bias = np.zeros((784, 10)), np.zeros(10)
    loss, gradient, bias_gradient = loss_and_gradients(x, targets, kernel, bias)
    tell(f"""The loss of an image is -log(probability of the right digit): 0 if it was sure, and large if it was
        surprised. With all weights zero every digit has probability 1/10, and so the mean loss is {loss:.6f};
        log(10) = {math.log(10):.6f}. Remember that number: an untrained network of ten classes begins near it.""")

    heading("2. The gradient: which way is up")
    tell(f"""The gradient by a score is simply probability minus target. For the first image, labelled {y[0]}:
        {np.array2string(0.1 - targets[0], precision=1)}. By a weight it is that times the pixel, in the mean over
        all images. So a pixel that never has ink has gradient 0: {np.mean(abs(gradient).max(axis=1) == 0):.0%} of
        the 784 pixels learn nothing, all along the edge.""")
    rate = 1e-3
    predicted = rate * ((gradient**2).sum() + (bias_gradient**2).sum())
    after = loss_and_gradients(x, targets, kernel - rate * gradient, bias - rate * bias_gradient)[0]
    tell(f"""The gradient is a promise: a small step of {rate:g} against it lowers the loss by about {rate:g} *
        |gradient|^2 = {predicted:.3e}. Taken, the step lowers it by {loss - after:.3e}.""")

    heading("3. Many steps, and how long they should be")
    curves, kernels = {}, {}
    for rate in LEARNING_RATES:
        curves[rate], kernels[rate], bias = descend(x, targets, rate)
        right = accuracy(reference.dense(x_test, kernels[rate], bias), y_test)
        print(f"  learning rate {rate:4}: loss {curves[rate][0]:.3f} -> {curves[rate][-1]:.3f}, "
              f"rose in {np.sum(np.diff(curves[rate]) > 0):2} of {STEPS} steps, test accuracy {right:.1%}")  # fmt: skip
    best = min(curves, key=lambda rate: curves[rate][-1])
    tell(f"""The lowest loss at the end has {best}. The smallest rate gets there too, only later. The largest steps
        across the valley and up the other side: look at how often its loss rose, and at its jagged curve in the
        picture. Compare with lesson 2: the same ten neurons, but nobody chose their weights.""")
    draw(curves, kernels[best], options.output)

    heading("Try")
    tell("""Find the largest learning rate whose loss never rises. Or learn from the first 128 images only: what
        happens to the loss, and what to the test accuracy? Next: 04_backpropagation.py puts a layer in between.""")


def loss_and_gradients(x, targets, kernel, bias):
    """The mean loss of images (N, 784), and its gradients by the kernel (784, 10) and the bias (10,)."""
    losses, probabilities = reference.softmax_cross_entropy(reference.dense(x, kernel, bias), targets)
    d_scores = reference.softmax_cross_entropy_gradient(probabilities, targets, 1 / len(x))  # (N, 10)
    return losses.mean(), reference.dense_kernel_gradient(d_scores, x), reference.bias_gradient(d_scores)


def descend(x, targets, rate):
    """Gradient descent from zero weights: the loss before every step, and the kernel and bias after the last."""
    kernel, bias = np.zeros((784, 10)), np.zeros(10)
    velocities = np.zeros_like(kernel), np.zeros_like(bias)  # for momentum, which lesson 8 is about: here it is 0
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
    ax.axhline(math.log(10), color="0.6", linewidth=1, zorder=0)
    ax.set(xlabel="step", ylabel="loss (nats, log scale)", yscale="log", title="Three learning rates; grey is log(10)")
    ax.minorticks_off()
    ax.set_yticks((0.3, 1, 3, 10, 30), ("0.3", "1", "3", "10", "30"))
    ax.legend()
    keep(ax.figure, folder / "03_loss.png")
    axes = panels(5, 2, width=1.7, height=1.9, title="The weights of the ten neurons, learned")
    draw_signed(axes, list(kernel.T.reshape(10, 28, 28)), [str(digit) for digit in range(10)], "weight")
    keep(axes[0].figure, folder / "03_weights.png")


if __name__ == "__main__":
    main()
