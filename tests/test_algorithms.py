"""Which algorithms are chosen for a convolution, and which names they have."""

import numpy as np
import pytest

from scratchcnn.algorithms import ALIASES, NAMES, RUNGS, Choice, Problem, algorithm_name, choose, recomputes
from scratchcnn.geometry import image_windows

POOL = image_windows((24, 24), (2, 2), (2, 2), "valid")
FIRST = Problem(image_windows((28, 28), (3, 3), (1, 1), "valid"), 1, 32, np.dtype(np.float32), input_gradient=False)
SECOND = Problem(image_windows((26, 26), (3, 3), (1, 1), "valid"), 32, 64, np.dtype(np.float32), POOL)


def recomputed(first, second, algorithm="auto"):
    return recomputes(first, choose("auto", first), second, choose(algorithm, second))


def test_algorithms_of_the_articles_network():
    assert choose("auto", FIRST)[:2] == ("tile", "tile")
    assert choose("auto", SECOND) == Choice("winograd_4x4", "winners", "winners", POOL)
    assert recomputed(FIRST, SECOND)


def test_sparse_gradients_require_a_pooling_and_an_input_gradient():
    dense = Choice("winograd_4x4", "winograd_4x4", "winograd_4x4")
    for algorithm in ("auto", "winners"):
        assert choose(algorithm, SECOND._replace(pool=None)) == dense
        assert choose(algorithm, SECOND._replace(input_gradient=False)) == dense._replace(pool=POOL)
        assert choose(algorithm, SECOND).kernel_gradient == "winners"


def test_overlapping_poolings_have_dense_gradients():
    overlapping = SECOND._replace(pool=image_windows((24, 24), (3, 3), (2, 2), "valid"))
    assert choose("auto", overlapping) == Choice(*["winograd_4x4"] * 3, overlapping.pool)
    no_whole_lines = SECOND._replace(channels=20)
    problems = (
        overlapping,
        overlapping._replace(input_gradient=False),
        no_whole_lines,
        no_whole_lines._replace(pool=None),
    )
    for problem in problems:
        with pytest.raises(ValueError, match=r"Expected, for algorithm='winners'.*use 'auto'"):
            choose("winners", problem)


@pytest.mark.parametrize("name", RUNGS)
def test_a_named_algorithm_computes_output_and_gradients(name):
    assert choose(name, SECOND) == Choice(name, name, name, POOL)
    assert not recomputed(FIRST, SECOND, name)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, SECOND._replace(pool=None)),
        (FIRST, SECOND._replace(pool=image_windows((24, 24), (3, 3), (3, 3), "valid"))),
        (FIRST._replace(channels=4), SECOND),
        (FIRST, SECOND._replace(dtype=np.dtype(np.float64))),
        (FIRST, SECOND._replace(filters=512)),
        (
            FIRST,
            SECOND._replace(
                windows=image_windows((26, 26), (3, 3), (1, 1), "same"),
                pool=image_windows((26, 26), (2, 2), (2, 2), "valid"),
            ),
        ),
    ],
    ids=["no pooling", "3 x 3 pooling", "36 products", "float64", "large kernel", "padded convolution"],
)
def test_no_recomputation(first, second):
    assert not recomputed(first, second)


def test_names_and_aliases():
    assert [algorithm_name(name) for name in NAMES] == list(NAMES)
    assert {alias: algorithm_name(alias) for alias in ALIASES} == ALIASES
    assert set(ALIASES.values()) <= set(NAMES)
    with pytest.raises(ValueError, match="Did you mean 'implicit_gemm'"):
        algorithm_name("implicit-gemm")
