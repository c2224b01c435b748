"""split: a whole set in two, every class in proportion, by chance and a seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.preprocessing import split


def data(counts):
    """Samples that are numbered, of classes of these sizes, mixed."""
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    return np.arange(len(y)), y


@given(counts=st.lists(st.integers(1, 50), min_size=1, max_size=6), chance=st.randoms(use_true_random=False))
def test_every_sample_is_on_one_side_and_every_class_in_proportion(counts, chance):
    if sum(counts) == len(counts):
        counts[0] += 1
    x, y = data(counts)
    size = chance.randint(1, len(x) - len(counts))
    (x_train, y_train), (x_test, y_test) = split(x, y, size, seed=chance.randint(0, 99))
    assert len(x_test) == len(y_test) == size
    assert sorted([*x_train, *x_test]) == list(range(len(x)))
    np.testing.assert_array_equal(y_train, y[x_train])
    np.testing.assert_array_equal(y_test, y[x_test])
    assert set(y_train) == set(y)
    exact = np.array(counts) * size / len(x)
    if (np.ceil(exact) < counts).all():  # else some class must leave a sample to train on, which others make up for
        found = np.bincount(y_test, minlength=len(counts))
        assert (abs(found - exact) < 1).all()


def test_a_share_is_rounded_to_samples():
    x, y = data([30, 30, 41])
    assert len(split(x, y, 0.25, seed=0)[1][0]) == 25
    assert len(split(x, y, np.float32(0.5), seed=0)[1][0]) == 50
    assert len(split(x, y, np.int64(7), seed=0)[1][0]) == 7


def test_the_seed_decides():
    x, y = data([30, 30])
    one, same, other = (split(x, y, 0.5, seed=seed)[1][0].tolist() for seed in (3, 3, 4))
    assert one == same != other
    assert one != sorted(one)
    assert len({tuple(split(x, y, 0.5)[1][0]) for _ in range(3)}) == 3


def test_images_with_rows_of_labels_or_names():
    x, y = np.random.default_rng(0).random((20, 4, 3, 1)), np.arange(20) % 4
    (x_train, rows), _ = split(x, np.eye(4)[y], 0.4, seed=0)
    assert x_train.shape == (12, 4, 3, 1)
    assert rows.sum(axis=0).tolist() == [3, 3, 3, 3]
    (_, names), _ = split(x.tolist(), np.array(list("abcd"))[y].tolist(), 8, seed=0)
    assert sorted(names) == list("aaabbbcccddd")


@pytest.mark.parametrize("size", [0, 19, 20, -1, 0.0, 1.0, 0.01, 0.99, True, "half", None, float("nan")])
def test_sizes_that_leave_nothing_on_one_side_are_refused(size):
    x, y = data([10, 10])
    with pytest.raises(ValueError, match=r"test_size as 1 to 18 samples, or a share .*received "):
        split(x, y, size)


def test_labels_that_do_not_belong_to_the_images_are_refused():
    with pytest.raises(ValueError, match=r"x of shape \(3,\) and y of \(2,\)"):
        split(np.arange(3), np.arange(2), 1)
