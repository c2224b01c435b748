"""Figure of an explanation: the outline, the values and the bars are those of the explanation, and it is legible."""

import numpy as np
import pytest
from legible import assert_legible, texts_of
from networks import article_model, sample_digits, small_data, small_model

from scratchcnn import Sequential
from scratchcnn.inspection import explain, trace
from scratchcnn.layers import Activation, Conv2D, Dense, Flatten, MaxPooling2D, Rescaling


@pytest.fixture(scope="module")
def digit():
    (x, y), _ = sample_digits()
    return trace(article_model(seed=1), x[:1], y[:1], training=True)


def colours():
    layers = [
        Rescaling(1 / 255, input_shape=(9, 14, 3)), Conv2D(5, 3, dilation_rate=2, strides=2, padding="same"),
        MaxPooling2D(3, 1, padding="same"), Flatten(), Dense(3), Activation("softmax"),
    ]  # fmt: skip
    model = Sequential(layers, seed=0)
    model.compile()
    return trace(model, np.random.default_rng(0).integers(0, 255, (2, 9, 14, 3)).astype(np.uint8), [1, 2])


def written(figure):
    return [text.get_text() for text in texts_of(figure)]


def legible(figure):
    assert_legible(figure.axes[0])
    return figure


@pytest.mark.parametrize(
    ("layer", "position", "what"),
    [
        ("conv2d", (13, 13, 4), "output"), ("conv2d_1", (12, 10, 7), "output"), ("conv2d_1", (12, 10, 7), "d_input"),
        ("max_pooling2d", (6, 4, 7), "output"), ("max_pooling2d", (6, 4, 7), "d_input"),
        ("dropout", (6, 4, 7), "output"), ("flatten", 77, "output"),
        ("dense", 5, "output"), ("dense_1", 5, "d_preactivation"), ("dense_1", 5, "output"),
    ],
)  # fmt: skip
def test_every_kind_of_explanation_is_legible(digit, layer, position, what):
    found = explain(digit, layer, position, what)
    texts = written(legible(found.plot()))
    assert any(text.startswith(f"{layer} (") for text in texts)
    assert any(f"stored: {found.stored:.5g}" in text for text in texts)


@pytest.mark.parametrize(
    "place", [("conv2d", (1, 0, 0, 1)), ("max_pooling2d", (1, 0, 0, 1)), ("rescaling", (1, 0, 0, 1))]
)
def test_images_in_colours_and_padding_are_legible(place):
    legible(explain(colours(), *place).plot())


def test_figure_of_a_parameter_gradient_is_legible(digit):
    legible(explain(digit, "conv2d", (0, 1, 0, 3), "gradient", parameter="kernel").plot())
    bias = legible(explain(digit, "conv2d", 3, "gradient", parameter="bias").plot())
    assert len(bias.axes) == 1
    found = trace(small_model(seed=0), *small_data(6))
    figure = legible(explain(found, "conv2d", (0, 0, 0, 1), "gradient", parameter="kernel").plot())
    assert any("of 6, the largest sum" in text for text in written(figure))


def test_cells_contain_the_values_of_the_window():
    model = Sequential([Conv2D(2, 2, input_shape=(3, 3, 1)), Flatten(), Dense(1)], seed=0)
    model.set_weights([np.arange(8.0).reshape(2, 2, 1, 2), [10, 20], np.zeros((8, 1)), [0]])
    found = explain(trace(model, np.arange(9.0).reshape(1, 3, 3, 1)), "conv2d", (1, 0, 1))
    panels = found.plot().axes[1:]
    cells = [[text.get_text() for text in panel.texts] for panel in panels]
    assert cells == [["3", "4", "6", "7"], ["1", "3", "5", "7"], ["3", "12", "30", "49"]]


def test_outline_is_the_receptive_field(digit):
    figure = explain(digit, "conv2d_1", (12, 10, 7)).plot()
    points = np.concatenate(figure.axes[0].collections[0].get_segments())
    assert points.min(axis=0).tolist() == [9.5, 11.5]
    assert points.max(axis=0).tolist() == [14.5, 16.5]
    assert figure.axes[0].get_title() == "receptive field: 5 × 5 pixels"
    gaps = explain(colours(), "conv2d", (0, 2, 2, 0)).plot()
    assert gaps.axes[0].get_title() == "receptive field: 5 × 5 pixels, with gaps"


def test_bars_are_the_largest_products(digit):
    found = explain(digit, "dense", 5)
    bars = [bar.get_width() for bar in found.plot().axes[1].patches]
    largest = sorted(found.products, key=abs, reverse=True)[:10]
    np.testing.assert_allclose(bars[:10], largest)
    assert sum(bars) == pytest.approx(found.preactivation)


def test_model_without_images_has_a_figure(tmp_path):
    found = trace(Sequential([Dense(3, input_shape=(5,), activation="relu"), Dense(2)], seed=0), np.ones((1, 5)))
    assert len(explain(found, 0, 0).plot(tmp_path / "one.png").axes) == 1
    assert (tmp_path / "one.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="Expected an image file ending in"):
        explain(found, 0, 0).plot(tmp_path / "one.txt")
