"""Fused stages: same bits as the layers one after the other with the same algorithms, forward and backward."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows, sparse_batch

from scratchcnn import Sequential
from scratchcnn.fusion.plan import Plan
from scratchcnn.layers import Conv2D, Dense, Flatten, MaxPooling2D
from scratchcnn.training.step import backward, forward


def built(layers, dtype="float32", seed=0):
    model = Sequential(layers, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    model.set_weights([weight + 0.1 * rng.standard_normal(weight.shape) for weight in model.get_weights()])
    return model


def expect_same_bits(model, x, seed=0):
    """Compare both passes of the fused plan with those of the plan of single layers; return the fused plan."""
    fused, single = (Plan(model.layers, "kernels", fuse=fuse) for fuse in (True, False))
    assert len(single.stages) == len(model.layers)
    (y, passed), (expected, expected_passed) = (forward(plan, x.copy(), True, None) for plan in (fused, single))
    assert y.tobytes() == expected.tobytes()
    assert forward(fused, x.copy(), False, None)[0].tobytes() == y.tobytes()  # there is no dropout
    dy = sparse_batch(y.shape, seed + 1, y.dtype.name)
    gradients, expected_gradients = backward(fused, passed, dy.copy()), backward(single, expected_passed, dy.copy())
    assert len(gradients) == len(expected_gradients) == sum(len(layer.params) for layer in model.layers)
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        assert found.tobytes() == wanted.tobytes()
    return fused


@settings(max_examples=150, deadline=None)
@given(rows(), st.integers(0, 99), st.sampled_from(["float32", "float64"]), st.integers(1, 6))
def test_fused_plan_gives_same_bits_as_single_layers(row, seed, dtype, count):
    model = built(row, dtype, seed)
    expect_same_bits(model, sparse_batch((count, *row[0].input_shape), seed, dtype), seed)


HEAD = {"activation": "relu", "input_shape": (14, 13, 1)}
FUSED = {
    "Conv2DReLU": [Conv2D(20, 3, **HEAD)],
    "Conv2DMaxPooling2D": [Conv2D(20, 3, **HEAD), MaxPooling2D()],
    "Conv2DConv2DMaxPooling2D": [Conv2D(16, 3, **HEAD), Conv2D(20, 3, activation="relu"), MaxPooling2D()],
}
DENSE = {
    "a gradient on several threads": [Dense(300, "relu", input_shape=(90,)), Dense(520, "relu"), Dense(5, "softmax")],
    "without bias": [Dense(70, "relu", use_bias=False, input_shape=(9,)), Dense(33, "relu", use_bias=False)],
    "of one unit": [Dense(1, "relu", input_shape=(1,)), Dense(1, "relu")],
}


@pytest.mark.parametrize(("name", "layers"), FUSED.items(), ids=FUSED)
def test_every_fused_stage_is_used_and_gives_same_bits(name, layers):
    layers = [*copy.deepcopy(layers), Flatten(), Dense(5, activation="softmax")]
    plan = expect_same_bits(built(layers), sparse_batch((9, 14, 13, 1), 3, "float32"))
    assert [type(stage).__name__ for stage in plan.stages] == [name, "SingleLayer", "SingleLayer"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", DENSE.values(), ids=DENSE)
def test_dense_with_relu_is_fused_and_gives_same_bits(layers, dtype):
    layers = copy.deepcopy(layers)
    plan = expect_same_bits(built(layers, dtype), sparse_batch((260, *layers[0].input_shape), 3, dtype))
    assert [type(stage).__name__ for stage in plan.stages][:2] == ["DenseReLU", "DenseReLU"]


def test_nan_passes_the_relu_of_a_fused_dense_layer_as_that_of_the_layer(rng):
    model = built([Dense(20, "relu", input_shape=(7,)), Dense(3, "relu")])
    x = rng.standard_normal((8, 7)).astype(np.float32)
    x[2, 1], x[5, 0] = np.nan, np.inf
    y = forward(expect_same_bits(model, x), x, False, None)[0]
    assert np.isnan(y[2]).all()


def test_two_convolutions_below_others_keep_their_activations():
    """Recomputation is for the head of a network; elsewhere, the input gradient of the first one is required."""
    layers = [Conv2D(16, 1, **HEAD), Conv2D(16, 3, activation="relu"), Conv2D(16, 3), MaxPooling2D()]
    plan = expect_same_bits(built(layers), sparse_batch((5, 14, 13, 1), 3, "float32"))
    assert [type(stage).__name__ for stage in plan.stages] == ["Conv2DReLU", "Conv2DMaxPooling2D"]
    assert [choice and choice.kernel_gradient for choice in plan.stages[1].choices] == ["winograd_4x4", "winners", None]


def test_training_gives_same_bits_fused_and_unfused(monkeypatch):
    x, y = np.random.default_rng(0).random((20, 14, 13, 1)), np.arange(20) % 5

    def trained():
        layers = [*copy.deepcopy(FUSED["Conv2DConv2DMaxPooling2D"]), Flatten(), Dense(5, activation="softmax")]
        model = Sequential(layers, seed=4)
        model.compile()
        history = model.fit(x, y, batch_size=8, epochs=2, verbose=0).history
        return [weight.tobytes() for weight in model.get_weights()], history, model.predict(x).tobytes()

    fused = trained()
    monkeypatch.setattr("scratchcnn.fusion.plan._fused", lambda row: None)
    assert trained() == fused


def test_reference_engine_has_no_fused_stages():
    layers = [Conv2D(16, 3, **HEAD), MaxPooling2D(), Flatten(), Dense(5, activation="relu")]
    model = Sequential(layers, engine="reference")
    assert [type(stage).__name__ for stage in model.plan.stages] == ["SingleLayer"] * 4


class UnfusedPooling(MaxPooling2D):
    """A pooling that is not fused, because only the layers of the package itself are."""


@pytest.mark.parametrize("pooling", [MaxPooling2D, UnfusedPooling])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_infinite_output_inside_a_fused_stage_is_attributed_to_its_layer(rng, activation, pooling):
    model = Sequential(
        [
            Conv2D(16, 3, activation=activation, input_shape=(8, 8, 1), name="first"),
            Conv2D(16, 3, activation="relu", name="second"), pooling(), Flatten(), Dense(5, activation="softmax"),
        ], seed=4,
    )  # fmt: skip
    model.compile()
    fused = [[layer.name for layer in stage.layers] for stage in model.plan.stages]
    assert (fused[0][:2] == ["first", "second"]) is (activation == "relu" and pooling is MaxPooling2D)
    weights = model.get_weights()
    weights[1][:] = 10
    weights[2] = np.full_like(weights[2], 1e38)  # finite, but the sums of products are infinite
    model.set_weights(weights)
    with pytest.raises(FloatingPointError, match=r"First seen in the output of layer 'second' \(Conv2D\), for sample"):
        model.train_on_batch(rng.random((6, 8, 8, 1)), np.arange(6) % 5)
    assert [array.tobytes() for array in model.get_weights()] == [array.tobytes() for array in weights]


@pytest.mark.parametrize("pooling", [MaxPooling2D, UnfusedPooling])
def test_infinite_output_that_the_pooling_discards_is_attributed_to_the_convolution(pooling):
    """The maximum of a window with -inf and 1e38 is finite; the output of the next layer is not."""
    model = Sequential(
        [Conv2D(2, 1, input_shape=(4, 4, 1), name="first"), pooling(), Flatten(), Dense(5, activation="softmax")],
        seed=4,
    )
    model.compile()
    assert (len(model.plan.stages[0].layers) == 2) is (pooling is MaxPooling2D)
    weights = model.get_weights()
    weights[0][:] = -1e38
    weights[2][:] = np.where(np.arange(5) == 0, 1e38, -1e38)
    model.set_weights(weights)
    x = np.full((3, 4, 4, 1), -1.0)
    x[:, ::2] = 10.0
    with pytest.raises(FloatingPointError, match=r"First seen in the output of layer 'first' \(Conv2D\), for sample 0"):
        model.train_on_batch(x, np.arange(3))
