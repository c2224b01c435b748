"""A layer of your own, whole: average pooling with its formula, its kernel, its gradient check, and a model with it.

Read alongside: scratchcnn/layers/base.py (what a layer must do), scratchcnn/reference/max_pool2d.py (its cousin).

    python examples/write_your_own_layer.py
"""

import numba
import numpy as np
from lesson import command_line, draw_image, heading, keep, load_digits, panels, read, tell

from scratchcnn import Sequential, load_model, reference
from scratchcnn.inspection import check_gradients
from scratchcnn.layers import Conv2D, Dense, Flatten, Layer

# 1. The formula, in NumPy:   y[n, oy, ox, c] = mean over ky, kx of x[n, oy * P + ky, ox * P + kx, c]


def average_pool(x: np.ndarray, size: int) -> np.ndarray:
    """Means of windows of size x size side by side: (N, H, W, C) to (N, H // size, W // size, C)."""
    images, height, width, channels = x.shape
    rows, columns = height // size, width // size
    windows = x[:, : rows * size, : columns * size].reshape(images, rows, size, columns, size, channels)
    return windows.mean(axis=(2, 4), dtype=x.dtype)


def average_pool_gradient(dy: np.ndarray, input_shape: tuple[int, ...], size: int) -> np.ndarray:
    """Every element of a window gets an equal part of the gradient; what lies in no window gets none."""
    dx = np.zeros(input_shape, dy.dtype)
    rows, columns = dy.shape[1] * size, dy.shape[2] * size
    dx[:, :rows, :columns] = dy.repeat(size, axis=1).repeat(size, axis=2) / dy.dtype.type(size * size)
    return dx


# 2. The same, compiled: plain loops, the images shared out over the threads


@numba.njit(parallel=True)
def average_pool_kernel(x, size):
    images, height, width, channels = x.shape
    y = np.zeros((images, height // size, width // size, channels), x.dtype)
    for n in numba.prange(images):
        for row in range(y.shape[1] * size):
            for column in range(y.shape[2] * size):
                for c in range(channels):
                    y[n, row // size, column // size, c] += x[n, row, column, c] / x.dtype.type(size * size)
    return y


# 3. The layer: parameters and shapes. It keeps nothing of a pass; what backward needs goes into the cache


class AveragePooling2D(Layer):
    """The mean of every window of pool_size x pool_size."""

    def __init__(self, pool_size: int = 2, *, input_shape=None, name=None) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.pool_size = pool_size

    def get_config(self):
        """The arguments of the constructor: with this, a model that has the layer can be saved."""
        return {**super().get_config(), "pool_size": self.pool_size}

    def compute_output_shape(self, input_shape):
        """Shape of one output, without the batch."""
        self.expect_rank(input_shape, "height, width, channels")
        height, width, channels = input_shape
        return height // self.pool_size, width // self.pool_size, channels

    def forward(self, x, ops, training, rng):
        """The means, and what backward needs: here only a shape."""
        pool = average_pool if ops is reference else average_pool_kernel  # the model's engine
        return pool(x, self.pool_size), x.shape

    def backward(self, dy, cache, ops, input_gradient=True):
        """The gradient by the input, and by each parameter: here there is none."""
        return average_pool_gradient(dy, cache, self.pool_size) if input_gradient else None, {}


def main() -> None:
    options = read(command_line(__doc__))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 7, 6, 2))  # 7 rows: in windows of 2 or 3, the last lies in none

    heading("1. Are formula and kernel the same?")
    difference = abs(average_pool(x, 3) - average_pool_kernel(x, 3)).max()
    tell(f"Largest difference for {x.shape} random numbers: {difference:.1e}.")

    heading("2. Is the gradient right?")
    print(check_gradients(AveragePooling2D(2), x))

    heading("3. Does it learn, and can it be kept?")
    (x_train, y_train), (x_test, y_test) = load_digits("float32")
    model = Sequential([Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1)), AveragePooling2D(2), Flatten(),
                        Dense(10, activation="softmax")], seed=0)  # fmt: skip
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, epochs=4, verbose=0)
    tell(f"Test accuracy after 4 epochs: {model.evaluate(x_test, y_test, verbose=0)[1]:.1%}.")
    model.save(options.output / "own_layer.npz")
    same = load_model(options.output / "own_layer.npz", custom_objects={"AveragePooling2D": AveragePooling2D})
    changed = abs(same.predict(x_test) - model.predict(x_test)).max()
    tell(f"Saved and loaded with custom_objects, which names your class: its predictions differ by {changed:g}.")

    axes = panels(3, title="A digit, and its means", width=2.2)
    draw_image(axes[0], x_test[0], "28 × 28")
    for ax, size in zip(axes[1:], (2, 4), strict=True):
        draw_image(ax, average_pool(x_test[:1], size)[0], f"windows of {size} × {size}")
    keep(axes[0].figure, options.output / "own_layer.png")

    heading("Try")
    tell("""Plant a fault in average_pool_gradient and run again: leave out the division. Then write its kernel, too;
        or a layer with parameters, such as a scale and an offset for each channel: override initial_params.""")


if __name__ == "__main__":
    main()
