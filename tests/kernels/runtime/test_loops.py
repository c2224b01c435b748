"""Parallel loops: every index once, the same bits for any number of threads, and errors that reach the caller."""

import numba
import numpy as np
import pytest

from scratchcnn.kernels.runtime.jit import MANY
from scratchcnn.kernels.runtime.loop_instructions import BLOCK
from scratchcnn.kernels.runtime.loops import parallel_elements, parallel_jobs


@parallel_jobs
def count_job(job, rows, counts, offset):
    """Add the sum of a row to its count; an example of a kernel with arguments of several kinds."""
    counts[job] += rows[job].sum() + offset[0]


@parallel_elements
def double(first, last, x, y):
    for i in range(first, last):
        y[i] += 2 * x[i]


@parallel_jobs
def expect_below(job, limit):
    if job >= limit:
        raise IndexError("no such job")


@pytest.fixture(params=["one thread", "all threads"])
def threads(request):
    before = numba.get_num_threads()
    numba.set_num_threads(1 if request.param == "one thread" else numba.config.NUMBA_NUM_THREADS)
    yield
    numba.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("jobs", [0, 1, 2, 3, 100])
def test_every_job_is_performed_once(jobs):
    rows, counts = np.arange(100.0 * 3).reshape(100, 3), np.zeros(100)
    count_job(jobs, rows, counts, (1, True))
    np.testing.assert_array_equal(counts[:jobs], rows[:jobs].sum(axis=1) + 1)
    np.testing.assert_array_equal(counts[jobs:], 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, MANY - 1, MANY, 3 * MANY + 5])
def test_every_element_is_computed_once(size, dtype):
    x, y = np.arange(size + 3, dtype=dtype), np.zeros(size + 3, dtype)
    double(size, x, y)
    np.testing.assert_array_equal(y[:size], 2 * x[:size])
    np.testing.assert_array_equal(y[size:], 0)


@pytest.mark.usefixtures("threads")
def test_error_in_a_job_reaches_the_caller():
    expect_below(5, 5)
    with pytest.raises(IndexError, match="no such job"):
        expect_below(6, 5)
