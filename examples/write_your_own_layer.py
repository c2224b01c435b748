"""Write your own layer: blur pooling with its formula, its kernel, a gradient check, a model and a description.

Read alongside: scratchcnn/layers/base.py (what a layer must implement), scratchcnn/reference/max_pool2d.py (a similar
operation), scratchcnn/descriptions/base.py (what a description may contain).

    python examples/write_your_own_layer.py
"""

import math

import numba
import numpy as np
from lesson import command_line, draw_image, heading, keep, load_digits, panels, read, tell

from scratchcnn import Sequential, load_model, reference
from scratchcnn.descriptions import LayerDescription, describe, grid, weighted_sum
from scratchcnn.geometry import image_windows
from scratchcnn.inspection import check_gradients, explain, trace
from scratchcnn.layers import Conv2D, Dense, Flatten, Layer

# 1. The formula in NumPy:   y[n, oy, ox, c] = sum over ky, kx of w[ky, kx] * x[n, oy * P + ky, ox * P + kx, c]


def weights_of(size: int, dtype: type = np.float64) -> np.ndarray:
    """Return the weights w of a window: products of binomial coefficients, divided by their sum."""
    binomial = np.array([math.comb(size - 1, k) for k in range(size)], dtype) / 2 ** (size - 1)
    return np.outer(binomial, binomial)


def blur_pool(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Compute the mean of each window with the weights w (P, P): (N, H, W, C) to (N, H // P, W // P, C)."""
    images, height, width, channels = x.shape
    size, rows, columns = len(w), height // len(w), width // len(w)
    windows = x[:, : rows * size, : columns * size].reshape(images, rows, size, columns, size, channels)
    return np.einsum("nakblc,kl->nabc", windows, w)


def blur_pool_gradient(dy: np.ndarray, input_shape: tuple[int, ...], w: np.ndarray) -> np.ndarray:
    """Distribute the gradient of each window over its elements, times w; pixels in no window have gradient zero."""
    dx = np.zeros(input_shape, dy.dtype)
    rows, columns = dy.shape[1] * len(w), dy.shape[2] * len(w)
    dx[:, :rows, :columns] = np.einsum("nabc,kl->nakblc", dy, w).reshape(-1, rows, columns, dy.shape[3])
    return dx


# 2. The same as a compiled kernel: plain loops, with the images distributed over the threads


@numba.njit(parallel=True)
def blur_pool_kernel(x, w):
    y = np.zeros((len(x), x.shape[1] // len(w), x.shape[2] // len(w), x.shape[3]), x.dtype)
    for n in numba.prange(len(x)):
        for oy, ox, c in np.ndindex(y.shape[1:]):
            for ky, kx in np.ndindex(w.shape):
                y[n, oy, ox, c] += w[ky, kx] * x[n, oy * len(w) + ky, ox * len(w) + kx, c]
    return y


# 3. The layer: parameters and shapes. It stores nothing during a pass; what backward needs is returned as the cache


class BlurPooling2D(Layer):
    """Blur pooling: a weighted mean of each window, largest in its center (Zhang 2019, arXiv 1904.11486).

        y[n, oy, ox, c] = sum over ky, kx of w[ky, kx] * x[n, oy * P + ky, ox * P + kx, c]

    Notation: x is the input and y the output; n counts the images, oy and ox the rows and columns of the output, ky and
    kx those of the window, c the channels; P is pool_size, and w are products of binomial coefficients.
    """

    def __init__(self, pool_size: int = 3, *, input_shape=None, name=None) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.pool_size = pool_size

    def get_config(self):
        """Return the constructor's arguments, so that a model with this layer can be saved."""
        return {**super().get_config(), "pool_size": self.pool_size}

    def compute_output_shape(self, input_shape):
        """Return the shape of one output, without the batch axis."""
        self.expect_rank(input_shape, "height, width, channels")
        return input_shape[0] // self.pool_size, input_shape[1] // self.pool_size, input_shape[2]

    def forward(self, x, ops, training, rng):
        """Return the means, and the cache for `backward`: here only a shape."""
        pool = blur_pool if ops is reference else blur_pool_kernel  # the engine of the model
        return pool(x, weights_of(self.pool_size, x.dtype)), x.shape

    def backward(self, dy, cache, ops, input_gradient=True):
        """Return the gradient w.r.t. the input, and those w.r.t. the parameters, of which there are none."""
        return blur_pool_gradient(dy, cache, weights_of(self.pool_size, dy.dtype)) if input_gradient else None, {}


# 4. The description: what the tools need to know. `output_terms` suffices for trace, explain and the receptive field


class BlurPooling2DDescription(LayerDescription):
    """Each output is a weighted sum of the inputs in its window."""

    def output_terms(self, values, position):
        """Return the index and the weight of every input on which the output at `position` depends."""
        (sample, oy, ox, c), size = position, self.layer.pool_size
        cells = grid(sample, oy * size + np.arange(size), ox * size + np.arange(size), c)
        return weighted_sum(values, "input", cells, weights_of(size), "y = sum of x * w", axes=("row", "column"))

    def windows(self, input_shape):
        """Return the geometry of the windows, so that Grad-CAM maps the outputs to the right pixels."""
        size = (self.layer.pool_size, self.layer.pool_size)
        return image_windows(input_shape[:2], size, size, "valid")

    def flops(self, input_shape):
        """Return the FLOPs per output: one multiplication and one addition for each element."""
        return 2 * self.layer.pool_size**2

    def words(self, values):
        """Return sentences about the forward and the backward pass, for the report."""
        return (
            f"Each output is a weighted mean of {self.layer.pool_size**2} values; the center counts most.",
            "Each input of a window receives the gradient w.r.t. the mean times its weight.",
        )

    def add_to_onnx(self, graph):
        """Append the equivalent ONNX node, a convolution of each channel, so that `model.export` accepts the layer."""
        channels, weights = self.layer.input_shape[2], weights_of(self.layer.pool_size)
        graph.set_channels(first=True)
        graph.add("Conv", np.stack([weights[None]] * channels), group=channels, strides=weights.shape)


describe(BlurPooling2D, BlurPooling2DDescription)


def main() -> None:
    options = read(command_line(__doc__))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 7, 6, 2))  # 7 rows: with windows of 2 or 3, the last row is in no window

    heading("1. Does the kernel compute the formula?")
    difference = abs(blur_pool(x, weights_of(3)) - blur_pool_kernel(x, weights_of(3))).max()
    tell(f"Largest difference for random values of shape {x.shape}: {difference:.1e}.")

    heading("2. Is the gradient correct?")
    print(check_gradients(BlurPooling2D(3), x))

    heading("3. Can a model with the layer be trained, saved and loaded?")
    (x_train, y_train), (x_test, y_test) = load_digits("float32")
    model = Sequential([Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1)), BlurPooling2D(2), Flatten(),
                        Dense(10, activation="softmax")], seed=0)  # fmt: skip
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, epochs=4, verbose=0)
    tell(f"Test accuracy after 4 epochs: {model.evaluate(x_test, y_test, verbose=0)[1]:.1%}.")
    model.save(options.output / "own_layer.npz")
    same = load_model(options.output / "own_layer.npz", custom_objects={"BlurPooling2D": BlurPooling2D})
    changed = abs(same.predict(x_test) - model.predict(x_test)).max()
    tell(f"""Saved and loaded with custom_objects, which names your class (once a class is described, that is optional):
        the largest difference of a prediction is {changed:g}.""")

    heading("4. Is the layer explained like those of the library?")
    seen = trace(model, x_test[:1], y_test[:1])
    print(seen)
    print()
    print(explain(seen, "blur_pooling2d", (6, 6, 0)))
    print()
    print(explain(seen, "blur_pooling2d", (12, 12, 0), "d_input"))

    axes = panels(3, title="A digit after blur pooling", width=2.2)
    draw_image(axes[0], x_test[0], "28 × 28")
    for ax, size in zip(axes[1:], (2, 4), strict=True):
        draw_image(ax, blur_pool(x_test[:1], weights_of(size))[0], f"windows of {size} × {size}")
    keep(axes[0].figure, options.output / "own_layer.png")

    heading("Try")
    tell("""Introduce an error into blur_pool_gradient and run again: use the plain mean. Then write a kernel for the
        gradient; or a layer with parameters, such as a scale and an offset for each channel: override initial_params,
        and parameter_gradient_terms in its description.""")


if __name__ == "__main__":
    main()
