"""Lesson 5: convolution. One small filter is applied at every position of the image, and detects an edge anywhere.

You learn how one output of a convolution is computed, what stride and padding do, how many weights a convolution saves,
and that filters can be learned like other weights.
Read alongside: scratchcnn/reference/conv2d.py and scratchcnn/geometry.py.

    python examples/05_convolution.py
"""

import numpy as np
from lesson import accuracy, command_line, draw_image, draw_signed, heading, keep, load_digits, panels, read, tell

from scratchcnn import reference

EDGE = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])  # paper on the left, ink on the right
FILTERS = {"left edge": EDGE, "top edge": EDGE.T, "right edge": -EDGE, "mean of 3 × 3": np.full((3, 3), 1 / 9)}


def main() -> None:
    options = read(command_line(__doc__))
    (x, y), (x_test, y_test) = load_digits()
    image = x_test[:1]  # (1, 28, 28, 1)
    kernel = np.stack(list(FILTERS.values()), axis=-1)[:, :, None, :]  # (3, 3, 1, 4)

    heading("1. One output is a window times the filter")
    maps = reference.conv2d(image, kernel, None)  # (1, 26, 26, 4)
    oy, ox = np.unravel_index(maps[0, :, :, 0].argmax(), maps.shape[1:3])
    window = image[0, oy : oy + 3, ox : ox + 3, 0]
    print("\nwindow of the image", " " * 10, "filter", " " * 11, "products")
    for row in range(3):
        print(
            "   ".join(" ".join(f"{value:6.2f}" for value in each[row]) for each in (window, EDGE, window * EDGE + 0))
        )
    tell(f"""The nine products add up to {(window * EDGE).sum():.4f}, and the output of the convolution at row {oy},
        column {ox} is {maps[0, oy, ox, 0]:.4f}. It is the largest output of this filter: there it finds the clearest
        left edge of a stroke.

        A convolution is a neuron with 9 weights, its filter, that is applied at {maps[..., 0].size} positions. Its
        outputs form an image, the feature map. The pixels that an output depends on are its receptive field: here 3 x
        3 pixels instead of all 784.""")

    heading("2. Padding and stride determine the size of the feature maps")
    tell("""Padding 'same' surrounds the image with zeros, so that the size stays the same. With strides of 2, the
        filter moves by two pixels at a time. With a dilation rate of 2, its weights are two pixels apart.""")
    for settings in ({}, {"padding": "same"}, {"strides": (2, 2)}, {"dilation_rate": (2, 2)}):
        shape = reference.conv2d(image, kernel, None, **settings).shape
        print(f"  {settings or 'default'!s:28} {image.shape} -> {shape}")
    dense_weights = image.size * maps.size
    tell(f"""Four filters produce four feature maps (the last number) with {kernel.size} weights. A dense layer, as in
        lesson 2, with as many outputs would need {dense_weights:,} weights, {dense_weights // kernel.size:,} times as
        many.""")

    heading("3. Feature maps move with the image")
    moved = np.roll(image, 2, axis=2)  # two pixels to the right; the edge of a digit's image is empty
    same = reference.conv2d(image, kernel, None, padding="same")
    difference = abs(reference.conv2d(moved, kernel, None, padding="same") - np.roll(same, 2, axis=2))[:, :, 2:-2].max()
    templates = np.stack([x[y == digit].mean(axis=0).ravel() for digit in range(10)], axis=1)  # as in lesson 2
    bias = -(templates**2).sum(axis=0) / 2
    before, after = (accuracy(reference.dense(images.reshape(-1, 784), templates, bias), y_test)
                     for images in (x_test, np.roll(x_test, 2, axis=2)))  # fmt: skip
    tell(f"""If you move the digit by two pixels, its feature maps move by two pixels. Apart from that, they differ by
        {difference:.1g}. This property is called translation equivariance.

        A dense layer does not have it, because each of its weights belongs to a fixed pixel. If all digits are moved
        by two pixels, the accuracy of the templates from lesson 2 falls from {before:.1%} to {after:.1%}.""")

    heading("4. A filter can be learned")
    tell("""Start with a filter of zeros. Gradient descent makes its feature maps similar to those of the edge filter,
        for 16 digits:""")
    learned = learn_filter(x[:16])
    print("  learned:", np.array2string(learned.round(3) + 0, prefix="  learned: "))
    tell(f"""The learned weights differ from the edge filter by at most {abs(learned - EDGE).max():.1e}. A network can
        do more: it learns its filters from the labels alone, without any examples of feature maps.""")
    draw(image, maps[0], options.output)

    heading("Try")
    tell("""Design a filter that detects the end of a stroke. Flip the edge filter with EDGE[::-1, ::-1]: which filter
        in the figure do you get?

        Next: 06_pooling_and_dropout.py makes the feature maps smaller.""")


def learn_filter(images: np.ndarray) -> np.ndarray:
    """Gradient descent on the mean squared error between the feature maps of a filter and those of EDGE."""
    target = reference.conv2d(images, EDGE[:, :, None, None], None)
    kernel, velocity = np.zeros((3, 3, 1, 1)), np.zeros((3, 3, 1, 1))
    for step in range(101):
        error = reference.conv2d(images, kernel, None) - target
        if step % 25 == 0:
            print(f"  step {step:3}: mean squared error {np.mean(error**2):.2e}")
        gradient = reference.conv2d_kernel_gradient(2 * error / error.size, images, (3, 3))
        reference.sgd(kernel, gradient, velocity, 1.0, 0.8, False)
    return kernel[:, :, 0, 0]


def draw(image: np.ndarray, maps: np.ndarray, folder) -> None:
    axes = panels(5, 2, width=2, height=2.1, title="Four filters (top) and their feature maps (bottom)")
    axes[0].set_axis_off()
    draw_image(axes[5], image[0], "image")
    draw_signed(axes[1:5], list(FILTERS.values()), list(FILTERS), "weight")
    draw_signed(axes[6:10], list(np.moveaxis(maps, -1, 0)), list(FILTERS), "activation")
    keep(axes[0].figure, folder / "05_convolution.png")


if __name__ == "__main__":
    main()
