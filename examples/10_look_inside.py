"""Lesson 10: look inside. Follow one digit through the trained network, and find the pixels that matter.

You learn what feature maps look like, how many activations are zero, which pixels an answer depends on, and what the
network gets wrong.
Read alongside: scratchcnn/training/step.py (the function `forward`), and scratchcnn/inspection/__init__.py, which lists
all inspection tools.

    python examples/09_train_the_network.py     saves a trained network
    python examples/10_look_inside.py           inspects it
"""

import shlex

import numpy as np
from lesson import command_line, heading, keep, load_digits, read, tell

from scratchcnn import load_model
from scratchcnn.inspection import explain, grad_cam, occlusion, trace
from scratchcnn.layers import Conv2D
from scratchcnn.plots import plot_feature_maps

PATCH = 7  # height and width of the square that covers a part of the image


def main() -> None:
    options, model = read_command_line()
    _, (x_test, y_test) = load_digits(model.dtype.name)
    probabilities = model.predict(x_test)  # (N, 10)
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != y_test
    number = np.where(wrong | (confidence < 0.9), 2, confidence).argmin() if options.image is None else options.image
    image, label = x_test[number], int(y_test[number])

    heading("1. From pixels to probabilities")
    seen = trace(model, image[None])
    print(f"\n{seen}")
    first, second = np.argsort(-probabilities[number])[:2]
    tell(f"""Test image {number} is labelled {label}. The network answers {first} with a probability of
        {probabilities[number, first]:.2%}, followed by {second} with {probabilities[number, second]:.2%}.

        In the layer with the highest sparsity, {max(np.mean(layer.output == 0) for layer in seen):.0%} of the
        activations are zero. They come from ReLU, which replaces negative sums by zero. These units do not respond to
        this digit, and receive no gradient from it. The figures show the feature maps of each convolution.""")
    for layer in model.layers:
        if isinstance(layer, Conv2D):
            keep(plot_feature_maps(model, image, layer).figure, options.output / f"10_maps_of_{layer.name}.png")

    heading("2. How an activation is computed")
    name = next(layer.name for layer in model.layers if isinstance(layer, Conv2D))
    output = seen[name].output[0]  # (OH, OW, F)
    print(f"\n{explain(seen, name, np.unravel_index(output.argmax(), output.shape))}")
    tell("""This is the largest output of the first convolution. As in lesson 5, it is a window of the image times a
        filter, but a learned one.""")

    heading("3. Which pixels matter?")
    found = occlusion(model, image, label, size=PATCH)  # the probabilities for every position of the patch
    (row, column), *_ = found.greatest(1)
    tell(f"""Occlusion covers a part of the image and measures how the probability of {label} changes. A patch of
        {PATCH} x {PATCH} pixels has the largest effect with its top left corner in row {row}, column {column}: the
        probability falls from {found.baseline[label]:.2%} to {found.probabilities[row, column, label]:.2%}. The answer
        changes at {np.mean(found.answers != found.answer):.0%} of {found.falls.size} positions.

        Grad-CAM uses the gradient instead. It shows where the feature maps of the last convolution increase the logit
        of {label}.""")
    for name, result in {"10_occlusion.png": found, "10_grad_cam.png": grad_cam(model, image, label)}.items():
        keep(result.plot(), options.output / name)

    heading("4. What the network gets wrong")
    second_best = np.mean(np.argsort(-probabilities[wrong])[:, 1] == y_test[wrong]) if wrong.any() else 1.0
    tell(f"""The test accuracy is {np.mean(~wrong):.1%}. For {second_best:.0%} of the {wrong.sum()} misclassified
        images, the correct digit has the second largest probability.

        The confidence, the probability of the answer, averages {confidence[~wrong].mean():.0%} for correct answers and
        {confidence[wrong].mean() if wrong.any() else 0:.0%} for wrong ones.""")

    heading("Try")
    tell(f"""Inspect another test image with --image N. These are misclassified:
        {", ".join(map(str, np.flatnonzero(wrong)[:8]))}. Inspect your own network with --model FILE. In Python,
        print(trace(model, x, y)) also shows the gradients of the backward pass.

        Next: write_your_own_layer.py adds a layer that this package does not have.""")


def read_command_line():
    parser = command_line(__doc__)
    parser.add_argument("--model", metavar="FILE", help="a saved model (default: network.npz in the --output folder)")
    parser.add_argument("--image", type=int, metavar="N", help="a test image (default: a correct, not confident one)")
    options = read(parser)
    if options.image is not None and not 0 <= options.image < 1000:
        parser.error(f"argument --image: expected 0 to 999, received {options.image}")
    path, culprit, hint = options.model, "argument --model", ""
    if path is None:
        path, culprit = options.output / "network.npz", "the network of lesson 9"
        hint = f"; run python examples/09_train_the_network.py --output {shlex.quote(str(options.output))}"

    def refuse(reason: object):
        parser.error(f"{culprit}: {str(reason).rstrip('.')}{hint}")

    try:
        model = load_model(path)
    except FileNotFoundError:
        refuse(f"expected a saved model, found no file '{path}'")
    except (OSError, ValueError, ImportError) as error:
        refuse(error)
    if (model.input_shape, model.output_shape) != ((None, 28, 28, 1), (None, 10)):
        refuse("expected a network with input shape (None, 28, 28, 1) and output shape (None, 10), received "
               f"{model.input_shape} and {model.output_shape}")  # fmt: skip
    if not any(isinstance(layer, Conv2D) for layer in model.layers):
        refuse("expected a network with a convolution, received one without")
    total = model.predict(np.zeros((1, 28, 28, 1))).sum()
    if not abs(total - 1) < 1e-3:
        refuse(f"expected a network whose outputs are probabilities, received outputs with the sum {total:.3g}")
    return options, model


if __name__ == "__main__":
    main()
