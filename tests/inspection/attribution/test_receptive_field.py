"""Receptive-field centers: a bright dot appears in the Grad-CAM map where it is in the image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import Sequential
from scratchcnn.inspection import grad_cam
from scratchcnn.inspection.attribution.receptive_field import field_centers, interpolate
from scratchcnn.layers import Activation, Conv2D, Dense, Flatten, Layer, MaxPooling2D

SIZE = (64, 61)
BINOMIAL = {1: [1.0], 2: [1.0, 1.0], 3: [1.0, 2.0, 1.0]}  # symmetric kernels with their peak in the middle


@st.composite
def windowed_layers(draw):
    """Draw a convolution or pooling whose windows leave no gaps, so that each pixel affects the output."""
    size = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    strides = draw(st.integers(1, min(size[0], 2))), draw(st.integers(1, min(size[1], 2)))
    padding = draw(st.sampled_from(["valid", "same"]))
    if draw(st.booleans()):
        return MaxPooling2D(size, strides, padding)
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2))) if strides == (1, 1) else (1, 1)
    return Conv2D(1, size, strides=strides, padding=padding, dilation_rate=dilation, use_bias=False)


def summing_model(layers):
    """Return a model whose logit of class 1 is the sum of the features of the last of these layers."""
    layers = [Activation("relu", input_shape=(*SIZE, 1)), *layers]
    model = Sequential([*layers, Flatten(), Dense(2, use_bias=False)], dtype="float64")
    for layer in layers:
        if isinstance(layer, Conv2D):
            height, width = layer.kernel_size
            layer.params["kernel"][..., 0, 0] = np.outer(BINOMIAL[height], BINOMIAL[width])
    model.layers[-1].params["kernel"][...] = [0.0, 1.0]
    return model


def center_of_mass(values):
    return np.array([np.average(np.arange(n), weights=values.sum(axis=1 - axis)) for axis, n in enumerate(SIZE)])


@given(st.lists(windowed_layers(), min_size=1, max_size=3))
def test_map_of_a_bright_dot_is_centered_on_the_dot(layers):
    """The response to a dot is symmetric about a receptive-field center.

    The distance of the center of mass from the dot is thus 0 for dots at a center, and, as the dots between two centers
    are mirrored there, 0 on average over one period of the strides.
    """
    model = summing_model(layers)
    period = np.prod([layer.strides for layer in layers], axis=0)
    errors = []
    for step in range(int(np.lcm(*period))):
        image, dot = np.zeros(SIZE), np.array(SIZE) // 2 + step
        image[tuple(dot)] = 1
        found = grad_cam(model, image, label=1, layer=len(layers))
        errors.append(center_of_mass(found.map) - dot)
        for axis, centers in enumerate((found.rows, found.columns)):
            assert np.abs(errors[-1][axis]) < 0.25 or dot[axis] not in centers
    assert np.abs(np.mean(errors, axis=0)).max() < 0.25


def test_centers_of_same_padding_are_those_of_keras():
    model = Sequential([Conv2D(1, 3, strides=2, padding="same", input_shape=(6, 5, 1))])
    rows, columns = field_centers(model, 0)
    np.testing.assert_array_equal(rows, [1, 3, 5])  # even size: the only row of padding is added after the image
    np.testing.assert_array_equal(columns, [0, 2, 4])


class Every(Layer):
    """A custom layer that keeps one of n rows and columns."""

    def __init__(self, n):
        super().__init__()
        self.n = n

    def compute_output_shape(self, input_shape):
        return (-(-input_shape[0] // self.n), -(-input_shape[1] // self.n), input_shape[2])

    def forward(self, x, ops, training, rng):
        return x[:, :: self.n, :: self.n], None


class ToImage(Layer):
    """A custom layer that makes an image (2, 3, 1) of six values."""

    def compute_output_shape(self, input_shape):
        return (2, 3, 1)

    def forward(self, x, ops, training, rng):
        return x.reshape(-1, 2, 3, 1), None


def test_positions_of_a_custom_layer_are_distributed_evenly():
    model = Sequential([Conv2D(1, 3, input_shape=(8, 6, 1)), Every(2)])
    rows, columns = field_centers(model, 1)
    np.testing.assert_array_equal(rows, [1.5, 3.5, 5.5])  # two of six rows each, after a margin of 1
    np.testing.assert_array_equal(columns, [1.5, 3.5])


def test_layer_after_flatten_raises():
    model = Sequential([Flatten(input_shape=(3, 2)), ToImage()])
    with pytest.raises(ValueError, match=r"received 'to_image' .*; choose one before Flatten"):
        field_centers(model, 1)


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_interpolation_of_an_affine_function_is_exact_between_and_constant_beyond(height, width, data):
    rows = np.cumsum(data.draw(st.lists(st.floats(0.5, 3), min_size=1, max_size=3)))
    columns = np.cumsum(data.draw(st.lists(st.floats(0.5, 3), min_size=1, max_size=3)))
    y, x = np.clip(np.arange(height), rows[0], rows[-1]), np.clip(np.arange(width), columns[0], columns[-1])
    found = interpolate(3 * rows[:, None] - columns, rows, columns, height, width)
    np.testing.assert_allclose(found, 3 * y[:, None] - x, atol=1e-12)
