"""Figures of the attribution tools show the values of the results, are legible, and are written to files."""

import subprocess
import sys

import numpy as np
import pytest
from legible import assert_legible, texts_of
from small_networks import CONVOLUTIONAL, OF_IMAGES, colour, dense, grey, images

from scratchcnn import Sequential
from scratchcnn.inspection import filter_ablation, grad_cam, input_gradient, occlusion, pixel_shifts
from scratchcnn.layers import Conv2D, Dense, Flatten

TOOLS = [occlusion, input_gradient, grad_cam, pixel_shifts]


def drawn(axes, place=0):
    return np.asarray(axes.images[place].get_array())


def check(figure):
    for axes in figure.axes:
        assert_legible(axes)


def wide(height, width):
    layers = [Conv2D(2, 3, activation="relu", input_shape=(height, width, 1)), Flatten(), Dense(12, "softmax")]
    return Sequential(layers, seed=0)


@pytest.mark.parametrize("make", OF_IMAGES)
@pytest.mark.parametrize("tool", TOOLS)
def test_figure_is_legible(tool, make):
    if tool is grad_cam and make not in CONVOLUTIONAL:
        return
    model = make()
    check(tool(model, images(model)[0]).plot())


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (28, 28)])
@pytest.mark.parametrize("tool", TOOLS)
def test_figure_of_a_wide_or_high_image_is_legible(tool, shape):
    check(tool(wide(*shape), np.random.default_rng(0).random(shape), label=11).plot())


def test_occlusion_map_is_in_percentage_points():
    model = grey()
    found = occlusion(model, images(model)[0], size=3)
    left, right = found.plot().axes[:2]
    np.testing.assert_allclose(drawn(left), found.image[..., 0])
    np.testing.assert_allclose(drawn(right), 100 * found.map)
    assert right.images[0].get_clim() == pytest.approx((-100 * abs(found.map).max(), 100 * abs(found.map).max()))
    row, column = found.greatest(1)[0]
    assert left.patches[0].get_xy() == (found.lefts[column] - 0.5, found.tops[row] - 0.5)


def test_ink_darkens_the_map_and_paper_does_not():
    model = grey()
    image = np.zeros((9, 8))
    image[4, 3] = 1
    right = occlusion(model, image).plot().axes[1]
    shade = drawn(right, 1)
    assert shade[4, 3, 3] > 0.2
    assert shade[..., 3].sum() == shade[4, 3, 3]


def test_colors_of_gradients_are_symmetric_about_zero():
    model = colour()
    found = input_gradient(model, images(model)[0])
    axes = found.plot().axes
    np.testing.assert_allclose(drawn(axes[1]), found.gradient.sum(axis=2), rtol=1e-5)
    np.testing.assert_allclose(drawn(axes[2]), found.contributions, rtol=1e-5)
    for panel in axes[1:3]:
        low, high = panel.images[0].get_clim()
        assert low == -high < 0


def test_color_image_is_drawn_in_its_colors():
    model = colour()
    image = images(model)[0]
    np.testing.assert_allclose(drawn(input_gradient(model, image).plot().axes[0]), image / 255)


def test_colors_of_grad_cam_begin_at_zero():
    model = colour()
    found = grad_cam(model, images(model)[0])
    axes = found.plot().axes
    np.testing.assert_allclose(drawn(axes[1]), found.map)
    assert axes[1].images[0].get_clim()[0] == 0
    np.testing.assert_allclose(drawn(axes[2]), found.by_position)


def test_positions_of_the_layer_are_drawn_at_their_centers():
    found = grad_cam(grey(), images(grey())[0], layer="max_pooling2d")  # rows 1.5, 3.5, 5.5, columns 1.5, 3.5, 5.5
    ax = found.plot().axes[2]
    assert tuple(ax.images[0].get_extent()) == (0.5, 6.5, 6.5, 0.5)
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 7.5), (8.5, -0.5))


def test_each_shift_has_a_cell_with_the_prediction():
    model = grey()
    found = pixel_shifts(model, images(model)[0], most=2)
    axes = found.plot().axes[1]
    np.testing.assert_allclose(drawn(axes), found.map)
    assert tuple(axes.images[0].get_extent()) == (-2.5, 2.5, 2.5, -2.5)
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(x - 2, y - 2): str(answer) for (y, x), answer in np.ndenumerate(found.answers)}
    assert len(axes.patches) == (found.answers != found.answer).sum()


def test_small_cells_have_frames_but_no_text():
    model = Sequential([Flatten(input_shape=(60, 60)), Dense(3, "softmax")], seed=0)
    found = pixel_shifts(model, np.random.default_rng(0).random((60, 60)), most=25)
    figure = found.plot()
    assert not figure.axes[1].texts
    assert figure.axes[1].patches
    check(figure)


@pytest.mark.parametrize(("filters", "classes"), [(1, 2), (6, 5), (40, 10), (150, 30)])
def test_ablation_is_drawn_in_order_with_the_unablated_loss_and_recall(filters, classes):
    model = Sequential([Dense(filters, "relu", input_shape=(9,)), Dense(classes, "softmax")], seed=0)
    rng = np.random.default_rng(0)
    found = filter_ablation(model, 0, rng.random((31, 9)), rng.integers(0, classes, 31))
    figure = found.plot()
    above, below = figure.axes[:2]
    heights = [bar.get_height() for bar in above.patches]
    np.testing.assert_allclose(heights, found.rises[found.order])
    assert {bar.get_y() for bar in above.patches} == {found.loss}
    assert above.lines[0].get_ydata()[0] == found.loss
    assert above.get_legend().get_texts()[0].get_text() == f"unablated loss: {found.loss:#.3g}"
    low, high = above.get_ylim()
    assert low < min(found.loss, *found.losses)
    assert max(found.loss, *found.losses) < high
    np.testing.assert_allclose(drawn(below), 100 * found.recall_falls[found.order].T)
    assert below.get_xticklabels()[0].get_text() == str(found.order[0])
    recall = "no image" if np.isnan(found.recall[0]) else f"{found.recall[0]:.0%}"
    assert below.get_yticklabels()[0].get_text() == f"0: {recall}"
    check(figure)


def test_dollar_signs_in_names_are_no_formulas():
    layers = [Conv2D(2, 3, input_shape=(9, 8, 1), name="$a_conv$" * 5), Flatten(), Dense(3, "softmax")]
    model = Sequential(layers, seed=0)
    figure = grad_cam(model, np.eye(9, 8)).plot()
    assert any("$a_conv" in text.get_text() and not text.get_parse_math() for text in texts_of(figure))
    check(figure)
    check(filter_ablation(model, 0, np.ones((3, 9, 8, 1)), [0, 1, 2]).plot())


def results():
    model = grey()
    batch = images(model, 3)
    yield from (tool(model, batch[0]) for tool in TOOLS)
    yield filter_ablation(model, "conv2d", batch, [0, 1, 2])


@pytest.mark.parametrize("place", range(5))
def test_file_is_written_and_invalid_paths_raise(place, tmp_path):
    found = list(results())[place]
    found.plot(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes()[:4] == b"\x89PNG"
    for wrong in ("picture.gif", str(tmp_path / "picture.gif")):
        with pytest.raises(ValueError, match=r"Expected an image file ending in \.png"):
            found.plot(wrong)
    with pytest.raises(FileNotFoundError, match="create the folder"):
        found.plot(tmp_path / "none" / "picture.png")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_import_does_not_load_matplotlib():
    code = "import sys, scratchcnn.inspection; print('matplotlib' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


def test_empty_image_and_constant_map_are_drawn():
    model = dense()
    model.set_weights([w * 0 for w in model.get_weights()])
    for tool in (occlusion, input_gradient, pixel_shifts):
        check(tool(model, np.zeros((6, 5), np.uint8)).plot())
