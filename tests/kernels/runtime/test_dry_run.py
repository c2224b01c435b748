"""Dry runs: kernels record their calls in the thread that performs one, and are as fast as Numba's otherwise."""

import threading

import numpy as np

from scratchcnn.kernels.runtime.dry_run import Kernel, recorded
from scratchcnn.kernels.runtime.jit import compile_kernel


def add_one(x):
    x[0] += 1


kernel = compile_kernel(add_one, parallel=False)


def in_another_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_kernel_runs_in_other_threads_during_a_dry_run():
    x = np.zeros(1)

    def perform():
        kernel(x)
        in_another_thread(lambda: kernel(x))

    recorded(perform)
    np.testing.assert_array_equal(x, [1])


def test_kernels_record_until_the_last_dry_run_ends():
    x = np.zeros(1)

    def perform():
        in_another_thread(lambda: recorded(lambda: kernel(x)))
        kernel(x)

    recorded(perform)
    np.testing.assert_array_equal(x, [0])


def test_method_in_python_slows_down_no_call_after_a_dry_run():
    during = []

    def fails():
        during.append("__call__" in vars(Kernel))
        raise RuntimeError

    recorded(fails)
    assert during == [True]
    assert "__call__" not in vars(Kernel)
    x = np.zeros(1)
    kernel(x)
    np.testing.assert_array_equal(x, [1])
