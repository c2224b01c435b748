"""Configs: every class returns all its arguments, and an equal object is created from them."""

import inspect

import numpy as np
import pytest

from scratchcnn import activations, initializers, layers, losses, metrics, optimizers, regularizers
from scratchcnn.configs import Configured
from scratchcnn.optimizers import schedules
from scratchcnn.storage.objects import NAMES, deserialize, serialize

EXAMPLES = [
    layers.Activation("softmax", name="last"),
    layers.BatchNormalization(1, 0.5, 0.1, False, False, beta_initializer="ones", gamma_initializer="zeros",
                              moving_mean_initializer="ones", moving_variance_initializer="zeros", name="b"),
    layers.Conv2D(3, (2, 4), (2, 1), "same", dilation_rate=3, activation="relu", use_bias=False, algorithm="loops",
                  kernel_initializer="he_normal", bias_initializer="glorot_uniform",
                  kernel_regularizer="l1", bias_regularizer=regularizers.L1L2(0.1, 0.2), name="first"),
    layers.Dense(3, "softmax", use_bias=False, kernel_initializer="zeros",
                 bias_initializer=initializers.Constant(0.1), kernel_regularizer=regularizers.L2(0.3),
                 bias_regularizer="l1_l2", name="d"),
    layers.Dropout(0.25, name="d"),
    layers.Flatten(name="f"),
    layers.AveragePooling2D((2, 3), (1, 2), "same", name="a"),
    layers.GlobalAveragePooling2D(keepdims=True, name="g"), layers.GlobalMaxPooling2D(keepdims=True, name="g"),
    layers.Reshape((-1, 4), name="r"), layers.ZeroPadding2D(((1, 0), (2, 3)), name="z"),
    layers.LeakyReLU(0.1, name="l"), layers.ReLU(name="r"), layers.Softmax(name="s"),
    layers.MaxPooling2D((2, 3), (1, 2), "same", name="m"),
    layers.Rescaling(1 / 255, offset=-0.5, name="r"),
    activations.ELU(0.5), activations.LeakyReLU(0.3),
    initializers.GlorotUniform(), initializers.HeNormal(), initializers.Zeros(), initializers.GlorotNormal(),
    initializers.HeUniform(), initializers.LecunNormal(), initializers.LecunUniform(), initializers.Ones(),
    initializers.Constant(0.5), initializers.Identity(2.0), initializers.Orthogonal(0.5),
    initializers.RandomNormal(0.1, 0.2), initializers.TruncatedNormal(0.1, 0.2), initializers.RandomUniform(0.1, 0.2),
    initializers.VarianceScaling(2.0, "fan_out", "uniform"),
    regularizers.L1(0.1), regularizers.L2(0.1), regularizers.L1L2(0.1, 0.2),
    losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), losses.MeanSquaredError(),
    losses.CategoricalCrossentropy(from_logits=True), losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics.CategoricalAccuracy("right"), metrics.SparseCategoricalAccuracy("right"),
    metrics.Accuracy("right"), metrics.BinaryAccuracy("right", 0.3), metrics.MeanAbsoluteError("error"),
    metrics.MeanSquaredError("error"),
    optimizers.Adam(0.1, 0.8, 0.9, 1e-5, True, 0.1, clipnorm=1.0),
    optimizers.AdamW(0.1, 0.2, 0.8, 0.9, 1e-5, True, clipvalue=1.0),
    optimizers.SGD(schedules.CosineDecay(0.1, 9), 0.8, True, 0.1, global_clipnorm=1.0),
    optimizers.RMSprop(0.1, 0.8, 0.7, 1e-5, True, 0.1, clipnorm=1.0),
    optimizers.Adagrad(0.1, 0.2, 1e-5, 0.1, clipvalue=1.0),
    optimizers.Adadelta(0.1, 0.8, 1e-5, 0.1, global_clipnorm=1.0),
    schedules.CosineDecay(0.1, 9, 0.3, warmup_target=0.2, warmup_steps=2),
    schedules.ExponentialDecay(0.1, 9, 0.3, staircase=True), schedules.InverseTimeDecay(0.1, 9, 0.3, staircase=True),
    schedules.OneCycle(0.1, 9, 0.2, 0.3, 0.4),
    schedules.PiecewiseConstantDecay([1, 2], [0.3, 0.2, 0.1]),
]  # fmt: skip


def equal(a, b):
    """Whether two objects are of the same class and have equal attributes."""
    if not isinstance(a, Configured):
        return type(a) is type(b) and a == b
    return (
        type(a) is type(b) and vars(a).keys() == vars(b).keys() and all(equal(vars(a)[k], vars(b)[k]) for k in vars(a))
    )


def test_examples_cover_all_classes():
    assert {type(example) for example in EXAMPLES} == set(NAMES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_config_contains_every_argument_and_recreates_the_object(example):
    arguments = inspect.signature(type(example).__init__).parameters.keys() - {"self", "args", "kwargs"}
    assert example.get_config().keys() == arguments - {"input_shape", "input_dim", "data_format"}
    assert equal(type(example).from_config(example.get_config()), example)
    assert equal(deserialize(serialize(example, "it"), {}), example)


LIMITS = ("clipnorm", "clipvalue", "global_clipnorm")  # at most one may be given, so the examples take turns


def test_examples_cover_all_limits():
    given = {name for example in EXAMPLES for name in LIMITS if example.get_config().get(name) is not None}
    assert given == {*LIMITS}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_examples_differ_from_the_defaults(example):
    """Otherwise an argument that is missing from the config would not be detected."""
    for name, parameter in inspect.signature(type(example).__init__).parameters.items():
        if name in example.get_config() and name not in LIMITS:
            assert example.get_config()[name] != parameter.default


@pytest.mark.parametrize(
    "layer", [layers.Conv2D(3, (2, 4)), layers.Conv2D(3, 2, use_bias=False), layers.Flatten(), layers.Dropout(0.1)]
)
def test_param_shapes_equal_those_of_the_initial_parameters(layer):
    params = layer.initial_params((9, 8, 2), np.random.default_rng(0), np.dtype(np.float32))
    assert layer.param_shapes((9, 8, 2)) == {name: array.shape for name, array in params.items()}


def test_param_shapes_of_a_custom_layer_need_not_be_defined():
    class Scale(layers.Layer):
        def initial_params(self, input_shape, rng, dtype):
            return {"factor": np.ones(input_shape[-1], dtype)}

    assert Scale().param_shapes((4, 3)) == {"factor": (3,)}
