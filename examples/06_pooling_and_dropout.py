"""Lesson 6: pooling and dropout. One discards exact positions, the other discards activations at random.

You learn what max pooling keeps and where its gradient goes, what dropout does in training and why it does nothing
afterwards, and what each is good for.
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

    heading("1. Of every window, only the largest number goes on")
    pooled, winners = reference.max_pool2d(edges)  # windows of 2 x 2
    oy, ox = np.unravel_index(pooled[0, :, :, 0].argmax(), pooled.shape[1:3])
    window = edges[0, 2 * oy : 2 * oy + 2, 2 * ox : 2 * ox + 2, 0]
    tell(f"""{edges.shape} becomes {pooled.shape}. The window with the largest of all holds
        {window.round(2).tolist()}; {pooled[0, oy, ox, 0]:.2f} goes on, and number {winners[0, oy, ox, 0]} of the
        window's four (from 0, in reading order) is kept as its winner.""")

    heading("2. Why: what moves a little, changes less")
    print("  digit moved by   change of the pixels   of the edges   pooled 2 x 2   pooled 4 x 4")
    for shift in (1, 2):
        moved = np.roll(image, shift, axis=2)
        changes = [change(image, moved), change(edges, edges_of(moved))]
        changes += [change(pool(edges, size), pool(edges_of(moved), size)) for size in (2, 4)]
        print(f"  {shift} pixel{'s' * (shift > 1):14}" + "".join(f"{each:15.0%}" for each in changes))
    tell("""Each number is |a - b| / |a|, with the length of a vector. Compare the last three columns: the larger the
        window, the less a small shift matters, and the less is known of where things are: that is the price.""")

    heading("3. The gradient goes to the winners")
    dy = np.random.default_rng(0).normal(size=pooled.shape)
    dx = reference.max_pool2d_gradient(dy, winners, edges.shape)
    tell(f"""Of {dx.size} gradients that come out of the backward pass, {np.mean(dx == 0):.0%} are zero: only a
        winner can change the output. Nothing is lost: {dy.size} numbers with the sum {dy.sum():.6f} went in, and the
        sum of what came out is {dx.sum():.6f}.""")

    heading("4. Dropout: numbers are dropped by chance, in training")
    dropped, kept = reference.dropout(pooled, 0.5, key=1)
    mean = np.mean([reference.dropout(pooled, 0.5, key)[0] for key in range(2000)], axis=0)
    tell(f"""With rate 0.5, {np.mean(~kept):.0%} of the {kept.size} numbers were set to zero and the others doubled.
        One pass differs from the input by {change(pooled, dropped):.0%}, the mean of 2000 passes by
        {change(pooled, mean):.1%}. As the mean is right already, a trained network simply leaves dropout out.""")

    heading("5. What it is good for")
    print(f"  The same network on {FEW} images, {EPOCHS} epochs:")
    losses = {}
    for rate in (0.0, 0.5, 0.75):
        model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(512, activation="relu"), Dropout(rate),
                            Dense(10, activation="softmax")], seed=0)  # fmt: skip
        model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        few = x[:FEW].astype("float32"), y[:FEW]
        model.fit(*few, batch_size=32, epochs=EPOCHS, verbose=0)
        loss, right = model.evaluate(*few, verbose=0)
        losses[rate], test_right = model.evaluate(x_test.astype("float32"), y_test, verbose=0)
        print(f"  dropout {rate:<4}: training images: loss {loss:.4f}, {right:.1%} right; "
              f"test images: loss {losses[rate]:.4f}, {test_right:.1%} right")  # fmt: skip
    tell(f"""All know their training images by heart; what counts is the right-hand side. The least surprised by new
        digits is the network with dropout {min(losses, key=losses.get)}: one that can never rely on any one of its
        neurons is less sure where it is wrong. Read less into the accuracies: of {len(x_test)} images 0.1 % is one.""")
    draw(image, edges, pooled, winners, dropped, options.output)

    heading("Try")
    tell("""Take the mean in place of the largest (write_your_own_layer.py does) and look at table 2 again. Which
        rate of dropout is best for 500 images, and which for all 4,000? Next: 07_im2col_and_speed.py.""")


def edges_of(image: np.ndarray) -> np.ndarray:
    return reference.relu(reference.conv2d(image, EDGE[:, :, None, None], None))


def pool(images: np.ndarray, size: int) -> np.ndarray:
    return reference.max_pool2d(images, (size, size), (size, size))[0]


def change(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(a))


def draw(image, edges, pooled, winners, dropped, folder) -> None:
    axes = panels(5, width=2.2, height=2.5, title="What is left of a digit")
    won = reference.max_pool2d_gradient(pooled, winners, edges.shape)  # every winner at its place
    pictures = {"image": image, "edges (after ReLU)": edges, "the winners": won, "pooled 2 × 2": pooled,
                "dropout 0.5": dropped}  # fmt: skip
    for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
        shape = " × ".join(str(length) for length in picture.shape[1:3])
        draw_image(ax, picture[0] / picture.max(), f"{title}\n{shape}")
    keep(axes[0].figure, folder / "06_pooling_and_dropout.png")


if __name__ == "__main__":
    main()
