"""plot_filters draws every weight of every filter once, all in one symmetric scale, for any shape of kernel."""

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.figure import Figure

from scratchcnn import Sequential
from scratchcnn.layers import Conv2D, Dense, Flatten
from scratchcnn.plots import plot_filters

SHAPES = [(3, 3, 1, 32), (3, 3, 1, 1), (5, 5, 1, 64), (3, 3, 3, 16), (7, 7, 3, 64), (1, 1, 1, 5), (1, 7, 1, 4),
          (9, 2, 1, 3), (3, 3, 32, 2)]  # fmt: skip


def built(shape: tuple, name: str | None = None) -> Sequential:
    height, width, channels, filters = shape
    layer = Conv2D(filters, (height, width), input_shape=(12, 12, channels), name=name)
    return Sequential([layer], seed=0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [None, "the_first_convolution_of_the_second_block_of_a_net"])
def test_every_weight_is_drawn_in_one_scale(shape: tuple, name: str | None):
    model = built(shape, name)
    kernel = model.layers[0].params["kernel"]
    axes = plot_filters(model)
    drawn = iter(axes.images)
    limit = np.abs(kernel).max()
    for number in range(shape[3]):
        for channel in range(shape[2]):
            image = next(drawn)
            np.testing.assert_array_equal(image.get_array(), kernel[:, :, channel, number])
            assert image.get_clim() == pytest.approx((-limit, limit))
    assert next(drawn, None) is None
    boxes = np.array([image.get_window_extent().extents for image in axes.images])
    shared = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    assert np.array_equal((shared > 0.1).all(axis=-1), np.eye(len(boxes), dtype=bool))
    (bar,) = axes.child_axes
    assert bar.get_ylabel() == "weight"
    assert_legible(axes)


def test_it_is_grey_and_zero_is_in_the_middle():
    image = plot_filters(built((3, 3, 1, 2))).images[0]
    limit = image.get_clim()[1]
    greys = image.to_rgba(np.array([[-limit, 0, limit]]))[0, :, :3]
    assert np.ptp(greys, axis=1).max() == 0
    np.testing.assert_allclose(greys[:, 0], [1, 0.5, 0], atol=0.01)


def test_a_layer_or_the_first_one_of_a_model():
    layers = [Conv2D(2, 3, input_shape=(12, 12, 1)), Conv2D(5, 3), Flatten(), Dense(2)]
    model = Sequential(layers, seed=0)
    assert plot_filters(model).get_title().startswith("2 filters of 'conv2d' (Conv2D), ")
    assert plot_filters(layers[1]).get_title().startswith("5 filters of 'conv2d_1' (Conv2D),")


def test_all_weights_zero():
    model = Sequential([Conv2D(2, 3, kernel_initializer="zeros", input_shape=(12, 12, 1))])
    assert plot_filters(model).images[0].get_clim() == (-1, 1)


def test_in_given_axes():
    for layout in (None, "constrained"):
        mine = Figure(figsize=(5, 4), layout=layout).subplots()
        assert plot_filters(built((3, 3, 3, 8)), ax=mine) is mine
        assert_legible(mine)


@pytest.mark.parametrize("name", [None, "the_first_convolution_of_the_second_block_of_a_net"])
def test_of_many_channels_the_strongest_are_drawn_and_numbered(name: str | None):
    model = built((3, 3, 32, 64), name)
    kernel = model.layers[0].params["kernel"]
    axes = plot_filters(model)
    strongest = [int(np.linalg.norm(kernel[..., number], axis=(0, 1)).argmax()) for number in range(64)]
    assert [text.get_text() for text in axes.texts] == [str(channel) for channel in strongest]
    for number, image in enumerate(axes.images):
        np.testing.assert_array_equal(image.get_array(), kernel[:, :, strongest[number], number])
    assert len(axes.images) == 64
    assert axes.get_title().replace("\n", " ").endswith("channels: the strongest channel of each")
    assert axes.get_xlabel() == "above each filter: its strongest channel"
    assert_legible(axes)


def test_the_mean_over_the_channels():
    model = built((3, 2, 5, 6))
    axes = plot_filters(model, channels="mean")
    kernel = model.layers[0].params["kernel"]
    for number, image in enumerate(axes.images):
        np.testing.assert_allclose(image.get_array(), kernel[..., number].mean(axis=2), rtol=1e-6)
    assert axes.get_title().replace("\n", " ").endswith(": the mean over the channels")
    assert axes.images[0].get_clim()[1] < np.abs(kernel).max()
    assert_legible(axes)
    assert len(plot_filters(model, channels="all").images) == 30
    single = plot_filters(built((3, 3, 1, 4)), channels="strongest")  # there is nothing to choose
    assert single.get_title() == plot_filters(built((3, 3, 1, 4))).get_title()


def test_wrong_channels():
    with pytest.raises(ValueError, match="Expected channels as one of 'all', 'strongest', 'mean', received 'median'"):
        plot_filters(built((3, 3, 2, 4)), channels="median")
    with pytest.raises(ValueError, match="at most 400 pictures on a sheet, received 64 filters of 32 channels; use"):
        plot_filters(built((3, 3, 32, 64)), channels="all")


def test_wrong_input():
    with pytest.raises(TypeError, match="Expected a Sequential or a Conv2D, received None"):
        plot_filters(None)
    with pytest.raises(TypeError, match=r"Expected a Conv2D, .*received 'dense' \(Dense\)"):
        plot_filters(Dense(3))
    with pytest.raises(ValueError, match="Expected a model with a Conv2D, received one without"):
        plot_filters(Sequential([Dense(3, input_shape=(2,))]))
    with pytest.raises(ValueError, match="Expected a model with a Conv2D"):
        plot_filters(Sequential())
    for unbuilt in (Conv2D(3, 3), Sequential([Conv2D(3, 3)])):
        with pytest.raises(ValueError, match=r"received 'conv2d' \(Conv2D\) before it is built; give input_shape"):
            plot_filters(unbuilt)
    broken = built((3, 3, 1, 2))
    broken.layers[0].params["kernel"][0, 0, 0, 1] = np.nan
    with pytest.raises(ValueError, match="Expected finite weights, received NaN or infinity in 'conv2d'"):
        plot_filters(broken)
