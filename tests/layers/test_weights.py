"""Weights of a single layer: Keras's methods and attributes, and errors that change nothing."""

import numpy as np
import pytest
from networks import small_model

from scratchcnn import Sequential
from scratchcnn.layers import Dense, Flatten, Layer


def test_weights_are_the_parameters_themselves_and_get_weights_copies():
    layer = small_model(seed=0).get_layer("dense")
    assert [array is layer.params[name] for name, array in zip(("kernel", "bias"), layer.weights, strict=True)] == [
        True, True,
    ]  # fmt: skip
    assert layer.kernel is layer.params["kernel"]
    assert layer.bias is layer.params["bias"]
    copies = layer.get_weights()
    copies[0][...] = 7
    assert not (layer.kernel == 7).any()


def test_set_weights_is_the_counterpart_of_get_weights():
    model, other = small_model(seed=0), small_model(seed=1)
    for layer, source in zip(model.layers, other.layers, strict=True):
        layer.set_weights(source.get_weights())
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_setting_the_kernel_copies_its_values(rng):
    model = small_model(seed=0)
    layer, values = model.get_layer("dense"), rng.random((36, 8)).astype("float32")
    before = layer.kernel
    layer.kernel = values
    assert layer.kernel is before
    np.testing.assert_array_equal(model.get_weights()[2], values)


@pytest.mark.parametrize(("change", "message"), [
    (lambda layer: layer.set_weights([np.zeros((36, 8))]), "Expected 2 arrays, .* received 1 of them"),
    (lambda layer: layer.set_weights([np.zeros((8, 36)), np.zeros(8)]), r"shape \(36, 8\) for the kernel of layer 'd"),
    (lambda layer: layer.set_weights([np.zeros((36, 8)), ["a"] * 8]), "Expected numbers for the bias of layer 'dense'"),
    (lambda layer: setattr(layer, "bias", np.zeros(9)), r"shape \(8,\) for the bias of layer 'dense' .* \(9,\)"),
])  # fmt: skip
def test_weights_that_do_not_fit_change_nothing(change, message):
    layer = small_model(seed=0).get_layer("dense")
    before = layer.get_weights()
    with pytest.raises(ValueError, match=message):
        change(layer)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_layer_without_bias_has_none():
    layer = Dense(3, use_bias=False, input_shape=(4,))
    Sequential([layer])
    assert layer.bias is None
    assert layer.count_params() == 12
    with pytest.raises(AttributeError, match="Expected a built layer with a bias to set, received layer 'dense'"):
        layer.bias = np.zeros(3)


def test_unbuilt_layer_says_why_it_has_no_kernel():
    layer = Dense(3)
    assert not hasattr(layer, "kernel")
    assert layer.get_weights() == layer.weights == []
    with pytest.raises(
        AttributeError, match=r"Expected a built layer for its kernel, received layer 'dense' .*input_sh"
    ):
        _ = layer.kernel


def test_frozen_layer_has_weights_that_are_not_trainable():
    model = small_model(seed=0)
    model.get_layer("conv2d").trainable = False
    kernels = model.get_layer("conv2d").weights
    assert [a is b for a, b in zip(model.non_trainable_weights, kernels, strict=True)] == [True, True]
    assert len(model.trainable_weights) == 4
    assert len(model.weights) == 6
    assert model.count_params() == sum(array.size for array in model.weights)


def test_flatten_has_no_weights():
    assert (Flatten().weights, Flatten().count_params()) == ([], 0)


def test_layer_written_for_keras_is_told_what_to_override():
    class Twice(Layer):
        def call(self, inputs):
            return 2 * inputs

    with pytest.raises(NotImplementedError, match=r"layer 'twice' .* override forward\(.* received one with call"):
        Sequential([Twice(input_shape=(4,)), Dense(3)]).predict(np.zeros((2, 4)))
