"""plot_filters: all weights of all filters in one symmetric scale, for any kernel shape and number of channels."""

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.figure import Figure
from sheets import drawn_tiles

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
def test_all_weights_are_drawn_in_one_scale(shape: tuple, name: str | None):
    model = built(shape, name)
    kernel = model.layers[0].params["kernel"]
    axes = plot_filters(model)
    tiles = iter(drawn_tiles(axes))
    for number in range(shape[3]):
        for channel in range(shape[2]):
            np.testing.assert_array_equal(next(tiles), kernel[:, :, channel, number])
    assert next(tiles, None) is None
    limit = np.abs(kernel).max()
    assert axes.images[0].get_clim() == pytest.approx((-limit, limit))
    (bar,) = axes.child_axes
    assert bar.get_ylabel() == "weight"
    assert_legible(axes)


def test_zero_is_middle_grey():
    image = plot_filters(built((3, 3, 1, 2))).images[0]
    limit = image.get_clim()[1]
    greys = image.to_rgba(np.array([[-limit, 0, limit]]))[0, :, :3]
    assert np.ptp(greys, axis=1).max() == 0
    np.testing.assert_allclose(greys[:, 0], [1, 0.5, 0], atol=0.01)


def test_layer_or_first_convolution_of_a_model():
    layers = [Conv2D(2, 3, input_shape=(12, 12, 1)), Conv2D(5, 3), Flatten(), Dense(2)]
    model = Sequential(layers, seed=0)
    assert plot_filters(model).get_title().startswith("2 filters of 'conv2d' (Conv2D), ")
    assert plot_filters(layers[1]).get_title().startswith("5 filters of 'conv2d_1' (Conv2D),")


def test_zero_weights_have_a_valid_scale():
    model = Sequential([Conv2D(2, 3, kernel_initializer="zeros", input_shape=(12, 12, 1))])
    assert plot_filters(model).images[0].get_clim() == (-1, 1)


def test_figure_in_given_axes_is_legible():
    for layout in (None, "constrained"):
        mine = Figure(figsize=(5, 4), layout=layout).subplots()
        assert plot_filters(built((3, 3, 3, 8)), ax=mine) is mine
        assert_legible(mine)


@pytest.mark.parametrize("name", [None, "the_first_convolution_of_the_second_block_of_a_net"])
def test_many_channels_show_the_strongest_with_its_index(name: str | None):
    model = built((3, 3, 32, 64), name)
    kernel = model.layers[0].params["kernel"]
    axes = plot_filters(model)
    strongest = [int(np.linalg.norm(kernel[..., number], axis=(0, 1)).argmax()) for number in range(64)]
    assert [text.get_text() for text in axes.texts] == [str(channel) for channel in strongest]
    for number, tile in enumerate(drawn_tiles(axes)):
        np.testing.assert_array_equal(tile, kernel[:, :, strongest[number], number])
    assert number == 63
    assert axes.get_title().replace("\n", " ").endswith("channels: strongest channel (index above)")
    assert axes.get_yticklabels()[0].get_text() == "0–7"
    assert_legible(axes)


def test_mean_over_the_channels():
    model = built((3, 2, 5, 6))
    axes = plot_filters(model, channels="mean")
    kernel = model.layers[0].params["kernel"]
    tiles = drawn_tiles(axes)
    assert len(tiles) == 6
    for number, tile in enumerate(tiles):
        np.testing.assert_allclose(tile, kernel[..., number].mean(axis=2), rtol=1e-6)
    assert axes.get_title().replace("\n", " ").endswith(": mean over the channels")
    assert axes.images[0].get_clim()[1] < np.abs(kernel).max()
    assert_legible(axes)
    assert len(drawn_tiles(plot_filters(model, channels="all"))) == 30
    single = plot_filters(built((3, 3, 1, 4)), channels="strongest")  # a single channel
    assert single.get_title() == plot_filters(built((3, 3, 1, 4))).get_title()


def test_invalid_channels_are_rejected():
    with pytest.raises(ValueError, match="Expected channels as one of 'all', 'strongest', 'mean', received 'median'"):
        plot_filters(built((3, 3, 2, 4)), channels="median")
    with pytest.raises(ValueError, match="at most 400 images on a sheet, received 64 filters with 32 channels; use"):
        plot_filters(built((3, 3, 32, 64)), channels="all")


def test_invalid_layer_is_rejected():
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
