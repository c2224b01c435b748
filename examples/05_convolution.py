"""Lesson 5: convolution. One small filter looks at every place of the image: it finds an edge wherever it is.

You learn what one output of a convolution is, what stride and padding do, how much a convolution saves, and that its
filter can be learned like any other weights.
Read alongside: scratchcnn/reference/conv2d.py and scratchcnn/geometry.py.

    python examples/05_convolution.py
"""

import numpy as np
from lesson import accuracy, command_line, draw_image, draw_signed, heading, keep, load_digits, panels, read, tell

from scratchcnn import reference

EDGE = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])  # paper on the left, ink on the right
FILTERS = {"ink begins": EDGE, "ink begins below": EDGE.T, "ink ends": -EDGE, "mean of nine": np.full((3, 3), 1 / 9)}


def main() -> None:
    options = read(command_line(__doc__))
    (x, y), (x_test, y_test) = load_digits()
    image = x_test[:1]  # (1, 28, 28, 1)
    kernel = np.stack(list(FILTERS.values()), axis=-1)[:, :, None, :]  # (3, 3, 1, 4)

    heading("1. One output is one window times the filter")
    maps = reference.conv2d(image, kernel, None)  # (1, 26, 26, 4)
    oy, ox = np.unravel_index(maps[0, :, :, 0].argmax(), maps.shape[1:3])
    window = image[0, oy : oy + 3, ox : ox + 3, 0]
    print("window of the image", " " * 10, "filter", " " * 11, "products")
    for row in range(3):
        print(
            "   ".join(" ".join(f"{number:6.2f}" for number in each[row]) for each in (window, EDGE, window * EDGE + 0))
        )
    tell(f"""The nine products sum to {(window * EDGE).sum():.4f}; the output at row {oy}, column {ox} is
        {maps[0, oy, ox, 0]:.4f}. It is the largest of the map: there the ink begins most sharply. A neuron as in
        lesson 1, but one that sees 9 pixels instead of 784, and is asked at {maps[..., 0].size} places.""")

    heading("2. How many places: padding and stride")
    for settings in ({}, {"padding": "same"}, {"strides": (2, 2)}, {"dilation_rate": (2, 2)}):
        shape = reference.conv2d(image, kernel, None, **settings).shape
        print(f"  {settings or 'as it is'!s:28} {image.shape} -> {shape}")
    dense_weights = image.size * maps.size
    tell(f"""Four filters make four maps from {kernel.size} weights. A dense layer with as many outputs would need
        {dense_weights:,}, {dense_weights // kernel.size:,} times more.""")

    heading("3. What moves, moves along")
    moved = np.roll(image, 2, axis=2)  # two pixels to the right; the edge of a digit's image is empty
    same = reference.conv2d(image, kernel, None, padding="same")
    difference = abs(reference.conv2d(moved, kernel, None, padding="same") - np.roll(same, 2, axis=2))[:, :, 2:-2].max()
    templates = np.stack([x[y == digit].mean(axis=0).ravel() for digit in range(10)], axis=1)  # as in lesson 2
    bias = -(templates**2).sum(axis=0) / 2
    right, right_moved = (accuracy(reference.dense(images.reshape(-1, 784), templates, bias), y_test)
                          for images in (x_test, np.roll(x_test, 2, axis=2)))  # fmt: skip
    tell(f"""Move the digit by two pixels, and its maps move by two pixels: apart from that they differ by
        {difference:.1g}. The templates of lesson 2 fall from {right:.1%} to {right_moved:.1%} on digits that were
        moved so: each of their weights knows one pixel only.""")

    heading("4. A filter can be learned")
    learned = learn_filter(x[:16], options)
    print("  learned:", np.array2string(learned.round(3) + 0, prefix="  learned: "))
    tell(f"""It was never told the filter, only what comes out of it for 16 digits, and found it to within
        {abs(learned - EDGE).max():.1e}. A network goes further: nobody tells it what should come out of its filters
        either, only the digit at the very end.""")
    draw(image, maps[0], options.output)

    heading("Try")
    tell("""Write a filter of your own that answers to the end of a stroke. Flip EDGE with EDGE[::-1, ::-1]: which
        filter of the picture do you get? Next: 06_pooling_and_dropout.py makes the maps smaller.""")


def learn_filter(images: np.ndarray, options) -> np.ndarray:
    """Gradient descent on the mean squared error between the maps of a filter and those of EDGE."""
    wanted = reference.conv2d(images, EDGE[:, :, None, None], None)
    kernel, velocity = np.zeros((3, 3, 1, 1)), np.zeros((3, 3, 1, 1))
    for step in range(101):
        error = reference.conv2d(images, kernel, None) - wanted
        if step % 25 == 0:
            print(f"  step {step:3}: mean squared error {np.mean(error**2):.2e}")
        gradient = reference.conv2d_kernel_gradient(2 * error / error.size, images, (3, 3))
        reference.sgd(kernel, gradient, velocity, 1.0, 0.8, False)
    return kernel[:, :, 0, 0]


def draw(image: np.ndarray, maps: np.ndarray, folder) -> None:
    axes = panels(5, 2, width=2, height=2.1, title="Four filters, and what each makes of the digit")
    axes[0].set_axis_off()
    draw_image(axes[5], image[0], "image")
    draw_signed(axes[1:5], list(FILTERS.values()), list(FILTERS), "weight")
    draw_signed(axes[6:10], list(np.moveaxis(maps, -1, 0)), ["map"] * 4, "output")
    keep(axes[0].figure, folder / "05_convolution.png")


if __name__ == "__main__":
    main()
