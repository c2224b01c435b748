"""compare_with_keras with BatchNormalization: trained with statistics of the batch on both sides, in float32."""

import keras
import numpy as np
import pytest

from scratchcnn import Sequential, layers
from scratchcnn.inspection import compare_with_keras

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

rng = np.random.default_rng(3)
X, Y = rng.random((40, 8, 7, 2)).astype(np.float32) * 3 + 2, rng.integers(0, 3, 40)


def network(kind, **options):
    return [
        kind.Conv2D(4, 3), kind.BatchNormalization(**{"momentum": 0.5, **options}), kind.Activation("relu"),
        kind.Dropout(0.5), kind.MaxPooling2D(), kind.Flatten(), kind.Dense(6, use_bias=False),
        kind.BatchNormalization(scale=False), kind.Dense(3, activation="softmax"),
    ]  # fmt: skip


def ours(seed=0, engine="kernels", dtype="float32"):
    model = Sequential([layers.Input((8, 7, 2)), *network(layers)], seed=seed, engine=engine, dtype=dtype)
    model.compile("adam")
    model.fit(X, Y, batch_size=8, verbose=0)  # so that the moving averages differ from their initial values
    return model


def theirs(**options):
    return keras.Sequential([keras.Input((8, 7, 2)), *network(keras.layers, **options)])


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_outputs_gradients_weights_and_moving_averages_agree(engine):
    model = ours(engine=engine)
    before = model.get_weights()
    found = compare_with_keras(model, X, Y, steps=4, batch_size=16)
    assert found.agrees, str(found)
    names = {row.place.name for row in found.rows if row.place.stage == "weights"}
    assert {"batch_normalization/moving_mean", "batch_normalization_1/moving_variance"} <= names
    assert not {row.place.parameter for row in found.rows if row.place.stage == "gradient"} & {"moving_mean"}
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_frozen_normalization_agrees():
    model = ours()
    model.layers[1].trainable = False
    found = compare_with_keras(model, X, Y, steps=3, batch_size=16)
    assert found.agrees, str(found)
    assert "batch_normalization" not in {row.place.layer for row in found.rows if row.place.stage == "weights"}


def test_given_model_of_keras_agrees():
    assert compare_with_keras(ours(), X, Y, steps=2, batch_size=16, keras_model=theirs()).agrees


def test_other_momentum_is_located_at_the_moving_averages_after_the_first_step():
    found = compare_with_keras(ours(), X, Y, steps=2, batch_size=16, keras_model=theirs(momentum=0.6))
    assert found.first_difference.place[:3] == ("weights", 1, "batch_normalization")
    assert found.first_difference.place.parameter.startswith("moving_")
    assert "compare the momentum of BatchNormalization" in str(found)


def test_other_epsilon_is_located_at_the_output():
    found = compare_with_keras(ours(), X, Y, steps=1, batch_size=16, keras_model=theirs(epsilon=0.002))
    assert found.first_difference.place[:3] == ("output", 0, "batch_normalization")


def test_wrong_gradient_through_the_statistics_is_located_at_the_layer_below(monkeypatch):
    model = ours()

    def backward(self, dy, cache, ops, input_gradient=True):
        return original(self, dy, cache._replace(of_batch=False), ops, input_gradient)

    original = layers.BatchNormalization.backward
    monkeypatch.setattr(layers.BatchNormalization, "backward", backward)
    found = compare_with_keras(model, X, Y, steps=1, batch_size=16)
    assert found.first_difference.place == ("gradient", 0, "dense", "kernel")


def test_float64_is_refused_because_keras_on_jax_normalizes_in_float32():
    with pytest.raises(ValueError, match=r"float32 model for layer 'batch_norm.* always computes in float32, received"):
        compare_with_keras(ours(dtype="float64"), X, Y)
