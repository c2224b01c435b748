"""Lesson 10: a look inside. One digit on its way through the trained network, and which of its pixels matter.

You learn what a layer's outputs look like, how many of them are zero, where a network looks, and what it gets wrong.
Read alongside: scratchcnn/training/step.py (`forward`), and scratchcnn/inspection/__init__.py for all there is to ask.

    python examples/09_train_the_network.py     leaves a trained network
    python examples/10_look_inside.py           opens it
"""

import numpy as np
from lesson import command_line, heading, keep, load_digits, read, tell

from scratchcnn import load_model
from scratchcnn.inspection import explain, grad_cam, occlusion, trace
from scratchcnn.layers import Conv2D
from scratchcnn.plots import plot_feature_maps

COVER = 7  # pixels of a side of the paper that covers a part of the digit


def main() -> None:
    options, model = read_command_line()
    _, (x_test, y_test) = load_digits("float32")
    probabilities = model.predict(x_test)  # (N, 10)
    sure, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != y_test
    number = np.where(wrong | (sure < 0.9), 2, sure).argmin() if options.image is None else options.image
    image, label = x_test[number], int(y_test[number])

    heading("1. From pixels to probabilities")
    passed = trace(model, image[None])
    print(passed)
    first, second = np.argsort(-probabilities[number])[:2]
    zeros = [np.mean(layer.output == 0) for layer in passed]
    tell(f"""Test image {number} is labelled {label}; the network says {first} with
        {probabilities[number, first]:.2%}, then {second} with {probabilities[number, second]:.2%}. Notice the column
        of zeros, up to {max(zeros):.0%} of a layer: they are what ReLU leaves of negative sums. Those units have
        nothing to say to this digit, and would learn nothing from it.""")
    for layer in model.layers:
        if isinstance(layer, Conv2D):
            keep(plot_feature_maps(model, image, layer).figure, options.output / f"10_maps_of_{layer.name}.png")

    heading("2. Where one number came from")
    name = next(layer.name for layer in model.layers if isinstance(layer, Conv2D))
    output = passed[name].output[0]  # (OH, OW, F)
    place = tuple(int(i) for i in np.unravel_index(output.argmax(), output.shape))
    print(explain(passed, name, place))
    tell("The largest output of the first convolution, as in lesson 5: a window times a filter, but a learned one.")

    heading("3. Which pixels matter? Cover them")
    found = occlusion(model, image, label, size=COVER)  # what the paper leaves of the probability, place by place
    (row, column), *_ = found.greatest(1)
    tell(f"""A piece of paper of {COVER} x {COVER} pixels is laid over every place. With its top left corner in row
        {row}, column {column} it does most harm: the probability of {label} falls from {found.baseline[label]:.2%} to
        {found.probabilities[row, column, label]:.2%}. In {np.mean(found.answers != found.answer):.0%} of
        {found.falls.size} places the answer changes. Next to it in the pictures: where the maps of the last
        convolution speak for {label} (Grad-CAM).""")
    for name, result in {"10_occlusion.png": found, "10_grad_cam.png": grad_cam(model, image, label)}.items():
        keep(result.plot(), options.output / name)

    heading("4. What it gets wrong")
    second_right = np.mean(np.argsort(-probabilities[wrong])[:, 1] == y_test[wrong]) if wrong.any() else 1.0
    tell(f"""{np.mean(~wrong):.1%} of {len(x_test)} test images are right; of the other {wrong.sum()},
        {second_right:.0%} have the right digit in second place. The network is {np.mean(sure[~wrong]):.0%} sure in the
        mean where it is right, and {np.mean(sure[wrong]) if wrong.any() else 0:.0%} where it is wrong.""")

    heading("Try")
    tell(f"""--image N looks at another of the {len(x_test)}; these are wrong:
        {", ".join(map(str, np.flatnonzero(wrong)[:8]))}. --model FILE looks into a network of yours. In Python,
        print(trace(model, x, y)) also follows the gradients back. write_your_own_layer.py goes on: a layer that this
        package does not have.""")


def read_command_line():
    parser = command_line(__doc__)
    parser.add_argument("--model", metavar="FILE", help="a saved model (default: network.npz in the --output folder)")
    parser.add_argument("--image", type=int, metavar="N", help="which test image (default: a right one, not too sure)")
    options = read(parser)
    if options.image is not None and not 0 <= options.image < 1000:
        parser.error(f"argument --image: expected 0 to 999, received {options.image}")
    try:
        model = load_model(options.model or options.output / "network.npz")
    except FileNotFoundError as error:
        parser.error(f"argument --model: {error}; python examples/09_train_the_network.py makes one")
    except (OSError, ValueError, ImportError) as error:
        parser.error(f"argument --model: {error}")
    if model.input_shape != (None, 28, 28, 1) or model.output_shape != (None, 10):
        parser.error(f"argument --model: expected a network for digits, received one of {model.input_shape}")
    if not any(isinstance(layer, Conv2D) for layer in model.layers):
        parser.error("argument --model: expected a network with a convolution, received one without")
    return options, model


if __name__ == "__main__":
    main()
