"""Random rounding errors: as large as those of the computation, and zero where the result is exact."""

import numpy as np
import pytest
from networks import small_model

from scratchcnn import Sequential
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.keras.perturbation import train
from scratchcnn.inspection.keras.perturbed_stages import SOFTMAX, WINOGRAD, perturbed_plan
from scratchcnn.inspection.tracing.passes import layer_outputs
from scratchcnn.kernels.conv2d.winograd_tiles import F2, F4
from scratchcnn.layers import AveragePooling2D, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D
from scratchcnn.training.data import Samples


def errors_added(plan, x, seed=0):
    """Return the errors that a perturbed pass adds to the output."""
    exact = layer_outputs(plan, x)[-1].astype(np.float64)
    return layer_outputs(perturbed_plan(plan, np.random.default_rng(seed)), x)[-1] - exact


@pytest.mark.parametrize("algorithm", ["im2col", "winograd_2x2", "winograd_4x4"])
@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_windows_of_zeros_are_not_perturbed(algorithm, bias):
    layer = Conv2D(4, 3, padding="same", algorithm=algorithm, input_shape=(12, 12, 3))
    model = Sequential([layer], seed=0)
    layer.params["bias"][...] = bias
    x = np.zeros((2, 12, 12, 3), np.float32)
    x[:, 4:6, 5:7] = np.random.default_rng(0).random((2, 2, 2, 3))
    added = errors_added(Plan(model.layers, model.engine, fuse=False), x)
    touched = np.zeros((12, 12), bool)
    touched[3:7, 4:8] = True
    assert not added[:, ~touched].any()
    assert (added[:, touched] != 0).mean() > 0.5


LAYERS = {
    "dense": (lambda: Dense(16, input_shape=(4096,)), (4096,)),
    "conv2d": (lambda: Conv2D(16, 3, algorithm="im2col", input_shape=(14, 14, 32)), (14, 14, 32)),
    "winograd_2x2": (lambda: Conv2D(16, 3, algorithm="winograd_2x2", input_shape=(14, 14, 32)), (14, 14, 32)),
    "average": (lambda: AveragePooling2D(3, 1, input_shape=(14, 14, 32)), (14, 14, 32)),
    "global average": (lambda: GlobalAveragePooling2D(input_shape=(64, 64, 32)), (64, 64, 32)),
    "winograd_4x4": (lambda: Conv2D(16, 3, algorithm="winograd_4x4", input_shape=(14, 14, 32)), (14, 14, 32)),
}


@pytest.mark.parametrize("signs", ["random", "equal"])
@pytest.mark.parametrize("name", LAYERS)
def test_errors_are_about_as_large_as_those_of_float32(name, signs):
    make, shape = LAYERS[name]
    model, exact = (Sequential([make()], seed=0, dtype=dtype) for dtype in ("float32", "float64"))
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4, *shape)).astype(np.float32)
    if signs == "equal":
        x = abs(x)
        model.set_weights([abs(weight) for weight in model.get_weights()])
    exact.set_weights(model.get_weights())
    errors = model.predict(x) - exact.predict(x.astype(np.float64))
    added = errors_added(Plan(model.layers, model.engine, fuse=False), x)
    # Blocked and vectorized sums round less than the sums, term by term, that the estimate describes: at most by the
    # square root of the number of terms, 64.
    assert np.std(errors) < np.std(added) < 64 * np.std(errors)


@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_errors_of_a_normalization_are_about_as_large_as_those_of_keras_formula_in_float32(offset):
    """Keras computes x * scale + (beta - mean * scale), so a large mean costs digits."""
    model = Sequential([BatchNormalization(input_shape=(9, 8, 4))])
    layer, rng = model.layers[0], np.random.default_rng(0)
    layer.set_weights([rng.standard_normal(4), rng.standard_normal(4), [offset] * 4, 0.5 + rng.random(4)])
    x = (rng.standard_normal((16, 9, 8, 4)) + offset).astype(np.float32)
    scale = layer.gamma / np.sqrt(layer.moving_variance + np.float32(layer.epsilon))
    errors = x * scale + (layer.beta - layer.moving_mean * scale) - model.predict(x).astype(np.float64)
    added = errors_added(Plan(model.layers, model.engine, fuse=False), x)
    assert np.std(errors) < 2 * np.std(added) < 16 * np.std(errors)


def test_factors_of_winograd_follow_from_its_matrices():
    # Along one axis y = A [(G g) * (B d)]: output i is a sum over j of terms of mean square A[i, j]**2 |G[j]|**2
    # |B[j]|**2, while the direct sum has one term of mean square 1 for each weight. Two axes square the root of it.
    for name, matrices in (("winograd_2x2", F2), ("winograd_4x4", F4)):
        a, g, b = (np.square(np.array(matrix)) for matrix in matrices)
        ratio = (a @ (g.sum(axis=1) * b.sum(axis=1))).max() / g.shape[1]
        assert ratio <= WINOGRAD[name] < 1.05 * ratio


def test_gradient_of_a_confident_prediction_has_the_rounding_error_of_its_probability():
    # p - 1 = -1e-4 for the correct class: the error is that of p, SOFTMAX * u, and not u times the difference.
    model = Sequential([Dense(2, activation="softmax", kernel_initializer="zeros", input_shape=(1,))], seed=0)
    model.compile("sgd")
    model.layers[0].params["bias"][...] = 0, -np.log(1e4)
    batch = Samples(np.ones((4, 1), np.float32), np.zeros(4, np.int64), None)
    kernel, _ = train(model, [batch]).gradients
    moved = [train(model, [batch], np.random.default_rng(seed)).gradients[0] - kernel for seed in range(4)]
    size = SOFTMAX * np.finfo(np.float32).eps / 2
    # Other errors are a few u times the gradient, 1e-4; the gradient itself has 24 bits.
    np.testing.assert_allclose(np.abs(moved)[:, 0, 0], size, rtol=0.1)
    assert (np.abs(moved)[:, 0, 1] < 0.1 * size).all()


def test_perturbed_passes_of_one_generator_are_reproducible():
    model = small_model(seed=0)
    plan = Plan(model.layers, model.engine, fuse=False)
    x = np.random.default_rng(0).random((3, 9, 8, 1), np.float32)
    one, other = (layer_outputs(perturbed_plan(plan, np.random.default_rng(5)), x)[-1] for _ in range(2))
    np.testing.assert_array_equal(one, other)
