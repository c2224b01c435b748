"""The gradient of a class score w.r.t. every layer's output and the image equals central differences."""

import numpy as np
import pytest
from slopes import expect_slopes
from small_networks import ALL, colour, grey, images, logits, randomized

from scratchcnn import Sequential, reference
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.attribution.prediction import logit_layers, probabilities_of
from scratchcnn.inspection.attribution.saliency import class_gradient
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, Layer
from scratchcnn.training.data import as_input
from scratchcnn.training.inference import predict_batch


def score_after(model, place, output, label, of):
    """The score, computed from the output of a layer on; from the image for place None."""
    rest = logit_layers(model)[0 if place is None else place + 1 :]
    found = predict_batch(Plan(rest, "reference"), output) if rest else output
    return (reference.softmax(found) if of == "probability" else found)[0, label]


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("of", ["logit", "probability"])
@pytest.mark.parametrize("make", ALL)
def test_gradient_equals_central_differences(make, of, engine):
    model = randomized(make(dtype="float64", engine=engine))
    batch, label = images(model), 1
    for place in [None, *range(len(logit_layers(model)))]:
        score, output, gradient = class_gradient(model, batch, label, of, place)
        output = output[None].copy()
        assert score == pytest.approx(score_after(model, place, output, label, of), rel=1e-12)
        expect_slopes(gradient[None], lambda o=output, p=place: score_after(model, p, o, label, of), output)


def test_gradient_is_in_the_units_of_the_image():
    model = colour(dtype="float64")
    batch = images(model)
    score, output, gradient = class_gradient(model, batch, 0)
    np.testing.assert_array_equal(output, batch[0])
    brighter = batch.astype(float)
    brighter[0, 2, 3, 1] += 1e-3  # of 255
    change = class_gradient(model, brighter, 0)[0] - score
    assert change / 1e-3 == pytest.approx(gradient[2, 3, 1], rel=1e-6)


def test_float32_equals_float64_up_to_rounding():
    exact, model = randomized(grey(dtype="float64")), randomized(grey())
    batch = images(model)
    (*_, gradient), (*_, expected) = class_gradient(model, batch, 2), class_gradient(exact, batch, 2)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def test_dropout_is_off_and_draws_no_random_numbers():
    model = grey()
    model.add(Dropout(0.9))
    batch = images(model)
    assert model.generators["dropout"].bit_generator.state == grey().generators["dropout"].bit_generator.state
    np.testing.assert_array_equal(class_gradient(model, batch, 0)[2], class_gradient(model, batch, 0)[2])


def test_probabilities_equal_predict_or_its_softmax():
    for make in (grey, colour):
        model = make()
        batch = images(model, 3)
        np.testing.assert_array_equal(probabilities_of(model, batch), model.predict(batch))
    model = logits()
    batch = images(model, 3)
    np.testing.assert_allclose(probabilities_of(model, batch), reference.softmax(model.predict(batch)), rtol=1e-5)


def test_logit_of_a_single_dense_layer_with_softmax_is_its_linear_output():
    model = Sequential([Dense(3, activation="softmax", input_shape=(2,))], dtype="float64", seed=0)
    _, output, gradient = class_gradient(model, np.ones((1, 2)), 2, place=0)
    np.testing.assert_array_equal(gradient, [0, 0, 1])
    np.testing.assert_allclose(output, as_input(np.ones((1, 2)), model.dtype)[0] @ model.get_weights()[0])


def test_unknown_score_raises():
    model = grey()
    with pytest.raises(
        ValueError, match=r"Expected of as one of 'logit', 'probability', received 'probabilty'. Did you"
    ):
        class_gradient(model, images(model), 0, "probabilty")


class Doubled(Layer):
    """A custom layer that modifies its arguments in place, in both passes."""

    def forward(self, x, ops, training, rng):
        x *= 2
        return x, None

    def backward(self, dy, cache, ops, input_gradient=True):
        dy *= 2
        return dy, {}


def test_custom_layer_may_modify_its_arguments_in_place():
    layers = [Conv2D(2, 2, input_shape=(3, 3, 1)), Doubled(), Flatten(), Dense(3, "softmax")]
    model = Sequential(layers, dtype="float64", seed=0)
    batch = np.random.default_rng(0).random((1, 3, 3, 1))
    score, output, gradient = class_gradient(model, batch, 1, place=0)
    kernel = model.get_weights()[2]
    np.testing.assert_allclose(gradient.ravel(), 2 * kernel[:, 1])
    assert (output * gradient).sum() == pytest.approx(score)


def test_custom_layer_without_input_gradient_raises():
    class Blind(Layer):
        def forward(self, x, ops, training, rng):
            return x, None

        def backward(self, dy, cache, ops, input_gradient=True):
            return None, {}

    model = Sequential([Blind(input_shape=(4,)), Dense(3, "softmax")])
    with pytest.raises(ValueError, match=r"Expected a gradient w\.r\.t\. the input of layer 'blind'"):
        class_gradient(model, np.ones((1, 4)), 0)
