"""The cache of compiled kernels: outside the package, used by the next process, and never a cause of errors."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import scratchcnn
from scratchcnn.kernels.runtime.jit import MOST_GROUP_BYTES, MOST_GROUPS, arithmetic, group_count, serial

CODE = """
import numpy as np
from scratchcnn.kernels import relu
from scratchcnn.kernels.runtime.processes import kernels
assert relu(np.array([-1.0, 2.0], np.float32)).tolist() == [0.0, 2.0]
counts = [make().stats for make in kernels.values()]
print(*(sum(sum(getattr(count, name).values()) for count in counts) for name in ("cache_hits", "cache_misses")))
"""


READ_ONLY = """
import os, tempfile
def fail(*arguments, **keywords):
    raise PermissionError("read-only")
tempfile.TemporaryFile = os.replace = fail
"""


def hits_and_misses(cache_folder, package_folder=Path(scratchcnn.__file__).parents[1], before=""):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache_folder), "PYTHONPATH": str(package_folder)}
    run = subprocess.run([sys.executable, "-P", "-c", before + CODE], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return tuple(map(int, run.stdout.split()))


def test_the_second_process_compiles_nothing(tmp_path):
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path) == (1, 0)


def test_damaged_cache_causes_a_compilation_and_no_error(tmp_path):
    hits_and_misses(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".nbi", ".nbc"}
    for path in files:
        path.write_bytes(path.read_bytes()[:20])
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path) == (1, 0)


def test_change_in_any_kernel_file_invalidates_the_cache(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(Path(scratchcnn.__file__).parent, copy / "scratchcnn")
    cache = tmp_path / "cache"
    assert hits_and_misses(cache, copy) == (0, 1)
    assert hits_and_misses(cache, copy) == (1, 0)
    with (copy / "scratchcnn" / "kernels" / "gemm" / "micro_kernel.py").open("a") as another_file:
        another_file.write("# changed\n")
    assert hits_and_misses(cache, copy) == (0, 1)


def test_read_only_folder_is_read(tmp_path):
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path, before=READ_ONLY) == (1, 0)
    for path in tmp_path.rglob("*.nbi"):
        path.unlink()
    assert hits_and_misses(tmp_path, before=READ_ONLY) == (0, 1)


def test_without_a_folder_every_process_compiles(tmp_path):
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    for _ in range(2):
        assert hits_and_misses(not_a_folder / "cache") == (0, 1)


def test_package_contains_no_compiled_kernels():
    compiled = [path for path in Path(scratchcnn.__file__).parent.rglob("*") if path.suffix in (".nbi", ".nbc")]
    assert compiled == []


@serial
def double(x):
    return 2 * x


def test_function_has_an_entry_point_only_where_python_calls_it():
    double.compile("float64(float64)")  # as a kernel that calls it does
    assert not any(map(has_entry_point, double.overloads.values()))
    assert double(21.0) == 42.0
    assert all(map(has_entry_point, double.with_entry_point("from_python").overloads.values()))


@serial
def power(x, n):
    result = x
    for _ in range(1, n):
        result *= x
    return result


@numba.njit
def powers(x, n):
    return power(x, n), power(x, 2), power(x, 3)


def test_function_is_compiled_once_for_constants_and_variables():
    assert powers(2.0, 4) == (16, 4, 8)
    assert list(power.overloads) == [(numba.float64, numba.int64)]


@arithmetic
def half(x):
    return x // 2


@numba.njit
def quarter(x):
    return half(half(x))


def test_arithmetic_function_is_compiled_for_kernels_only():
    assert half(9) == 4
    assert not half.overloads
    assert quarter(9) == 2
    assert half.overloads


def has_entry_point(compiled):
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cpython_wrapper_name) != 0


@pytest.mark.parametrize("sum_bytes", [0, 1, 100_000, 600_000, 1_200_000, 2_400_000, 1 << 23, 1 << 30])
def test_groups_of_a_large_batch_divide_evenly_among_two_four_and_eight_threads(sum_bytes):
    count = group_count(1000, sum_bytes)
    assert 2 <= count <= MOST_GROUPS
    assert count in (2, 4, 8) or count % 8 == 0
    assert count == 2 or count * sum_bytes <= MOST_GROUP_BYTES
    assert [group_count(images, sum_bytes) for images in (0, 1, 2)] == [0, 1, 2]
