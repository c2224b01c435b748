"""plot_feature_maps: all maps of a layer in one scale, legible for any number of maps."""

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.figure import Figure
from networks import article_model, small_model
from sheets import drawn_tiles

from scratchcnn import Sequential
from scratchcnn.layers import AveragePooling2D, Conv2D, Dense, Flatten, MaxPooling2D, Rescaling
from scratchcnn.plots import plot_feature_maps


def drawn(axes):
    return np.stack(drawn_tiles(axes), axis=-1)


def deep(*counts, size=12, channels=3, **options):
    """Return convolutions without an activation, which have negative outputs."""
    layers = [Conv2D(count, 3, padding="same", name=f"conv_{number}") for number, count in enumerate(counts)]
    model = Sequential(layers, seed=0, **options)
    model.build((None, size, size, channels))
    return model


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_maps_equal_the_predictions_of_a_model_up_to_the_layer(rng, engine):
    model = small_model(seed=0, engine=engine)
    image = rng.random((9, 8, 1))
    until = Sequential([Conv2D(4, 3, activation="relu", input_shape=(9, 8, 1)), MaxPooling2D(2)], seed=0)
    until.set_weights(model.get_weights()[:2])
    expected = until.predict(image[None])[0]
    for layer in ("max_pooling2d", 1, -6, model.layers[1], "dropout"):
        axes = plot_feature_maps(model, image, layer)
        np.testing.assert_allclose(drawn(axes), expected, rtol=1e-5, atol=1e-6)
    largest = drawn(axes).max()
    assert axes.images[0].get_clim() == (0, largest)
    assert axes.images[0].get_cmap().name == "Greys"


def test_negative_activations_have_a_symmetric_scale(rng):
    axes = plot_feature_maps(deep(3, 5, dtype="float64"), rng.normal(size=(12, 12, 3)), "conv_1")
    limit = np.abs(drawn(axes)).max()
    assert axes.images[0].get_clim() == (-limit, limit)
    colours = axes.images[0].to_rgba(np.array([[-limit, 0, limit]]))[0, :, :3]
    assert colours[0, 2] > colours[0, 0]  # blue
    assert colours[2, 0] > colours[2, 2]  # red
    assert colours[1].min() > 0.95  # white
    (bar,) = axes.child_axes
    assert bar.get_ylabel() == "activation"


@pytest.mark.parametrize("count", [1, 2, 7, 64, 600])
@pytest.mark.parametrize("size", [1, 3, 12])
def test_maps_are_numbered_in_reading_order(rng, count, size):
    axes = plot_feature_maps(deep(count, size=size), rng.normal(size=(size, size, 3)), 0)
    assert_legible(axes)
    assert drawn(axes).shape == (size, size, count)
    corners = [path.get_extents().min.tolist() for path in axes.collections[0].get_paths()]
    assert corners == sorted(corners, key=lambda corner: (corner[1], corner[0]))  # in reading order
    numbers = [text.get_text() for text in axes.texts]
    if count <= 64 or size == 1:  # 1 x 1 maps have a wide gap
        assert numbers == [str(number) for number in range(count)]
    else:
        assert numbers == []
        assert axes.get_yticklabels()[0].get_text().startswith("0–")


def test_title_counts_zero_maps(rng):
    name = "the_first_convolution_of_the_second_block_of_a_net"
    model = Sequential([Conv2D(3, 3, activation="relu", input_shape=(8, 8, 1), name=name)], seed=0)
    model.layers[0].params["kernel"][...] = [1, 0, 2]
    axes = plot_feature_maps(model, 1 + rng.random((8, 8)), name)
    assert " ".join(axes.get_title().split()).endswith("(Conv2D), 6 × 6; 1 zero everywhere")
    assert_legible(axes)
    model.layers[0].params["kernel"][...] = 0
    axes = plot_feature_maps(model, np.ones((8, 8)), 0)
    assert axes.images[0].get_clim() == (0, 1)


def test_title_contains_the_name_alone_where_the_class_does_not_fit(rng):
    model = Sequential([AveragePooling2D(input_shape=(8, 8, 2))], seed=0)
    title = plot_feature_maps(model, rng.random((8, 8, 2)), 0).get_title()
    assert " ".join(title.split()) == "2 feature maps of 'average_pooling2d', 4 × 4"


def test_uint8_image_given_axes_and_file(rng, tmp_path):
    model = Sequential([Rescaling(1 / 255, input_shape=(8, 8, 1)), Conv2D(6, 3, activation="relu")], seed=0)
    image = rng.integers(0, 256, (8, 8), dtype=np.uint8)
    mine = Figure(figsize=(6, 4)).subplots()
    assert plot_feature_maps(model, image[None, ..., None], "conv2d", tmp_path / "maps.png", mine) is mine
    assert (tmp_path / "maps.png").stat().st_size > 3000
    np.testing.assert_allclose(drawn(mine), model.predict(image[None, ..., None])[0], rtol=1e-6)
    assert_legible(mine)


def test_maps_of_the_article_model_are_legible(rng):
    model = article_model(seed=0)
    for layer, count in (("conv2d", 32), ("conv2d_1", 64), ("max_pooling2d", 64)):
        axes = plot_feature_maps(model, rng.random((28, 28)), layer)
        assert len(drawn_tiles(axes)) == count
        assert_legible(axes)


def test_invalid_input_is_rejected(rng, tmp_path):
    model, image = small_model(seed=0), rng.random((9, 8, 1))
    with pytest.raises(TypeError, match="Expected a Sequential, received 'conv2d'"):
        plot_feature_maps("conv2d", image, 0)
    for unbuilt in (Sequential(), Sequential([Conv2D(3, 3)])):
        with pytest.raises(ValueError, match="Expected a model of known shape"):
            plot_feature_maps(unbuilt, image, 0)
    with pytest.raises(ValueError, match=r"Expected layer as one of 'conv2d', .*'conv2'. Did you mean 'conv2d'"):
        plot_feature_maps(model, image, "conv2")
    with pytest.raises(ValueError, match="Expected layer as an index below 7, received 7"):
        plot_feature_maps(model, image, 7)
    with pytest.raises(ValueError, match=r"Expected layer as one of .*, received True"):
        plot_feature_maps(model, image, True)
    with pytest.raises(ValueError, match=r"of another; use model\.layers"):
        plot_feature_maps(model, image, Conv2D(4, 3, name="other"))
    with pytest.raises(ValueError, match=r"received 'dense' \(Dense\) with \(8,\); use one of 'conv2d', 'max_"):
        plot_feature_maps(model, image, "dense")
    flat = Sequential([Flatten(input_shape=(3, 3)), Dense(2)], seed=0)
    with pytest.raises(ValueError, match="this model has none"):
        plot_feature_maps(flat, np.zeros((3, 3)), 1)
    with pytest.raises(ValueError, match=r"Expected one image, received a batch of shape \(2, 9, 8, 1\); .*x\[0\]"):
        plot_feature_maps(model, rng.random((2, 9, 8, 1)), 0)
    with pytest.raises(ValueError, match="Expected image of shape"):
        plot_feature_maps(model, rng.random((9, 9)), 0)
    with pytest.raises(ValueError, match="Expected image with finite values"):
        plot_feature_maps(model, np.full((9, 8), np.nan), 0)
    with pytest.raises(ValueError, match=r"ending in \.png"):
        plot_feature_maps(model, image, 0, tmp_path / "maps.gif")
    model.layers[0].params["kernel"][0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="Expected finite outputs, received NaN or infinity from 'conv2d'"):
        plot_feature_maps(model, image, 0)
