"""Write your own layer: average pooling with its formula, its kernel, a gradient check, a model and a description.

Read alongside: scratchcnn/layers/base.py (what a layer must implement), scratchcnn/reference/max_pool2d.py (a similar
operation), scratchcnn/descriptions/base.py (what a description may contain).

    python examples/write_your_own_layer.py
"""

import numba
import numpy as np
from lesson import command_line, draw_image, heading, keep, load_digits, panels, read, tell

from scratchcnn import Sequential, load_model, reference
from scratchcnn.descriptions import LayerDescription, describe, grid, weighted_sum
from scratchcnn.geometry import image_windows
from scratchcnn.inspection import check_gradients, explain, trace
from scratchcnn.layers import Conv2D, Dense, Flatten, Layer

# 1. The formula in NumPy:   y[n, oy, ox, c] = mean over ky, kx of x[n, oy * P + ky, ox * P + kx, c]


def average_pool(x: np.ndarray, size: int) -> np.ndarray:
    """Compute the mean of each window of size x size: (N, H, W, C) to (N, H // size, W // size, C)."""
    images, height, width, channels = x.shape
    rows, columns = height // size, width // size
    windows = x[:, : rows * size, : columns * size].reshape(images, rows, size, columns, size, channels)
    return windows.mean(axis=(2, 4), dtype=x.dtype)


def average_pool_gradient(dy: np.ndarray, input_shape: tuple[int, ...], size: int) -> np.ndarray:
    """Distribute the gradient of each window equally over its elements; pixels in no window have gradient zero."""
    dx = np.zeros(input_shape, dy.dtype)
    rows, columns = dy.shape[1] * size, dy.shape[2] * size
    dx[:, :rows, :columns] = dy.repeat(size, axis=1).repeat(size, axis=2) / dy.dtype.type(size * size)
    return dx


# 2. The same as a compiled kernel: plain loops, with the images distributed over the threads


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


# 3. The layer: parameters and shapes. It stores nothing during a pass; what backward needs is returned as the cache


class AveragePooling2D(Layer):
    """Average pooling: the mean of each window, separately for each channel.

        y[n, oy, ox, c] = mean over ky, kx of x[n, oy * P + ky, ox * P + kx, c]

    Notation: x is the input and y the output; n counts the images, oy and ox the rows and columns of the output, ky and
    kx those of the window, c the channels; P is pool_size.
    """

    def __init__(self, pool_size: int = 2, *, input_shape=None, name=None) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.pool_size = pool_size

    def get_config(self):
        """Return the constructor's arguments, so that a model with this layer can be saved."""
        return {**super().get_config(), "pool_size": self.pool_size}

    def compute_output_shape(self, input_shape):
        """Return the shape of one output, without the batch axis."""
        self.expect_rank(input_shape, "height, width, channels")
        height, width, channels = input_shape
        return height // self.pool_size, width // self.pool_size, channels

    def forward(self, x, ops, training, rng):
        """Return the means, and the cache for `backward`: here only a shape."""
        pool = average_pool if ops is reference else average_pool_kernel  # the engine of the model
        return pool(x, self.pool_size), x.shape

    def backward(self, dy, cache, ops, input_gradient=True):
        """Return the gradient w.r.t. the input, and those w.r.t. the parameters, of which there are none."""
        return average_pool_gradient(dy, cache, self.pool_size) if input_gradient else None, {}


# 4. The description: what the tools need to know. `output_terms` suffices for trace, explain and the receptive field


class AveragePooling2DDescription(LayerDescription):
    """Each output is a weighted sum of the inputs in its window, with equal weights."""

    def output_terms(self, values, position):
        """Return the index and the weight of every input on which the output at `position` depends."""
        (sample, oy, ox, c), size = position, self.layer.pool_size
        window = grid(sample, oy * size + np.arange(size), ox * size + np.arange(size), c)
        return weighted_sum(
            values, "input", window, 1 / size**2, "y = sum over the window of x / P²", weight_name="1 / P²",
            axes=("row", "column"),
        )  # fmt: skip

    def windows(self, input_shape):
        """Return the geometry of the windows, so that Grad-CAM maps the outputs to the right pixels."""
        size = (self.layer.pool_size, self.layer.pool_size)
        return image_windows(input_shape[:2], size, size, "valid")

    def flops(self, input_shape):
        """Return the FLOPs per output: one division and one addition for each element of the window."""
        return 2 * self.layer.pool_size**2

    def words(self, values):
        """Return sentences about the forward and the backward pass, for the report."""
        size = self.layer.pool_size
        return (
            f"Each output is the mean of a window of {size} × {size} values.",
            f"Each input of a window gets 1 / {size**2} of the gradient w.r.t. its mean.",
        )

    def add_to_onnx(self, graph):
        """Append the equivalent ONNX node, so that `model.export('model.onnx')` accepts the layer."""
        graph.set_channels(first=True)
        graph.add("AveragePool", kernel_shape=[self.layer.pool_size] * 2, strides=[self.layer.pool_size] * 2)


describe(AveragePooling2D, AveragePooling2DDescription)


def main() -> None:
    options = read(command_line(__doc__))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 7, 6, 2))  # 7 rows: with windows of 2 or 3, the last row is in no window

    heading("1. Does the kernel compute the formula?")
    difference = abs(average_pool(x, 3) - average_pool_kernel(x, 3)).max()
    tell(f"Largest difference for random values of shape {x.shape}: {difference:.1e}.")

    heading("2. Is the gradient correct?")
    print(check_gradients(AveragePooling2D(2), x))

    heading("3. Can a model with the layer be trained, saved and loaded?")
    (x_train, y_train), (x_test, y_test) = load_digits("float32")
    model = Sequential([Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1)), AveragePooling2D(2), Flatten(),
                        Dense(10, activation="softmax")], seed=0)  # fmt: skip
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, epochs=4, verbose=0)
    tell(f"Test accuracy after 4 epochs: {model.evaluate(x_test, y_test, verbose=0)[1]:.1%}.")
    model.save(options.output / "own_layer.npz")
    same = load_model(options.output / "own_layer.npz", custom_objects={"AveragePooling2D": AveragePooling2D})
    changed = abs(same.predict(x_test) - model.predict(x_test)).max()
    tell(f"""Saved and loaded with custom_objects, which names your class (once a class is described, that is optional):
        the largest difference of a prediction is {changed:g}.""")

    heading("4. Is the layer explained like those of the library?")
    seen = trace(model, x_test[:1], y_test[:1])
    print(seen)
    print()
    print(explain(seen, "average_pooling2d", (6, 6, 0)))
    print()
    print(explain(seen, "average_pooling2d", (12, 12, 0), "d_input"))

    axes = panels(3, title="A digit after average pooling", width=2.2)
    draw_image(axes[0], x_test[0], "28 × 28")
    for ax, size in zip(axes[1:], (2, 4), strict=True):
        draw_image(ax, average_pool(x_test[:1], size)[0], f"windows of {size} × {size}")
    keep(axes[0].figure, options.output / "own_layer.png")

    heading("Try")
    tell("""Introduce an error into average_pool_gradient and run again: omit the division. Then write a kernel for the
        gradient; or a layer with parameters, such as a scale and an offset for each channel: override initial_params,
        and parameter_gradient_terms in its description.""")


if __name__ == "__main__":
    main()
