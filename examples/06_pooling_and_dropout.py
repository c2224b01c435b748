"""Lesson 6: pooling and dropout. Pooling discards exact positions; dropout discards activations at random.

You learn what max pooling keeps and where its gradient goes, why dropout is active in training only, and what each of
them is good for.
Read alongside: scratchcnn/reference/max_pool2d.py and dropout.py.

    python examples/06_pooling_and_dropout.py
"""

import numpy as np
from lesson import command_line, draw_image, heading, keep, load_digits, panels, read, tell

from scratchcnn import Sequential, reference
from scratchcnn.layers import Dense, Dropout, Flatten

EDGE = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])  # the filter of lesson 5
FEW, EPOCHS = 500, 40


def main() -> None:
    options = read(command_line(__doc__))
    (x, y), (x_test, y_test) = load_digits()
    image = x_test[:1]
    edges = edges_of(image)  # (1, 26, 26, 1)

    heading("1. Max pooling keeps the maximum of each window")
    pooled, argmax = reference.max_pool2d(edges)  # windows of 2 x 2
    oy, ox = np.unravel_index(pooled[0, :, :, 0].argmax(), pooled.shape[1:3])
    window = edges[0, 2 * oy : 2 * oy + 2, 2 * ox : 2 * ox + 2, 0]
    tell(f"""Divide the feature map of the edge filter (after ReLU) into windows of 2 x 2 activations, and keep the
        maximum of each: the shape {edges.shape} becomes {pooled.shape}.

        The window with the largest activation contains {window.round(2).tolist()}. Its maximum is
        {pooled[0, oy, ox, 0]:.2f}, and its argmax index is {argmax[0, oy, ox, 0]}: the position of the maximum among
        the four activations, counted row by row from 0.""")

    heading("2. Pooling makes small shifts less important")
    tell("""Move the digit by one or two pixels. How much do the pixels, the feature map of the edge filter and its
        pooled versions change?""")
    print_changes(image, edges)
    tell("""The change from a to b is the length of the vector a - b, divided by the length of a. Compare the last
        three columns: the larger the pooling window, the smaller the change. The price is that the position of the
        edge is known less precisely.""")

    heading("3. The gradient goes to the maximum")
    dy = np.random.default_rng(0).normal(size=pooled.shape)
    dx = reference.max_pool2d_gradient(dy, argmax, edges.shape)
    tell(f"""In the backward pass, {np.mean(dx == 0):.0%} of the {dx.size} elements of the input gradient are zero,
        because only the maximum of a window affects the output. Each of the {dy.size} elements of the output gradient
        goes to one maximum: the sum is {dy.sum():.6f} before and {dx.sum():.6f} after.""")

    heading("4. Dropout zeroes random activations during training")
    dropped, kept = reference.dropout(pooled, 0.5, key=1)
    mean = np.mean([reference.dropout(pooled, 0.5, key)[0] for key in range(2000)], axis=0)
    tell(f"""With a rate of 0.5, dropout sets {np.mean(~kept):.0%} of the {kept.size} activations to zero, and
        multiplies the others by 1 / (1 - 0.5) = 2.

        One such pass changes the input by {change(pooled, dropped):.0%}, but the mean of 2000 passes differs from it
        by only {change(pooled, mean):.1%}: on average, dropout changes nothing. This is why you can simply switch it
        off after training.""")

    heading("5. Dropout reduces overfitting")
    tell(f"The same network, trained for {EPOCHS} epochs with only {FEW} images:")
    losses = losses_by_rate((x[:FEW].astype("float32"), y[:FEW]), (x_test.astype("float32"), y_test))
    tell(f"""All three networks have memorized the training images, and are worse on the test images. This is called
        overfitting.

        The lowest test loss belongs to the dropout rate {min(losses, key=losses.get)}. This network was never able to
        rely on a single neuron, and is less confident in its wrong answers. The differences in accuracy say little:
        with {len(x_test)} test images, 0.1% is one image.""")
    draw(image, edges, pooled, argmax, dropped, options.output)

    heading("Try")
    tell("""Replace the maximum by the mean, with reference.average_pool2d, and look at the table of part 2 again.
        Which dropout rate is best for 500 images, and which for all 4,000?

        Next: 07_im2col_and_speed.py computes the same convolution in seven ways.""")


def edges_of(image: np.ndarray) -> np.ndarray:
    return reference.relu(reference.conv2d(image, EDGE[:, :, None, None], None))


def pool(images: np.ndarray, size: int) -> np.ndarray:
    return reference.max_pool2d(images, (size, size), (size, size))[0]


def change(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(a))


def print_changes(image: np.ndarray, edges: np.ndarray) -> None:
    """Print how much the image, its feature map and the pooled maps change when the digit moves."""
    heads = ("pixels", "feature map", "pooled 2 x 2", "pooled 4 x 4")
    print(f"  {'digit moved by':21}" + "".join(f"{each:>15}" for each in heads))
    for shift in (1, 2):
        moved = np.roll(image, shift, axis=2)
        changes = [change(image, moved), change(edges, edges_of(moved))]
        changes += [change(pool(edges, size), pool(edges_of(moved), size)) for size in (2, 4)]
        print(f"  {shift} pixel{'s' * (shift > 1):14}" + "".join(f"{each:15.0%}" for each in changes))


def losses_by_rate(few: tuple, test: tuple) -> dict[float, float]:
    """Test loss of the same network for each dropout rate, trained with few images; prints a line for each."""
    losses = {}
    for rate in (0.0, 0.5, 0.75):
        model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(512, activation="relu"), Dropout(rate),
                            Dense(10, activation="softmax")], seed=0)  # fmt: skip
        model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        model.fit(*few, batch_size=32, epochs=EPOCHS, verbose=0)
        loss, right = model.evaluate(*few, verbose=0)
        losses[rate], test_right = model.evaluate(*test, verbose=0)
        print(f"  dropout rate {rate:<4}: training loss {loss:.4f}, accuracy {right:.1%}; "
              f"test loss {losses[rate]:.4f}, accuracy {test_right:.1%}")  # fmt: skip
    return losses


def draw(image, edges, pooled, argmax, dropped, folder) -> None:
    axes = panels(5, width=2.2, height=2.5, title="Max pooling and dropout of a feature map")
    maxima = reference.max_pool2d_gradient(pooled, argmax, edges.shape)  # each maximum at its position
    images = {"image": image, "edges (after ReLU)": edges, "maximum of each window": maxima, "pooled": pooled,
              "dropout, rate 0.5": dropped}  # fmt: skip
    for ax, (title, each) in zip(axes, images.items(), strict=True):
        shape = " × ".join(str(length) for length in each.shape[1:3])
        draw_image(ax, each[0] / each.max(), f"{title}\n{shape}")
    keep(axes[0].figure, folder / "06_pooling_and_dropout.png")


if __name__ == "__main__":
    main()
