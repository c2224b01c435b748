"""What the tests share: Keras's backend, hypothesis without a clock, random numbers, the bound on rounding errors."""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest
from hypothesis import settings
from llvmlite import binding

# Read when Keras and JAX are first imported, which only tests/keras does.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "true")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")  # every model is compiled for a handful of calls
# The workers share the processors. A matrix product of a few microseconds takes milliseconds if the threads of OpenBLAS
# wait for each other there; the kernels have threads of their own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Keras imports TensorFlow where it is installed, which prints to the standard error as soon as it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np  # after the variables, as OpenBLAS reads its own now


def _share_compiled_programs_of_jax() -> None:
    """Keep the programs that JAX compiles beside the compiled kernels, for all workers and for the next run.

    Keras compiles the same program again for each equal model; JAX then reads it from the folder, where its name is a
    hash of the program and of JAX's version. A program contains instructions of one processor, so that each kind of
    processor has a folder.
    """
    processor = hashlib.sha256(binding.get_host_cpu_features().flatten().encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("scratchcnn")) / "tests" / f"jax_{processor}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            if file.stat().st_size == 0:  # JAX was interrupted when it began to write, and would not write it again
                file.unlink(missing_ok=True)
    except OSError:  # no writable folder: every process compiles
        return
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


_share_compiled_programs_of_jax()

# The first call of a kernel may compile it, so no single example has a time limit.
settings.register_profile("scratchcnn", deadline=None)
settings.load_profile("scratchcnn")

# What takes longest, as beginnings of test ids, the longest first (seconds on one core with an empty cache).
SLOWEST = [
    "kernels/runtime/test_processors.py::test_kernels_compute_when_compiled_for[x86-64 with AVX2",  # 65
    "kernels/runtime/test_processors.py",  # 60
    "preprocessing/test_read_digit.py",  # 85
    "examples/test_look_inside.py",  # 80
    "examples/test_small_networks.py",  # 75
    "inspection/keras/test_compare_with_keras.py",  # 75
    "inspection/bug_zoo/",  # 50
    "examples/test_lessons.py",  # 50
    "tutorials/",  # 45
    "benchmarks/test_kernel_ladder.py",  # 45
    "keras/test_batch_normalization_against_keras.py",  # 35
    "examples/test_read_digit_example.py",  # 35
    "keras/test_layers_against_keras.py",  # 30
    "kernels/test_kernel_interface.py",  # 30
    "inspection/report/test_report_in_browser.py",  # 30
    "keras/test_loss_curve_against_keras.py",  # 20
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every worker of pytest-xdist begin with slow tests, so that no worker runs one while the others wait.

    Each worker is given one part of the list, and steals from the end of the longest rest when it has finished.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    rest, slow = items.copy(), []
    for beginning in SLOWEST:
        slow.append([item for item in rest if item.nodeid.removeprefix("tests/").startswith(beginning)])
        rest = [item for item in rest if not item.nodeid.removeprefix("tests/").startswith(beginning)]
    arranged: list[pytest.Item] = []
    for number in range(workers):
        size = (len(items) - len(arranged)) // (workers - number)
        part = [item for group in slow[number::workers] for item in group]
        more = max(0, size - len(part)) if number < workers - 1 else len(rest)
        arranged += part + rest[:more]
        rest = rest[more:]
    items[:] = arranged


RoundingBound = Callable[..., np.ndarray]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


@pytest.fixture(scope="session")
def rounding_bound() -> RoundingBound:
    return _rounding_bound


def _rounding_bound(magnitude, terms: int, dtype, peer_dtype=np.float64) -> np.ndarray:
    """How far a sum of products in `dtype` may lie from the same sum in `peer_dtype`.

    With unit roundoff u = eps / 2, a sum of n products is off by at most gamma_n * sum |a_i * b_i|, where
    gamma_n = n * u / (1 - n * u), in any order of summation, whether or not multiply and add are fused (Higham
    2002, "Accuracy and stability of numerical algorithms", section 3.1 and equation 3.4). Either side may be off by its
    own gamma. What underflows on the way loses at most the smallest normal number for each term.

    Parameters
    ----------
    magnitude : array
        The same operation on absolute values: sum |a_i * b_i|.
    terms : int
        n: terms of the sum. Three more are allowed for a bias, a scale, and the rounding of `magnitude` itself.
    """
    n = terms + 3
    gammas, tiny = 0.0, 0.0
    for each in (np.dtype(dtype), np.dtype(peer_dtype)):
        u = np.finfo(each).eps / 2
        gammas += n * u / (1 - n * u)
        tiny = max(tiny, n * float(np.finfo(each).tiny))
    return gammas * np.asarray(magnitude, np.float64) + tiny


@pytest.fixture(autouse=True, scope="module")
def _jax_forgets_compiled_programs():
    """Programs that JAX compiled for one module are of no use to the next, and fill gigabytes in a long run."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
