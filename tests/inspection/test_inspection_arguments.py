"""Validation of models, layers, images, labels and indices; each error message contains a fix."""

import ast
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import Sequential
from scratchcnn.inspection.arguments import (
    built_model,
    class_count,
    layer_index,
    one_image,
    one_label,
    position_in,
)
from scratchcnn.layers import Conv2D, Dense, Flatten


@pytest.fixture
def model():
    return Sequential(
        [Conv2D(2, 3, input_shape=(5, 4, 1)), Flatten(), Dense(3, activation="softmax", name="answer")], seed=0
    )


def test_built_model_is_returned(model):
    assert built_model(model) is model


def test_other_types_than_models_are_errors():
    with pytest.raises(TypeError, match="Expected a Sequential for trace, received list"):
        built_model([], "trace")


@pytest.mark.parametrize(("layers", "fix"), [([], "has no layers yet: add some"), ([Dense(3)], r"model\.build\(")])
def test_model_without_shapes_is_an_error(layers, fix):
    with pytest.raises(ValueError, match=f"Expected a model of known shape for trace; .*{fix}"):
        built_model(Sequential(layers), "trace")


@pytest.mark.parametrize("asked", ["flatten", 1, -2, np.int64(1)])
def test_layer_is_found_by_name_and_index(model, asked):
    assert layer_index(model, asked) == 1


def test_layer_is_found_by_identity(model):
    assert layer_index(model, model.layers[2]) == 2


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ("convd", ValueError, "'conv2d', 'flatten', 'answer', received 'convd'. Did you mean 'conv2d'"),
        (3, ValueError, "from 0 to 2, as the model has 3 layers, received 3"),
        (-4, ValueError, "received -4"),
        (True, TypeError, "a name, as 'conv2d', or a number, received True"),
        (1.0, TypeError, "received 1.0"),
        (None, TypeError, "received None"),
        (Flatten(), ValueError, "received 'flatten' .Flatten. of another"),
    ],
)
def test_unknown_layer_is_an_error(model, asked, error, message):
    with pytest.raises(error, match=message):
        layer_index(model, asked)


@pytest.mark.parametrize("shape", [(5, 4, 1), (1, 5, 4, 1), (5, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_image_becomes_a_batch_of_one_in_its_own_dtype(model, shape, dtype):
    pixels = np.arange(20).astype(dtype)
    batch = one_image(model, pixels.reshape(shape))
    assert batch.shape == (1, 5, 4, 1)
    assert batch.dtype == dtype
    np.testing.assert_array_equal(batch.ravel(), pixels)


def test_image_may_be_a_list(model):
    assert one_image(model, [[0.5] * 4] * 5).shape == (1, 5, 4, 1)


def test_sample_of_a_model_without_image_axes_is_accepted():
    dense = Sequential([Dense(3, input_shape=(6,))])
    assert one_image(dense, np.zeros(6)).shape == one_image(dense, np.zeros((1, 6))).shape == (1, 6)


def test_grayscale_image_for_a_color_model_is_an_error():
    color = Sequential([Conv2D(2, 3, input_shape=(5, 4, 3))])
    assert one_image(color, np.zeros((5, 4, 3))).shape == (1, 5, 4, 3)
    with pytest.raises(ValueError, match=r"one image of shape \(5, 4, 3\), received shape \(5, 4\)\. Give an image of"):
        one_image(color, np.zeros((5, 4)))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((7, 5, 4, 1)), ValueError, r"That is a batch of 7: give one of them, as image\[0\]"),
        (np.zeros((7, 5, 4)), ValueError, r"That is a batch of 7: give one of them"),
        (np.zeros(20), ValueError, r"images are flattened: use image.reshape\(-1, 5, 4, 1\)"),
        (np.zeros((4, 5, 1)), ValueError, r"received shape \(4, 5, 1\)\. .* use image.transpose\(1, 0, 2\)"),
        (np.zeros((1, 1, 5, 4)), ValueError, r"The channels come first.* use image.transpose\(0, 2, 3, 1\)"),
        (np.zeros((10, 2, 1)), ValueError, r"received shape \(10, 2, 1\)\. Give an image of the size"),
        (np.zeros((0, 5, 4, 1)), ValueError, "received shape .0, 5, 4, 1."),
        (np.zeros((28, 28)), ValueError, "of the size that the model was built for"),
        (np.full((5, 4), np.nan), ValueError, "finite values, received nan"),
        (np.full((5, 4), 1e300), ValueError, "finite values, received 1e.300"),
        (np.zeros((5, 4), bool), TypeError, "integers or floats, received dtype bool"),
        (np.full((5, 4), "7"), TypeError, "integers or floats, received dtype <U1"),
    ],
)
def test_other_values_than_one_image_are_errors(model, image, error, message):
    with pytest.raises(error, match=message):
        one_image(model, image)


@pytest.mark.parametrize("label", [2, np.uint8(2), np.array(2), np.array([2])])
def test_label_becomes_an_int(model, label):
    assert class_count(model) == 3
    assert one_label(model, label) == 2
    assert type(one_label(model, label)) is int


@pytest.mark.parametrize(
    ("label", "error", "message"),
    [
        (3, ValueError, "from 0 to 2, as the model has 3 classes, received 3"),
        (-1, ValueError, "received -1"),
        (2.0, TypeError, "a whole number, received 2.0"),
        (True, TypeError, "received True"),
        ("2", TypeError, "received '2'"),
        (None, TypeError, "received None"),
        ([0, 0, 1], ValueError, r"received shape \(3,\); use label.argmax\(\)"),
        ([], ValueError, "received shape .0,."),
    ],
)
def test_other_values_than_one_label_are_errors(model, label, error, message):
    with pytest.raises(error, match=message):
        one_label(model, label)


def test_model_without_classes_is_an_error():
    with pytest.raises(ValueError, match="one axis of classes as output"):
        class_count(Sequential([Conv2D(2, 3, input_shape=(5, 4, 1))]))


@pytest.mark.parametrize(("position", "shape"), [((2, 0), (3, 1)), ([2, 0], (3, 1)), (np.array([2, 0]), (3, 1))])
def test_position_becomes_a_tuple_of_ints(position, shape):
    assert position_in(position, shape) == (2, 0)


def test_position_in_an_array_of_one_axis_may_be_an_int():
    assert position_in(np.int64(4), (5,)) == (4,)


@pytest.mark.parametrize(
    ("position", "error", "message"),
    [
        (
            (3, 0),
            ValueError,
            r"\(axis 0, axis 1\) with axis 0 from 0 to 2, received \(3, 0\); .* \(1, 1\)\.",
        ),
        ((0, -1), ValueError, "with axis 1 from 0 to 1"),
        ((0, 0, 0), ValueError, r"Expected position as \(axis 0, axis 1\), received \(0, 0, 0\)"),
        (0, ValueError, r"received \(0,\)"),
        ((0.0, 1), TypeError, r"as integers \(axis 0, axis 1\), received \(0.0, 1\); for example \(1, 1\)"),
        ((True, 1), TypeError, "as integers"),
        ("ab", TypeError, "as integers"),
        (None, TypeError, "received None"),
    ],
)
def test_position_out_of_range_is_an_error(position, error, message):
    with pytest.raises(error, match=message):
        position_in(position, (3, 2))


@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=5),
    st.one_of(st.integers(-2, 6), st.lists(st.integers(-2, 6), max_size=6).map(tuple)),
)
def test_any_position_is_accepted_or_the_message_gives_one_that_is(shape, position):
    given = position if isinstance(position, tuple) else (position,)
    lengths = [len(shape)] if shape[0] > 1 else [len(shape) - 1, len(shape)]
    if len(given) in lengths and all(0 <= i < n for i, n in zip(given[::-1], shape[::-1], strict=False)):
        found = position_in(position, tuple(shape), batch=True)
        assert (len(found), found[-len(given) :], sum(found[: -len(given)])) == (len(shape), given, 0)
        return
    with pytest.raises(ValueError, match="Expected position as") as caught:
        position_in(position, tuple(shape), batch=True)
    message = str(caught.value)
    example = ast.literal_eval(re.search(r"for example (.*)\.$", message)[1])
    assert position_in(example, tuple(shape), batch=True)
    accepted = re.findall(r"\(([^()]*)\)", message.split(" received ")[0])
    assert [len(form.split(", ")) for form in accepted] == lengths
    assert (len(given) in lengths) == (re.search(r" with .* from 0 to \d, received", message) is not None)
