"""Attributes: what a user sets takes effect, or is refused with an error."""

import numpy as np
import pytest
from networks import small_model

from scratchcnn import Sequential, activations, initializers, losses, metrics, optimizers, regularizers, schedules
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    LeakyReLU,
    MaxPooling2D,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
    ZeroPadding2D,
)

LAYERS = [
    Activation("relu"), AveragePooling2D(), Conv2D(2, 3), Dense(3), Dropout(0.5), Flatten(), GlobalAveragePooling2D(),
    GlobalMaxPooling2D(), MaxPooling2D(), Rescaling(2.0), Reshape((1,)), ZeroPadding2D(),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize(
    "name", ["activity_regularizer", "groups", "dtype", "stateful", "trainabel", "kernel_constraint"]
)
def test_attribute_without_effect_is_refused(layer, name):
    with pytest.raises(
        AttributeError, match=f"Expected one of the attributes of {type(layer).__name__}, .* received '{name}', which"
    ):
        setattr(layer, name, 1)
    assert not hasattr(layer, name)


def test_message_names_the_nearest_attribute():
    with pytest.raises(AttributeError, match="Did you mean 'trainable'"):
        Dense(3).trainabel = False


OTHERS = {
    "Adam": (optimizers.Adam(), "ema_momentum"), "SGD": (optimizers.SGD(), "use_ema"),
    "loss": (losses.SparseCategoricalCrossentropy(), "label_smoothing"),
    "metric": (metrics.CategoricalAccuracy(), "dtype"), "schedule": (schedules.CosineDecay(0.1, 10), "step"),
    "initializer": (initializers.GlorotUniform(), "seed"), "activation": (activations.ReLU(), "alpha"),
    "regularizer": (regularizers.L2(), "l1"),
}  # fmt: skip


@pytest.mark.parametrize(("thing", "name"), OTHERS.values(), ids=OTHERS)
def test_attribute_of_other_parts_without_effect_is_refused(thing, name):
    with pytest.raises(AttributeError, match=f"received '{name}', which would have no effect"):
        setattr(thing, name, 0.1)


def test_setting_of_an_optimizer_takes_effect():
    optimizer = optimizers.SGD(0.1)
    optimizer.learning_rate, optimizer.momentum = 0.2, 0.5
    optimizer.clipnorm = 1.0
    limits = {"weight_decay": None, "clipnorm": 1.0, "clipvalue": None, "global_clipnorm": None}
    assert optimizer.get_config() == {"learning_rate": 0.2, "momentum": 0.5, "nesterov": False, **limits}


@pytest.mark.parametrize(("layer", "name"), [
    (Dense(3), "input_dim"), (Conv2D(2, 3), "data_format"), (MaxPooling2D(), "data_format"), (Flatten(), "data_format"),
    (LeakyReLU(), "negative_slope"), (AveragePooling2D(), "data_format"), (GlobalMaxPooling2D(), "data_format"),
    (ZeroPadding2D(), "data_format"),
])  # fmt: skip
def test_argument_that_is_another_form_of_an_attribute_cannot_be_set(layer, name):
    with pytest.raises(AttributeError, match=f"Expected '{name}' of {type(layer).__name__} to stay as it is"):
        setattr(layer, name, 4)


@pytest.mark.parametrize("layer", [ReLU(), LeakyReLU(), Softmax()], ids=lambda layer: type(layer).__name__)
def test_activation_that_the_class_determines_cannot_be_set(layer):
    before = layer.activation
    with pytest.raises(AttributeError, match=f"Expected 'activation' of {type(layer).__name__} to stay as it is"):
        layer.activation = activations.get("tanh")
    assert layer.activation is before


def test_softmax_layer_alone_is_moved_to_the_loss():
    model = Sequential([Softmax(input_shape=(3,))], dtype="float64")
    model.compile()
    logits = np.array([[0.0, 800.0, 0.0]])  # the probability of class 0 is below the smallest number
    assert model.evaluate(logits, [0], verbose=0) == 800.0
    assert model.predict(logits).tolist() == [[0.0, 1.0, 0.0]]


def test_attribute_that_follows_from_others_cannot_be_set():
    layer = Dense(3, input_shape=(4,))
    with pytest.raises(AttributeError, match=r"Expected 'weights' of Dense to stay as it is, received "):
        layer.weights = []


CHANGES = {
    "filters": (Conv2D(2, 3, input_shape=(6, 6, 1)), 4), "strides": (Conv2D(2, 3, input_shape=(6, 6, 1)), (2, 2)),
    "units": (Dense(3, input_shape=(4,)), 5), "use_bias": (Dense(3, input_shape=(4,)), False),
    "pool_size": (MaxPooling2D(input_shape=(6, 6, 1)), (3, 3)),
    "padding": (ZeroPadding2D(input_shape=(6, 6, 1)), ((2, 2), (2, 2))),
    "keepdims": (GlobalAveragePooling2D(input_shape=(6, 6, 1)), True),
    "target_shape": (Reshape((36,), input_shape=(6, 6, 1)), (6, 6)),
    "kernel_initializer": (Dense(3, input_shape=(4,)), "zeros"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "change"), CHANGES.items(), ids=CHANGES)
def test_argument_that_determined_a_built_layer_is_refused(name, change):
    layer, value = change
    Sequential([layer])
    before = getattr(layer, name)
    with pytest.raises(AttributeError, match=f"Expected '{name}' of layer .* to stay as it was built"):
        setattr(layer, name, value)
    assert getattr(layer, name) == before


def test_argument_of_an_unbuilt_layer_may_be_changed():
    layer = Conv2D(2, 3, input_shape=(6, 6, 1))
    layer.filters = 5
    assert Sequential([layer]).output_shape == (None, 4, 4, 5)


def test_attributes_that_take_effect_on_a_built_layer():
    x = np.full((1, 4), -1.0)
    model = Sequential([Rescaling(2.0, input_shape=(4,)), Activation("relu")])
    assert model.predict(x).tolist() == [[0.0] * 4]
    model.layers[1].activation = activations.get("linear")
    assert model.predict(x).tolist() == [[-2.0] * 4]
    model.layers[0].scale = 3.0
    assert model.predict(x).tolist() == [[-3.0] * 4]


def test_dropout_rate_takes_effect_on_a_built_layer():
    model = Sequential([Dropout(0.5, input_shape=(1000,)), Dense(2)], seed=0)
    model.compile(loss="sparse_categorical_crossentropy")
    model.layers[1].activation = activations.get("softmax")
    model.layers[0].rate = 0.0
    x, y = np.ones((4, 1000)), np.zeros(4, int)
    assert model.loss_and_gradients(x, y, training=True)[0] == model.loss_and_gradients(x, y)[0]


def test_users_layer_may_have_any_attribute():
    class Own(Layer):
        def __init__(self):
            super().__init__()
            self.seed, self.values = 3, [1]

    assert Own().seed == 3


@pytest.mark.parametrize("name", ["run_eagerly", "jit_compile", "optimiser", "losses"])
def test_model_attribute_without_effect_is_refused(name):
    model = small_model(seed=0)
    with pytest.raises(AttributeError, match=f"received '{name}', which would have no effect"):
        setattr(model, name, True)


@pytest.mark.parametrize("name", ["layers", "engine", "dtype", "optimizer", "ops", "input_shape"])
def test_what_a_model_was_made_with_cannot_be_set(name):
    model = small_model(seed=0)
    before = repr(getattr(model, name))
    with pytest.raises(AttributeError, match=f"Expected '{name}' of a model to stay as it is"):
        setattr(model, name, "reference")
    assert type(before) is str
    assert model.engine == "kernels"


def test_layers_is_a_new_list_as_in_keras(rng):
    """Changing the list leaves training and prediction with the same model."""
    model = small_model(seed=0)
    x, y = rng.random((6, 9, 8, 1)), np.arange(6) % 5
    model.fit(x, y, verbose=0)
    listed = model.layers
    assert listed is not model.layers
    before = model.predict(x)
    model.layers.insert(3, Dropout(0.9))
    listed[-1] = Dense(5, activation="softmax")
    assert len(model.layers) == len(model.trainer.layers) == 7
    assert model.predict(x).tobytes() == before.tobytes()
    _, accuracy = model.evaluate(x, y, verbose=0)
    assert accuracy == pytest.approx((before.argmax(axis=1) == y).mean())
