"""Lesson 10: a look inside. One digit on its way through the trained network, and which of its pixels matter.

You learn what a layer's outputs look like, how many of them are zero, where a network looks, and what it gets wrong.
Read alongside: scratchcnn/training/step.py (`forward`), and scratchcnn/inspection/, which goes on from here.

    python examples/09_train_the_network.py     leaves a trained network
    python examples/10_look_inside.py           opens it
"""

import numpy as np
from lesson import command_line, draw_image, heading, keep, load_digits, panels, read, tell

from scratchcnn import Sequential, kernels, load_model

COVER = 7  # pixels of a side of the paper that covers a part of the digit
MOST_MAPS = 8


def main() -> None:
    options, model = read_command_line()
    _, (x_test, y_test) = load_digits("float32")
    probabilities = model.predict(x_test)  # (N, 10)
    sure, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != y_test
    number = np.where(wrong | (sure < 0.9), 2, sure).argmin() if options.image is None else options.image
    image, label = x_test[number : number + 1], y_test[number]

    heading("1. From pixels to probabilities")
    print("  layer               output             zeros     least      most")
    outputs, y = {}, image
    for layer in model.layers:
        y, _ = layer.forward(y, kernels, training=False, rng=None)
        outputs[layer.name] = y
        print(f"  {layer.name:18}  {y.shape[1:]!s:16}  {np.mean(y == 0):5.0%}  {y.min():8.3f}  {y.max():8.3f}")
    first, second = np.argsort(-y[0])[:2]
    tell(f"""Test image {number} is labelled {label}, and the network says {first} with {y[0, first]:.2%}, then
        {second} with {y[0, second]:.2%}. Zeros are what ReLU leaves of negative sums: many units have nothing to say
        to this digit, and learn nothing from it.""")
    draw_maps(image, outputs, options.output)

    heading("2. Which pixels matter? Cover them")
    kept = occluded(model, image, label)  # (22, 22): probability of the label where the paper lies there
    row, column = np.unravel_index(kept.argmin(), kept.shape)
    tell(f"""A piece of paper of {COVER} x {COVER} pixels is laid over every place. With its top left corner in row
        {row}, column {column} it does most harm: the probability of {label} falls from {y[0, label]:.2%} to
        {kept.min():.2%}. In {np.mean(kept < y[0, label] / 2):.0%} of the {kept.size} places it falls to less
        than half.""")
    draw_occlusion(image, kept, (row, column), options.output)

    heading("3. What it gets wrong")
    second_right = np.mean(np.argsort(-probabilities[wrong])[:, 1] == y_test[wrong]) if wrong.any() else 1.0
    tell(f"""{np.mean(~wrong):.1%} of {len(x_test)} test images are right; the other {wrong.sum()} have the right
        digit in second place in {second_right:.0%} of the cases. It is usually less sure of them:
        {sure[wrong].mean():.0%} in the mean, against {sure[~wrong].mean():.0%}.""")

    heading("Try")
    tell(f"""--image N looks at another of the {len(x_test)}; these are wrong:
        {", ".join(map(str, np.flatnonzero(wrong)[:8]))}. --model FILE looks into a network of yours.
        write_your_own_layer.py goes on: a layer that this package does not have.""")


def occluded(model: Sequential, image: np.ndarray, label: int) -> np.ndarray:
    """Probability of a label with the paper at every place.

    Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2.
    """
    places = 28 - COVER + 1
    covered = np.repeat(image, places * places, axis=0)
    for number, (row, column) in enumerate(np.ndindex(places, places)):
        covered[number, row : row + COVER, column : column + COVER] = 0
    return model.predict(covered)[:, label].reshape(places, places)


def draw_maps(image: np.ndarray, outputs: dict[str, np.ndarray], folder) -> None:
    """The first maps of every layer whose outputs are images."""
    maps = {name: y[0, :, :, :MOST_MAPS] for name, y in outputs.items() if y.ndim == 4 and "dropout" not in name}
    axes = panels(MOST_MAPS, len(maps) + 1, width=1.35, height=1.5, title="First maps of each layer, dark is large")
    draw_image(axes[0], image[0], "image")
    for row, (name, each) in enumerate(maps.items(), start=1):
        for number in range(each.shape[2]):
            ax = axes[row * MOST_MAPS + number]
            draw_image(ax, each[:, :, number] / max(float(each.max()), 1e-9), f"{name} {number}")
    for ax in axes:
        ax.axison = bool(ax.images)
    keep(axes[0].figure, folder / "10_maps.png")


def draw_occlusion(image: np.ndarray, kept: np.ndarray, worst: tuple[int, int], folder) -> None:
    axes = panels(3, width=2.8, height=2.9)
    draw_image(axes[0], image[0], "the digit")
    covered = image[0].copy()
    covered[worst[0] : worst[0] + COVER, worst[1] : worst[1] + COVER] = 0
    draw_image(axes[1], covered, "covered where it harms most")
    drawn = axes[2].imshow(kept, cmap="viridis", vmin=0, vmax=1, extent=(3, 25, 25, 3))  # centres of the paper
    axes[2].contour(image[0, :, :, 0], levels=[0.5], colors="white", extent=(0, 28, 0, 28), linewidths=1)
    axes[2].set(xticks=[], yticks=[], xlim=(0, 28), ylim=(28, 0))
    axes[2].set_title("probability, by centre of the paper", fontsize=9)
    axes[2].figure.colorbar(drawn, ax=axes[2], fraction=0.05)
    keep(axes[0].figure, folder / "10_occlusion.png")


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
    return options, model


if __name__ == "__main__":
    main()
