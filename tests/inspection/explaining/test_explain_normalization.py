"""Explanations of BatchNormalization: in training a value depends on the whole batch, in inference on one input."""

import numpy as np
import pytest

from scratchcnn import Sequential
from scratchcnn.inspection import explain, trace
from scratchcnn.layers import BatchNormalization, Conv2D, Dense, Flatten

rng = np.random.default_rng(2)
X, Y = rng.random((6, 5, 5, 1)), np.arange(6) % 3


@pytest.fixture(scope="module")
def model():
    layers = [Conv2D(2, 2, input_shape=(5, 5, 1)), BatchNormalization(), Flatten(), BatchNormalization()]
    model = Sequential([*layers, Dense(3, "softmax")], dtype="float64", seed=0)
    model.compile("sgd")
    model.fit(X, Y, epochs=3, verbose=0)
    return model


def test_inference_is_a_scale_and_an_offset_of_one_input(model):
    layer, found = model.layers[1], trace(model, X, Y)
    one = explain(found, "batch_normalization", (3, 1, 2, 1))
    scale = layer.gamma[1] / np.sqrt(layer.moving_variance[1] + layer.epsilon)
    assert one.weights.item() == pytest.approx(scale, rel=1e-14)
    assert one.bias == pytest.approx(layer.beta[1] - layer.moving_mean[1] * scale, rel=1e-12)
    assert "the moving averages, which do not depend on this batch" in " ".join(str(one).split())
    assert one.receptive_field.mask.sum() == 4  # the window of the convolution
    back = explain(found, "batch_normalization", (3, 1, 2, 1), "d_input")
    assert back.weights.item() == pytest.approx(scale, rel=1e-14)
    assert back.bias == 0
    assert "only this output depends on this input" in str(back)


def test_training_depends_on_the_whole_batch_which_the_text_says(model):
    found = trace(model, X, Y, training=True)
    layer, values = model.layers[1], found["batch_normalization"]
    x, dy = values.input[..., 1], values.d_output[..., 1]
    one = explain(found, "batch_normalization", (3, 1, 2, 1))
    scale = layer.gamma[1] / np.sqrt(x.var() + layer.epsilon)
    assert one.weights.item() == pytest.approx(scale, rel=1e-12)
    assert one.bias == pytest.approx(layer.beta[1] - x.mean() * scale, rel=1e-10)
    text = " ".join(str(one).split())
    assert "mean and variance are those of the batch" in text
    assert "they depend on all 96 values of this channel in the batch" in text  # 6 images of 4 x 4
    assert one.receptive_field.mask.all()
    back = explain(found, "batch_normalization", (3, 1, 2, 1), "d_input")
    normalized = (x - x.mean()) / np.sqrt(x.var() + layer.epsilon)
    through = -scale / 96 * (dy.sum() + normalized[3, 1, 2] * (dy * normalized).sum())
    assert back.bias == pytest.approx(through, rel=1e-9)
    assert "through mean and variance" in str(back)
    assert "all M = 96 outputs of the channel" in " ".join(str(back).split())
    assert "statistics of the batch" in str(found).splitlines()[0]
    assert "moving averages" in str(trace(model, X)).splitlines()[0]


@pytest.mark.parametrize("training", [True, False])
def test_parameter_gradients_are_sums_over_the_batch(model, training):
    found = trace(model, X, Y, training=training)
    for name, count in (("batch_normalization", 96), ("batch_normalization_1", 6)):
        for parameter in ("gamma", "beta"):
            one = explain(found, name, 1, "gradient", parameter=parameter)
            assert one.weights.size == count
            assert one.adds_up
    with pytest.raises(ValueError, match=r"Expected parameter .*gamma.*beta.* received 'moving_mean'"):
        explain(found, "batch_normalization", 1, "gradient", parameter="moving_mean")


def test_receptive_field_in_training_contains_the_whole_channel_only():
    model = Sequential([BatchNormalization(input_shape=(3, 3, 2))], seed=0)
    x = rng.random((4, 3, 3, 2))
    mask = explain(trace(model, x, training=True), 0, (0, 1, 1, 1)).receptive_field.mask
    assert mask[..., 1].all()
    assert not mask[..., 0].any()
    assert explain(trace(model, x), 0, (0, 1, 1, 1)).receptive_field.mask.sum() == 1


def test_flops_are_those_of_inference(model):
    assert trace(model, X)["batch_normalization"].flops == 6 * 4 * 4 * 2 * 3
