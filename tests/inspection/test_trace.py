"""A trace holds the numbers of fit's own pass, of any model; it stays true, and changes nothing."""

import copy

import numpy as np
import pytest
from comparing import bits
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import article_model, sample_digits, small_data, small_model

from scratchcnn import Sequential, activations
from scratchcnn.inspection import trace
from scratchcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D, Rescaling
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.training import step

ENGINES = ["kernels", "reference"]
few = settings(max_examples=25)


class Leaky(activations.ActivationFunction):
    """A user's activation, which says that it acts on each number by itself."""

    name, elementwise = "leaky", True

    def forward(self, x, ops):
        return np.where(x > 0, x, x * x.dtype.type(0.25))

    def backward(self, dy, y, ops):
        return np.where(y > 0, dy, dy * dy.dtype.type(0.25))


class Halving(Layer):
    """A user's layer that writes into what it is given."""

    def forward(self, x, ops, training, rng):
        x *= x.dtype.type(0.5)
        return x, None

    def backward(self, dy, cache, ops, input_gradient=True):
        dy *= dy.dtype.type(0.5)
        return dy, {}


def of_fit(model, x, y):
    """What one step of fit really computes, before the parameters change: losses, probabilities, all gradients."""
    trainer = model._ready_trainer()
    targets = trainer.loss.encode(y, trainer.classes, trainer.dtype)
    images = np.ascontiguousarray(x, trainer.dtype)
    rng = copy.deepcopy(trainer.dropout_rng)
    with trainer.workspace.active():
        outputs, passed = step.forward(trainer.layers, images, trainer.ops, True, rng)
        outs = [None if each.output is None else each.output.copy() for each in passed]
        losses, probabilities = trainer.loss.forward(outputs, targets, trainer.ops)
        d_outputs = trainer.loss.backward(probabilities, targets, trainer.ops)
        gradients = step.backward(trainer.layers, passed, d_outputs, trainer.ops)
    return losses, probabilities, gradients, outs


def check_against_fit(model, x, y):
    found = trace(model, x, y, training=True)
    losses, probabilities, gradients, outputs = of_fit(model, x, y)
    assert bits(found.losses) == bits(losses)
    assert bits(found.probabilities) == bits(probabilities)
    traced = [array for layer in found for array in layer.gradients.values()]
    assert [array.tobytes() for array in traced] == [array.tobytes() for array in gradients]
    for layer, output in list(zip(found, outputs, strict=False))[:-1]:  # the last may have become probabilities
        assert output is None or bits(layer.output) == bits(output), layer.name
    step_losses, step_probabilities = step.train_step(
        model._ready_trainer(), np.ascontiguousarray(x, model.dtype), found.targets
    )
    assert (bits(step_losses), bits(step_probabilities)) == (bits(losses), bits(probabilities))
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_the_articles_network_is_traced_with_the_bits_of_a_step_of_fit(engine):
    (x, y), _ = sample_digits()
    count = 40 if engine == "kernels" else 3
    model = article_model(seed=3, engine=engine)
    for _ in range(2):  # from the first step and from the second, when the biases are no longer zero
        check_against_fit(model, x[:count], y[:count])


@st.composite
def models(draw, engine=None):
    """A small random model and a batch for it: convolutions, poolings, dropouts, any activation, either loss."""
    size = (draw(st.integers(6, 12)), draw(st.integers(6, 12)), draw(st.sampled_from([1, 2, 16])))
    activation = st.sampled_from([None, "relu", "relu", "softmax", Leaky()])
    layers = [Rescaling(0.5, 0.25)] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 3))):
        layers.append(
            Conv2D(
                draw(st.sampled_from([1, 3, 16])), (draw(st.integers(1, 3)), draw(st.sampled_from([2, 3, 3]))),
                strides=(draw(st.sampled_from([1, 1, 2])), 1), padding=draw(st.sampled_from(["same", "valid", "same"])),
                dilation_rate=(1, draw(st.sampled_from([1, 1, 2]))), activation=draw(activation),
                use_bias=draw(st.booleans()),
            )
        )  # fmt: skip
        if draw(st.booleans()):
            layers.append(MaxPooling2D(2, draw(st.sampled_from([None, 1])), padding="same"))
        if draw(st.booleans()):
            layers.append(Dropout(0.3))
        if draw(st.booleans()):
            layers.append(Activation("relu"))
    layers.append(Flatten())
    if draw(st.booleans()):
        layers += [Dense(7, activation=draw(activation)), Dropout(0.5)]
    ends = draw(st.sampled_from(["softmax", "softmax", "layer", "logits"]))
    layers.append(Dense(4, activation="softmax" if ends == "softmax" else None))
    if ends == "layer":
        layers.append(Activation("softmax"))
    dtype, engine = draw(st.sampled_from(["float32", "float64"])), engine or draw(st.sampled_from(ENGINES))
    model = Sequential(layers, engine=engine, dtype=dtype, seed=draw(st.integers(0, 99)))
    try:
        model.build((None, *size))
    except ValueError:
        assume(False)
    model.compile(loss=SparseCategoricalCrossentropy(from_logits=ends == "logits"))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    model.set_weights([weight + 0.1 * rng.standard_normal(weight.shape) for weight in model.get_weights()])
    count = draw(st.integers(1, 5))
    return model, rng.standard_normal((count, *size)), rng.integers(0, 4, count)


@few
@given(models())
def test_any_model_is_traced_with_the_bits_of_a_step_of_fit(case):
    check_against_fit(*case)
