"""BatchNormalization: statistics of the batch and moving averages, frozen layers, options, and the order of weights."""

import numpy as np
import pytest

from scratchcnn import Sequential, kernels, reference
from scratchcnn.layers import BatchNormalization, Conv2D, Dense, Flatten

ENGINES = [kernels, reference]
DTYPES = [np.float32, np.float64]


def built(shape=(3,), dtype="float64", **options):
    layer = BatchNormalization(**options)
    layer.build(shape, np.random.default_rng(0), np.dtype(dtype))
    return layer


def random_weights(rng, channels):
    """Random gamma, beta and moving mean, and a positive moving variance."""
    return [*rng.standard_normal((3, channels)), 0.5 + rng.random(channels)]


def rounding(dtype):
    """Tolerances for a value of order 1 to 10 that is computed in float64 and rounded once."""
    return {"rtol": np.finfo(dtype).eps, "atol": 1e-12}


def normalized(x, mean, variance, epsilon=1e-3):
    return (x - mean) / np.sqrt(variance + epsilon)


def test_weights_are_those_of_keras_in_keras_order():
    layer = built()
    assert list(layer.params) == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [array.tolist() for array in layer.get_weights()] == [[1] * 3, [0] * 3, [0] * 3, [1] * 3]
    assert list(built(center=False).params) == ["gamma", "moving_mean", "moving_variance"]
    assert list(built(scale=False).params) == ["beta", "moving_mean", "moving_variance"]
    assert (layer.momentum, layer.epsilon, layer.count_params()) == (0.99, 0.001, 12)
    others = built(beta_initializer="ones", gamma_initializer="zeros", moving_mean_initializer="ones",
                   moving_variance_initializer="zeros")  # fmt: skip
    assert [array.tolist() for array in others.weights] == [[0] * 3, [1] * 3, [1] * 3, [0] * 3]


def test_optimizer_updates_gamma_and_beta_only():
    layer = built()
    assert [id(array) for array in layer.trainable_weights] == [id(layer.gamma), id(layer.beta)]
    assert [id(array) for array in layer.non_trainable_weights] == [id(layer.moving_mean), id(layer.moving_variance)]
    layer.trainable = False
    assert layer.trainable_weights == []
    assert [id(array) for array in layer.non_trainable_weights] == [id(array) for array in layer.weights]


@pytest.mark.parametrize("ops", ENGINES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3,), (4, 5, 3)])
def test_training_uses_the_batch_and_inference_the_moving_averages(rng, ops, dtype, shape):
    layer, x = built(shape, dtype), (4 * rng.standard_normal((8, *shape)) + 2).astype(dtype)
    layer.set_weights(random_weights(rng, 3))
    gamma, beta, mean, variance = (array.astype(np.float64) for array in layer.weights)
    wide, axes = x.astype(np.float64), tuple(range(x.ndim - 1))
    in_training = layer.forward(x, ops, training=True, rng=None)[0]
    expected = gamma * normalized(wide, wide.mean(axis=axes), wide.var(axis=axes)) + beta
    np.testing.assert_allclose(in_training, expected, **rounding(dtype))
    in_inference = layer.forward(x, ops, training=False, rng=None)[0]
    np.testing.assert_allclose(in_inference, gamma * normalized(wide, mean, variance) + beta, **rounding(dtype))
    assert in_training.dtype == in_inference.dtype == dtype
    layer.trainable = False
    np.testing.assert_array_equal(layer.forward(x, ops, training=True, rng=None)[0], in_inference)


@pytest.mark.parametrize("ops", ENGINES)
def test_passes_leave_the_layer_unchanged(rng, ops):
    layer, (x, dy) = built(), rng.standard_normal((2, 8, 3))
    layer.set_weights(random_weights(rng, 3))
    before = layer.get_weights()
    _, cache = layer.forward(x, ops, training=True, rng=None)
    layer.backward(dy, cache, ops)
    layer.next_statistics(cache)
    for array, old in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_next_statistics_are_moving_averages(rng, momentum):
    layer, x = built(momentum=momentum), rng.standard_normal((8, 3)) + 5
    layer.set_weights([np.ones(3), np.zeros(3), np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])])
    found = layer.next_statistics(layer.forward(x, reference, training=True, rng=None)[1])
    assert list(found) == ["moving_mean", "moving_variance"]
    expected = momentum * layer.moving_mean + (1 - momentum) * x.mean(axis=0)
    np.testing.assert_allclose(found["moving_mean"], expected, rtol=1e-14)
    expected = momentum * layer.moving_variance + (1 - momentum) * x.var(axis=0)  # divided by 8, not by 7
    np.testing.assert_allclose(found["moving_variance"], expected, rtol=1e-14)


@pytest.mark.parametrize("ops", ENGINES)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("options", [{"center": False}, {"scale": False}, {"center": False, "scale": False}])
def test_input_gradient_does_not_depend_on_which_parameters_exist(rng, ops, training, dtype, options):
    x, dy = rng.standard_normal((2, 8, 3)).astype(dtype)
    plain, layer = built(dtype=dtype), built(dtype=dtype, **options)  # gamma is 1 and beta is 0
    for each in (plain, layer):
        each.moving_mean, each.moving_variance = [0.5, -2.0, 3.0], [0.25, 4.0, 9.0]
    expected, every = plain.backward(dy, plain.forward(x, ops, training, None)[1], ops)
    dx, gradients = layer.backward(dy, layer.forward(x, ops, training, None)[1], ops)
    np.testing.assert_array_equal(dx, expected)
    assert list(gradients) == list(layer.learned_params)
    for name, gradient in gradients.items():
        np.testing.assert_array_equal(gradient, every[name])
    without, same = layer.backward(dy, layer.forward(x, ops, training, None)[1], ops, input_gradient=False)
    assert without is None
    assert same.keys() == gradients.keys()


@pytest.mark.parametrize(("shape", "axis"), [((3,), 1), ((4, 5, 3), 3), ((4, 5, 3), -1), ((5, 3), 2)])
def test_last_axis_may_be_counted_from_the_first(shape, axis):
    assert built(shape, axis=axis).params["gamma"].shape == (3,)


@pytest.mark.parametrize(("shape", "axis"), [((4, 5, 3), 1), ((4, 5, 3), 2), ((4, 5, 3), -3), ((4,), 3), ((4, 3), 0)])
def test_another_axis_than_the_last_is_refused(shape, axis):
    with pytest.raises(
        ValueError, match=rf"expected the last axis .* axis={len(shape)}, received axis={axis}; .*axis=-1"
    ):
        built(shape, axis=axis)


@pytest.mark.parametrize(("options", "message"), [
    ({"axis": [3]}, r"Expected axis as an integer, -1 for the last axis, received \[3\]"),
    ({"momentum": 1.5}, "Expected momentum as a number from 0 to 1, received 1.5"),
    ({"momentum": None}, "Expected momentum as a number from 0 to 1, received None"),
    ({"epsilon": 0}, "Expected epsilon as a finite number above 0, received 0"),
    ({"center": 1}, "Expected center as True or False, received 1"),
    ({"scale": None}, "Expected scale as True or False, received None"),
    ({"gamma_initializer": "onnes"}, r"Expected .*initializer.*'ones'.*received 'onnes'"),
])  # fmt: skip
def test_bad_option_raises_value_error(options, message):
    with pytest.raises(ValueError, match=message):
        BatchNormalization(**options)


def test_momentum_and_epsilon_may_be_changed_later_and_the_others_not():
    layer = built()
    layer.momentum, layer.epsilon = 0.5, 0.1
    x = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    y, cache = layer.forward(x, reference, training=True, rng=None)
    np.testing.assert_allclose(y, normalized(x, 2, np.array([1, 0, 1]), 0.1), rtol=1e-14)
    np.testing.assert_allclose(layer.next_statistics(cache)["moving_mean"], 1)
    with pytest.raises(AttributeError, match=r"Expected 'center' of layer .* to stay as it was built"):
        layer.center = False


def test_summary_counts_statistics_as_non_trainable():
    layers = [Conv2D(4, 3, input_shape=(8, 8, 1)), BatchNormalization(), Flatten(), Dense(2), BatchNormalization()]
    model, lines = Sequential(layers), []
    model.summary(print_fn=lines.append)
    assert lines[-4:-1] == ["Total params: 354", "Trainable params: 342", "Non-trainable params: 12"]
    assert [array.size for array in model.non_trainable_weights] == [4, 4, 2, 2]
