"""Kernels and reference have the same names and signatures; kernels accept read-only arrays and empty sums."""

import inspect

import numpy as np
import pytest
from comparing import ENGINES, bits, random_array

from scratchcnn import kernels, reference
from scratchcnn.algorithms import Choice
from scratchcnn.geometry import image_windows
from scratchcnn.kernels.fused.conv2d_max_pool2d import conv2d_max_pool2d, conv2d_max_pool2d_gradients
from scratchcnn.kernels.fused.conv2d_relu import conv2d_relu, conv2d_relu_gradients
from scratchcnn.operands import Convolution, PooledGradient, Pooling
from scratchcnn.operations import Operations, with_algorithm


def test_both_packages_export_the_same_names():
    assert reference.__all__ == kernels.__all__


@pytest.mark.parametrize("name", kernels.__all__)
def test_signatures_differ_only_in_the_algorithm_argument(name):
    *parameters, last = inspect.signature(getattr(kernels, name)).parameters.values()
    assert (last.name == "algorithm") == name.startswith("conv2d")
    expected = parameters if last.name == "algorithm" else [*parameters, last]
    assert list(inspect.signature(getattr(reference, name)).parameters.values()) == expected


def test_operations_interface_contains_only_exported_primitives():
    operations = {name for name in vars(Operations) if not name.startswith("_")}
    assert operations <= set(kernels.__all__)
    assert not any("conv2d" in name and "pool" in name for name in kernels.__all__)


def test_kernels_bound_to_algorithms_provide_every_operation():
    ops = with_algorithm(Choice("loops", "im2col", "tile"))
    assert set(vars(ops)) == set(kernels.__all__)
    assert ops.conv2d.keywords == {"algorithm": Choice("loops", "im2col", "tile")}
    dy = np.arange(24, dtype=np.float32).reshape(1, 3, 4, 2)
    assert bits(ops.bias_gradient(dy)) == bits(kernels.bias_gradient(dy))


def test_kernels_accept_read_only_arrays(rng):
    x, dense_x = random_array(rng, (2, 5, 6, 16), np.float32), random_array(rng, (4, 5), np.float32)
    kernel, dense_kernel = random_array(rng, (3, 3, 16, 16), np.float32), random_array(rng, (5, 6), np.float32)
    dy, winners = random_array(rng, (2, 3, 4, 16), np.float32), rng.integers(0, 4, (2, 1, 2, 16)).astype(np.uint8)
    values, outputs = (random_array(rng, winners.shape, np.float32) for _ in range(2))
    gradient, pooling = PooledGradient(values, winners, outputs), Pooling((2, 2), (2, 2), "valid")
    sparse = Choice("winograd_4x4", "winners", "winners", image_windows((3, 4), *pooling))
    convolutions = [
        Convolution(kernel, None, (1, 1), "valid", (1, 1), True, choice)
        for choice in (Choice("tile", "tile", "tile"), sparse)
    ]

    def fused(convolution):
        yield conv2d_relu(x, convolution)
        yield from conv2d_relu_gradients(dy, dy, x, convolution)
        yield from conv2d_max_pool2d(x, convolution, pooling)
        yield from conv2d_max_pool2d_gradients(gradient, x, convolution, pooling)

    def computed():
        return [
            kernels.conv2d(x, kernel, None), kernels.dense(dense_x, dense_kernel, None),
            kernels.max_pool2d(x)[0], kernels.relu(x), kernels.im2col(x, (2, 2)),
            kernels.average_pool2d(x), kernels.average_pool2d_gradient(dy, (2, 6, 8, 16)),
            kernels.zero_pad2d(x), kernels.zero_pad2d_gradient(dy),
            kernels.bias_gradient(dy),
            *(array for convolution in convolutions for array in fused(convolution)),
        ]  # fmt: skip

    wanted = computed()
    for array in (x, dense_x, kernel, dense_kernel, dy, *gradient):
        array.flags.writeable = False
    for a, b in zip(computed(), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("dense", [(3, 0), (0, 20)]),
        ("dense_kernel_gradient", [(0, 20), (0, 3)]),
        ("dense_input_gradient", [(3, 0), (20, 0)]),
        ("conv2d", [(1, 5, 5, 0), (2, 2, 0, 4)]),
    ],
)
def test_empty_sum_is_zero(name, shapes):
    used = [np.full(60, 7.0, np.float32) for _ in range(50)]  # freed below, so that new arrays are likely to contain 7s
    del used
    arguments = [np.ones(shape, np.float32) for shape in shapes] + [None] * (name in ("dense", "conv2d"))
    for engine in ENGINES:
        result = getattr(engine, name)(*arguments)
        assert result.size
        assert not result.any()
