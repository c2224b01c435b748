"""Lesson 4: backpropagation. Through two layers, the gradient is found from the end backwards, and checked by hand.

You learn the chain rule as code (each step has a function that sends the gradient back), how a gradient is checked with
nothing but two forward passes, and what a hidden layer is good for.
Read alongside: scratchcnn/reference/dense.py, relu.py and cross_entropy.py; then scratchcnn/training/step.py, which does
the same for any layers.

    python examples/04_backpropagation.py
"""

import numpy as np
from lesson import accuracy, command_line, draw_signed, heading, keep, load_digits, one_hot, panels, read, tell

from scratchcnn import reference

HIDDEN, EPOCHS, BATCH, RATE = 64, 10, 32, 0.2


def main() -> None:
    options = read(command_line(__doc__))
    (x, y), (x_test, y_test) = load_digits()
    x, x_test = x.reshape(-1, 784), x_test.reshape(-1, 784)
    rng = np.random.default_rng(1)
    parameters = {
        "kernel 1": rng.normal(size=(784, HIDDEN)) * np.sqrt(2 / 784), "bias 1": np.zeros(HIDDEN),
        "kernel 2": rng.normal(size=(HIDDEN, 10)) * np.sqrt(1 / HIDDEN), "bias 2": np.zeros(10),
    }  # fmt: skip

    heading("1. Forward, then backward")
    few, few_targets = x[:16], one_hot(y[:16])
    loss, gradients = loss_and_gradients(few, few_targets, parameters)
    tell(f"784 pixels -> {HIDDEN} hidden neurons with ReLU -> 10 scores. Forward gives the loss of {len(few)} images, "
         f"{loss:.4f}. Backward goes the same way in reverse, and hands each layer the gradient by its output. Shapes "
         f"are those of the parameters:")  # fmt: skip
    for name, gradient in gradients.items():
        print(f"  {name + ':':10}{gradient.shape!s:10} mean |gradient| {abs(gradient).mean():.1e}, "
              f"{np.mean(gradient == 0):4.0%} zeros")  # fmt: skip
    tell("Notice the zeros: where a pixel is white, or a ReLU was shut, nothing comes back.")

    heading("2. Is it right? Ask the loss itself")
    tell("Move one weight by h up and down, and see what the loss does: (loss(w + h) - loss(w - h)) / 2h must be its "
         "gradient. For the weight with the largest gradient of each parameter, h = 1e-5:")  # fmt: skip
    worst = 0.0
    for name, gradient in gradients.items():
        place = np.unravel_index(abs(gradient).argmax(), gradient.shape)
        measured = difference(few, few_targets, parameters, name, place, 1e-5)
        error = abs(measured - gradient[place]) / abs(gradient[place])
        worst = max(worst, error)
        print(f"  {name}{[int(i) for i in place]!s:10} backward {gradient[place]:+.10f}  "
              f"differences {measured:+.10f}  relative error {error:.0e}")  # fmt: skip
    tell(f"Largest relative error: {worst:.1e}. A mistake in any of the backward functions would show as an error of "
         f"10 or 100 %. The picture shows why h is not smaller still: then rounding takes over.")  # fmt: skip
    draw_step_sizes(few, few_targets, parameters, gradients, options.output)

    heading("3. Train it, a few images at a time")
    losses = []
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            chosen = order[start : start + BATCH]
            loss, gradients = loss_and_gradients(x[chosen], one_hot(y[chosen]), parameters)
            losses.append(loss)
            for name in parameters:
                parameters[name] -= RATE * gradients[name]
    right = accuracy(scores_of(x_test, parameters)[1], y_test)
    tell(f"Each step looks at {BATCH} images only: {len(losses)} steps in {EPOCHS} epochs, and the mean loss of the last "
         f"hundred is {np.mean(losses[-100:]):.3f}. Test accuracy: {right:.1%}. Compare with lesson 3's best: the hidden "
         f"layer is what it gained. The picture shows what some hidden neurons have come to look for.")  # fmt: skip
    strongest = np.argsort(-abs(parameters["kernel 2"]).sum(axis=1))[:10]
    axes = panels(5, 2, width=1.7, height=1.9, title="Ten hidden neurons: they look for parts, not for digits")
    maps = [parameters["kernel 1"][:, neuron].reshape(28, 28) for neuron in strongest]
    draw_signed(axes, maps, [f"neuron {neuron}" for neuron in strongest], "weight")
    keep(axes[0].figure, options.output / "04_hidden_neurons.png")

    heading("Try")
    tell("Break it: leave the relu_gradient out of loss_and_gradients, and see which lines of part 2 notice. Set HIDDEN "
         "to 4 and to 256. Next: 05_convolution.py; so far no neuron knew which pixels are neighbours.")  # fmt: skip


def scores_of(x, parameters):
    """Hidden outputs (N, HIDDEN) and scores (N, 10) of images (N, 784)."""
    hidden = reference.relu(reference.dense(x, parameters["kernel 1"], parameters["bias 1"]))
    return hidden, reference.dense(hidden, parameters["kernel 2"], parameters["bias 2"])


def loss_and_gradients(x, targets, parameters):
    hidden, scores = scores_of(x, parameters)
    losses, probabilities = reference.softmax_cross_entropy(scores, targets)
    d_scores = reference.softmax_cross_entropy_gradient(probabilities, targets, 1 / len(x))  # (N, 10)
    d_hidden = reference.dense_input_gradient(d_scores, parameters["kernel 2"])  # (N, HIDDEN)
    d_sums = reference.relu_gradient(d_hidden, hidden)
    return losses.mean(), {
        "kernel 1": reference.dense_kernel_gradient(d_sums, x), "bias 1": reference.bias_gradient(d_sums),
        "kernel 2": reference.dense_kernel_gradient(d_scores, hidden), "bias 2": reference.bias_gradient(d_scores),
    }  # fmt: skip


def difference(x, targets, parameters, name, place, h) -> float:
    """Central difference of the loss by one element of one parameter."""
    losses = []
    for step in (h, -h):
        moved = {**parameters, name: parameters[name].copy()}
        moved[name][place] += step
        losses.append(reference.softmax_cross_entropy(scores_of(x, moved)[1], targets)[0].mean())
    return (losses[0] - losses[1]) / (2 * h)


def draw_step_sizes(x, targets, parameters, gradients, folder) -> None:
    gradient = gradients["kernel 2"]
    place = np.unravel_index(abs(gradient).argmax(), gradient.shape)
    steps = 10.0 ** np.arange(-13, 0.1, 0.5)
    errors = [abs(difference(x, targets, parameters, "kernel 2", place, h) / gradient[place] - 1) for h in steps]
    (ax,) = panels(1, width=6, height=3.4)
    ax.loglog(steps, errors, "o-", color="black", markersize=4)
    ax.set(xlabel="h", ylabel="relative error", title="Error of a central difference: a small h rounds, a large h bends")
    keep(ax.figure, folder / "04_step_sizes.png")


if __name__ == "__main__":
    main()
