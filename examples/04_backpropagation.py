"""Lesson 4: backpropagation. Through two layers, the gradient is found from the end backwards, and checked by hand.

You learn the chain rule as code (each step has a function that sends the gradient back), how a gradient is checked with
nothing but two forward passes, and what a hidden layer is good for.
Read alongside: scratchcnn/reference/dense.py, relu.py and cross_entropy.py; then scratchcnn/training/step.py, which
does the same for any layers.

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
    tell(f"""784 pixels -> {HIDDEN} hidden neurons with ReLU -> 10 scores. Forward gives the loss of {len(few)}
        images, {loss:.4f}. Backward goes the same way in reverse, and hands each layer the gradient by its output.
        Shapes are those of the parameters:""")
    for name, each in gradients.items():
        print(f"  {name:9} {each.shape!s:10} mean |gradient| {abs(each).mean():.1e}, {np.mean(each == 0):4.0%} zeros")
    tell("Notice the zeros: where a pixel is white, or a ReLU was shut, nothing comes back.")

    heading("2. Is it right? Ask the loss itself")
    tell("""Move one weight by h up and down, and see what the loss does: (loss(w + h) - loss(w - h)) / 2h must be
        its gradient. For the weight with the largest gradient of each parameter, h = 1e-5:""")
    worst = 0.0
    for name, gradient in gradients.items():
        place = np.unravel_index(abs(gradient).argmax(), gradient.shape)
        measured, exact = difference(few, few_targets, parameters, name, place, 1e-5), gradient[place]
        worst = max(worst, error := abs(measured / exact - 1))
        print(f"  {name:8} backward {exact:+.10f}  differences {measured:+.10f}  relative error {error:.0e}")
    tell(f"""Largest relative error: {worst:.1e}. A mistake in any of the backward functions would show as an error
        of 10 or 100 %. For any layer or model, scratchcnn.inspection.check_gradients does the same.""")

    heading("3. Train it, a few images at a time")
    losses = train(x, y, parameters, rng)
    right = accuracy(scores_of(x_test, parameters)[1], y_test)
    tell(f"""Each step looks at {BATCH} images only: {len(losses)} steps in {EPOCHS} epochs, and the mean loss of the
        last hundred is {np.mean(losses[-100:]):.3f}. Test accuracy: {right:.1%}. Compare with lesson 3's best: the
        hidden layer is what it gained. The picture shows what some hidden neurons have come to look for.""")
    draw_neurons(parameters, options.output)

    heading("Try")
    tell("""Break it: leave the relu_gradient out of loss_and_gradients, and see which lines of part 2 notice. Check
        with h = 1e-13 and with h = 1: why are both worse? Next: 05_convolution.py; so far no neuron knew which
        pixels are neighbours.""")


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


def train(x, y, parameters, rng) -> list[float]:
    """Change the parameters by gradient descent on small batches; return the loss of each."""
    losses = []
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            chosen = order[start : start + BATCH]
            loss, gradients = loss_and_gradients(x[chosen], one_hot(y[chosen]), parameters)
            losses.append(loss)
            for name in parameters:
                parameters[name] -= RATE * gradients[name]
    return losses


def draw_neurons(parameters, folder) -> None:
    strongest = np.argsort(-abs(parameters["kernel 2"]).sum(axis=1))[:10]
    axes = panels(5, 2, width=1.7, height=1.9, title="Ten hidden neurons: they look for parts, not for digits")
    maps = [parameters["kernel 1"][:, neuron].reshape(28, 28) for neuron in strongest]
    draw_signed(axes, maps, [f"neuron {neuron}" for neuron in strongest], "weight")
    keep(axes[0].figure, folder / "04_hidden_neurons.png")


if __name__ == "__main__":
    main()
