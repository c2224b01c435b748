"""compare_with_keras with Keras on JAX: correct models agree, and every planted difference is located."""

import contextlib

import jax
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import article_model, lenet5, sample_digits, small_data, small_model

from scratchcnn import Sequential, layers, losses, optimizers
from scratchcnn.inspection import compare_with_keras
from scratchcnn.inspection.keras import equivalent
from scratchcnn.inspection.keras.side_by_side import Place

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@contextlib.contextmanager
def keras_in(dtype):
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def keras_small_model(dtype="float64", optimizer=None, **changed):
    """`small_model` in Keras, with some arguments of some layers changed."""
    kind = keras.layers
    made = {
        "conv2d": (kind.Conv2D, {"filters": 4, "kernel_size": 3, "activation": "relu"}),
        "pool": (kind.MaxPooling2D, {"pool_size": 2}),
        "dropout": (kind.Dropout, {"rate": 0.25}),
        "flatten": (kind.Flatten, {}),
        "dense": (kind.Dense, {"units": 8, "activation": "relu"}),
        "dropout_1": (kind.Dropout, {"rate": 0.5}),
        "dense_1": (kind.Dense, {"units": 5, "activation": "softmax"}),
    }
    with keras_in(dtype):
        model = keras.Sequential([keras.Input((9, 8, 1))])
        for name, (layer, options) in made.items():
            replaced = changed.get(name, {})
            model.add(layer(**{**options, **replaced}) if isinstance(replaced, dict) else replaced)
        if optimizer is not None:
            model.compile(optimizer(), "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def data():
    return small_data(50)


# Correct models agree


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equivalent_model_agrees(data, engine, dtype):
    model = small_model(seed=1, engine=engine, dtype=dtype)
    before = [weight.copy() for weight in model.get_weights()]
    found = compare_with_keras(model, *data, steps=4, batch_size=16)
    assert found.agrees, str(found)
    assert (found.backend, found.dtype, found.steps, found.batch_size) == ("jax", dtype, 4, 16)
    places = [row.place for row in found.rows]
    assert places[:9] == [*(Place("output", 0, layer.name) for layer in model.layers), Place("loss", 0),
                          Place("gradient", 0, "dense_1", "bias")]  # fmt: skip
    assert len(places) == 7 + 1 + 6 + 4 * 6
    assert max(row.place.step for row in found.rows) == 4
    text = str(found)
    assert "No difference beyond rounding" in text
    assert "Dropout is off on both sides" in text
    assert max(map(len, text.splitlines())) <= 120
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    # The tolerances are about as large as rounding errors, so that they hide no error of the program.
    unit = np.finfo(dtype).eps
    assert all(row.tolerance < 200 * unit * max(row.largest, 1e-3) for row in found.rows[:14])


def test_network_of_the_article_agrees_on_real_digits():
    model = article_model(seed=1)  # float32, with Winograd, and with convolutions that share a pass
    (x, y), _ = sample_digits()
    found = compare_with_keras(model, x[:64], y[:64], steps=2)
    assert found.agrees, str(found)
    outputs = [row for row in found.rows if row.place.stage == "output"]
    assert all(row.tolerance < 1e-4 * row.largest for row in outputs)
    assert not any(row.loose for row in found.rows if row.place[1:3] == (1, "dense"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lenet5_agrees_on_real_digits(dtype):
    (x, y), _ = sample_digits()
    found = compare_with_keras(lenet5(seed=1, dtype=dtype), x[:64], y[:64], steps=2)
    assert found.agrees, str(found)
    outputs = [row for row in found.rows if row.place.stage == "output"]
    # Keras computes tanh in float32 for any dtype.
    assert all(row.tolerance < 100 * np.finfo(np.float32).eps * row.largest for row in outputs)


@pytest.mark.parametrize("pooling", [layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_global_pooling_agrees_on_real_digits(pooling, dtype):
    """Keras computes the mean of a feature map in float32, and divides the gradient among equal maxima."""
    model = Sequential(
        [layers.ZeroPadding2D(input_shape=(28, 28, 1)), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(),
         layers.Conv2D(16, 3, activation="relu"), pooling(), layers.Dense(10, activation="softmax")],
        seed=1, dtype=dtype,
    )  # fmt: skip
    model.compile("adam")
    (x, y), _ = sample_digits()
    found = compare_with_keras(model, x[:32], y[:32], steps=2)
    assert found.agrees, str(found)


def test_the_outputs_and_weights_compared_are_those_of_fit_without_dropout(data):
    x, y = data
    model = small_model(seed=1, dtype="float64")
    found = compare_with_keras(model, x[:16], y[:16], steps=2, batch_size=16, keras_model=keras_small_model(
        optimizer=lambda: keras.optimizers.SGD(0.0)))  # fmt: skip
    for layer in model.layers:
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
    start = model.get_weights()
    model.fit(x[:16], y[:16], batch_size=16, epochs=2, shuffle=False, verbose=0)
    # Keras's learning rate is 0, so the last difference is how far `fit` moved the weights.
    last = [row for row in found.rows if row.place.step == 2]
    for row, now, then in zip(last, model.get_weights(), start, strict=True):
        assert row.difference == pytest.approx(abs(now - then).max(), rel=1e-9)


OPTIMIZERS = [
    lambda: optimizers.SGD(0.1), lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    lambda: optimizers.Adam(0.01), lambda: optimizers.Adam(0.01, beta_1=0.5, amsgrad=True),
    lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 2, 0.5)),
]  # fmt: skip


@st.composite
def models(draw):
    """Any layers that Keras has too, on small images of one or three channels, or on vectors."""
    dtype, seed = draw(st.sampled_from(["float32", "float64"])), draw(st.integers(0, 2**31))
    activation = st.sampled_from(["relu", None])
    made = []
    if draw(st.booleans()):
        made.append(layers.Rescaling(1 / 4, -0.5))
    image = draw(st.booleans())
    if image:
        for _ in range(draw(st.integers(1, 2))):
            padding = draw(st.sampled_from(["same", "valid"]))
            size, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
            use_bias = draw(st.booleans())
            made.append(
                layers.Conv2D(
                    draw(st.integers(1, 4)), size, stride, padding, activation=draw(activation), use_bias=use_bias
                )
            )
        if draw(st.booleans()):
            made.append(draw(st.sampled_from([layers.MaxPooling2D, layers.AveragePooling2D]))(2, padding="same"))
        if draw(st.booleans()):
            made.append(layers.ZeroPadding2D(1))
        made += draw(st.sampled_from([
            [layers.Flatten()], [layers.Reshape((-1,))], [layers.GlobalAveragePooling2D()],
            [layers.GlobalMaxPooling2D()],
        ]))  # fmt: skip
    if draw(st.booleans()):
        made += [layers.Dense(draw(st.integers(1, 9)), activation=draw(activation)), layers.Dropout(0.4)]
    made += draw(st.sampled_from([
        [layers.Dense(3, activation="softmax")], [layers.Dense(3), layers.Activation("softmax")], [layers.Dense(3)],
    ]))  # fmt: skip
    shape = (9, 8, draw(st.sampled_from([1, 3]))) if image else (6,)
    model = Sequential([layers.Input(shape), *made], dtype=dtype, seed=seed)
    loss = losses.SparseCategoricalCrossentropy(
        from_logits=isinstance(made[-1], layers.Dense) and made[-1].activation.name == "linear"
    )
    model.compile(draw(st.sampled_from(OPTIMIZERS))(), loss)
    rng = np.random.default_rng(seed)
    return model, rng.random((20, *shape)), rng.integers(3, size=20)


@settings(max_examples=8, derandomize=True)  # the effect of rounding depends on the random state
@given(models())
def test_any_model_agrees_with_its_equivalent(drawn):
    found = compare_with_keras(*drawn, steps=3, batch_size=12)
    assert found.agrees, str(found)


def test_one_hot_labels_byte_images_and_fewer_samples_than_a_batch():
    rng = np.random.default_rng(0)
    model = Sequential(
        [layers.Rescaling(1 / 255, input_shape=(5, 4, 3)), layers.Flatten(), layers.Dense(3, activation="softmax")],
        seed=0,
    )
    model.compile("sgd", "categorical_crossentropy")
    x = rng.integers(0, 256, (10, 5, 4, 3), dtype=np.uint8)
    found = compare_with_keras(model, x, np.eye(3)[rng.integers(3, size=10)], steps=2)
    assert found.agrees, str(found)
    assert found.batch_size == 10


def test_confident_predictions_agree_because_both_losses_are_computed_from_logits(data):
    model = small_model(seed=1)
    model.layers[-1].params["kernel"] *= 300  # some probabilities are 1 or 0 to the last digit
    probabilities = model.predict(data[0])
    assert (probabilities == 1).any()
    assert compare_with_keras(model, *data, steps=1).agrees


def small_network(seed, padding):
    """A convolutional network on digits: many windows contain only zeros, and some algorithms are Winograd's."""
    convolutions = [layers.Conv2D(filters, 3, padding=padding, activation="relu") for filters in (16, 32)]
    model = Sequential(
        [
            layers.Input((28, 28, 1)), convolutions[0], layers.MaxPooling2D(), convolutions[1], layers.MaxPooling2D(),
            layers.Flatten(), layers.Dense(10, activation="softmax"),
        ], seed=seed,
    )  # fmt: skip
    model.compile("adam")
    return model


# With seed 19, rounding decides a near tie, and four perturbed runs do not show it.
@pytest.mark.parametrize(("seed", "padding"), [(0, "same"), (1, "valid"), (2, "same"), (19, "valid")])
def test_convolutional_networks_agree_on_digits(seed, padding):
    (x, y), _ = sample_digits()
    batch = slice(64 * seed % 400, 64 * seed % 400 + 64)
    found = compare_with_keras(small_network(seed, padding), x[batch], y[batch], steps=3)
    assert found.agrees, str(found)


@pytest.mark.parametrize("last", ["layer", "activation"])
def test_softmax_of_a_given_keras_model_may_be_a_layer_of_its_own(last):
    made = [layers.Dense(4, activation="relu", input_shape=(6,)), layers.Dense(3), layers.Activation("softmax")]
    model = Sequential(made, seed=0)
    model.compile("adam")
    theirs = [keras.layers.Dense(4, activation="relu"), keras.layers.Dense(3)]
    theirs.append(keras.layers.Softmax() if last == "layer" else keras.layers.Activation("softmax"))
    rng = np.random.default_rng(0)
    data = 9 * rng.random((20, 6)), rng.integers(3, size=20)
    given = keras.Sequential([keras.Input((6,)), *theirs])
    found = compare_with_keras(model, *data, steps=3, keras_model=given)
    assert found.agrees, str(found)
    summed = keras.Sequential([keras.Input((6,)), *theirs[:2], keras.layers.Softmax(axis=0)])
    assert compare_with_keras(model, *data, steps=1, keras_model=summed).first_difference.place.layer == "activation"


@pytest.mark.parametrize("given", [False, True])
def test_model_with_a_frozen_layer_agrees_with_keras(data, given):
    model = small_model(seed=1, dtype="float64")
    model.layers[0].trainable = False
    theirs = keras_small_model(conv2d={"trainable": False}) if given else None
    found = compare_with_keras(model, *data, steps=2, batch_size=16, keras_model=theirs)
    assert found.agrees, str(found)
    assert {row.place.layer for row in found.rows if row.place.stage == "weights"} == {"dense", "dense_1"}
    with pytest.raises(ValueError, match="with trainable = False, as 'conv2d'"):
        compare_with_keras(model, *data, keras_model=keras_small_model())


# Differences are located


def first_difference(data, model=None, **options):
    found = compare_with_keras(model or small_model(seed=1, dtype="float64"), *data, steps=3, batch_size=16, **options)
    assert not found.agrees
    assert f"First difference beyond rounding: {found.first_difference.place}" in str(found)
    assert "DIFFERS" in str(found)
    assert max(map(len, str(found).splitlines())) <= 120
    return found.first_difference


def test_missing_relu_is_located_at_its_layer(data):
    found = first_difference(data, keras_model=keras_small_model(dense={"activation": None}))
    assert found.place == Place("output", 0, "dense")
    assert found.ours == 0  # the first element where it matters: ours is clipped at zero, Keras's is not
    assert found.theirs < 0


def test_other_order_of_the_axes_is_located_at_flatten(data):
    class ChannelsFirst(keras.layers.Layer):
        def call(self, x):
            return keras.ops.reshape(keras.ops.transpose(x, (0, 3, 1, 2)), (-1, 36))

        def compute_output_shape(self, shape):
            return (shape[0], 36)

    with keras_in("float64"):
        flatten = ChannelsFirst()
    found = first_difference(data, keras_model=keras_small_model(flatten=flatten))
    assert found.place == Place("output", 0, "flatten")
    assert found.index == (0, 1)  # the first element is the same in either order


def test_weights_in_a_wrong_order_are_located_at_their_layer(data, monkeypatch):
    right = keras.Model.set_weights

    def wrong(theirs, weights):
        right(theirs, [w[::-1].copy() if w.shape == (36, 8) else w for w in weights])

    monkeypatch.setattr(keras.Model, "set_weights", wrong)
    assert first_difference(data).place == Place("output", 0, "dense")


def test_other_epsilon_is_located_at_the_first_step(data):
    found = first_difference(data, keras_model=keras_small_model(optimizer=lambda: keras.optimizers.Adam(epsilon=1e-8)))
    assert (found.place.stage, found.place.step) == ("weights", 1)
    assert "compare the optimizers" in str(found)


@pytest.mark.parametrize(
    ("optimizer", "first_step"),
    [
        (lambda: keras.optimizers.Adam(0.00101), 1),
        (lambda: keras.optimizers.Adam(beta_1=0.91), 2),  # the first step does not depend on it
        (lambda: keras.optimizers.Adam(beta_2=0.998), 1),
        (lambda: keras.optimizers.Adam(amsgrad=True), None),
    ],
    ids=["rate", "beta_1", "beta_2", "amsgrad"],
)
def test_other_settings_of_adam_are_located_at_the_first_step_that_depends_on_them(data, optimizer, first_step):
    model = small_model(seed=1, dtype="float64")
    found = compare_with_keras(model, *data, steps=3, batch_size=16, keras_model=keras_small_model(optimizer=optimizer))
    if first_step is None:
        assert all(row.agrees for row in found.rows if row.place.step <= 1)
    else:
        assert found.first_difference.place.stage == "weights"
        assert found.first_difference.place.step == first_step, str(found)


def test_wrong_backward_pass_is_located_at_its_gradient(data, monkeypatch):
    right = layers.Dense.backward

    def wrong(self, dy, cache, ops, input_gradient=True):
        dx, gradients = right(self, dy, cache, ops, input_gradient)
        if self.name == "dense":
            gradients["bias"] = gradients["bias"] * 1.0001
        return dx, gradients

    monkeypatch.setattr(layers.Dense, "backward", wrong)
    found = first_difference(data)
    assert found.place == Place("gradient", 0, "dense", "bias")
    assert found.ours == pytest.approx(1.0001 * found.theirs)
    assert "backward pass" in str(found)


@pytest.mark.parametrize("layer", ["conv2d", "conv2d_1", "dense"])
def test_small_error_of_a_float32_gradient_is_located_on_digits(layer, monkeypatch):
    (x, y), _ = sample_digits()
    kind = layers.Dense if layer == "dense" else layers.Conv2D
    right = kind.backward

    def wrong(self, dy, cache, ops, input_gradient=True):
        dx, gradients = right(self, dy, cache, ops, input_gradient)
        return dx, {**gradients, "bias": gradients["bias"] * np.float32(1.001 if self.name == layer else 1)}

    monkeypatch.setattr(kind, "backward", wrong)
    found = compare_with_keras(small_network(1, "valid"), x[:64], y[:64], steps=1)
    assert found.first_difference.place == Place("gradient", 0, layer, "bias"), str(found)


def test_summed_loss_is_located_at_the_loss(data):
    theirs = keras_small_model()
    with keras_in("float64"):
        theirs.compile("adam", keras.losses.SparseCategoricalCrossentropy(reduction="sum"))
    found = first_difference(data, keras_model=theirs)
    assert found.place == Place("loss", 0)
    assert found.theirs == pytest.approx(16 * found.ours)


def test_difference_in_float32_is_located_too(data):
    theirs = keras_small_model("float32", conv2d={"activation": "elu"})
    assert first_difference(data, small_model(seed=1), keras_model=theirs).place == Place("output", 0, "conv2d")
    wrong_rate = keras_small_model("float32", optimizer=lambda: keras.optimizers.Adam(0.00101))
    assert first_difference(data, small_model(seed=1), keras_model=wrong_rate).place.step == 1


def test_values_that_are_not_finite_in_one_model_differ(data):
    class Root(keras.layers.Layer):
        def call(self, x):
            return keras.ops.sqrt(x - 1)

    with keras_in("float64"):
        root = Root()
    found = first_difference(data, keras_model=keras_small_model(dropout_1=root))
    assert found.place == Place("output", 0, "dropout_1")
    assert np.isnan(found.theirs)
    assert "nan times" not in str(found)


# What cannot be compared


def test_custom_layer_is_named_and_can_be_compared_with_a_given_keras_model(data):
    class Doubling(layers.Layer):
        def forward(self, x, ops, training, rng):
            return 2 * x, None

        def backward(self, dy, cache, ops, input_gradient=True):
            return 2 * dy, {}

    made = [layers.Flatten(input_shape=(9, 8, 1)), Doubling(name="mine"), layers.Dense(5, activation="softmax")]
    model = Sequential(made, dtype="float64", seed=0)
    model.compile("adam")
    with pytest.raises(ValueError, match=r"received 'mine' \(Doubling\), a custom layer.*keras_model="):
        compare_with_keras(model, *data)
    with keras_in("float64"):
        theirs = keras.Sequential([
            keras.Input((9, 8, 1)), keras.layers.Flatten(), keras.layers.Rescaling(2.0),
            keras.layers.Dense(5, activation="softmax"),
        ])  # fmt: skip
        theirs.compile("adam", "sparse_categorical_crossentropy")
    assert compare_with_keras(model, *data, steps=2, keras_model=theirs).agrees


def test_optimizer_that_keras_does_not_have_is_named(data):
    model = small_model(seed=0)
    model.compile(optimizers.SGD(optimizers.schedules.OneCycle(0.1, 100)))
    with pytest.raises(
        ValueError, match="Expected the learning rate of a class that Keras has, received OneCycle; what Keras"
    ):
        compare_with_keras(model, *data)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: keras_small_model("float32"), "computes in float64, as ours, received float32; call keras.config"),
        (lambda: keras.Sequential([keras.layers.Dense(3)]), "built Keras model"),
        (lambda: keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]), "of 7 layers, as ours has, received 1"),
        (lambda: keras_small_model(dense={"units": 9}), "'dense.*' of Keras with output shape .None, 8., as 'dense'"),
        (lambda: keras_small_model(dense={"use_bias": False}), "with weights of shapes"),
    ],
    ids=["dtype", "unbuilt", "layers", "output", "weights"],
)  # fmt: skip
def test_keras_model_of_other_shapes_raises_an_error(data, made, message):
    with pytest.raises(ValueError, match=message):
        compare_with_keras(small_model(seed=0, dtype="float64"), *data, keras_model=made())


def test_wrong_arguments_raise_an_error(data):
    model = small_model(seed=0)
    with pytest.raises(TypeError, match="Sequential of Keras, received int"):
        compare_with_keras(model, *data, keras_model=3)
    with pytest.raises(ValueError, match="steps as a whole number"):
        compare_with_keras(model, *data, steps=0)
    with pytest.raises(ValueError, match="model of known shape"):
        compare_with_keras(Sequential([layers.Dense(2)]), *data)
    with pytest.raises(RuntimeError, match="compiled"):
        compare_with_keras(Sequential([layers.Dense(2, input_shape=(3,))]), np.ones((2, 3)), [0, 1])


def test_error_without_keras_or_its_backend_says_what_to_install(data, monkeypatch):
    model, real = small_model(seed=0), equivalent.import_module

    def missing(which):
        def fake(name):
            if name == "keras":
                raise ModuleNotFoundError(f"No module named {which!r}", name=which)
            return real(name)

        return fake

    monkeypatch.setattr(equivalent, "import_module", missing("keras"))
    with pytest.raises(ImportError, match=r"not installed; python -m pip install 'scratchcnn\[compare\]'"):
        compare_with_keras(model, *data)
    monkeypatch.setattr(equivalent, "import_module", missing("tensorflow"))
    with pytest.raises(ImportError, match=r"a backend that Keras can run on.*tensorflow.*KERAS_BACKEND=jax"):
        compare_with_keras(model, *data)


def test_backend_without_gradients_and_jax_without_float64_raise_an_error(data, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(RuntimeError, match="received 'numpy'; set KERAS_BACKEND=jax"):
        compare_with_keras(small_model(seed=0), *data)
    monkeypatch.undo()
    before = keras.config.floatx()
    with jax.enable_x64(False), pytest.raises(RuntimeError, match="JAX_ENABLE_X64=true"):
        compare_with_keras(small_model(seed=0, dtype="float64"), *data)
    assert keras.config.floatx() == before


def test_keras_and_the_given_model_are_unchanged(data):
    before = keras.config.floatx(), keras.config.dtype_policy().name
    theirs = keras_small_model(optimizer=keras.optimizers.Adam)
    weights = theirs.get_weights()
    compare_with_keras(small_model(seed=0, dtype="float64"), *data, steps=1, keras_model=theirs)
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == before
    for now, then in zip(theirs.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)
    assert int(theirs.optimizer.iterations.value) == 0
