"""Gradient flow: norms of the gradients and updates of `fit`, and a diagnosis where gradients vanish or explode."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import small_data, small_model

from scratchcnn import Sequential, optimizers
from scratchcnn.initializers import Zeros
from scratchcnn.inspection import GradientFlow, GradientWatcher
from scratchcnn.layers import Activation, Dense, Input


def watched(model, x, y, **options):
    watcher = GradientWatcher()
    model.fit(x, y, verbose=0, callbacks=watcher, **options)
    return watcher.result


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_norms_are_those_of_gradients_weights_and_updates(engine):
    x, y = small_data(40)
    model, replay = (small_model(seed=2, engine=engine) for _ in range(2))
    flow = watched(model, x, y, batch_size=20, epochs=2, shuffle=False)
    assert flow.layers == ("conv2d", "dense", "dense_1")
    assert flow.sizes.tolist() == [40, 296, 45]
    for step, part in enumerate([slice(0, 20), slice(20, 40)] * 2):
        rng = replay.generators["dropout"]
        state = rng.bit_generator.state
        gradients = replay.loss_and_gradients(x[part], y[part], training=True)[1]
        rng.bit_generator.state = state
        before = replay.get_weights()
        replay.train_on_batch(x[part], y[part])
        after = replay.get_weights()
        for place in range(3):
            own = slice(2 * place, 2 * place + 2)
            for found, arrays in (
                (flow.gradient_norms, gradients[own]),
                (flow.weight_norms, before[own]),
                (flow.update_norms, [b - a for a, b in zip(before[own], after[own], strict=True)]),
            ):
                expected = np.sqrt(sum((array.astype(np.float64) ** 2).sum() for array in arrays))
                assert found[step, place] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(flow.ratios, flow.update_norms / flow.weight_norms)
    np.testing.assert_allclose(flow.root_mean_squares**2 * flow.sizes, flow.gradient_norms**2)
    assert [a.tobytes() for a in model.get_weights()] == [a.tobytes() for a in replay.get_weights()]


def test_frozen_layers_are_left_out():
    x, y = small_data(40)
    model = small_model(seed=2)
    model.layers[0].trainable = False
    flow = watched(model, x, y, batch_size=20)
    assert flow.layers == ("dense", "dense_1")
    assert flow.sizes.tolist() == [296, 45]
    model.layers[0].trainable = True
    both = watched(model, x, y, batch_size=20)
    assert both.layers == ("conv2d", "dense", "dense_1")
    weights = small_model(seed=2).get_weights()[2:]
    norms = np.sqrt([float((kernel**2).sum() + (bias**2).sum()) for kernel, bias in (weights[:2], weights[2:])])
    np.testing.assert_allclose(flow.weight_norms[0], norms, rtol=1e-5)


def test_a_second_fit_continues_the_record():
    model, watcher = small_model(seed=2), GradientWatcher()
    for _ in range(2):
        model.fit(*small_data(40), batch_size=20, epochs=2, verbose=0, callbacks=watcher)
    assert watcher.result.steps.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def deep(scale, depth=8):
    """Return ReLU layers that preserve the size of activations and gradients, all but the last two times `scale`."""
    rng = np.random.default_rng(0)
    hidden = [Dense(16, activation="relu") for _ in range(depth)]
    model = Sequential([Input((16,)), *hidden, Dense(3, activation="softmax")], seed=0)
    for place, layer in enumerate(model.layers):
        layer.params["kernel"][...] = rng.standard_normal(layer.params["kernel"].shape) / np.sqrt(8)
        if place < depth - 1:
            layer.params["kernel"] *= scale
            # Biases restore the size of the outputs, so that only the gradients shrink on their way back.
            layer.params["bias"] += abs(rng.standard_normal(16)).astype(np.float32) if scale < 1 else 0
    model.compile(optimizers.SGD(1e-12))
    return model, np.random.default_rng(1).random((30, 16)), np.arange(30) % 3


@pytest.mark.parametrize(
    ("scale", "verdict", "words"),
    [
        (1.0, "flows", "none vanishes, none explodes"),
        (0.1, "vanishes", "over 1000 times smaller"),
        (6.0, "explodes", "over 1000 times larger"),
    ],
)
def test_flowing_vanishing_and_exploding_gradients_are_distinguished(scale, verdict, words):
    model, x, y = deep(scale)
    flow = watched(model, x / max(1, scale**7), y)  # outputs as large as with a scale of 1
    assert flow.verdicts[0] == verdict
    assert flow.verdicts[-1] == "flows"
    assert words in str(flow)
    assert max(map(len, str(flow).splitlines())) <= 120


def test_a_gradient_that_grows_a_thousandfold_explodes():
    model = small_model(seed=2)
    flow = watched(model, *small_data(40), batch_size=20)
    flow.gradient_norms[1, 2] = 2000 * flow.gradient_norms[0, 2]
    assert flow.verdicts[2] == "explodes"
    flow.gradient_norms[1, 2] = np.nan
    assert flow.verdicts[2] == "not finite"


def test_dead_layer_has_no_gradient():
    model = Sequential([Dense(4, activation="relu", input_shape=(3,)), Dense(2), Activation("softmax")], seed=0)
    model.layers[0].params["bias"] -= 100
    model.compile("adam")
    flow = watched(model, np.random.default_rng(0).random((10, 3)), np.arange(10) // 7)
    assert flow.verdicts == ("none", "flows")
    assert "dense: the gradient is zero" in str(flow)


def test_ratio_of_zero_weights_is_not_printed():
    model = Sequential([Dense(2, kernel_initializer=Zeros(), input_shape=(3,), activation="softmax")], seed=0)
    model.compile(optimizers.SGD(1e-9))
    flow = watched(model, np.ones((4, 3)), np.array([0, 1, 1, 1]), batch_size=2, shuffle=False)
    assert np.isnan(flow.ratios[0, 0])
    assert max(map(len, str(flow).splitlines())) <= 120


@settings(max_examples=30)
@given(st.lists(st.floats(-7, 1), min_size=1, max_size=6))
def test_printed_ratios_are_judged_by_the_printed_rule(exponents):
    names = tuple(f"layer_{i}" for i in range(len(exponents)))
    ratios, ones = 10 ** np.array([exponents]), np.ones((1, len(exponents)))
    text = GradientFlow(names, np.ones(len(names), int), np.array([1]), ones, ones, ratios).about_ratios()
    usual, low, high = (float(number) for number in re.search(r"about (.+?) \(.*; (.+?) to (.+?) is", text).groups())
    assert (usual, low, high) == (1e-3, 1e-4, 1e-2)
    outside = {"Above it": [], "Below it": []}
    for part in outside:
        if found := re.search(rf"{part}: (.+?)\)\.", text):
            outside[part] = re.findall(r"layer_\d+", found.group(1))
    assert outside["Above it"] == [name for name, ratio in zip(names, ratios[0], strict=True) if ratio > high]
    assert outside["Below it"] == [name for name, ratio in zip(names, ratios[0], strict=True) if ratio < low]
    assert ("All layers are within it" in text) == (not outside["Above it"] and not outside["Below it"])


@pytest.mark.parametrize(("rate", "word"), [(1e-7, "too low"), (3.0, "too high")])
def test_updates_that_are_far_too_small_or_large_are_reported(rate, word):
    model = small_model(seed=2, dtype="float64")
    model.compile(optimizers.SGD(rate))
    assert word in str(watched(model, *small_data(40)))


def test_first_ratio_of_adam_is_the_learning_rate_divided_by_the_size_of_the_weights():
    model = Sequential([Dense(3, activation="softmax", input_shape=(4,))], dtype="float64", seed=0)
    model.set_weights([array / 20 + 0.01 for array in model.get_weights()])
    model.compile(optimizers.Adam(0.001, epsilon=1e-15))
    size = np.sqrt(np.mean(np.concatenate([array.ravel() for array in model.get_weights()]) ** 2))
    flow = watched(model, np.random.default_rng(0).random((8, 4)), np.arange(8) % 3, batch_size=8)
    assert flow.ratios[0, 0] == pytest.approx(0.001 / size, rel=1e-9)
    assert flow.ratios[0, 0] > 1e-2
    assert "larger ratios are normal with Adam" in str(flow)


def test_text_without_steps():
    assert str(GradientWatcher()) == "No steps yet; pass this callback to model.fit."


def test_fit_of_another_model_raises_an_error():
    watcher = GradientWatcher()
    model, other = (
        small_model(seed=0),
        Sequential([Dense(2, input_shape=(3,), activation="softmax", name="mine")], seed=0),
    )
    other.compile("adam")
    model.fit(*small_data(), verbose=0, callbacks=watcher)
    with pytest.raises(ValueError, match="same model"):
        other.fit(np.ones((4, 3)), np.array([0, 1, 1, 1]), verbose=0, callbacks=watcher)
