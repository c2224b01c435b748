"""The kernels compile and compute for other processors than the one at hand."""

import os
import subprocess
import sys

import pytest
from llvmlite import binding

CODE = """
import numpy as np
from scratchcnn import kernels, reference
from scratchcnn.kernels.tile import COLUMNS
from scratchcnn.kernels.vectorized import VECTOR_BYTES
rng = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    x, kernel = rng.standard_normal((3, 7, 6, 5)).astype(dtype), rng.standard_normal((3, 2, 5, 37)).astype(dtype)
    bias = rng.standard_normal(37).astype(dtype)
    y = kernels.conv2d(x, kernel, bias)
    dy = rng.standard_normal(y.shape).astype(dtype)
    for mine, formula in (
        (y, reference.conv2d(x, kernel, bias)),
        (kernels.conv2d_kernel_gradient(dy, x, (3, 2)), reference.conv2d_kernel_gradient(dy, x, (3, 2))),
        (kernels.conv2d_input_gradient(dy, kernel, x.shape), reference.conv2d_input_gradient(dy, kernel, x.shape)),
    ):
        # Sums of at most 222 products of numbers of order one: errors below 222 * eps * the sum of their sizes.
        assert np.abs(mine - formula).max() < 222 * np.finfo(dtype).eps * 222, dtype
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
