"""The kernels compile and compute for other processors than the one at hand."""

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from llvmlite import binding

CODE = """
import numpy as np
from scratchcnn import kernels, reference
from scratchcnn.algorithms import Choice, choose
from scratchcnn.kernels.fused.conv2d_conv2d_max_pool2d import (
    conv2d_conv2d_max_pool2d, conv2d_conv2d_max_pool2d_gradients,
)
from scratchcnn.kernels.fused.conv2d_max_pool2d import conv2d_max_pool2d, conv2d_max_pool2d_gradients
from scratchcnn.kernels.fused.conv2d_relu import conv2d_relu, conv2d_relu_gradients
from scratchcnn.kernels.gemm.micro_kernel import COLUMNS
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Convolution, PooledGradient, Pooling

def check(name, arguments, algorithm):
    # A result is a sum of at most 9 * 37 = 333 products of two elements: in any order, it errs by less than
    # 333 * eps / 2 * the sum of their magnitudes. The other half is for Winograd's transforms, whose errors are below
    # 100 * eps * the largest such sum, since all outputs of a tile share them.
    found = getattr(kernels, name)(*arguments, algorithm=algorithm)
    wide = [a.astype(np.float64) if getattr(a, 'dtype', '') == dtype else a for a in arguments]
    sizes = [abs(a) if getattr(a, 'dtype', '') == np.float64 else a for a in wide]
    exact, largest = (getattr(reference, name)(*operands) for operands in (wide, sizes))
    error = abs(found - exact).max()
    assert error < 333 * np.finfo(dtype).eps * largest.max(), f'{name} by {algorithm} in {dtype} errs by {error}'
    return found

def expect_equal(found, expected, what):
    for one, other in zip(found, expected, strict=True):
        assert (one == other).all(), f'{what} in {dtype}: fused and primitive operations differ'

rng = np.random.default_rng(0)
pooling = Pooling((2, 2), (2, 2), 'valid')
geometry = (1, 1), 'valid', (1, 1)
for dtype in map(np.dtype, (np.float32, np.float64)):
    shapes = (5, 7, 6, 16), (3, 3, 16, 37), (37,), (5, 5, 4, 37), (5, 2, 2, 37)
    x, kernel, bias, dy, values = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    pool = pooling.windows(dy.shape)
    for choice in (*(Choice(name, name, name) for name in ('tile', 'interleaved', 'winograd_2x2', 'winograd_4x4')),
                   Choice('tile', 'winners', 'winners', pool)):
        y = kernels.relu(check('conv2d', (x, kernel, bias), choice))
        convolution = Convolution(kernel, bias, *geometry, True, choice)
        expect_equal([conv2d_relu(x, convolution)], [y], 'conv2d_relu')
        y_pooled, winners = kernels.max_pool2d(y)
        expect_equal(conv2d_max_pool2d(x, convolution, pooling), (y_pooled, winners), 'conv2d_max_pool2d')
        dz = kernels.relu_gradient(dy, y)
        gradients = (
            check('conv2d_input_gradient', (dz, kernel, x.shape), choice),
            check('conv2d_kernel_gradient', (dz, x, (3, 3)), choice),
        )
        expect_equal(conv2d_relu_gradients(dy, y, x, convolution)[:2], gradients, 'conv2d_relu_gradients')
        dz = kernels.relu_gradient(kernels.max_pool2d_gradient(values, winners, y.shape), y)
        gradients = (
            kernels.conv2d_input_gradient(dz, kernel, x.shape, algorithm=choice),
            kernels.conv2d_kernel_gradient(dz, x, (3, 3), algorithm=choice),
        )
        found = conv2d_max_pool2d_gradients(PooledGradient(values, winners, y_pooled), x, convolution, pooling)
        expect_equal(found[:2], gradients, 'conv2d_max_pool2d_gradients')

    few = x[..., :3].copy()
    y, winners = kernels.max_pool2d(few)
    expect_equal((y, winners), reference.max_pool2d(few), 'max_pool2d')
    dx = kernels.max_pool2d_gradient(y, winners, few.shape)
    expect_equal([dx], [reference.max_pool2d_gradient(y, winners, few.shape)], 'max_pool2d_gradient')

def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)

x, values = normal(3, 9, 8, 2), normal(3, 2, 2, 37)
tile = Choice('tile', 'tile', 'tile')
first = Convolution(normal(3, 3, 2, 16), normal(16), *geometry, True, tile)
second = Convolution(normal(3, 3, 16, 37), None, *geometry, True, tile)
images = conv2d_relu(x, first)
pool = pooling.windows(second.output_shape(images.shape))
second = second._replace(choice=choose('auto', second.problem(images.shape, pool)))
outputs, winners = expected = conv2d_max_pool2d(images, second, pooling)
expect_equal(conv2d_conv2d_max_pool2d(x, first, second, pooling), expected, 'conv2d_conv2d_max_pool2d')
gradient = PooledGradient(values, winners, outputs)
found = conv2d_conv2d_max_pool2d_gradients(gradient, x, first, second, pooling)
dx, *expected = conv2d_max_pool2d_gradients(gradient, images, second, pooling, input_relu=True)
expected = *conv2d_relu_gradients(dx, None, x, first, input_gradient=False)[1:], *expected
expect_equal(found, expected, 'conv2d_conv2d_max_pool2d_gradients')
print(VECTOR_BYTES, COLUMNS)
"""
PROCESSORS = {
    "x86-64 without AVX": ("x86-64", "", "16 2"),
    "x86-64 with AVX2, without AVX-512": ("haswell", "+avx,+avx2,+fma", "32 2"),
}


@pytest.mark.skipif(not binding.get_process_triple().startswith("x86_64"), reason="compiles for x86-64")
@pytest.mark.parametrize("processor", PROCESSORS)
def test_kernels_compute_when_compiled_for(processor):
    name, features, printed = PROCESSORS[processor]
    # A cache of their own, which keeps them for the next run of the tests.
    cache = Path(platformdirs.user_cache_dir("scratchcnn"), "tests", "processors")
    variables = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(cache)}
    run = subprocess.run([sys.executable, "-c", CODE], env=os.environ | variables, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == printed
