"""Elementwise activation functions and their gradients, compared with the reference, also for extreme values."""

import subprocess
import sys

import numpy as np
import pytest
from comparing import DTYPES, ENGINES, LAYOUTS, SEEDS, check, random_array, with_non_finite
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import reference
from scratchcnn.reference.elementwise import FORMULAS

OF_INPUT = ("leaky_relu", "gelu", "silu")  # whose derivative is a function of the input
ROUNDINGS = 8  # of a function: at most six operations, of which exp, tanh and erfc may be off by a whole unit
PARAMETERS = st.sampled_from([0.0, 0.2, 1.0, 2.5])
SCALES = st.sampled_from([1e-30, 1e-3, 1.0, 10.0, 100.0, 1e30])


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(FORMULAS)), st.lists(st.integers(1, 9), min_size=1, max_size=3), DTYPES, SEEDS, LAYOUTS,
    PARAMETERS, SCALES,
)  # fmt: skip
def test_functions_and_gradients_are_within_rounding_of_the_reference(
    name, shape, dtype, seed, layout, parameter, scale
):
    rng = np.random.default_rng(seed)
    x = layout(with_non_finite(rng, (scale * random_array(rng, shape, np.float64)).astype(dtype), 0.2))
    limits, wide = np.finfo(dtype), x.astype(np.float64)
    with np.errstate(all="ignore"):
        exact = reference.elementwise(wide, name, parameter)
        # erfc magnifies the rounding of its argument, x / sqrt(2), by x^2 where it is small; at -40 it is zero in
        # float64. sqrt(2) and the product are each off by eps / 2, in both implementations.
        roundings = ROUNDINGS + (2 * np.clip(wide, -40, 0) ** 2 if name == "gelu" else 0)
        bound = roundings * limits.eps * abs(exact) + (1 + abs(wide)) * limits.tiny
    check("elementwise", [x, name, parameter], bound)
    kept = x if name in OF_INPUT else exact.astype(dtype)
    dy = layout(random_array(rng, shape, dtype))
    size = abs(dy.astype(np.float64)) * max(1.13, parameter)  # 1.13: the largest derivative, that of gelu
    check("elementwise_gradient", [dy, kept, name, parameter], ROUNDINGS * limits.eps * size + limits.tiny)


@pytest.mark.parametrize("name", FORMULAS)
def test_large_arrays_are_computed_in_parallel_with_the_same_values(name):
    x = np.linspace(-9, 9, 100_000, dtype=np.float32)
    limits, exact = np.finfo(x.dtype), reference.elementwise(x.astype(np.float64), name, 0.2)
    roundings = ROUNDINGS + (x.clip(max=0) ** 2 if name == "gelu" else 0)
    check("elementwise", [x, name, 0.2], roundings * limits.eps * abs(exact) + limits.tiny)


@pytest.mark.parametrize("engine", ENGINES)
def test_unknown_name_raises_value_error_with_the_nearest(engine):
    x = np.zeros(3)
    with pytest.raises(ValueError, match=r"received 'sigmod'. Did you mean 'sigmoid'\?"):
        engine.elementwise(x, "sigmod")
    with pytest.raises(ValueError, match=r"received 'sofplus'. Did you mean 'softplus'\?"):
        engine.elementwise_gradient(x, x, "sofplus")


COUNT = """
import numpy as np
from scratchcnn.kernels.elementwise import LOOPS, elementwise, elementwise_gradient
from scratchcnn.kernels.runtime.processes import kernels, name_of
x = np.zeros(3, np.float32)
elementwise(x, "tanh"), elementwise(x, "sigmoid"), elementwise_gradient(x, x, "tanh")
stats = [kernels[f"{name_of(loop)}_loop"]().stats for loop in (*LOOPS["tanh"], *LOOPS["sigmoid"])]
print(*(sum(each.cache_misses.values()) for each in stats))
"""


def test_each_loop_is_cached_on_disk_under_a_name_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    misses = [subprocess.run([sys.executable, "-c", COUNT], check=True, capture_output=True, text=True) for _ in "ab"]
    assert [each.stdout.split() for each in misses] == [["1", "1", "1", "0"], ["0", "0", "0", "0"]]
