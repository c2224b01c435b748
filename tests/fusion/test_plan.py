"""The plan: what is fused, what is never fused, and that a change of a layer makes a new plan."""

import copy
import types

import numpy as np
import pytest
from networks import article_model

from scratchcnn import Sequential, activations
from scratchcnn.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D


class OwnConv2D(Conv2D):
    """A user's convolution that overrides nothing."""


class OwnMaxPooling2D(MaxPooling2D):
    """A user's pooling that overrides nothing."""


class OwnReLU(activations.ReLU):
    """A user's activation that overrides nothing."""


def row(first=Conv2D, second=Conv2D, pooling=MaxPooling2D, activations=("relu", "relu")):
    return [
        first(16, 3, activation=activations[0], input_shape=(12, 12, 1)), second(16, 3, activation=activations[1]),
        pooling(), Flatten(), Dense(3, activation="softmax"),
    ]  # fmt: skip


def stages(model):
    return [type(stage).__name__ for stage in model.plan.stages]


TWO_SINGLE = ["SingleLayer", "SingleLayer"]
ROWS = {
    "all of this package": (row(), ["Conv2DConv2DMaxPooling2D"]),
    "first is a subclass": (row(first=OwnConv2D), ["SingleLayer", "Conv2DMaxPooling2D"]),
    "second is a subclass": (row(second=OwnConv2D), ["Conv2DReLU", *TWO_SINGLE]),
    "pooling is a subclass": (row(pooling=OwnMaxPooling2D), ["Conv2DReLU", "Conv2DReLU", "SingleLayer"]),
    "first activation is a subclass": (row(activations=(OwnReLU(), "relu")), ["SingleLayer", "Conv2DMaxPooling2D"]),
    "second activation is a subclass": (row(activations=("relu", OwnReLU())), ["Conv2DReLU", *TWO_SINGLE]),
    "first has no activation": (row(activations=(None, "relu")), ["SingleLayer", "Conv2DMaxPooling2D"]),
    "second has no activation": (row(activations=("relu", None)), ["Conv2DConv2DMaxPooling2D"]),
    "second ends in softmax": (row(activations=("relu", "softmax")), ["Conv2DReLU", *TWO_SINGLE]),
}


@pytest.mark.parametrize(("layers", "expected"), ROWS.values(), ids=ROWS)
def test_only_layers_of_exactly_this_package_are_fused(layers, expected):
    assert stages(Sequential(copy.deepcopy(layers), seed=0)) == [*expected, *TWO_SINGLE]


class OwnDense(Dense):
    """A user's dense layer that overrides nothing."""


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Dense(3, "relu"), "DenseReLU"),
        (Dense(3), "SingleLayer"),
        (Dense(3, "tanh"), "SingleLayer"),
        (Dense(3, OwnReLU()), "SingleLayer"),
        (OwnDense(3, "relu"), "SingleLayer"),
    ],
)
def test_only_dense_layers_of_this_package_with_its_relu_are_fused(layer, expected):
    model = Sequential([Input((4,)), copy.deepcopy(layer)])
    assert stages(model) == [expected]
    model.layers[0].backward = lambda *given, **named: None
    assert stages(model) == ["SingleLayer"]
    assert stages(Sequential([Input((4,)), copy.deepcopy(layer)], engine="reference")) == ["SingleLayer"]


def test_clone_is_fused_as_the_original():
    model = Sequential(row(), seed=0)
    assert stages(model.clone()) == stages(model) == ["Conv2DConv2DMaxPooling2D", *TWO_SINGLE]


def test_reference_engine_has_no_fused_stages():
    assert set(stages(Sequential(row(), engine="reference", seed=0))) == {"SingleLayer"}


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("method", ["forward", "backward"])
def test_layer_with_replaced_method_is_not_fused(number, method):
    model = Sequential(row(), seed=0)
    assert len(model.plan.stages) == 3
    layer = model.layers[number]
    setattr(layer, method, types.MethodType(lambda self, *given, **named: None, layer))
    assert all(layer not in stage.layers or len(stage.layers) == 1 for stage in model.plan.stages)
    delattr(layer, method)
    assert stages(model) == ["Conv2DConv2DMaxPooling2D", *TWO_SINGLE]


def test_layer_of_a_class_with_replaced_method_is_not_fused(monkeypatch):
    model = Sequential(row(), seed=0)
    assert len(model.plan.stages) == 3
    original = MaxPooling2D.forward
    monkeypatch.setattr(MaxPooling2D, "forward", lambda self, *given: original(self, *given))
    assert stages(model) == ["Conv2DReLU", "Conv2DReLU", "SingleLayer", *TWO_SINGLE]


def test_plan_is_kept_until_a_layer_changes():
    model = Sequential(row(), seed=0)
    plan = model.plan
    model.set_weights(model.get_weights())
    assert model.plan is plan
    model.layers[1].activation = activations.get("softmax")
    assert model.plan is not plan
    assert stages(model) == ["Conv2DReLU", *TWO_SINGLE, *TWO_SINGLE]


def test_changed_activation_takes_effect_in_predict_and_fit():
    changed, other = (Sequential(row(activations=("relu", end)), seed=0) for end in ("relu", None))
    x, y = np.random.default_rng(0).standard_normal((6, 12, 12, 1)), np.arange(6) % 3
    for model in (changed, other):
        model.compile()
    before = changed.predict(x), changed.loss_and_gradients(x, y)[0]
    changed.layers[1].activation = activations.get(None)
    assert changed.predict(x).tobytes() == other.predict(x).tobytes() != before[0].tobytes()
    assert changed.train_on_batch(x, y) == other.train_on_batch(x, y) != before[1]
    assert [a.tobytes() for a in changed.get_weights()] == [b.tobytes() for b in other.get_weights()]


def test_plan_of_the_articles_network_prints_stages_and_algorithms():
    assert str(article_model(seed=0).plan) == (
        "stage                     layer          forward       kernel gradient  input gradient\n"
        "------------------------  -------------  ------------  ---------------  --------------\n"
        "Conv2DConv2DMaxPooling2D  conv2d         tile          tile             -\n"
        "                          conv2d_1       winograd_4x4  winners          winners\n"
        "                          max_pooling2d\n"
        "SingleLayer               dropout\n"
        "SingleLayer               flatten\n"
        "DenseReLU                 dense\n"
        "SingleLayer               dropout_1\n"
        "SingleLayer               dense_1"
    )


def test_plan_requires_known_shapes():
    with pytest.raises(ValueError, match="Expected a model of known shape for its plan"):
        _ = Sequential([Dense(3)]).plan


def test_multiply_adds_of_a_plan_are_those_of_each_layer_per_image():
    layers = [Conv2D(2, 3, input_shape=(6, 6, 1)), MaxPooling2D(), Flatten(), Dense(5, use_bias=False)]
    assert Sequential(layers).plan.multiply_adds == 16 * 2 * (9 + 1) + 8 + 8 + 8 * 5
