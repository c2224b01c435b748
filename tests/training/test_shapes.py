"""shape_hint: the advice for a wrong shape restores exactly the images that the array contains, or there is none."""

import re

import numpy as np
import pytest

from scratchcnn import Sequential
from scratchcnn.layers import Dense, Flatten
from scratchcnn.training.shapes import shape_hint

ARRANGEMENTS = {
    "batch of images without channel axis": ((5, 4, 1), lambda x: x[..., 0]),
    "channels first, one channel": ((5, 4, 1), lambda x: x.transpose(0, 3, 1, 2)),
    "channels first, square images": ((4, 4, 1), lambda x: x.transpose(0, 3, 1, 2)),
    "channels first, three channels": ((5, 4, 3), lambda x: x.transpose(0, 3, 1, 2)),
    "channels first, square color images": ((4, 4, 3), lambda x: x.transpose(0, 3, 1, 2)),
    "channels first, as many channels as rows": ((8, 9, 8), lambda x: x.transpose(0, 3, 1, 2)),
    "samples last, no channel axis": ((4, 4, 1), lambda x: x[..., 0].transpose(1, 2, 0)),
    "samples last": ((4, 4, 3), lambda x: x.transpose(1, 2, 3, 0)),
    "channels first, samples last": ((4, 4, 3), lambda x: x.transpose(3, 1, 2, 0)),
    "rows and columns exchanged": ((5, 4, 1), lambda x: x.transpose(0, 2, 1, 3)),
    "rows and columns exchanged, no channel axis": ((5, 4, 1), lambda x: x[..., 0].transpose(0, 2, 1)),
    "flattened images": ((5, 4, 1), lambda x: x.reshape(len(x), -1)),
    "flattened images with an axis of length 1": ((5, 4, 1), lambda x: x.reshape(len(x), 1, -1)),
    "flattened images as columns": ((5, 4, 1), lambda x: x.reshape(len(x), -1).T),
    "additional axis": ((5, 4, 1), lambda x: x[..., None]),
    "additional axes": ((5, 4, 3), lambda x: x[:, None, ..., None, None]),
    "additional channel axis": ((5, 4), lambda x: x[..., None]),
    "images for vectors": ((20,), lambda x: x.reshape(-1, 5, 4, 1)),
    "samples last, images for vectors": ((20,), lambda x: x.reshape(-1, 5, 4).transpose(1, 2, 0)),
    "vectors as columns": ((20,), lambda x: x.T),
}
SINGLE = {
    "image": ((5, 4, 1), lambda x: x[0]),
    "image without channel axis": ((5, 4, 1), lambda x: x[0, ..., 0]),
    "image with channels first": ((5, 4, 3), lambda x: x[0].transpose(2, 0, 1)),
    "transposed image": ((5, 4, 1), lambda x: x[0, ..., 0].T),
    "transposed image with channel axis": ((5, 4, 1), lambda x: x[0].transpose(1, 0, 2)),
    "flattened image": ((5, 4, 1), lambda x: x[0].ravel()),
    "image for a vector": ((20,), lambda x: x[0].reshape(5, 4)),
    "vector": ((20,), lambda x: x[0]),
}


def numbered(count: int, input_shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(count * int(np.prod(input_shape))).reshape(count, *input_shape)


def expressions(hint: str) -> list[str]:
    return re.findall(r"\bx[.\[].*?(?=\.$|[;,]? (?:if|and)\b)", hint)


@pytest.mark.parametrize("count", [1, 2, 7, 100])
@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_advice_restores_every_image_of_a_batch(name: str, count: int):
    input_shape, arrange = ARRANGEMENTS[name]
    images = numbered(count, input_shape)
    x = arrange(images)
    (expression,) = expressions(shape_hint(x.shape, input_shape))
    np.testing.assert_array_equal(eval(expression), images)


@pytest.mark.parametrize("name", SINGLE)
def test_advice_restores_one_sample(name: str):
    input_shape, arrange = SINGLE[name]
    image = numbered(1, input_shape)
    x = arrange(image)
    (expression,) = expressions(shape_hint(x.shape, input_shape))
    np.testing.assert_array_equal(eval(expression), image)


@pytest.mark.parametrize("columns", [False, True])
def test_both_orders_of_flattened_color_images_are_named(columns: bool):
    images = numbered(7, (5, 4, 3))
    rows = {"come first": images.transpose(0, 3, 1, 2).reshape(7, -1), "adjacent": images.reshape(7, -1)}
    flat = {order: array.T if columns else array for order, array in rows.items()}
    hint = shape_hint(flat["adjacent"].shape, (5, 4, 3))
    planes, pixels = expressions(hint)
    assert re.search(r"if all red values come first.* if the channels of each pixel are adjacent\.$", hint)
    for expression, order in ((planes, "come first"), (pixels, "adjacent")):
        np.testing.assert_array_equal(eval(expression, {"x": flat[order]}), images)


@pytest.mark.parametrize(
    ("shape", "start"),
    [
        ((60000, 1, 28, 28), "The channels come first, as in PyTorch: use x.transpose(0, 2, 3, 1)."),
        ((28, 28, 60000), "If the last axis is that of the samples, use x.transpose(2, 0, 1)[..., None]."),
        ((60000, 28, 28), "It has as many elements: use x.reshape(-1, 28, 28, 1)."),
        ((60000, 784), "The images are flattened: use x.reshape(-1, 28, 28, 1)."),
        ((784, 60000), "If each column is a flattened image, use x.T.reshape(-1, 28, 28, 1)."),
        ((28, 28, 1), "That is one sample without a batch axis: use x[None]."),
    ],
)
def test_text_for_mnist(shape: tuple[int, ...], start: str):
    assert shape_hint(shape, (28, 28, 1)) == start


def test_channels_first_is_not_claimed_for_exchanged_rows_and_columns():
    for shape in ((7, 4, 5), (4, 5), (7, 4, 5, 1)):
        assert shape_hint(shape, (5, 4, 1)).startswith("The axes are in another order: use x.transpose(")


@pytest.mark.parametrize(
    ("shape", "input_shape"),
    [
        ((7, 14, 56, 1), (28, 28, 1)),  # as many elements, but other rows
        ((7, 14, 56), (28, 28, 1)),
        ((7, 8, 98), (784, 1)),
        ((7, 32, 96), (32, 32, 3)),
        ((7, 28, 28, 3), (28, 28, 1)),
        ((7, 27, 28, 1), (28, 28, 1)),
        ((7, 5), (784,)),
        ((), (28, 28, 1)),
        ((2,) * 12, (2,) * 12 + (3,)),
    ],
)
def test_no_advice_for_other_images(shape: tuple[int, ...], input_shape: tuple[int, ...]):
    assert shape_hint(shape, input_shape) == ""


def test_name_of_the_array_is_that_of_the_argument():
    assert shape_hint((28, 28), (28, 28, 1), "image") == "It has as many elements: use image.reshape(-1, 28, 28, 1)."


def test_error_of_a_model_contains_the_advice():
    images = numbered(7, (5, 4, 3)).astype(np.float32)
    x = images.transpose(0, 3, 1, 2)
    model = Sequential([Flatten(input_shape=(5, 4, 3)), Dense(2)], seed=1)
    with pytest.raises(
        ValueError, match=r"Expected x of shape \(samples, 5, 4, 3\), received \(7, 3, 5, 4\)\. "
    ) as caught:
        model.predict(x)
    (expression,) = expressions(str(caught.value))
    np.testing.assert_array_equal(model.predict(eval(expression)), model.predict(images))
    with pytest.raises(ValueError, match=r"received \(7, 5, 4, 1\)\.$"):
        model.predict(images[..., :1])
