"""The loss of a hundred steps of real training lies on that of a live Keras on JAX: same weights, same batches.

In float64 the curves agree to rounding. In float32 no two systems agree for long: a rounding error decides whether a
unit fires that is at its threshold, and from there two runs part, whoever computes them. How far, is measured here: the
same training several times over, each time with the images of every batch in another order, which is the same sum in
another rounding. Keras's curve must lie among these.

The biases start a little above zero. With zeros, a window of black pixels would give exactly zero, where ReLU has its
kink; Winograd's rounding leaves 1e-9 more or less there, and with it the gradient of the bias passes or does not.
"""

import jax
import keras
import numpy as np
import pytest
from networks import sample_digits

from scratchcnn import Sequential, layers
from scratchcnn.optimizers import Adam

# Keras's variables take no `copy` argument in __array__, which NumPy 2 asks for; it falls back, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

STEPS, BATCH = 100, 64
RATE = 0.001
ROUNDINGS = 6

# Keras computes 1 - beta_2**step in float32: for the first steps a difference of nearly equal numbers, which is off by
# eps / 2 / (1 - beta_2). The length of a step goes with its square root.
RATE_ERROR = np.finfo(np.float32).eps / 2 / (1 - 0.999) / 2

# Each of ten such runs, held against six of the others, went up to 3.1 times as far as they.
ROOM = 5


def article(kind, filters, units):
    """The article's layers without dropout, of Keras or of ours."""
    return [
        kind.Conv2D(filters[0], (3, 3), activation="relu"),
        kind.Conv2D(filters[1], (3, 3), activation="relu"),
        kind.MaxPooling2D((2, 2)),
        kind.Flatten(),
        kind.Dense(units, activation="relu"),
        kind.Dense(10, activation="softmax"),
    ]


@pytest.fixture(scope="module")
def batches():
    """Two epochs of the embedded sample's training images, in a fixed order."""
    (x, y), _ = sample_digits()
    rng = np.random.default_rng(0)
    order = np.concatenate([rng.permutation(len(x)) for _ in range(2)])
    rows = [order[start : start + BATCH] for start in range(0, STEPS * BATCH, BATCH)]
    return [(x[each], y[each].astype(np.int64)) for each in rows]


def our_losses(batches, dtype="float32", size=((32, 64), 128), rate=RATE, reorder=None):
    """Loss of every step, and the weights before the first."""
    model = Sequential([layers.Input((28, 28, 1)), *article(layers, *size)], dtype=dtype, seed=0)
    model.compile(Adam(rate), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)  # see above for why the biases are no zeros
    model.set_weights([rng.uniform(0.01, 0.02, w.shape) if w.ndim == 1 else w for w in model.get_weights()])
    start, losses = model.get_weights(), []
    for x, y in batches:
        order = slice(None) if reorder is None else reorder.permutation(len(x))
        losses.append(model.train_on_batch(x[order], y[order]))
    return np.array(losses), start


def keras_losses(batches, start, dtype="float32", size=((32, 64), 128)):
    """Loss of every step of Keras from the same weights; one step is compiled as a whole."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        model = keras.Sequential([keras.layers.Input((28, 28, 1)), *article(keras.layers, *size)])
        model.set_weights(start)
        optimizer = keras.optimizers.Adam(RATE)
        optimizer.build(model.trainable_variables)
        step = compiled_step(model, optimizer)
        variables, slots = ([v.value for v in each] for each in (model.trainable_variables, optimizer.variables))
        losses = []
        for x, y in batches:
            loss, variables, slots = step(variables, slots, x.astype(dtype), y)
            losses.append(float(loss))
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
    return np.array(losses)


def compiled_step(model, optimizer):
    """A step of training: variables, the optimizer's variables, x, y -> loss, both kinds of variables."""
    state = [variable.value for variable in model.non_trainable_variables]
    loss = keras.losses.SparseCategoricalCrossentropy()

    def loss_of(variables, x, y):
        return loss(y, model.stateless_call(variables, state, x, training=True)[0])

    def step(variables, slots, x, y):
        value, gradients = jax.value_and_grad(loss_of)(variables, x, y)
        return value, *optimizer.stateless_apply(slots, gradients, variables)

    return jax.jit(step)


@pytest.fixture(scope="module")
def in_float32(batches):
    """Our losses in float32, and the weights before the first step."""
    return our_losses(batches)


@pytest.fixture(scope="module")
def tolerance(batches, in_float32):
    """For each step, how far float32 runs of the same training have parted by then, at the most, times `ROOM`."""
    undisturbed, _ = in_float32
    farthest = np.zeros(STEPS)
    for number in range(ROUNDINGS):
        rng = np.random.default_rng(number)
        losses, _ = our_losses(batches, rate=RATE * (1 + RATE_ERROR * rng.uniform(-1, 1)), reorder=rng)
        farthest = np.maximum(farthest, abs(losses - undisturbed))
    rounded = 4 * np.finfo(np.float32).eps * undisturbed  # even the first loss is a rounded number
    return ROOM * np.maximum(np.maximum.accumulate(farthest), rounded)


def test_a_hundred_steps_in_float32_lie_on_keras_within_what_rounding_explains(batches, in_float32, tolerance):
    found, start = in_float32
    expected = keras_losses(batches, start)
    assert (abs(found - expected) <= tolerance).all()
    assert expected[0] > 2.2  # as chance has it: log(10) = 2.3
    assert expected[-10:].mean() < 0.4  # it has learnt


def test_a_learning_rate_off_by_a_thousandth_is_more_than_rounding_explains(batches, in_float32, tolerance):
    disturbed, _ = our_losses(batches, rate=1.001 * RATE)
    assert (abs(in_float32[0] - disturbed) > tolerance).any()


def test_a_hundred_steps_in_float64_agree_with_keras_to_rounding(batches):
    size = (2, 4), 16  # of the article's kind, but smaller: Keras takes some seconds a step for the whole in float64
    found, start = our_losses(batches, "float64", size)
    expected = keras_losses(batches, start, "float64", size)
    # 1e-16 to begin with; where no unit is at its threshold, a hundred steps magnify it some thousand times at most.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert expected[-10:].mean() < 0.8 * expected[0]
