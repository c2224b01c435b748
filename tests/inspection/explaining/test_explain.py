"""The terms of an explanation add up to the stored value, for any value of any model, and have the stated origin."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import article_model, sample_digits, small_data, small_model
from random_models import WITH_FORMULA, Leaky, models

from scratchcnn import Sequential, reference
from scratchcnn.activations import LeakyReLU
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection import explain, trace
from scratchcnn.inspection.explaining.text import symbols_of
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
    ZeroPadding2D,
)
from scratchcnn.training.inference import predict_batch

few = settings(max_examples=25)
some = settings(max_examples=60)
WHATS = ["output", "preactivation", "d_output", "d_preactivation", "d_input"]


def largest_of_source(found):
    if "," in found.terms.source:
        return np.abs(found.inputs).max()
    name, field = found.terms.source.split(".")
    return np.abs(getattr(found.trace[name], field)).max()


def check(found):
    """Check that the terms have the stated sources and add up within a bound that is not vacuous."""
    terms = found.terms
    if found.known:
        assert found.adds_up, f"{found!r}: {found.output} against {found.stored}, allowed {found.bound}"
        # The weights of a softmax and most derivatives are differences, which may cancel.
        differences = "[i = j]" in terms.weight_name or terms.weight_name.startswith("derivative of")
        scale = largest_of_source(found) * (np.abs(terms.weights).sum() + differences) + abs(found.bias)
        assert terms.bound <= 3e-3 * scale + 1e-30, "the bound is vacuous"
    else:
        assert found.adds_up is None
    assert found.inputs.shape == found.weights.shape == found.products.shape == terms.sources.shape[:-1]
    if "," not in terms.source:
        name, field = terms.source.split(".")
        array = getattr(found.trace[name], field)
        inside = terms.sources[terms.inside]
        np.testing.assert_array_equal(array[tuple(np.moveaxis(inside, -1, 0))], terms.inputs[terms.inside])


@some
@given(models(), st.data())
def test_terms_add_up_for_any_value_of_any_model(case, data):
    model, x, y = case
    found = trace(model, x, y, training=data.draw(st.booleans()), rng=1)
    for _ in range(6):
        layer = data.draw(st.sampled_from(found.layers))
        what = data.draw(st.sampled_from(WHATS))
        if what == "d_output" and layer.d_output is None:
            continue
        array = getattr(layer, what)
        place = tuple(data.draw(st.integers(0, length - 1)) for length in array.shape)
        check(explain(found, layer.name, place, what))
    for layer in found:
        for name, array in layer.gradients.items():
            place = tuple(data.draw(st.integers(0, length - 1)) for length in array.shape)
            check(explain(found, layer, place, "gradient", parameter=name))


@pytest.mark.parametrize("count", [1, 5])
def test_terms_add_up_in_the_article_network(count):
    (x, y), _ = sample_digits()
    model = article_model(seed=3)
    for _ in range(2):
        model.train_on_batch(x[:50], y[:50])
    found, rng = trace(model, x[:count], y[:count], training=True), np.random.default_rng(0)
    assert found["conv2d_1"].algorithm.forward == "winograd_4x4"
    for layer in found:
        for what in WHATS:
            for _ in range(3 if (array := getattr(layer, what)) is not None else 0):
                check(explain(found, layer, tuple(rng.integers(0, array.shape)), what))
        for name, array in layer.gradients.items():
            for _ in range(3):
                check(explain(found, layer, tuple(rng.integers(0, array.shape)), "gradient", parameter=name))


class Squares(Layer):
    """A custom layer without description."""

    def forward(self, x, ops, training, rng):
        return x * x, x

    def backward(self, dy, cache, ops, input_gradient=True):
        return 2 * cache * dy, {}


def pooled(values, *after, pool=(2,), y=None, training=False):
    """The trace of a pooling over a given 4 x 4 image, in float64."""
    layers = [MaxPooling2D(*pool, input_shape=(4, 4, 1)), *after]
    model = Sequential([*layers, Flatten(), Dense(2, activation="softmax")], seed=0, dtype="float64")
    model.compile()
    return trace(model, np.reshape(values, (1, 4, 4, 1)), y, training=training, rng=1)


@few
@given(models(engine="reference"), st.data())
def test_receptive_field_contains_exactly_the_inputs_that_affect_the_value(case, data):
    model, x, _ = case
    found = trace(model, x[:1])
    layer = data.draw(st.sampled_from(found.layers))
    place = tuple(data.draw(st.integers(0, length - 1)) for length in layer.shapes.output)
    size = found.x[0].size
    images = np.repeat(found.x, size, axis=0).reshape(size, size)
    images[np.arange(size), np.arange(size)] = np.nan  # a NaN reaches all that depends on it
    number = found.layers.index(layer)
    with np.errstate(all="ignore"):
        output = predict_batch(Plan(model.layers[: number + 1], model.engine), images.reshape(-1, *x.shape[1:]))
    moved = np.isnan(output[(slice(None), *place[1:])]).reshape(x.shape[1:])
    field = explain(found, layer, place).receptive_field
    np.testing.assert_array_equal(field.mask, moved)
    np.testing.assert_array_equal(field.rows, np.flatnonzero(moved.any(axis=(1, 2))))
    np.testing.assert_array_equal(field.columns, np.flatnonzero(moved.any(axis=(0, 2))))


def test_receptive_field_of_a_gradient_is_attributed_to_its_unit():
    # Every gradient depends on the whole image, through the probabilities.
    (x, y) = small_data(1)
    found = trace(small_model(seed=0), x, y)
    units = {"output": "value", "preactivation": "value", "d_output": "output", "d_preactivation": "preactivation"}
    for what, unit in units.items():
        assert f"  The {unit} depends only on these inputs:" in str(explain(found, "conv2d", (2, 3, 1), what))


def test_receptive_field_grows_through_the_article_network():
    (x, _), _ = sample_digits()
    found = trace(article_model(seed=0), x[:1])
    fields = {name: explain(found, name, (4, 5, 0)).receptive_field for name in ("conv2d", "conv2d_1", "max_pooling2d")}
    assert [str(field) for field in fields.values()] == [
        "rows 4-6, columns 5-7 of 28 x 28", "rows 4-8, columns 5-9 of 28 x 28", "rows 8-13, columns 10-15 of 28 x 28",
    ]  # fmt: skip
    chain = explain(found, "flatten", 64 * (12 * 4 + 5)).chain()
    assert [reach.layer for reach in chain] == ["flatten", "dropout", "max_pooling2d", "conv2d_1", "conv2d"]
    np.testing.assert_array_equal(chain[-1].mask, fields["max_pooling2d"].mask)
    assert explain(found, "dense", 3).receptive_field.mask.all()
    own = explain(found, "conv2d", (4, 5, 0)).chain()
    assert len(own) == 1


def test_max_pooling_states_the_maximum_and_ties():
    found = pooled([1, 2, 5, 5, 4, 3, 5, 5, 0, 0, -1, -2, 0, 0, -3, -4])
    one = explain(found, 0, (0, 0, 0))
    np.testing.assert_array_equal(one.inputs, [[1, 2], [4, 3]])
    np.testing.assert_array_equal(one.weights, [[0, 0], [1, 0]])
    assert one.output == one.stored == 4
    assert "The maximum of the 4 elements is at row 1, column 0 of the input." in str(one)
    tie = explain(found, 0, (0, 1, 0))
    np.testing.assert_array_equal(tie.weights, [[1, 0], [0, 0]])
    assert "4 elements are equal to the maximum" in str(tie)
    assert "equal to" not in str(one)


def test_padding_of_max_pooling_is_minus_infinity():
    found = pooled(-np.arange(1.0, 17), pool=(3, 2, "same"))
    one = explain(found, 0, (1, 1, 0))
    np.testing.assert_array_equal(one.terms.inside, [[True, True, False], [True, True, False], [False] * 3])
    assert one.stored == one.output == -11
    assert one.inputs[2, 2] == -np.inf
    assert "5 positions of the window outside the image" in str(one)


def test_infinite_inputs_that_are_not_the_maximum_do_not_affect_the_sum():
    model = Sequential([MaxPooling2D(2, input_shape=(2, 2, 1))], dtype="float64")
    ops = model.ops
    found = trace(model, np.ones((1, 2, 2, 1)))
    x = np.array([-np.inf, 1, 2, 3]).reshape(1, 2, 2, 1)
    y, cache = model.layers[0].forward(x, ops, False, None)
    found.layers[0] = replace(found.layers[0], input=x, output=y, preactivation=y, cache=cache)
    one = explain(found, 0, (0, 0, 0))
    assert one.adds_up
    assert one.sum == 3


def test_gradient_of_max_pooling_comes_from_the_windows_whose_maximum_the_input_is():
    found = pooled([0, 0, 0, 0, 0, 9, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0], pool=(2, 1), y=[1])
    one = explain(found, 0, (1, 1, 0), "d_input")
    np.testing.assert_array_equal(one.weights, np.ones((2, 2)))
    assert one.stored == pytest.approx(found[0].d_output[0, :2, :2].sum())
    assert "in 4 windows and the maximum of 4" in str(one)
    assert "in 4 windows and the maximum of 2" in str(explain(found, 0, (1, 2, 0), "d_input"))
    assert explain(found, 0, (0, 0, 0), "d_input").stored == 0


def test_dropout_states_what_it_kept():
    found = pooled(np.arange(16.0), Dropout(0.5), y=[0], training=True)
    for place in np.ndindex(2, 2, 1):
        one, back = explain(found, "dropout", place), explain(found, "dropout", place, "d_input")
        kept = found["dropout"].mask[(0, *place)]
        assert one.weights[0] == back.weights[0] == (2 if kept else 0)
        assert ("Kept, and scaled by 1 / (1 - 0.5) = 2" if kept else "Zeroed at random (rate 0.5)") in str(one)
        assert one.stored == one.output == found["dropout"].input[(0, *place)] * one.weights[0]
    assert 0 < found["dropout"].mask.sum() < 4
    assert "inactive outside of training" in str(explain(pooled(np.arange(16.0), Dropout(0.5)), "dropout", (0, 0, 0)))


def test_flatten_states_the_index_in_the_input():
    found = pooled(np.arange(16.0))
    one = explain(found, "flatten", 2)
    assert one.terms.sources.tolist() == [[0, 1, 0, 0]]
    assert "Flatten only reorders values: y[2] is x[1, 0, 0]." in str(one)


def test_average_pooling_counts_the_positions_inside_the_image(rng):
    layers = [
        AveragePooling2D(3, 2, "same", input_shape=(6, 6, 2)),
        ZeroPadding2D(1),
        GlobalMaxPooling2D(),
        Dense(2, "softmax"),
    ]
    model = Sequential(layers, seed=0)
    model.compile()
    found = trace(model, rng.standard_normal((1, 6, 6, 2)), [1])
    corner = explain(found, 0, (0, 2, 2, 1))
    np.testing.assert_array_equal(corner.inputs[:2, :2], found[0].input[0, 4:, 4:, 1])
    np.testing.assert_array_equal(corner.weights, np.full((3, 3), 1 / 4))
    assert corner.terms.inside.sum() == 4
    assert "5 positions of the window outside the image: not counted." in str(corner)
    between = explain(found, 0, (0, 4, 3, 0), "d_input")  # in two windows, of 6 and 9 elements
    np.testing.assert_array_equal(between.weights[between.terms.inside], [1 / 6, 1 / 9])
    assert "The input is in 2 windows and receives 1 / count of the gradient of each." in str(between)
    border = explain(found, "zero_padding2d", (0, 0, 2, 1))
    assert border.stored == 0
    assert "One of the zeros that were added around the image." in str(border)
    assert re.search(r"^ *padding  +0 +1 +0$", str(border), re.MULTILINE)
    assert not border.chain()[-1].mask.any()
    largest = explain(found, "global_max_pooling2d", (0, 1))
    assert (
        largest.stored
        == found["zero_padding2d"].output[0, :, :, 1].max()
        == largest.inputs[largest.weights == 1].item()
    )
    place = tuple(largest.terms.sources[largest.weights == 1][0])
    assert (
        explain(found, "global_max_pooling2d", place, "d_input").stored == found["global_max_pooling2d"].d_output[0, 1]
    )


def test_softmax_lists_its_exponentials():
    found = trace(small_model(seed=1), small_data(1)[0])
    one = explain(found, "dense_1", 3)
    z = found["dense_1"].preactivation[0].astype(np.float64)
    np.testing.assert_allclose(one.row.exponentials, np.exp(z - z.max()))
    assert one.output == pytest.approx(one.row.exponentials[3] / one.row.total)
    assert one.preactivation == pytest.approx(z[3], abs=1e-6)
    assert f"sum of the exponentials: {one.row.total:.6g}" in str(one)
    assert explain(found, "dense_1", 3, "preactivation").row is None


def test_long_softmax_lists_the_largest_exponentials_and_that_of_the_unit():
    found = trace(Sequential([Dense(20, activation="softmax", input_shape=(3,))], seed=0), [[1.0, 2.0, 3.0]])
    order = np.argsort(-found[0].output[0]).tolist()
    for unit, added in ((order[0], ""), (order[7], ""), (order[8], f", and that of unit {order[8]}")):
        text = str(explain(found, 0, unit))
        assert f"  The 8 largest of 20 exponentials{added}:\n" in text
        rows = text.split("exp(z - max z)  ")[1].split("sum of the exponentials")[0]
        listed = re.findall(r"^ +(\d+)(?: <)? ", rows, re.MULTILINE)
        assert sorted(map(int, listed)) == sorted({unit, *order[:8]})
        assert re.findall(r"^ +(\d+) <", rows, re.MULTILINE) == [str(unit)]


@pytest.mark.filterwarnings("ignore:Expected a model that ends in softmax")
def test_gradient_of_a_loss_of_outputs_without_softmax_adds_up():
    model = Sequential([Dense(4, activation="relu", input_shape=(3,))], seed=0)
    model.compile(loss="sparse_categorical_crossentropy")
    model.set_weights([np.random.default_rng(0).random((3, 4)), np.ones(4)])  # positive outputs
    found = trace(model, np.random.default_rng(1).random((2, 3)), [0, 3])
    for place in np.ndindex(2, 4):
        one = explain(found, 0, place, "d_output")
        assert one.adds_up
        assert one.bound < 1e-5 * np.abs(one.products).sum()
    assert np.abs(found[0].d_output).min() > 0.01


def test_indicator_of_the_softmax_gradient_is_defined():
    model = Sequential([Dense(3, activation="softmax", input_shape=(2,)), Dense(2, activation="softmax")], seed=0)
    model.compile()
    one = explain(trace(model, [[1.0, 2.0]], [0]), "dense", 1, "d_preactivation")
    assert "[i = j]: 1 if i = j, else 0" in str(one)


def test_gradient_of_a_weight_is_a_sum_over_samples_and_positions():
    model, (x, y) = small_model(seed=1, dtype="float64"), small_data(4)
    found = trace(model, x, y)
    one = explain(found, "conv2d", (2, 0, 0, 1), "gradient", parameter="kernel")
    assert one.inputs.shape == (4, 7, 6)
    np.testing.assert_array_equal(one.inputs, found.x[:, 2:9, 0:6, 0])
    np.testing.assert_array_equal(one.weights, found["conv2d"].d_preactivation[..., 1])
    assert one.stored == found["conv2d"].gradients["kernel"][2, 0, 0, 1]
    assert "is used 168 times: once for each output position of each sample" in str(one)
    with pytest.raises(ValueError, match="received that of a parameter, which is used at all positions"):
        one.chain()


def test_an_error_in_a_stored_value_is_detected():
    model, (x, y) = small_model(seed=1), small_data(1)
    found = trace(model, x, y)
    place = tuple(int(axis[0]) for axis in np.nonzero(found["conv2d"].output > 0.1))
    assert explain(found, "conv2d", place).adds_up
    found["conv2d"].output[place] += 1e-5
    one = explain(found, "conv2d", place)
    assert one.adds_up is False
    assert "MORE THAN ROUNDING" in str(one)
    assert one.difference == pytest.approx(1e-5, rel=0.05)


def test_layer_without_description_is_explained_by_measured_slopes():
    model = Sequential([Dense(3, input_shape=(2,)), Squares(), Dense(2, activation="softmax")], seed=0, dtype="float64")
    model.compile()
    found = trace(model, [[1.0, -2.0]], [0])
    one = explain(found, "squares", 1)
    np.testing.assert_allclose(one.weights, [0, 2 * found["squares"].input[0, 1], 0], atol=1e-8)
    assert (one.known, one.adds_up) == (False, None)
    assert "The formula of the class Squares is not known (input (1, 3), output (1, 3))" in str(one)
    back = explain(found, "squares", 1, "d_input")
    assert back.output == pytest.approx(back.stored, rel=1e-6)
    assert explain(found, "dense", 1, "d_output").output == pytest.approx(back.output)
    assert one.receptive_field.mask.all()
    with pytest.raises(ValueError, match=r"one of at most 1024 inputs.*'squares' \(Squares\) with input \(1, 2000\)"):
        explain(trace(Sequential([Squares(input_shape=(2000,))]), np.zeros((1, 2000))), 0, 0)


def test_custom_activation_is_explained_by_its_forward_and_measured_slopes():
    model = Sequential([Dense(6, activation=Leaky(), input_shape=(3,)), Dense(2, activation="softmax")], seed=0)
    model.compile()
    found = trace(model, [[1.0, -2.0, 0.5]], [0])
    for unit in range(6):
        assert explain(found, 0, unit).adds_up
        back = explain(found, 0, unit, "d_preactivation")
        assert not back.known
        assert back.output == pytest.approx(back.stored, rel=1e-3)


@pytest.mark.parametrize("kind", ["conv2d", "max_pooling2d", "dropout", "flatten", "dense", "dense_1"])
@pytest.mark.parametrize("what", ["output", "d_input"])
def test_lines_of_every_explanation_fit(kind, what):
    (x, y), _ = sample_digits()
    found = trace(article_model(seed=0), x[:1], y[:1], training=True)
    array = getattr(found[kind], what)
    text = str(explain(found, kind, tuple(length // 2 for length in array.shape), what))
    assert max(map(len, text.splitlines())) <= 120
    assert text.startswith(f"{kind}.{what}[0, ")
    assert "stored" in text


def test_small_window_is_printed_in_full_and_of_a_long_sum_the_largest_terms():
    model = Sequential([Conv2D(2, 2, input_shape=(3, 3, 1)), Flatten(), Dense(1)], seed=0)
    model.set_weights([np.arange(8.0).reshape(2, 2, 1, 2), [10, 20], np.zeros((8, 1)), [0]])
    text = str(explain(trace(model, np.arange(9.0).reshape(1, 3, 3, 1)), "conv2d", (1, 0, 1)))
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert rows[5:7] == ["3 4 * 1 3 = 3 12", "6 7 5 7 30 49"]
    assert "sum of 4 products 94" in rows
    assert "total 114" in rows
    (x, _), _ = sample_digits()
    found = explain(trace(article_model(seed=0), x[:1]), "dense", 3)
    lines = str(found).splitlines()
    listed = [float(line.split()[-1]) for line in lines if line.strip().startswith("dense.input[")]
    np.testing.assert_allclose(listed, sorted(found.products, key=abs, reverse=True)[:8], atol=1e-4)
    rest = float(next(line for line in lines if "sum of the other 9,208" in line).split(": ")[1])
    assert rest == pytest.approx(found.sum - sum(sorted(found.products, key=abs)[-8:]), abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("conv2d", (7, 0, 0)), ValueError, r"output of 'conv2d' as .* with row from 0 to 6, received \(7, 0, 0\)"),
        (("conv2d", (0, -1, 0)), ValueError, "with column from 0 to 5"),
        (("conv2d", (3, 3)), ValueError, r"as \(row, column, channel\) or \(sample, row, .*, received \(3, 3\)"),
        (("conv2d", (1, 0, 0, 0)), ValueError, "with sample from 0 to 0"),
        (("conv2d", "here"), TypeError, r"as integers \(row, column, channel\) or"),
        (("conv2d", (0.0, 0, 0)), TypeError, "as integers"),
        (("dense_1", ()), ValueError, r"as \(unit\) or \(sample, unit\), received \(\); for example 2"),
        (("conv", (0, 0, 0)), ValueError, "Did you mean 'conv2d'"),
        (("conv2d", (0, 0, 0), "d_out"), ValueError, "Did you mean 'd_output'"),
        (("conv2d", (0, 0, 0), "d_output"), ValueError, r"use trace\(model, x, y\)"),
        (("conv2d", (0, 0, 0), "gradient"), ValueError, "parameter for what='gradient', and only for that"),
    ],
)  # fmt: skip
def test_invalid_arguments_raise(arguments, error, message):
    found = trace(small_model(seed=0), small_data(1)[0])
    with pytest.raises(error, match=message):
        explain(found, *arguments)


def test_invalid_arguments_with_several_samples_raise():
    found = trace(small_model(seed=0), *small_data(3))
    with pytest.raises(
        ValueError, match=r"as \(sample, row, column, channel\), received \(0, 0, 0\); for example \(1, 3, 3, 2\)"
    ):
        explain(found, "conv2d", (0, 0, 0))
    with pytest.raises(ValueError, match=r"received 'max_pooling2d' .*, which has none; use what='d_input'"):
        explain(found, "max_pooling2d", (0, 0, 0, 0), "gradient", parameter="kernel")
    with pytest.raises(TypeError, match="Expected a Trace, received Sequential"):
        explain(small_model(seed=0), "conv2d", (0, 0, 0))
    with pytest.raises(ValueError, match="use 'd_preactivation'"):
        explain(found, "dense_1", (0, 0), "d_output")
    with pytest.raises(ValueError, match="parameter as one of 'kernel', 'bias', received 'kernels'"):
        explain(found, "dense_1", (0, 0), "gradient", parameter="kernels")
    with pytest.raises(
        ValueError, match=r"the kernel of 'dense_1' as \(axis 0, axis 1\) with axis 1 from 0 to 4, received \(0, 5\)"
    ):
        explain(found, "dense_1", (0, 5), "gradient", parameter="kernel")


WORDS = {
    "sum", "over", "the", "of", "where", "else", "if", "kept", "maximum", "window", "windows", "that", "contain",
    "whose", "is", "and", "samples", "positions", "bias", "kernel", "scale", "offset", "row", "column", "probability",
    "exp", "sqrt", "pi", "or", "in", "padding",
}  # fmt: skip


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("activation", [*WITH_FORMULA, LeakyReLU(1.5)], ids=str)
def test_activations_with_a_formula_are_explained_with_their_derivative(activation, engine):
    layers = [
        Conv2D(2, 2, activation=activation, input_shape=(4, 5, 1)), Activation(activation), Flatten(),
        Dense(3, activation, name="dense"), Dense(2, "softmax"),
    ]  # fmt: skip
    model = Sequential(layers, engine=engine, seed=1)
    model.compile()
    x = 3 * np.random.default_rng(1).standard_normal((2, 4, 5, 1))
    found = trace(model, x, [0, 1])
    for name, what in itertools.product(("conv2d", "activation", "dense"), ("output", "d_preactivation")):
        for place in np.ndindex(getattr(found[name], what).shape):
            check(explain(found, name, place, what))
    one = explain(found, "dense", (0, 1), "d_preactivation")
    step = 1e-5
    z = float(one.layer.preactivation[0, 1])
    values = one.layer.layer.activation.forward(np.array([z + step, z - step]), reference)
    # The derivative is that at the stored y, which is off by up to 2 units, and changes by up to 2 as much (tanh).
    tolerance = 4 * float(np.finfo(np.float32).eps)
    assert one.weights.item() == pytest.approx((values[0] - values[1]) / (2 * step), abs=tolerance)
    assert f"derivative of {one.layer.activation}" in str(one)
    wrong = replace(one, stored=one.stored + 1e-3 * (1 + abs(one.stored)))
    assert not wrong.adds_up


@some
@given(models(), st.data())
def test_every_symbol_of_a_formula_is_defined(case, data):
    model, x, y = case
    found = trace(model, x, y, training=True)
    layer = data.draw(st.sampled_from(found.layers))
    what = data.draw(st.sampled_from([what for what in WHATS if getattr(layer, what) is not None]))
    explanations = [explain(found, layer, (0,) * getattr(layer, what).ndim, what)]
    explanations += [
        explain(found, layer, (0,) * array.ndim, "gradient", parameter=name) for name, array in layer.gradients.items()
    ]
    for one in explanations:
        if one.known:
            symbols = set(re.findall("[A-Za-z_]+", one.terms.formula)) - WORDS
            assert symbols
            assert symbols <= set(re.findall(r"(\w+): ", symbols_of(one.terms.formula))), one.terms.formula
