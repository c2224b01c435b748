"""Dead units: ReLUs that output zero for all images of a set, in any model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import article_model, sample_digits, small_data, small_model

from scratchcnn import Sequential
from scratchcnn.inspection import dead_units
from scratchcnn.layers import Activation, Conv2D, Dense, Flatten, MaxPooling2D, Rescaling


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_units_with_very_negative_bias_are_dead(engine, batch_size):
    model = small_model(seed=1, engine=engine)
    model.layers[0].params["bias"][[1, 3]] = -100
    model.layers[4].params["bias"][5] = -100
    found = dead_units(model, small_data(30)[0], batch_size)
    assert [units.layer for units in found.layers] == ["conv2d", "dense"]
    conv, dense = found.layers
    assert conv.dead.tolist() == [1, 3]
    assert 5 in dense.dead
    assert found.images == 30
    assert "every one of 30 images" in str(found)
    assert max(map(len, str(found).splitlines())) <= 120


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.sampled_from(["float32", "float64"]))
def test_fractions_are_those_of_the_layer_outputs(seed, dtype):
    rng = np.random.default_rng(seed)
    model = Sequential([
        Rescaling(1 / 255, input_shape=(6, 5, 3)), Conv2D(3, 2), Activation("relu"), Conv2D(4, 2, activation="relu"),
        MaxPooling2D(2), Flatten(), Dense(6, activation="relu"), Dense(3, activation="softmax"),
    ], dtype=dtype, engine="reference", seed=seed)  # fmt: skip
    for layer in model.layers:
        if "bias" in layer.params:
            layer.params["bias"] += rng.normal(-0.3, 0.3, layer.params["bias"].shape).astype(dtype)
    x = rng.integers(0, 256, (9, 6, 5, 3), dtype=np.uint8)
    y, found = x.astype(dtype), iter(dead_units(model, x, 4).layers)
    for layer in model.layers:
        y = layer.forward(y, model.ops, training=False, rng=None)[0]
        if layer.name in ("activation", "conv2d_1", "dense"):
            units = next(found)
            assert units.layer == layer.name
            active = (y != 0).reshape(9, -1, y.shape[-1]).any(axis=1)
            np.testing.assert_allclose(units.active, active.mean(axis=0))
            assert units.zeros == pytest.approx((y == 0).mean())
            assert units.dead.tolist() == np.flatnonzero(~active.any(axis=0)).tolist()


def test_convolutions_of_fused_stages_are_included():
    model = article_model(seed=0)
    x = y = sample_digits()[0][0][:8]
    found = iter(dead_units(model, x).layers)
    for layer in model.layers[:-1]:
        y = layer.forward(y, model.ops, training=False, rng=None)[0]
        if layer.name in ("conv2d", "conv2d_1", "dense"):
            units = next(found)
            assert units.layer == layer.name
            np.testing.assert_allclose(units.active, (y != 0).reshape(8, -1, y.shape[-1]).any(axis=1).mean(axis=0))


def test_text_reports_a_dead_layer_and_a_model_without_relu():
    model = Sequential([Dense(12, activation="relu", input_shape=(3,)), Dense(2)], seed=0)
    model.layers[0].params["bias"] -= 100
    text = str(dead_units(model, np.ones((2, 3))))
    assert "All units of dense are dead" in text
    assert "0, 1, 2, 3, 4, 5, 6, 7, ..." in text
    assert "there are no dead units" in str(dead_units(Sequential([Dense(2, input_shape=(3,))]), np.ones((2, 3))))
    alive = Sequential(
        [Dense(2, activation="relu", kernel_initializer=lambda s, r, d: np.ones(s, d), input_shape=(3,))]
    )
    assert "No unit is dead" in str(dead_units(alive, np.ones((2, 3))))


def test_wrong_arguments_raise_an_error():
    with pytest.raises(ValueError, match="Expected a model of known shape"):
        dead_units(Sequential([Dense(2)]), np.ones((2, 3)))
    with pytest.raises(ValueError, match="without a batch axis"):
        dead_units(small_model(), small_data()[0][0])
    with pytest.raises(ValueError, match="batch_size"):
        dead_units(small_model(), small_data()[0], 0)
