"""Conv2D's algorithm: which one a layer was asked for, which one it takes, and that all train alike."""

import numpy as np
import pytest

from scratchcnn import Sequential
from scratchcnn.algorithms import NAMES, Choice
from scratchcnn.layers import Conv2D, Dense, Flatten, MaxPooling2D


def model(algorithm, dtype="float32"):
    layers = [
        Conv2D(16, 3, activation="relu", input_shape=(12, 12, 1)),
        Conv2D(16, 3, activation="relu", algorithm=algorithm),
        MaxPooling2D(),
        Flatten(),
        Dense(3, activation="softmax"),
    ]
    built = Sequential(layers, seed=1, dtype=dtype)
    built.compile()
    return built


def test_a_layer_tells_what_auto_came_to():
    first, second = model("auto").layers[:2]
    assert first.algorithm == Choice("tile", "tile", "winograd_4x4", "dense")
    assert second.algorithm == Choice("winograd_4x4", "winograd_4x4", "winograd_4x4", "winners")
    assert Conv2D(4, 3).algorithm is None


def test_a_layer_takes_what_it_is_asked_for():
    assert model("winograd_2x2").layers[1].algorithm == Choice(*["winograd_2x2"] * 3, "dense")
    assert model("winners").layers[1].algorithm.pooled_gradients == "winners"


@pytest.mark.parametrize("name", NAMES)
def test_every_algorithm_gives_the_same_gradients(rng, name):
    x, y = rng.random((9, 12, 12, 1)), np.arange(9) % 3
    exact_loss, exact = model("auto", "float64").loss_and_gradients(x, y)
    loss, gradients = model(name, "float64").loss_and_gradients(x, y)
    assert loss == pytest.approx(exact_loss, rel=1e-12)
    for one, other in zip(gradients, exact, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(other).max())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 5, "algorithm": "winograd_4x4"}, "3 x 3 with stride 1"),
        ({"kernel_size": 3, "strides": 2, "algorithm": "winograd_2x2"}, "strides 2, 2"),
        ({"kernel_size": 3, "padding": "same", "algorithm": "winners"}, "without padding"),
        ({"kernel_size": 3, "algorithm": "winners"}, "whole 64 bytes"),
    ],
)
def test_an_algorithm_that_cannot_do_it_is_refused_when_the_layer_is_built(options, message):
    made = Sequential()
    with pytest.raises(ValueError, match=message):
        made.add(Conv2D(4, input_shape=(9, 9, 3), **options))
    assert made.layers == []


def test_an_unknown_algorithm_is_refused():
    with pytest.raises(ValueError, match="Expected algorithm as one of 'auto', 'loops'"):
        Conv2D(4, 3, algorithm="fft")
