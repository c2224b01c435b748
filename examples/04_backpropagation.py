"""Lesson 4: backpropagation. The chain rule computes the gradient of a network, from the last layer to the first.

You learn that each operation has a function for its backward pass, how to check a gradient with finite differences, and
what a hidden layer is good for.
Read alongside: scratchcnn/reference/dense.py, relu.py and scratchcnn/reference/losses/cross_entropy.py; then
scratchcnn/training/step.py, which does the same for any sequence of layers.

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

    heading("1. Forward pass and backward pass")
    few, few_targets = x[:16], one_hot(y[:16])
    loss, gradients = loss_and_gradients(few, few_targets, parameters)
    tell(f"""The network computes 784 pixels -> {HIDDEN} activations -> 10 logits. The first layer, with ReLU, is a
        hidden layer: its outputs are neither inputs nor answers of the network. Kernels and biases together are the
        parameters.

        The forward pass computes the loss: {loss:.4f} for the first {len(few)} images. The backward pass, or
        backpropagation, goes through the layers in reverse order. Each layer receives the gradient with respect to its
        output, and computes the gradients with respect to its parameters and its input.""")
    for name, each in gradients.items():
        print(f"  {name:9} {each.shape!s:10} mean |gradient| {abs(each).mean():.1e}, {np.mean(each == 0):4.0%} zeros")
    tell("""Note the zeros. A weight has gradient 0 if, for every image, its pixel is 0 or its neuron's ReLU outputs
        0.""")

    heading("2. Check the gradient with finite differences")
    tell("""Change one weight w by a small h in both directions. Then (loss(w + h) - loss(w - h)) / 2h, a finite
        difference, must agree with the gradient. Here it is for the largest gradient of each parameter, with h =
        1e-5:""")
    worst = 0.0
    for name, gradient in gradients.items():
        place = np.unravel_index(abs(gradient).argmax(), gradient.shape)
        numeric, exact = difference(few, few_targets, parameters, name, place, 1e-5), gradient[place]
        worst = max(worst, error := abs(numeric / exact - 1))
        print(f"  {name:9} backward {exact:+.10f}  difference {numeric:+.10f}  relative error {error:.0e}")
    tell(f"""The largest relative error is {worst:.1e}. A mistake in the backward pass would usually cause an error of
        10% or 100%. The function scratchcnn.inspection.check_gradients checks any layer or model in this way.""")

    heading("3. Train with small batches")
    losses = train(x, y, parameters, rng)
    tell(f"""Each step uses only {BATCH} of the training images, a batch. An epoch is one pass over all training
        images; {EPOCHS} epochs are {len(losses)} steps. The mean loss of the last hundred steps is
        {np.mean(losses[-100:]):.3f}.

        The test accuracy is {accuracy(logits_of(x_test, parameters)[1], y_test):.1%}. Compare with the best of lesson
        3: the improvement is due to the hidden layer. The figure shows the weights of some hidden neurons; many
        respond to parts of digits.""")
    draw_neurons(parameters, options.output)

    heading("Try")
    tell("""Remove relu_gradient from loss_and_gradients. Which lines of part 2 show the mistake? Then check with h =
        1e-13 and with h = 1. Why are both errors larger?

        Next: 05_convolution.py. The network of this lesson does not know which pixels are neighbours: if you permuted
        the pixels of all images in the same way, it would learn just as well.""")


def logits_of(x, parameters):
    """Activations (N, HIDDEN) of the hidden layer, and logits (N, 10), for images (N, 784)."""
    hidden = reference.relu(reference.dense(x, parameters["kernel 1"], parameters["bias 1"]))
    return hidden, reference.dense(hidden, parameters["kernel 2"], parameters["bias 2"])


def loss_and_gradients(x, targets, parameters):
    hidden, logits = logits_of(x, parameters)
    losses, probabilities = reference.softmax_cross_entropy(logits, targets)
    d_logits = reference.softmax_cross_entropy_gradient(probabilities, targets, 1 / len(x))  # (N, 10)
    d_hidden = reference.dense_input_gradient(d_logits, parameters["kernel 2"])  # (N, HIDDEN)
    d_sums = reference.relu_gradient(d_hidden, hidden)
    return losses.mean(), {
        "kernel 1": reference.dense_kernel_gradient(d_sums, x), "bias 1": reference.bias_gradient(d_sums),
        "kernel 2": reference.dense_kernel_gradient(d_logits, hidden), "bias 2": reference.bias_gradient(d_logits),
    }  # fmt: skip


def difference(x, targets, parameters, name, place, h) -> float:
    """Central difference of the loss with respect to one element of a parameter."""
    losses = []
    for step in (h, -h):
        moved = {**parameters, name: parameters[name].copy()}
        moved[name][place] += step
        losses.append(reference.softmax_cross_entropy(logits_of(x, moved)[1], targets)[0].mean())
    return (losses[0] - losses[1]) / (2 * h)


def train(x, y, parameters, rng) -> list[float]:
    """Update the parameters by gradient descent on small batches; return the loss of each batch."""
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
    axes = panels(5, 2, width=1.7, height=1.9, title="Weights of ten hidden neurons")
    maps = [parameters["kernel 1"][:, neuron].reshape(28, 28) for neuron in strongest]
    draw_signed(axes, maps, [f"neuron {neuron}" for neuron in strongest], "weight")
    keep(axes[0].figure, folder / "04_hidden_neurons.png")


if __name__ == "__main__":
    main()
