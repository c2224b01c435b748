"""Grad-CAM equals its definition, with finite differences as the gradient, and its map lies where the features do."""

import numpy as np
import pytest
from slopes import expect_slopes
from small_networks import CONVOLUTIONAL, colour, dense, grey, images, logits, randomized

from scratchcnn import Sequential
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection import grad_cam
from scratchcnn.inspection.attribution.prediction import logit_layers
from scratchcnn.layers import Conv2D, Dense, Flatten
from scratchcnn.training.data import as_input
from scratchcnn.training.inference import predict_batch


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("make", CONVOLUTIONAL)
def test_result_equals_the_definition(make, engine):
    model = randomized(make(dtype="float64", engine=engine))
    batch, layers = images(model), logit_layers(model)
    for place in [i for i, layer in enumerate(model.layers) if len(layer.output_shape) == 3]:
        found = grad_cam(model, batch[0], label=2, layer=place)
        features = predict_batch(Plan(layers[: place + 1], engine), as_input(batch, model.dtype)).copy()
        np.testing.assert_allclose(found.features, features[0], rtol=1e-9, atol=1e-12)
        rest = Plan(layers[place + 1 :], engine)
        expect_slopes(found.gradient[None], lambda f=features, r=rest: predict_batch(r, f)[0, 2], features)
        weights = [found.gradient[:, :, f].mean() for f in range(features.shape[-1])]
        np.testing.assert_allclose(found.weights, weights, rtol=1e-9)
        evidence = sum(w * features[0, :, :, f] for f, w in enumerate(weights))
        np.testing.assert_allclose(found.evidence, evidence, rtol=1e-9, atol=1e-12)
        assert found.layer == model.layers[place].name


def test_map_is_the_positive_evidence_at_the_centers_and_constant_beyond_them():
    model = logits()
    found = grad_cam(model, images(model)[0])
    np.testing.assert_array_equal(found.rows, [1, 2, 3])
    np.testing.assert_array_equal(found.columns, [1, 2, 3, 4, 5])
    expected = np.pad(np.maximum(found.evidence, 0), 1, mode="edge")
    assert expected.any()
    np.testing.assert_allclose(found.map, expected, rtol=1e-6)


def test_map_is_positive_only_where_the_filter_supports_the_class():
    model = Sequential([Conv2D(1, 2, input_shape=(8, 8, 1)), Flatten(), Dense(2, "softmax")], dtype="float64")
    model.set_weights([np.ones((2, 2, 1, 1)), np.zeros(1), np.tile([[0.0, 1.0]], (49, 1)), np.zeros(2)])
    image = np.zeros((8, 8))
    image[5:7, 1:3] = 1
    found = grad_cam(model, image, label=1)
    np.testing.assert_allclose(found.map[5:7, 1:3], (4 + 2 + 2 + 1) / 4)  # in the middle of four positions
    assert found.map.max() == found.map[5, 1]
    assert found.map[:4].max() == found.map[:, 4:].max() == 0
    found = grad_cam(model, image, label=0)
    assert "no positive evidence" in str(found)
    assert found.map.max() == 0
    against = model.get_weights()
    against[2] = np.tile([[0.0, -1.0]], (49, 1))
    model.set_weights(against)
    found = grad_cam(model, image, label=1)
    assert found.evidence.min() < 0  # evidence against the class
    assert found.map.max() == 0


def test_default_layer_is_the_last_convolution():
    model = colour()
    image = images(model)[0]
    assert grad_cam(model, image).layer == "conv2d_1"
    assert grad_cam(model, image, layer=model.layers[1]).layer == "conv2d"
    assert grad_cam(model, image, layer="max_pooling2d").features.shape == (3, 3, 4)


def test_by_position_sums_to_the_logit_before_a_single_dense_layer():
    model = randomized(logits(dtype="float64"))
    found = grad_cam(model, images(model)[0], label=1)
    assert found.by_position.shape == (3, 5)
    assert found.by_position.sum() + model.get_weights()[-1][1] == pytest.approx(found.logit, rel=1e-9)


def test_text_warns_if_the_gradient_cancels_in_the_mean():
    model = Sequential([Conv2D(1, 1, input_shape=(1, 2, 1)), Flatten(), Dense(2, "softmax")], dtype="float64")
    model.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1), np.array([[1.0, 1.0], [-0.9, 1.0]]), np.zeros(2)])
    image = np.ones((1, 2))
    cancelled, whole = grad_cam(model, image, label=0), grad_cam(model, image, label=1)
    assert cancelled.kept == pytest.approx(0.05 / 0.95)
    assert "5% of the gradient: it varies over the positions" in str(cancelled)
    assert whole.kept == 1
    assert "varies over" not in str(whole)


@pytest.mark.parametrize("make", CONVOLUTIONAL)
def test_text_reports_class_layer_and_evidence(make):
    model = make()
    found = grad_cam(model, images(model)[0])
    text = str(found)
    assert f"support class {found.answer}" in text
    assert repr(found.layer) in text
    assert f"from {min(0, found.evidence.min()):.3g}" in text
    assert max(map(len, text.splitlines())) <= 120


def test_model_without_convolution_raises():
    with pytest.raises(ValueError, match=r"a model with a Conv2D for grad_cam, .* use occlusion or input_gradient"):
        grad_cam(dense(), np.zeros((6, 5)))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("conv2", "received 'conv2'. Did you mean 'conv2d'"),
        ("flatten", r"feature maps \(OH, OW, F\), received 'flatten' \(Flatten\) with output shape \(36,\)"),
        (9, "Expected layer as a number from 0 to 5"),
    ],
)
def test_layer_without_feature_maps_raises(layer, message):
    model = grey()
    with pytest.raises(ValueError, match=message):
        grad_cam(model, images(model)[0], layer=layer)
