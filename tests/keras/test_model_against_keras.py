"""Whole models compared with Keras on JAX in float64: outputs, losses, gradients, training and history.

In float64 two sums of some thousand values of order 1 differ by at most 1e-13. A tolerance of 1e-10 leaves room for the
amplification by a few layers or training steps; any difference of formula is larger by many orders of magnitude.
"""

import contextlib

import jax
import keras
import numpy as np
import pytest

from scratchcnn import Sequential, layers, losses, optimizers

# Keras's variables accept no `copy` argument in __array__, which NumPy 2 passes; NumPy warns and omits it.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
ENGINES = ["kernels", "reference"]


@contextlib.contextmanager
def _floatx(dtype):
    """Set Keras's dtype inside the context."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.fixture(autouse=True, scope="module")
def _keras_in_float64():
    with _floatx("float64"):
        yield


@pytest.fixture
def _fresh_names():
    keras.backend.clear_session()


def article(kind, filters=(32, 64), units=128, classes=10, dropout=(0.25, 0.5)):
    """Return the layers of the article's network, of Keras or of ours, with the sizes given."""
    return [
        kind.Conv2D(filters[0], (3, 3), activation="relu"),
        kind.Conv2D(filters[1], (3, 3), activation="relu"),
        kind.MaxPooling2D((2, 2)),
        kind.Dropout(dropout[0]),
        kind.Flatten(),
        kind.Dense(units, activation="relu"),
        kind.Dropout(dropout[1]),
        kind.Dense(classes, activation="softmax"),
    ]


def small_article(kind):
    return article(kind, filters=(3, 5), units=9, classes=4, dropout=(0.0, 0.0))


def pair(make_layers, input_shape, rng, engine="kernels", dtype="float64"):
    """Return a Keras model and ours with the same layers and weights: Keras's initial ones plus noise.

    The noise makes the biases differ from zero, so that an error in them changes the outputs.
    """
    theirs = keras.Sequential([keras.layers.Input(input_shape), *make_layers(keras.layers)])
    ours = Sequential([layers.Input(input_shape), *make_layers(layers)], engine=engine, dtype=dtype)
    weights = [w + 0.1 * rng.standard_normal(w.shape) for w in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return theirs, ours


def keras_gradient_function(model, loss):
    """Return a compiled function of (variables, x, y): Keras's loss, and its gradient w.r.t. each variable."""
    state = [variable.value for variable in model.non_trainable_variables]

    def loss_of(variables, x, y):
        return loss(y, model.stateless_call(variables, state, x, training=False)[0])

    return jax.jit(jax.value_and_grad(loss_of))


def keras_loss_and_gradients(model, loss, x, y):
    variables = [variable.value for variable in model.trainable_variables]
    value, gradients = keras_gradient_function(model, loss)(variables, x, y)
    return float(value), [np.asarray(gradient) for gradient in gradients]


def assert_close(found, expected, **tolerance):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, **(tolerance or CLOSE), strict=True)


def batch(rng, input_shape, count, classes):
    return rng.random((count, *input_shape)), rng.integers(classes, size=count)


# Names, shapes and weights


@pytest.mark.usefixtures("_fresh_names")
def test_article_network_has_names_shapes_and_parameter_count_of_keras(rng):
    theirs, ours = pair(article, (28, 28, 1), rng)
    assert ours.name == theirs.name == "sequential"
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [(None, *layer.output_shape) for layer in ours.layers] == [layer.output.shape for layer in theirs.layers]
    assert sum(layer.parameter_count for layer in ours.layers) == theirs.count_params() == 1_199_882


@pytest.mark.usefixtures("_fresh_names")
def test_default_layer_names_equal_keras():
    def make_layers(kind):
        return [
            *(kind.Conv2D(2, 1) for _ in range(2)), *(kind.Activation("relu") for _ in range(2)),
            *(kind.MaxPooling2D(1) for _ in range(2)), *(kind.Dropout(0.1) for _ in range(2)),
            *(kind.Flatten() for _ in range(2)), *(kind.Dense(3) for _ in range(3)),
        ]  # fmt: skip

    theirs, ours = keras.Sequential(make_layers(keras.layers)), Sequential(make_layers(layers))
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_can_be_exchanged_with_keras(rng, engine):
    theirs, ours = pair(small_article, (10, 9, 2), rng, engine)
    assert_close(ours.get_weights(), theirs.get_weights(), rtol=0, atol=0)
    others = [rng.standard_normal(weight.shape) for weight in ours.get_weights()]
    ours.set_weights(others)
    theirs.set_weights(ours.get_weights())
    assert_close(theirs.get_weights(), others, rtol=0, atol=0)


# Outputs, losses, gradients


@pytest.mark.parametrize("engine", ENGINES)
def test_article_network_equals_keras_in_outputs_loss_and_gradients(rng, engine):
    theirs, ours = pair(article, (28, 28, 1), rng, engine)
    x, y = batch(rng, (28, 28, 1), 5, 10)
    assert_close([ours.predict(x)], [theirs.predict(x, verbose=0)])
    ours.compile("adam", "sparse_categorical_crossentropy")
    loss, gradients = ours.loss_and_gradients(x, y)
    expected = keras_loss_and_gradients(theirs, keras.losses.SparseCategoricalCrossentropy(), x, y)
    assert_close([loss], [expected[0]])
    assert_close(gradients, expected[1])
    assert all(abs(gradient).max() > 1e-4 for gradient in gradients)  # far above the tolerance


def every_option(kind):
    return [
        kind.Conv2D(4, (3, 2), strides=(2, 1), padding="same", activation="relu"),
        kind.MaxPooling2D((2, 3), strides=(1, 2), padding="same"),
        kind.Conv2D(3, 2, dilation_rate=(2, 1), use_bias=False),
        kind.Activation("relu"),
        kind.Dropout(0.4),
        kind.Conv2D(6, 1),
        kind.Flatten(),
        kind.Dense(7, use_bias=False, activation="relu"),
        kind.Dense(5),
        kind.Activation("softmax"),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_model_with_every_layer_option_equals_keras_in_outputs_loss_and_gradients(rng, engine):
    theirs, ours = pair(every_option, (11, 9, 3), rng, engine)
    x, y = batch(rng, (11, 9, 3), 6, 5)
    assert_close([ours.predict(x)], [theirs.predict(x, verbose=0)])
    ours.compile("sgd", "sparse_categorical_crossentropy")
    loss, gradients = ours.loss_and_gradients(x, y)
    expected = keras_loss_and_gradients(theirs, keras.losses.SparseCategoricalCrossentropy(), x, y)
    assert_close([loss], [expected[0]])
    assert_close(gradients, expected[1])


def test_float32_logits_equal_keras_within_rounding_bound(rng, rounding_bound):
    def make_layers(kind):
        return [*small_article(kind)[:-1], kind.Dense(4)]

    x = rng.random((6, 10, 9, 2)).astype(np.float32)
    with _floatx("float32"):
        theirs, ours = pair(make_layers, (10, 9, 2), rng, dtype="float32")
        found, expected = ours.predict(x), theirs.predict(x, verbose=0)
    # Each layer either is a sum of products or does no arithmetic. So the network is a sum over all paths through it,
    # and the network with absolute values is the sum of their magnitudes, which bounds the rounding errors.
    absolute = Sequential([layers.Input((10, 9, 2)), *make_layers(layers)], engine="reference", dtype="float64")
    absolute.set_weights([abs(weight) for weight in ours.get_weights()])
    flat = (10 - 4) // 2 * ((9 - 4) // 2) * 5
    terms = (9 * 2 + 1) + (9 * 3 + 1) + (flat + 1) + (9 + 1)
    bound = rounding_bound(absolute.predict(x), terms, np.float32, np.float32)
    assert found.dtype == expected.dtype == np.float32
    assert (abs(found.astype(np.float64) - expected) <= bound).all()


# Losses


def logits_model(kind):
    return [kind.Dense(6, activation="relu"), kind.Dense(4)]


def softmax_model(kind):
    return [*logits_model(kind), kind.Activation("softmax")]


def probabilities_model(kind):
    """Ends in another layer than softmax, so that the loss receives probabilities and must clip them."""
    return [*softmax_model(kind), kind.Dropout(0.3)]


# Intended here: outputs of another layer than softmax that the loss uses as probabilities.
@pytest.mark.filterwarnings("ignore:Expected a model that ends in softmax:UserWarning")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sparse", [True, False], ids=["sparse", "categorical"])
@pytest.mark.parametrize(
    ("make_layers", "from_logits", "scale"),
    [
        (logits_model, True, 1),
        (logits_model, True, 1e4),
        (softmax_model, False, 1),
        (probabilities_model, False, 1),
        (probabilities_model, False, 1e4),
    ],
    ids=["logits", "extreme logits", "softmax", "probabilities", "extreme probabilities"],
)
def test_losses_equal_keras_in_value_and_gradients(rng, engine, sparse, make_layers, from_logits, scale):
    name = "SparseCategoricalCrossentropy" if sparse else "CategoricalCrossentropy"
    theirs, ours = pair(make_layers, (5,), rng, engine)
    x, y = batch(rng, (5,), 12, 4)
    x = (x - 0.5) * scale
    if not sparse:
        y = np.eye(4)[y]
        y[:3] = rng.dirichlet(np.ones(4), 3)  # rows need not be one-hot
    ours.compile("adam", getattr(losses, name)(from_logits=from_logits))
    loss, gradients = ours.loss_and_gradients(x, y)
    expected = keras_loss_and_gradients(theirs, getattr(keras.losses, name)(from_logits=from_logits), x, y)
    assert_close([loss], [expected[0]])
    assert_close(gradients, expected[1], rtol=1e-10, atol=1e-10 * scale)


@pytest.mark.parametrize("engine", ENGINES)
def test_final_softmax_is_as_stable_as_a_keras_loss_from_logits(rng, engine):
    theirs, logits = pair(logits_model, (5,), rng)
    ours = Sequential([layers.Input((5,)), *softmax_model(layers)], engine=engine, dtype="float64")
    ours.set_weights(logits.get_weights())
    x, y = batch(rng, (5,), 12, 4)
    x = (x - 0.5) * 1e4  # some probabilities are exactly zero
    assert (ours.predict(x) == 0).any()
    ours.compile("adam", "sparse_categorical_crossentropy")
    loss, gradients = ours.loss_and_gradients(x, y)
    expected = keras_loss_and_gradients(theirs, keras.losses.SparseCategoricalCrossentropy(from_logits=True), x, y)
    assert_close([loss], [expected[0]])
    assert_close(gradients, expected[1], rtol=1e-10, atol=1e-6)


# Training


OPTIMIZERS = {
    "adam": ("Adam", {"learning_rate": 0.01}),
    "adam with other betas": ("Adam", {"learning_rate": 0.003, "beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3}),
    "amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True}),
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
}


@pytest.fixture(scope="module")
def keras_network():
    """Return a small article network in Keras and its gradient function, compiled once for all optimizers."""
    model = keras.Sequential([keras.layers.Input((10, 9, 2)), *small_article(keras.layers)])
    return model, keras_gradient_function(model, keras.losses.SparseCategoricalCrossentropy())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_weights_after_twenty_steps_equal_keras(rng, keras_network, name, options, engine):
    theirs, gradients_of = keras_network
    ours = Sequential([layers.Input((10, 9, 2)), *small_article(layers)], engine=engine, dtype="float64", seed=1)
    start = ours.get_weights()
    theirs.set_weights(start)
    their_optimizer = getattr(keras.optimizers, name)(**options)
    ours.compile(getattr(optimizers, name)(**options), "sparse_categorical_crossentropy")
    for _ in range(20):
        x, y = batch(rng, (10, 9, 2), 16, 4)
        loss, gradients = gradients_of([variable.value for variable in theirs.trainable_variables], x, y)
        their_optimizer.apply(gradients, theirs.trainable_variables)
        assert_close([ours.train_on_batch(x, y)], [float(loss)])
    assert_close(ours.get_weights(), theirs.get_weights())
    assert max(abs(a - b).max() for a, b in zip(ours.get_weights(), start, strict=True)) > 0.01


def test_train_on_batch_equals_keras_in_values_and_weights(rng):
    theirs, ours = pair(softmax_model, (5,), rng)
    for model in (theirs, ours):
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    for _ in range(3):
        x, y = batch(rng, (5,), 30, 4)
        theirs.reset_metrics()  # Keras reports means since the last reset
        assert_close(ours.train_on_batch(x, y), theirs.train_on_batch(x, y))
    assert_close(ours.get_weights(), theirs.get_weights())


def test_optimizer_defaults_equal_keras():
    for name, options in [
        ("Adam", ["learning_rate", "beta_1", "beta_2", "epsilon", "amsgrad"]),
        ("SGD", ["learning_rate", "momentum", "nesterov"]),
    ]:
        ours, theirs = getattr(optimizers, name)(), getattr(keras.optimizers, name)().get_config()
        for option in options:
            assert getattr(ours, option) == pytest.approx(theirs[option], rel=1e-7), (name, option)


@pytest.mark.parametrize("sparse", [True, False], ids=["sparse", "categorical"])
def test_history_of_fit_equals_keras_with_one_batch_per_epoch(rng, sparse):
    theirs, ours = pair(small_article, (10, 9, 2), rng)
    (x, y), (val_x, val_y) = batch(rng, (10, 9, 2), 24, 4), batch(rng, (10, 9, 2), 50, 4)
    if not sparse:
        y, val_y = np.eye(4)[y], np.eye(4)[val_y]
    loss = "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy"
    histories = []
    for model in (theirs, ours):
        model.compile("adam", loss, metrics=["accuracy"])
        fitted = model.fit(x, y, batch_size=24, epochs=3, verbose=0, validation_data=(val_x, val_y))
        histories.append((fitted.epoch, fitted.history))
    (their_epoch, expected), (our_epoch, found) = histories
    assert our_epoch == their_epoch
    assert found.keys() == expected.keys() == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name in expected:
        assert_close(found[name], expected[name])
    assert_close(ours.get_weights(), theirs.get_weights())


def test_evaluate_weights_a_shorter_last_batch_by_its_size_as_keras(rng):
    theirs, ours = pair(small_article, (10, 9, 2), rng)
    x, y = batch(rng, (10, 9, 2), 37, 4)
    for model in (theirs, ours):
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = theirs.evaluate(x, y, batch_size=16, verbose=0)
    assert_close(ours.evaluate(x, y, batch_size=16, verbose=0), expected)
    assert_close(ours.evaluate(x, y, verbose=0), theirs.evaluate(x, y, verbose=0))
