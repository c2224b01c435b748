"""The input gradient equals finite differences of the score, in the units of the image."""

import numpy as np
import pytest
from small_networks import ALL, colour, dense, grey, images, logits, randomized, rows

from scratchcnn import Sequential
from scratchcnn.inspection import input_gradient
from scratchcnn.layers import Conv2D, Dense, Flatten, MaxPooling2D, Rescaling


@pytest.mark.parametrize("make", ALL)
def test_gradient_of_the_probability_equals_finite_differences_of_predict(make):
    model = randomized(make(dtype="float64"))
    if make is logits:
        model.layers[-1].activation = type(grey().layers[-1].activation)()
    batch = images(model)
    found = input_gradient(model, batch[0], label=2, of="probability")
    x, numerical, step = batch.astype(float), np.zeros(batch.shape), 1e-4 if make is colour else 1e-6
    for index in np.ndindex(x.shape):
        original = x[index]
        x[index] = original + step
        above = model.predict(x)[0, 2]
        x[index] = original - step
        numerical[index] = (above - model.predict(x)[0, 2]) / (2 * step)
        x[index] = original
    assert np.abs(numerical).max() > 1e-5
    np.testing.assert_allclose(found.gradient, numerical[0], rtol=1e-5, atol=1e-8)
    assert found.score == pytest.approx(model.predict(batch)[0, 2])


def test_gradient_of_a_linear_model_is_the_kernel_of_the_class():
    model = Sequential([Flatten(input_shape=(3, 2, 1)), Dense(4, activation="softmax")], dtype="float64", seed=0)
    kernel, _ = model.get_weights()
    image = np.arange(6.0).reshape(3, 2)
    found = input_gradient(model, image, label=3)
    np.testing.assert_allclose(found.gradient, kernel[:, 3].reshape(3, 2, 1))
    np.testing.assert_allclose(found.times_input[..., 0], kernel[:, 3].reshape(3, 2) * image)
    assert found.score == pytest.approx(float(image.ravel() @ kernel[:, 3]))


@pytest.mark.parametrize("pooled", [False, True])
def test_gradient_times_input_sums_to_the_logit_without_biases(pooled):
    layers = [Conv2D(3, 3, activation="relu", use_bias=False, input_shape=(7, 6, 2)), *[MaxPooling2D(2)] * pooled]
    layers += [Flatten(), Dense(3, "softmax", use_bias=False)]
    model = Sequential(layers, dtype="float64", seed=4)
    found = input_gradient(model, np.random.default_rng(0).normal(size=(7, 6, 2)))
    assert found.times_input.sum() == pytest.approx(found.score, rel=1e-10)


def test_gradient_includes_the_factor_of_rescaling():
    plain = randomized(grey(dtype="float64"))
    scaled = Sequential(
        [
            Rescaling(1 / 255, input_shape=(9, 8, 1)),
            Conv2D(4, 3, activation="relu"), MaxPooling2D(2), Flatten(), Dense(6, "relu"), Dense(5, "softmax"),
        ],
        dtype="float64",
    )  # fmt: skip
    scaled.set_weights(plain.get_weights())
    pixels = np.random.default_rng(1).integers(0, 256, (9, 8)).astype(np.uint8)
    raw, unit = input_gradient(scaled, pixels), input_gradient(plain, pixels / 255)
    np.testing.assert_allclose(raw.gradient * 255, unit.gradient, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(raw.times_input, unit.times_input, rtol=1e-9, atol=1e-12)
    assert raw.image.dtype == np.uint8


def test_saliency_is_the_maximum_and_contributions_the_sum_over_channels():
    model = colour()
    found = input_gradient(model, images(model)[0])
    assert found.saliency.shape == found.contributions.shape == (6, 9)
    np.testing.assert_array_equal(found.saliency[2, 3], max(abs(found.gradient[2, 3])))
    assert found.contributions[2, 3] == pytest.approx(sum(found.times_input[2, 3]), rel=1e-5)
    assert (found.saliency >= 0).all()


def test_default_is_the_logit_of_the_predicted_class():
    model = grey()
    found = input_gradient(model, images(model)[0])
    assert found.of == "logit"
    assert found.label == found.answer == model.predict(images(model)).argmax()


def test_gradient_of_the_probability_vanishes_for_a_confident_model():
    model = dense(dtype="float64")
    weights = model.get_weights()
    model.set_weights([*weights[:2], weights[2] * 1000, weights[3]])
    image = images(model)[0]
    of_logit = np.abs(input_gradient(model, image).gradient).max()
    of_probability = np.abs(input_gradient(model, image, of="probability").gradient).max()
    assert of_probability < 1e-6 * of_logit


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("of", ["logit", "probability"])
def test_text_reports_the_score_and_the_largest_gradient(make, of):
    model = make()
    found = input_gradient(model, images(model)[0], of=of)
    text = str(found)
    assert f"the {of} of class {found.label}, {found.score:.4g}" in text
    assert f"{np.abs(found.gradient).max():.3g}" in text
    assert ("The image, and gradient × input" in text) == (make is not rows)
    assert max(map(len, text.splitlines())) <= 120


def test_invalid_arguments_raise():
    model = grey()
    with pytest.raises(ValueError, match="Expected of as one of 'logit', 'probability', received 'loss'"):
        input_gradient(model, images(model)[0], of="loss")
    with pytest.raises(ValueError, match="Expected a model of known shape for input_gradient"):
        input_gradient(Sequential([Dense(3)]), np.zeros(3))
    with pytest.raises(ValueError, match=r"received \(6,\); use \.gradient"):
        input_gradient(rows(), np.zeros(6)).plot()
