"""Initializers: distribution, determinism, and exact values."""

import math

import numpy as np
import pytest

from scratchcnn import Sequential, initializers, layers

SHAPE = (3, 3, 40, 60)
FAN_IN, FAN_OUT = 360, 540
FLOAT64 = np.dtype(np.float64)
COUNT = math.prod(SHAPE)

VARIANCES = {
    "glorot_uniform": 2 / (FAN_IN + FAN_OUT), "glorot_normal": 2 / (FAN_IN + FAN_OUT),
    "he_uniform": 2 / FAN_IN, "he_normal": 2 / FAN_IN, "lecun_uniform": 1 / FAN_IN, "lecun_normal": 1 / FAN_IN,
    "random_normal": 0.05**2, "random_uniform": 0.05**2 / 3, "variance_scaling": 1 / FAN_IN,
    "truncated_normal": (0.05 * 0.87962566103423978) ** 2,
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_and_variance(rng, name):
    values = initializers.get(name)(SHAPE, rng, FLOAT64)
    assert values.shape == SHAPE
    deviation = math.sqrt(VARIANCES[name])
    # Five standard errors: of the mean, and of the variance of a normal distribution, the largest of these.
    assert abs(values.mean()) < 5 * deviation / math.sqrt(COUNT)
    assert abs(values.var() / VARIANCES[name] - 1) < 5 * math.sqrt(2 / COUNT)
    if name.endswith("uniform"):
        assert abs(values).max() <= math.sqrt(3) * deviation
    elif name == "truncated_normal":
        assert abs(values).max() <= 0.1
    elif name != "random_normal":
        assert abs(values).max() <= 2 * deviation / 0.87962566103423978
    else:
        assert abs(values).max() > 4 * deviation  # not truncated


@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "normal", "uniform"])
@pytest.mark.parametrize(("mode", "fan"), [("fan_in", FAN_IN), ("fan_out", FAN_OUT), ("fan_avg", 450)])
def test_variance_scaling(rng, mode, fan, distribution):
    values = initializers.VarianceScaling(3.0, mode, distribution)(SHAPE, rng, FLOAT64)
    assert abs(values.var() * fan / 3 - 1) < 5 * math.sqrt(2 / COUNT)


def test_fans_of_a_bias_are_its_length():
    assert initializers.fans((7,)) == (7, 7)


@pytest.mark.parametrize("shape", [(20, 30), (30, 20), (20, 20), (3, 3, 2, 40), (3, 3, 8, 40)])
def test_orthogonal_columns_or_rows(rng, shape):
    values = initializers.Orthogonal(2.0)(shape, rng, FLOAT64)
    assert values.shape == shape
    matrix = values.reshape(-1, shape[-1])
    matrix = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    np.testing.assert_allclose(matrix.T @ matrix, 4 * np.eye(matrix.shape[1]), atol=1e-13)


def test_orthogonal_matrices_are_drawn_uniformly(rng):
    """The sign of each element is as often positive as negative, which the signs of the diagonal of R ensure."""
    values = np.array([initializers.Orthogonal()((2, 2), rng, FLOAT64) for _ in range(4000)])
    assert (abs((values > 0).mean(axis=0) - 0.5) < 5 * 0.5 / math.sqrt(4000)).all()


def test_exact_values(rng):
    for name, expected in (
        ("zeros", np.zeros((2, 3))), ("ones", np.ones((2, 3))), ("constant", np.zeros((2, 3))),
        ("identity", np.eye(2, 3)),
    ):  # fmt: skip
        np.testing.assert_array_equal(initializers.get(name)((2, 3), rng, FLOAT64), expected)
    np.testing.assert_array_equal(initializers.Constant(0.5)((2,), rng, FLOAT64), [0.5, 0.5])
    np.testing.assert_array_equal(initializers.RandomUniform(2, 2)((2,), rng, FLOAT64), [2, 2])


@pytest.mark.parametrize("name", initializers.KNOWN)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_seed_of_the_model_determines_the_values(name, dtype):
    def weights(seed):
        layer = layers.Dense(5, kernel_initializer=name, bias_initializer="random_normal", input_shape=(7,))
        return Sequential([layer], seed=seed, dtype=dtype).get_weights()

    for one, same, other in zip(weights(3), weights(3), weights(4), strict=True):
        assert one.dtype == dtype
        np.testing.assert_array_equal(one, same)
        if name not in ("zeros", "ones", "constant", "identity"):
            assert (one != other).any()


@pytest.mark.parametrize("name", [*initializers.ALIASES, *initializers.KNOWN])
def test_names_and_classes_of_keras(name):
    found = initializers.get(name)
    assert type(found) in initializers.CLASSES
    if name in initializers.KNOWN:
        assert getattr(initializers, name) is type(found)


def test_seed_is_refused_with_what_to_use_instead():
    with pytest.raises(TypeError, match=r"arguments of HeNormal, received 'seed'; use Sequential\(seed=0\)"):
        initializers.HeNormal(seed=1)
