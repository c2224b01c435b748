"""The gradient of a class score w.r.t. every layer's output and the image equals central differences."""

import numpy as np
import pytest
from slopes import expect_slopes
from small_networks import ALL, colour, grey, images, logits, randomized

from scratchcnn import Sequential, reference
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.attribution.class_score import class_gradient, logit_layers, probabilities_of
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
def test_the_gradient_is_that_of_central_differences(make, of, engine):
    model = randomized(make(dtype="float64", engine=engine))
    batch, label = images(model), 1
    for place in [None, *range(len(logit_layers(model)))]:
        found = class_gradient(model, batch, label, of, place)
        output = found.output[None].copy()
        assert found.score == pytest.approx(score_after(model, place, output, label, of), rel=1e-12)
        expect_slopes(found.gradient[None], lambda o=output, p=place: score_after(model, p, o, label, of), output)


def test_the_image_is_taken_in_the_units_it_was_given_in():
    model = colour(dtype="float64")
    batch = images(model)
    found = class_gradient(model, batch, 0)
    np.testing.assert_array_equal(found.output, batch[0])
    brighter = batch.astype(float)
    brighter[0, 2, 3, 1] += 1e-3  # of 255
    change = class_gradient(model, brighter, 0).score - found.score
    assert change / 1e-3 == pytest.approx(found.gradient[2, 3, 1], rel=1e-6)


def test_float32_is_float64_rounded():
    exact, model = randomized(grey(dtype="float64")), randomized(grey())
    batch = images(model)
    one, other = class_gradient(model, batch, 2), class_gradient(exact, batch, 2)
    assert one.gradient.dtype == np.float32
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-4, atol=1e-6)


def test_dropout_is_off_and_nothing_random_is_drawn():
    model = grey()
    model.add(Dropout(0.9))
    batch = images(model)
    assert model.generators["dropout"].bit_generator.state == grey().generators["dropout"].bit_generator.state
    np.testing.assert_array_equal(class_gradient(model, batch, 0).gradient, class_gradient(model, batch, 0).gradient)


def test_probabilities_are_those_of_predict_or_softmax_of_it():
    for make in (grey, colour):
        model = make()
        batch = images(model, 3)
        np.testing.assert_array_equal(probabilities_of(model, batch), model.predict(batch))
    model = logits()
    batch = images(model, 3)
    np.testing.assert_allclose(probabilities_of(model, batch), reference.softmax(model.predict(batch)), rtol=1e-5)


def test_a_model_of_a_softmax_alone_has_its_input_for_logits():
    model = Sequential([Dense(3, activation="softmax", input_shape=(2,))], dtype="float64", seed=0)
    found = class_gradient(model, np.ones((1, 2)), 2, place=0)
    np.testing.assert_array_equal(found.gradient, [0, 0, 1])
    np.testing.assert_allclose(found.output, as_input(np.ones((1, 2)), model.dtype)[0] @ model.get_weights()[0])


def test_another_score_is_refused():
    model = grey()
    with pytest.raises(
        ValueError, match=r"Expected of as one of 'logit', 'probability', received 'probabilty'. Did you"
    ):
        class_gradient(model, images(model), 0, "probabilty")


class Doubled(Layer):
    """A user's layer that writes into what it is given, in both passes."""

    def forward(self, x, ops, training, rng):
        x *= 2
        return x, None

    def backward(self, dy, cache, ops, input_gradient=True):
        dy *= 2
        return dy, {}


def test_a_user_s_layer_may_write_into_what_it_is_given():
    layers = [Conv2D(2, 2, input_shape=(3, 3, 1)), Doubled(), Flatten(), Dense(3, "softmax")]
    model = Sequential(layers, dtype="float64", seed=0)
    batch = np.random.default_rng(0).random((1, 3, 3, 1))
    found = class_gradient(model, batch, 1, place=0)
    kernel = model.get_weights()[2]
    np.testing.assert_allclose(found.gradient.ravel(), 2 * kernel[:, 1])
    assert (found.output * found.gradient).sum() == pytest.approx(found.score)


def test_custom_layer_without_input_gradient_raises():
    class Blind(Layer):
        def forward(self, x, ops, training, rng):
            return x, None

        def backward(self, dy, cache, ops, input_gradient=True):
            return None, {}

    model = Sequential([Blind(input_shape=(4,)), Dense(3, "softmax")])
    with pytest.raises(ValueError, match=r"Expected a gradient w\.r\.t\. the input of layer 'blind'"):
        class_gradient(model, np.ones((1, 4)), 0)
