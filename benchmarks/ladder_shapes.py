"""The layers on which convolution algorithms are timed, operands for them, and the computation of each pass.

    forward    the output, including the bias
    dW, dX     the kernel gradient and the input gradient, for a dense gradient w.r.t. the output
    dW+dX      both, for a gradient backpropagated through 2 x 2 max pooling: 'winners' uses its argmax indices, the
               other algorithms first scatter it into a dense array, which is included in their time

The layers come from well-known networks. The batch sizes limit a whole run to a minute or two; smaller batches would
favour algorithms with little preparation per call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.algorithms import RUNGS, Algorithm, Problem, accepts, accepts_winners, choose
from scratchcnn.geometry import Padding, Windows, image_windows
from scratchcnn.kernels.conv2d.dispatch import LADDER
from scratchcnn.kernels.fused.conv2d_max_pool2d import conv2d_max_pool2d_gradients
from scratchcnn.operands import Convolution, PooledGradient, Pooling

Array = np.ndarray[Any, Any]

ALGORITHMS: tuple[Algorithm, ...] = (*RUNGS, "winners")
PASSES = ("forward", "dW", "dX", "dW+dX")

POOL = Pooling((2, 2), (2, 2), "valid")
NONZERO = 0.3  # fraction of the pooled gradient: typical of training with ReLU, max pooling and dropout


class Layer(NamedTuple):
    """A convolution layer applied to a batch of `images` square images."""

    origin: str
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
                f"{self.kernel} x {self.kernel} '{self.padding}'{stride} ({self.origin})")  # fmt: skip

    @property
    def windows(self) -> Windows:
        """Geometry of the windows."""
        size, kernel, stride = (self.size,) * 2, (self.kernel,) * 2, (self.stride,) * 2
        return image_windows(size, kernel, stride, self.padding)

    def problem(self, pooled: bool = False) -> Problem:
        """Return the properties on which the choice of an algorithm depends, without or with max pooling after it."""
        pool = POOL.windows(self.shapes[2]) if pooled else None
        return Problem(self.windows, self.channels, self.filters, np.dtype(np.float32), pool)

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Shapes of images, kernel and output."""
        rows, columns = self.windows
        return (
            (self.images, self.size, self.size, self.channels),
            (self.kernel, self.kernel, self.channels, self.filters),
            (self.images, rows.output, columns.output, self.filters),
        )

    def flops(self, name: str) -> int:
        """Return the FLOPs of a pass as a direct convolution, including products with zeros and padding."""
        outputs = math.prod(self.shapes[2])
        return 2 * outputs * self.kernel * self.kernel * self.channels * (2 if name == "dW+dX" else 1)

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOPs of the forward pass per byte, if images, kernel and output are moved once."""
        return self.flops("forward") / (4 * sum(math.prod(shape) for shape in self.shapes))

    def algorithms(self, name: str) -> list[Algorithm]:
        """Return the algorithms that can compute a pass; for dW+dX none unless 'winners' accepts the layer."""
        general: list[Algorithm] = [rung for rung in RUNGS if accepts(rung, self.windows)]
        if name != "dW+dX":
            return general
        return [*general, "winners"] if accepts_winners(self.problem(pooled=True)) else []

    def auto(self, name: str) -> Algorithm:
        """Return the algorithm that 'auto' selects for a pass; dW+dX only where 'winners' accepts the layer."""
        choice = choose("auto", self.problem(pooled=name == "dW+dX"))
        by_pass: dict[str, Algorithm] = {
            "forward": choice.forward,
            "dW": choice.kernel_gradient,
            "dX": choice.input_gradient,
            "dW+dX": choice.kernel_gradient,  # 'winners' is selected for both gradients or for neither
        }
        return by_pass[name]


LAYERS = {
    "article-1": Layer("the article's first layer", 128, 28, 1, 32),
    "article-2": Layer("the article's second layer, before max pooling", 128, 26, 32, 64),
    "lenet-1": Layer("LeNet-5, first convolution", 128, 28, 1, 6, kernel=5, padding="same"),
    "lenet-2": Layer("LeNet-5, second convolution", 128, 14, 6, 16, kernel=5),
    "cifar": Layer("Keras's CIFAR-10 example, before max pooling", 64, 15, 64, 64),
    "vgg-56": Layer("VGG-16, conv3_1", 4, 56, 128, 256, padding="same"),
    "vgg-14": Layer("VGG-16, conv5", 32, 14, 512, 512, padding="same"),
    "resnet-28": Layer("ResNet-50, conv3", 32, 28, 128, 128, padding="same"),
    "resnet-1x1": Layer("ResNet-50, conv2, last of a block", 16, 56, 64, 256, kernel=1, padding="same"),
    "resnet-stride": Layer("ResNet-50, first of conv4", 32, 28, 256, 256, stride=2, padding="same"),
}


class Operands(NamedTuple):
    """The inputs of the passes of a layer."""

    x: Array
    kernel: Array
    bias: Array
    dy: Array
    values: Array  # gradient w.r.t. the output of the pooling, (N, PH, PW, F)
    winners: Array  # argmax indices of the pooling, (N, PH, PW, F)

    def map(self, function: Any) -> Operands:
        """Apply `function` to every array except the argmax indices."""
        return Operands(*map(function, self[:-1]), self.winners)


def random_operands(layer: Layer, seed: int = 0) -> Operands:
    """Draw operands from the standard normal distribution, float32."""
    rng = np.random.default_rng(seed)
    x, kernel, dy = (rng.standard_normal(shape, np.float32) for shape in layer.shapes)
    bias = rng.standard_normal(layer.filters, np.float32)
    pooled = POOL.output_shape(dy.shape)
    values = rng.standard_normal(pooled, np.float32) * (rng.random(pooled, np.float32) < NONZERO)
    return Operands(x, kernel, bias, dy, values, rng.integers(0, math.prod(POOL.pool_size), pooled, np.uint8))


def compute(name: str, algorithm: Algorithm, layer: Layer, operands: Operands) -> Sequence[Array]:
    """Compute one pass with one algorithm."""
    x, kernel, bias, dy, values, winners = operands
    geometry = ((layer.stride, layer.stride), layer.padding)
    if name == "dW+dX":
        choice = choose(algorithm, layer.problem(pooled=True))
        convolution = Convolution(kernel, bias, *geometry, (1, 1), False, choice)
        gradient = PooledGradient(values, winners, outputs=values)  # without a ReLU, the outputs are not used
        dx, dkernel, _ = conv2d_max_pool2d_gradients(gradient, x, convolution, POOL)
        assert dx is not None
        return dx, dkernel
    assert algorithm not in ("auto", "winners")
    rung = LADDER[algorithm]
    if name == "forward":
        return (rung.conv2d(x, kernel, bias, *geometry),)
    if name == "dW":
        return (rung.conv2d_kernel_gradient(dy, x, kernel.shape[:2], *geometry),)
    return (rung.conv2d_input_gradient(dy, kernel, x.shape, *geometry),)
