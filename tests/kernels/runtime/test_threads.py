"""How many threads a pass over a network uses."""

import numba
import numpy as np
import pytest
from comparing import THREADS, on_threads

from scratchcnn import Sequential
from scratchcnn.kernels.runtime.threads import WORTH_WAKING, get_threads, threads_for
from scratchcnn.layers import Dense, Layer


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
def test_little_work_is_done_by_one_thread_and_much_work_by_all():
    with on_threads(THREADS):
        with threads_for(WORTH_WAKING - 1):
            assert get_threads() == 1
        assert get_threads() == THREADS
        with threads_for(WORTH_WAKING):
            assert get_threads() == THREADS


def test_threads_are_restored_after_an_error():
    with on_threads(THREADS):
        with pytest.raises(ZeroDivisionError), threads_for(0):
            raise ZeroDivisionError
        assert get_threads() == THREADS


class ThreadCount(Layer):
    """A layer whose output is the number of threads that compute it."""

    def forward(self, x, ops, training, rng):
        return np.full_like(x, get_threads()), None


def test_predict_uses_one_thread_for_few_images_of_a_small_network_only():
    model = Sequential([Dense(1000, input_shape=(1000,)), ThreadCount()])
    with on_threads(THREADS):
        assert model.predict(np.zeros((1, 1000)))[0, 0] == 1
        assert model.predict(np.zeros((30, 1000)))[0, 0] == THREADS
        assert get_threads() == THREADS
