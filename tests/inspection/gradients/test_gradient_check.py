"""check_gradients: correct layers pass, wrong elements are located, and kinks are distinguished from bugs."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import small_data, small_model
from own_layers import OwnMaxPooling, OwnReLU, Scale
from random_models import WITH_FORMULA

from scratchcnn import Sequential, losses
from scratchcnn.activations import LeakyReLU
from scratchcnn.inspection import check_gradients
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    Rescaling,
    ZeroPadding2D,
)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def row_named(check, name):
    return next(row for row in check.rows if row.name.endswith(name))


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_correct_model_passes(engine):
    x, y = small_data(3)
    model = small_model(engine=engine, seed=1)
    before = [weight.copy() for weight in model.get_weights()]
    check = check_gradients(model, x, y)
    assert check.ok, str(check)
    assert [row.name for row in check.rows] == [
        "conv2d kernel", "conv2d bias", "dense kernel", "dense bias", "dense_1 kernel", "dense_1 bias", "input",
    ]  # fmt: skip
    for row in check.rows:
        assert len(row.elements) == min(20, row.size)
        assert row.count("ok") >= len(row.elements) / 2
    worst = check["dense kernel"].worst
    assert worst.relative_error < 1e-4
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.get_weights()[0].dtype == np.float32
    assert 0 < check.float32_gap.relative_error < 1e-3
    assert check.float32_gap.array in [row.name for row in check.rows]


def test_loss_and_gradients_are_those_of_the_model():
    x, y = small_data(4)
    model = small_model(dtype="float64", seed=2)
    check = check_gradients(model, x, y, training=False, sample=None)
    loss, gradients = model.loss_and_gradients(x, y)
    assert check.loss == pytest.approx(loss, rel=1e-12)
    assert check.float32_gap is None
    for row, gradient in zip(check.rows, gradients, strict=False):
        np.testing.assert_allclose(row.analytic, gradient.ravel(), rtol=1e-9, atol=1e-15)


LAYERS = [
    lambda: Conv2D(3, 2, activation="relu", padding="same"),
    lambda: Conv2D(2, (2, 3), strides=2),
    lambda: Conv2D(2, 2, activation="softmax", dilation_rate=2),
    lambda: MaxPooling2D(2),
    lambda: MaxPooling2D((3, 2), strides=1, padding="same"),
    lambda: AveragePooling2D((3, 2), strides=1, padding="same"),
    lambda: GlobalAveragePooling2D(keepdims=True),
    lambda: GlobalMaxPooling2D(keepdims=True),
    lambda: ZeroPadding2D((1, 2)),
    lambda: Dropout(0.3),
    lambda: Activation("relu"),
    lambda: Rescaling(1 / 255, offset=-0.5),
    lambda: Scale(),
    lambda: OwnReLU(),
]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(LAYERS), max_size=3), st.booleans(), st.integers(0, 10**6), st.booleans())
def test_no_correct_model_fails(makers, digits, seed, with_labels):
    rng = np.random.default_rng(seed)
    model = Sequential([*(make() for make in makers), Flatten(), Dense(4, activation="softmax")], engine="reference")
    model.compile()
    shape = (2, 7, 6, 2)
    # Integers, such as pixels, have many zeros and ties.
    x = rng.integers(0, 3, shape) * 127 if digits else rng.standard_normal(shape)
    try:
        model.build((None, *shape[1:]))
    except ValueError:
        return  # an image became too small
    y = rng.integers(0, 4, 2) if with_labels else None
    check = check_gradients(model, x, y, sample=6, seed=seed)
    assert check.ok, str(check)


@pytest.mark.parametrize("layer", [
    Conv2D(2, 2, activation="relu"), MaxPooling2D(2), GlobalMaxPooling2D(), OwnReLU(), OwnMaxPooling(),
    Dropout(0.5), Scale(),
])  # fmt: skip
@pytest.mark.parametrize("x", [np.zeros((2, 4, 4, 1)), np.ones((2, 4, 4, 1)), normal(2, 4, 4, 1)])
def test_ties_and_zeros_are_not_bugs(layer, x):
    check = check_gradients(layer, x, engine="reference", sample=None)
    assert check.ok, str(check)


def test_kink_exactly_at_the_point_is_reported():
    check = check_gradients(OwnMaxPooling(), np.zeros((1, 4, 4, 1)), sample=None)
    assert check["input"].verdict == "kink"
    assert "Kinks: for 16 elements" in str(check)
    assert check_gradients(OwnMaxPooling(), normal(1, 4, 4, 1), sample=None)["input"].verdict == "ok"


@pytest.mark.parametrize("activation", [*WITH_FORMULA, LeakyReLU(2)], ids=str)
def test_activations_are_correct_on_both_sides_of_a_kink(activation):
    """elu and leaky_relu have one at 0, which the step crosses: only their pattern shows which side is smooth."""
    assert check_gradients(Activation(activation), [[1e-9, -1e-9]]).ok
    assert check_gradients(Activation(activation), [[0, 1, -2, 30, -30.0]]).ok


def test_layer_of_the_package_is_compared_on_its_smooth_side_at_a_kink():
    """The first of equal values is the maximum: increasing it does not change the argmax index, decreasing it does."""
    check = check_gradients(MaxPooling2D(2), np.zeros((1, 4, 4, 1)), engine="reference", sample=None)
    assert check["input"].verdict == "ok"
    assert check["input"].count("ok") == 16


@settings(max_examples=20)
@given(st.integers(1, 30), st.integers(1, 40), st.data())
def test_single_wrong_element_is_located(rows, columns, data):
    """Bisection finds it even if few elements are sampled."""
    wrong = (data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1)))
    fault = data.draw(st.sampled_from([0.01, -0.001, 10.0]))
    check = check_gradients(Scale(wrong, fault), normal(3, rows, columns), sample=3)
    assert not check.ok
    row = check["scale gain"]
    assert row.worst.at == wrong
    assert row.worst.analytic - row.worst.numeric == pytest.approx(fault, rel=1e-3)
    assert [each.verdict for each in check.rows] == ["BUG", "ok", "ok"]
    assert f"[{wrong[0]}, {wrong[1]}]" in str(check)


def test_wrong_element_in_a_model_is_located():
    model = Sequential([Scale((5, 2, 0), input_shape=(9, 8, 1)), Flatten(), Dense(5, activation="softmax")], seed=0)
    model.compile()
    x, y = small_data(3)
    check = check_gradients(model, x, y, sample=4)
    assert [row.name for row in check.rows if row.verdict == "BUG"] == ["scale gain"]
    assert check["scale gain"].worst.at == (5, 2, 0)
    assert "look in the backward method of 'scale' itself" in str(check)


class Broken(Dense):
    """A dense layer with an arbitrary mistake in its backward pass."""

    def __init__(self, mistake, units=4, **options):
        super().__init__(units, **options)
        self.mistake = mistake

    def backward(self, dy, cache, ops, input_gradient=True):
        dx, gradients = super().backward(dy, cache, ops, input_gradient)
        return self.mistake(dx, gradients)


def changed(name, change):
    return lambda dx, gradients: (dx, {**gradients, name: change(gradients[name])})


@pytest.mark.parametrize(("mistake", "name", "text"), [
    (changed("bias", lambda g: -g), "bias", "the sign is wrong"),
    (changed("kernel", lambda g: 6 * g), "kernel", "6 is the number of samples; is the factor 1/N of the mean"),
    (changed("kernel", lambda g: g / 6), "kernel", "is the mean taken twice?"),
    (changed("kernel", lambda g: 1.5 * g), "kernel", "a factor is missing, or there is one too many"),
    (changed("kernel", lambda g: g[::-1].copy()), "kernel", "The values are correct, but in wrong places"),
    (changed("kernel", np.zeros_like), "kernel", "All wrong elements are zero"),
    (changed("kernel", lambda g: g.T.copy()), "kernel", "backward returned a gradient of shape (4, 5)"),
    (changed("bias", lambda g: g * np.nan), "bias", "The gradient is NaN"),
    (lambda dx, gradients: (dx * 1.0001, gradients), "input", "1.0001 times the correct one"),
])  # fmt: skip
def test_kind_of_error_is_reported(mistake, name, text):
    check = check_gradients(Broken(mistake), normal(6, 5), sample=None)
    assert [row.name.split()[-1] for row in check.rows if row.verdict == "BUG"] == [name]
    assert text in " ".join(str(check).split())


def test_error_in_an_input_gradient_is_located_above_the_first_wrong_gradient():
    broken = Broken(lambda dx, gradients: (None if dx is None else 2 * dx, gradients), units=6, name="odd")
    model = Sequential([Dense(5, activation="relu", input_shape=(8,)), broken, Dense(3, activation="softmax")], seed=0)
    model.compile()
    check = check_gradients(model, normal(4, 8), [0, 1, 2, 0])
    assert [row.name for row in check.rows if row.verdict == "BUG"] == ["dense kernel", "dense bias", "input"]
    assert "in the input gradient that 'odd' returns" in " ".join(str(check).split())


def test_pass_that_modifies_parameters_is_reported():
    class Early(Dense):
        def backward(self, dy, cache, ops, input_gradient=True):
            found = super().backward(dy, cache, ops, input_gradient)
            self.params["kernel"] *= 0.5
            return found

    check = check_gradients(Early(3, activation="softmax"), normal(2, 4))
    assert [row.verdict for row in check.rows] == ["BUG", "ok", "ok"]  # the others are compared before the change
    assert check["early kernel"].fault == "the forward or backward pass modified the array itself"


def test_missing_1_over_n_is_reported_once_for_all_arrays():
    class Summed(losses.SparseCategoricalCrossentropy):
        def backward(self, probabilities, targets, ops):
            return super().backward(probabilities, targets, ops) * len(targets)

    x, y = small_data(3)
    model = small_model(seed=0)
    model.compile(loss=Summed())
    check = check_gradients(model, x, y, sample=5)
    assert all(row.verdict == "BUG" for row in check.rows)
    text = " ".join(str(check).split())
    assert "In all 7 arrays the gradient is 3 times the correct one: 3 is the number of samples" in text
    assert "All gradients from the loss on are wrong" in text


def test_dropout_mask_is_fixed_in_training_mode_and_absent_in_inference():
    x = normal(2, 50)
    for training in (True, False):
        check = check_gradients(Dropout(0.5), x, training=training, sample=None, engine="reference")
        assert check.ok
        zeros = (check["input"].analytic == 0).mean()
        assert (0.3 < zeros < 0.7) if training else zeros == 0


def test_images_as_bytes_pass():
    model = Sequential([Rescaling(1 / 255, input_shape=(6, 6, 1)), Conv2D(2, 3, activation="relu"), Flatten(),
                        Dense(3, activation="softmax")], seed=0)  # fmt: skip
    model.compile()
    x = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 1), np.uint8)
    check = check_gradients(model, x, [0, 1, 2])
    assert check.ok
    assert check["input"].count("ok") > 10


def test_layer_is_not_modified():
    layer = Dense(3)
    assert check_gradients(layer, normal(2, 4), engine="reference").ok
    assert layer.output_shape is None
    assert not layer.params
    layer.build((4,), np.random.default_rng(0), np.dtype("float32"))
    before = layer.params["kernel"].copy()
    assert check_gradients(layer, normal(2, 4), engine="reference").ok
    np.testing.assert_array_equal(layer.params["kernel"], before)


def test_gradients_that_are_all_zero_are_reported():
    text = str(check_gradients(Scale(), np.zeros((2, 3))))
    assert "ok, but all are zero" in text


def test_text_is_at_most_120_characters_wide():
    x, y = small_data(3)
    model = small_model(seed=0)
    for text in (str(check_gradients(model, x, y)), str(check_gradients(Scale((0, 0)), normal(2, 3, 3)))):
        assert max(map(len, text.splitlines())) <= 120


def test_invalid_arguments_are_errors():
    x, y = small_data(3)
    model = small_model(seed=0)
    with pytest.raises(TypeError, match="Expected a model or a layer, received 3"):
        check_gradients(3, x)
    with pytest.raises(ValueError, match="Expected a model of known shape"):
        check_gradients(Sequential([Dense(3)]), x)
    with pytest.raises(ValueError, match="Expected labels for a model only"):
        check_gradients(Dense(3), x.reshape(3, -1), y)
    with pytest.raises(ValueError, match=r"one sample without a batch axis: use x\[None\]"):
        check_gradients(model, x[0], y)
    with pytest.raises(ValueError, match="Expected labels of shape"):
        check_gradients(model, x, y[:2])
    with pytest.raises(ValueError, match="Expected sample as a whole number of at least 1"):
        check_gradients(model, x, y, sample=0)
    with pytest.raises(ValueError, match="Expected step as a finite number above 0"):
        check_gradients(model, x, y, step=0)
    with pytest.raises(ValueError, match="Expected engine as one of"):
        check_gradients(model, x, y, engine="kernel")
    with pytest.raises(ValueError, match=r"Did you mean 'dense bias'\?"):
        check_gradients(model, x, y, sample=1)["dense bais"]
    with pytest.raises(RuntimeError, match="Expected a compiled model"):
        check_gradients(Sequential([Dense(3, activation="softmax", input_shape=(2,))]), np.zeros((1, 2)), [0])

    class NoBias(Dense):
        def backward(self, dy, cache, ops, input_gradient=True):
            dx, gradients = super().backward(dy, cache, ops, input_gradient)
            return dx, {"kernel": gradients["kernel"]}

    with pytest.raises(ValueError, match="gradient for every parameter, received none for 'bias'"):
        check_gradients(NoBias(3), normal(2, 4))


def test_model_without_labels_need_not_be_compiled():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check = check_gradients(Sequential([Dense(3, activation="softmax", input_shape=(2,))], seed=0), normal(4, 2))
    assert check.ok
    assert "random linear functional" in str(check)


def test_loss_of_exactly_zero_passes():
    """Confident predictions have a loss of log(1 + 1e-60), which is rounded to zero, and a gradient of 1e-60."""
    model = Sequential([Dense(3, activation="softmax", input_shape=(2,))], seed=0)
    model.compile()
    x = 200 * normal(4, 2)
    check = check_gradients(model, x, model.predict(x).argmax(axis=1))
    assert check.loss == 0
    assert check["dense kernel"].analytic.any()
    assert check.ok, str(check)
