"""Activation functions, compared with Keras on JAX: values and gradients, also at zero and at extreme values."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from scratchcnn import activations, kernels, layers, reference

NAMES = ["sigmoid", "tanh", "elu", "leaky_relu", "gelu", "silu", "swish", "softplus"]
ENGINES = [kernels, reference]
SPECIAL = [0, -0.0, 1e-30, -1e-30, 100, -100, 1e30, -1e30, np.inf, np.nan]
ROUNDINGS = 16  # 8 for each package: see tests/kernels/test_elementwise_kernels.py


DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def accuracy(name, dtype):
    """The dtype in which Keras computes an activation: always float32 for tanh, which casts float64 down."""
    return np.dtype("float32" if name == "tanh" else dtype)


@DTYPES
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_equal_keras(rng, name, dtype):
    x = np.concatenate([10 * rng.standard_normal(500), rng.standard_normal(500), SPECIAL]).astype(dtype)
    dy, theirs = rng.standard_normal(x.shape).astype(dtype), accuracy(name, dtype)
    y, pull_back = jax.vjp(keras.activations.get(name), jnp.asarray(x))
    assert y.dtype == theirs
    expected, gradient = np.asarray(y), np.asarray(pull_back(jnp.asarray(dy.astype(theirs)))[0])
    eps, tiny = np.finfo(theirs).eps, np.finfo(theirs).tiny
    with np.errstate(all="ignore"):
        # erfc magnifies the rounding of its argument by x^2 where it is small; at -40 it is zero in float64.
        roundings = ROUNDINGS + (2 * np.clip(x, -40, 0) ** 2 if name == "gelu" else 0)
        for ops in ENGINES:
            layer = layers.Activation(name)
            found, cache = layer.forward(x[:, None], ops, training=True, rng=None)
            dx, _ = layer.backward(dy[:, None], cache, ops)
            assert found.dtype == dx.dtype == dtype
            _assert_within(found[:, 0], expected, roundings * eps * abs(expected) + tiny)
            # At infinity the derivatives of gelu and silu are infinity times zero, in both packages.
            _assert_within(dx[:, 0], gradient, ROUNDINGS * eps * 1.13 * abs(dy) + tiny)


def _assert_within(found, expected, bound):
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    assert (abs(found[finite].astype(np.float64) - expected[finite]) <= bound[finite]).all()


@DTYPES
@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.5])
def test_arguments_have_the_meaning_of_those_of_keras(rng, alpha, dtype):
    x = rng.standard_normal(100).astype(dtype)
    for ours, theirs in (
        (activations.ELU(alpha), keras.activations.elu(x, alpha=alpha)),
        (activations.LeakyReLU(alpha), keras.activations.leaky_relu(x, negative_slope=alpha)),
    ):
        for ops in ENGINES:
            np.testing.assert_allclose(ours.forward(x, ops), theirs, rtol=ROUNDINGS * np.finfo(dtype).eps)


@DTYPES
@pytest.mark.parametrize("name", NAMES)
def test_dense_layer_with_the_activation_equals_keras(rng, name, dtype):
    theirs, ours = keras.layers.Dense(5, name, dtype=dtype), layers.Dense(5, name)
    theirs.build((None, 7))
    ours.build((7,), rng, np.dtype(dtype))
    theirs.set_weights(list(ours.params.values()))
    x, dy = (rng.standard_normal((6, length)).astype(dtype) for length in (7, 5))
    y, pull_back = jax.vjp(lambda *v: theirs.stateless_call(list(v[1:]), [], v[0])[0], x, *ours.params.values())
    found, cache = ours.forward(x, kernels, training=True, rng=None)
    dx, gradients = ours.backward(dy, cache, kernels)
    for one, other in zip(
        (found, dx, *gradients.values()), (y, *pull_back(jnp.asarray(dy.astype(accuracy(name, dtype))))), strict=True
    ):
        tolerance = (
            16 * ROUNDINGS * np.finfo(accuracy(name, dtype)).eps
        )  # of sums of seven terms, of order one, of such values
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
