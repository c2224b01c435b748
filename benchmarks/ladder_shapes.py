"""The layers on which the ladder of convolutions is timed, numbers for them, and how each pass is computed.

    forward    the output, with a bias
    dW, dX     the gradients by kernel and input, where the gradient of the output is a whole array
    dW+dX      both, where the gradient comes through a 2 x 2 max-pooling: 'winners' takes it as it is, the other
               rungs lay it out first, and that time is theirs

The layers are of networks that many know, in batches that keep the whole run to a minute or two; smaller ones would
favour algorithms that prepare little for each call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.algorithms import RUNGS, Algorithm, Problem, accepts, choose
from scratchcnn.geometry import Padding, Windows, image_windows
from scratchcnn.kernels import conv2d_pooled_gradients
from scratchcnn.kernels.conv2d.dispatch import LADDER

Array = np.ndarray[Any, Any]

ALGORITHMS: tuple[Algorithm, ...] = (*RUNGS, "winners")
PASSES = ("forward", "dW", "dX", "dW+dX")

POOL = (2, 2)
NOT_ZERO = 0.3  # of the gradient's numbers below ReLU, max-pooling and dropout, as training has them


class Layer(NamedTuple):
    """A convolution of `images` square images."""

    where: str
    images: int
    size: int
    channels: int
    filters: int
    kernel: int = 3
    stride: int = 1
    padding: Padding = "valid"

    def __str__(self) -> str:
        stride = f", stride {self.stride}" if self.stride > 1 else ""
        return (f"{self.images} images {self.size} x {self.size} x {self.channels} -> {self.filters}, "
                f"{self.kernel} x {self.kernel} '{self.padding}'{stride} ({self.where})")  # fmt: skip

    @property
    def windows(self) -> Windows:
        """Where its windows lie."""
        size, kernel, stride = (self.size,) * 2, (self.kernel,) * 2, (self.stride,) * 2
        return image_windows(size, kernel, stride, self.padding)

    @property
    def problem(self) -> Problem:
        """What the choice of an algorithm depends on."""
        return Problem(self.windows, self.channels, self.filters, np.dtype(np.float32))

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Of images, kernel and output."""
        rows, columns = self.windows
        return (
            (self.images, self.size, self.size, self.channels),
            (self.kernel, self.kernel, self.channels, self.filters),
            (self.images, rows.output, columns.output, self.filters),
        )

    def flops(self, name: str) -> int:
        """FLOPs of a pass if everything is multiplied out, zeros and padding too."""
        outputs = math.prod(self.shapes[2])
        return 2 * outputs * self.kernel * self.kernel * self.channels * (2 if name == "dW+dX" else 1)

    @property
    def intensity(self) -> float:
        """FLOPs of one pass for each byte of images, kernel and output, each moved once."""
        return self.flops("forward") / (4 * sum(math.prod(shape) for shape in self.shapes))

    def algorithms(self, name: str) -> list[Algorithm]:
        """Who can compute a pass: all for dW+dX if 'winners' accepts the layer, else none."""
        dense: list[Algorithm] = [rung for rung in RUNGS if accepts(rung, self.windows)]
        if name != "dW+dX":
            return dense
        return [*dense, "winners"] if choose("auto", self.problem).pooled_gradients == "winners" else []

    def auto(self, name: str) -> Algorithm:
        """Who computes a pass with algorithm='auto'; for dW+dX as in `algorithms`, only where 'winners' may."""
        choice = choose("auto", self.problem)
        by_pass: dict[str, Algorithm] = {
            "forward": choice.forward, "dW": choice.kernel_gradient, "dX": choice.input_gradient, "dW+dX": "winners",
        }  # fmt: skip
        return by_pass[name]


LAYERS = {
    "article-1": Layer("the article's first layer", 128, 28, 1, 32),
    "article-2": Layer("its second, max-pooling follows", 128, 26, 32, 64),
    "lenet": Layer("LeNet-5's second", 128, 14, 6, 16, kernel=5),
    "cifar": Layer("Keras's CIFAR-10 example, max-pooling follows", 64, 15, 64, 64),
    "vgg-56": Layer("VGG-16, conv3_1", 4, 56, 128, 256, padding="same"),
    "vgg-14": Layer("VGG-16, conv5", 32, 14, 512, 512, padding="same"),
    "resnet-28": Layer("ResNet-50, conv3", 32, 28, 128, 128, padding="same"),
    "resnet-1x1": Layer("ResNet-50, conv2, end of a block", 16, 56, 64, 256, kernel=1, padding="same"),
    "resnet-stride": Layer("ResNet-50, first of conv4", 32, 28, 256, 256, stride=2, padding="same"),
}


class Numbers(NamedTuple):
    """What the passes of a layer are given."""

    x: Array
    kernel: Array
    bias: Array
    dy: Array
    values: Array  # gradient by the output of each pooling window, (N, PH, PW, F)
    winners: Array

    def changed(self, change: Any) -> Numbers:
        """The same with `change` done to all but the winners."""
        return Numbers(*map(change, self[:-1]), self.winners)


def random_numbers(layer: Layer, seed: int = 0) -> Numbers:
    """Standard normal numbers, float32."""
    rng = np.random.default_rng(seed)
    x, kernel, dy = (rng.standard_normal(shape, np.float32) for shape in layer.shapes)
    bias = rng.standard_normal(layer.filters, np.float32)
    images, height, width, filters = dy.shape
    pooled = (images, height // POOL[0], width // POOL[1], filters)
    values = rng.standard_normal(pooled, np.float32) * (rng.random(pooled, np.float32) < NOT_ZERO)
    return Numbers(x, kernel, bias, dy, values, rng.integers(0, math.prod(POOL), pooled, np.uint8))


def compute(name: str, algorithm: Algorithm, layer: Layer, numbers: Numbers) -> Sequence[Array]:
    """Compute one pass by one algorithm."""
    x, kernel, bias, dy, values, winners = numbers
    geometry = ((layer.stride, layer.stride), layer.padding)
    if name == "dW+dX":
        pool = (POOL, POOL, "valid")
        return conv2d_pooled_gradients(values, winners, None, x, kernel, *pool, *geometry, algorithm=algorithm)[:2]
    assert algorithm not in ("auto", "winners")
    rung = LADDER[algorithm]
    if name == "forward":
        return (rung.conv2d(x, kernel, bias, *geometry),)
    if name == "dW":
        return (rung.conv2d_kernel_gradient(dy, x, kernel.shape[:2], *geometry),)
    return (rung.conv2d_input_gradient(dy, kernel, x.shape, *geometry),)
