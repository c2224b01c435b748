"""The kernels compile and compute for other processors than the one at hand."""

import os
import subprocess
import sys

import pytest
from llvmlite import binding

CODE = """
import numpy as np
from scratchcnn import kernels, reference
from scratchcnn.kernels.gemm.micro_kernel import COLUMNS
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Convolution

def check(name, arguments, algorithm):
    # A result is a sum of at most 9 * 37 = 333 products of two numbers: in whatever order, it errs by less than
    # 333 * eps / 2 * the sum of their sizes. The other half is for Winograd's transforms, whose errors are below
    # 100 * eps * the largest such sum, since all outputs of a tile share them.
    found = getattr(kernels, name)(*arguments, algorithm=algorithm)
    wide = [a.astype(np.float64) if getattr(a, 'dtype', '') == dtype else a for a in arguments]
    sizes = [abs(a) if getattr(a, 'dtype', '') == np.float64 else a for a in wide]
    exact, largest = (getattr(reference, name)(*operands) for operands in (wide, sizes))
    if not isinstance(found, tuple):
        found, exact, largest = (found,), (exact,), (largest,)
    for one, formula, size in zip(found, exact, largest, strict=True):
        if one.dtype == dtype:  # not the winners, of which any may win that is as large but for rounding
            error = abs(one - formula).max()
            assert error < 333 * np.finfo(dtype).eps * size.max(), f'{name} by {algorithm} in {dtype} errs by {error}'
    return found

rng = np.random.default_rng(0)
for dtype in map(np.dtype, (np.float32, np.float64)):
    shapes = (3, 7, 6, 16), (3, 3, 16, 37), (37,), (3, 5, 4, 37), (3, 2, 2, 37)
    x, kernel, bias, dy, values = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    pool = (2, 2), (2, 2), 'valid'
    for algorithm in ('tile', 'winograd_2x2', 'winograd_4x4'):
        y, = check('conv2d', (x, kernel, bias), algorithm)
        check('conv2d_kernel_gradient', (dy, x, (3, 3)), algorithm)
        check('conv2d_parameter_gradients', (dy, np.maximum(y, 0), x, (3, 3)), algorithm)
        check('conv2d_input_gradient', (dy, kernel, x.shape), algorithm)
        outputs, winners = check('conv2d_max_pool2d', (x, kernel, bias, *pool), algorithm)
        for one, other in zip((outputs, winners), kernels.max_pool2d(y), strict=True):
            assert (one == other).all(), f'pooled by {algorithm} in {dtype}'
    for outputs in (np.maximum(outputs, 0), None):
        check('conv2d_pooled_gradients', (values, winners, outputs, x, kernel, *pool), 'winners')

def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)

x, below = normal(3, 9, 8, 2), Convolution(normal(3, 3, 2, 16), normal(16))
kernel, values = normal(3, 3, 16, 37), normal(3, 2, 2, 37)
images = kernels.conv2d(x, *below[:2], relu=True)
outputs, winners = apart = kernels.conv2d_max_pool2d(images, kernel, None, *pool, relu=True)
stacked = kernels.stacked_conv2d_max_pool2d(x, below, kernel, None, *pool, relu=True)
dx, *own = kernels.conv2d_pooled_gradients(values, winners, outputs, images, kernel, *pool, input_relu=True)
apart += *kernels.conv2d_parameter_gradients(dx, None, x, (3, 3)), *own
stacked += kernels.stacked_pooled_gradients(values, winners, outputs, x, below, kernel, *pool)
for one, other in zip(stacked, apart, strict=True):
    assert (one == other).all(), 'stacked and apart differ'
print(VECTOR_BYTES, COLUMNS)
"""
PROCESSORS = {
    "x86-64 without AVX": ("x86-64", "", "16 2"),
    "x86-64 with AVX2, without AVX-512": ("haswell", "+avx,+avx2,+fma", "32 2"),
}


@pytest.mark.skipif(not binding.get_process_triple().startswith("x86_64"), reason="compiles for x86-64")
@pytest.mark.parametrize("processor", PROCESSORS)
def test_kernels_compute_when_compiled_for(processor, tmp_path):
    name, features, printed = PROCESSORS[processor]
    told = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", CODE], env=os.environ | told, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == printed
