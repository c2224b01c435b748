"""Conv2D's algorithm: the name it is given, what a model selects for it, and that all train alike."""

import numpy as np
import pytest

from scratchcnn import Sequential
from scratchcnn.algorithms import NAMES
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


def choices(model):
    return [choice[:3] for stage in model.plan.stages for choice in stage.choices if choice is not None]


def test_layer_keeps_the_name_it_was_given():
    assert Conv2D(4, 3).algorithm == "auto"
    assert Conv2D(4, 3, algorithm="implicit_gemm").algorithm == "tile"
    assert model("winograd_2x2").layers[1].get_config()["algorithm"] == "winograd_2x2"


def test_plan_selects_algorithms_for_auto_and_uses_named_ones():
    first = ("tile", "tile", "interleaved")
    assert choices(model("auto")) == [first, ("winograd_4x4", "winners", "winners")]
    assert choices(model("winners")) == [first, ("winograd_4x4", "winners", "winners")]
    assert choices(model("winograd_2x2")) == [first, ("winograd_2x2",) * 3]


def test_changed_algorithm_takes_effect():
    changed, other = model("auto"), model("loops")
    assert choices(changed) != choices(other)
    changed.layers[1].algorithm = "loops"
    assert choices(changed) == choices(other)


def test_subclass_keeps_the_algorithm_it_was_given(rng):
    class Own(Conv2D):
        """Overrides nothing."""

    x = rng.random((3, 20, 20, 16)).astype(np.float32)
    outputs = {}
    for kind in (Conv2D, Own):
        for name in ("winograd_4x4", "tile"):
            built = Sequential([kind(16, 3, algorithm=name, input_shape=(20, 20, 16))], seed=0)
            outputs[kind, name] = built.predict(x).tobytes()
    assert outputs[Own, "tile"] == outputs[Conv2D, "tile"] != outputs[Conv2D, "winograd_4x4"]
    assert outputs[Own, "winograd_4x4"] == outputs[Conv2D, "winograd_4x4"]


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
        ({"kernel_size": 3, "algorithm": "winners"}, "multiples of 64 bytes"),
    ],
)
def test_incompatible_algorithm_is_refused_when_the_layer_is_built(options, message):
    made = Sequential()
    with pytest.raises(ValueError, match=message):
        made.add(Conv2D(4, input_shape=(9, 9, 3), **options))
    assert made.layers == []


def test_unknown_algorithm_is_refused():
    with pytest.raises(ValueError, match="Expected algorithm as one of 'auto', 'loops'"):
        Conv2D(4, 3, algorithm="fft")
