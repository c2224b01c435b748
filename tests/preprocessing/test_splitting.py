"""split: stratified random split into a training and a test part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.preprocessing import split


def data(counts):
    """Return numbered samples and shuffled labels of classes of the given sizes."""
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    return np.arange(len(y)), y


@given(counts=st.lists(st.integers(1, 50), min_size=1, max_size=6), random=st.randoms(use_true_random=False))
def test_each_sample_is_in_one_part_and_class_proportions_are_kept(counts, random):
    if sum(counts) == len(counts):
        counts[0] += 1
    x, y = data(counts)
    size = random.randint(1, len(x) - len(counts))
    (x_train, y_train), (x_test, y_test) = split(x, y, size, seed=random.randint(0, 99))
    assert len(x_test) == len(y_test) == size
    assert sorted([*x_train, *x_test]) == list(range(len(x)))
    np.testing.assert_array_equal(y_train, y[x_train])
    np.testing.assert_array_equal(y_test, y[x_test])
    assert set(y_train) == set(y)
    exact = np.array(counts) * size / len(x)
    if (np.ceil(exact) < counts).all():  # else a class must keep a training sample, and others compensate
        found = np.bincount(y_test, minlength=len(counts))
        assert (abs(found - exact) < 1).all()


def test_fraction_is_rounded_to_samples():
    x, y = data([30, 30, 41])
    assert len(split(x, y, 0.25, seed=0)[1][0]) == 25
    assert len(split(x, y, np.float32(0.5), seed=0)[1][0]) == 50
    assert len(split(x, y, np.int64(7), seed=0)[1][0]) == 7


def test_seed_determines_the_split():
    x, y = data([30, 30])
    one, same, other = (split(x, y, 0.5, seed=seed)[1][0].tolist() for seed in (3, 3, 4))
    assert one == same != other
    assert one != sorted(one)
    assert len({tuple(split(x, y, 0.5)[1][0]) for _ in range(3)}) == 3


def test_labels_may_be_one_hot_rows_or_names():
    x, y = np.random.default_rng(0).random((20, 4, 3, 1)), np.arange(20) % 4
    (x_train, rows), _ = split(x, np.eye(4)[y], 0.4, seed=0)
    assert x_train.shape == (12, 4, 3, 1)
    assert rows.sum(axis=0).tolist() == [3, 3, 3, 3]
    (_, names), _ = split(x.tolist(), np.array(list("abcd"))[y].tolist(), 8, seed=0)
    assert sorted(names) == list("aaabbbcccddd")


@pytest.mark.parametrize("size", [0, 19, 20, -1, 0.0, 1.0, 0.01, 0.99, True, "half", None, float("nan")])
def test_size_that_leaves_a_part_empty_is_rejected(size):
    x, y = data([10, 10])
    with pytest.raises(ValueError, match=r"test_size as 1 to 18 samples, or a fraction .*received "):
        split(x, y, size)


def test_samples_and_labels_of_different_length_are_rejected():
    with pytest.raises(ValueError, match=r"x of shape \(3,\) and y of \(2,\)"):
        split(np.arange(3), np.arange(2), 1)
