"""Figure and animation of im2col: all values in their place, legible; an error if they do not fit."""

import itertools

import imageio.v3 as imageio
import numpy as np
import pytest
from legible import assert_legible

from scratchcnn.inspection import show_im2col
from scratchcnn.inspection.im2col.boards_figure import backward_board, forward_board
from scratchcnn.inspection.im2col.grid_figure import NumberFormat, cell_axes
from scratchcnn.layers import Conv2D


def random_story(size, channels, *arguments, whole=False, **options):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (*size, channels)) if whole else rng.normal(size=(*size, channels))
    return show_im2col(image, Conv2D(*arguments, **options))


def constant(value):
    return lambda shape, rng, dtype: np.full(shape, value, dtype)


STORIES = {
    "4 x 4 with 3 x 3": lambda: random_story((4, 4), 1, 1, 3, whole=True),
    "5 x 5, stride 2, same": lambda: random_story((5, 5), 1, 1, 3, 2, "same", activation="relu"),
    "2 channels, 2 filters": lambda: random_story((4, 4), 2, 2, 3),
    "dilation 2": lambda: random_story((7, 7), 1, 1, 3, dilation_rate=2),
    "not square": lambda: random_story((3, 6), 3, 4, (1, 2), (2, 3), "same", activation="softmax", use_bias=False),
    "one pixel": lambda: random_story((1, 1), 1, 1, 1),
    "two columns": lambda: random_story((2, 5), 1, 8, (1, 2), activation="relu"),
    "many channels": lambda: random_story((1, 2), 6, 1, (1, 2), padding="same"),
    "a row of patches": lambda: random_story((1, 27), 1, 2, (1, 3)),
    "tiny numbers": lambda: show_im2col(np.eye(3) * 1e-7, Conv2D(2, 2)),
    "tiny biases": lambda: show_im2col(np.eye(3), Conv2D(2, 2, bias_initializer=constant(2e-7))),
    "the most that fits": lambda: random_story((7, 7), 3, 8, 3, whole=True),
}


def grids(board, title):
    """Return the grids of a board whose titles begin with that."""
    return [grid for grid, _, _ in board.grids if grid.title.startswith(title)]


def drawn(grid):
    """Draw a grid at (4, 3); return the texts in its cells, and left, top, width and height of its frames."""
    rows, columns = grid.values.shape
    ax = cell_axes(columns + 5, rows + 5)
    grid.draw(ax, 4, 3)
    texts = np.full(grid.values.shape, "", object)
    for text in ax.texts:
        x, y = np.subtract(text.get_position(), (4.5, 3.52))
        if x == int(x) >= 0 and abs(y - round(y)) < 1e-9:
            texts[round(y), int(x)] = text.get_text()
    boxes = [(f.get_x() - 4, f.get_y() - 3, f.get_width(), f.get_height()) for f in ax.patches]
    return texts, boxes


def formatted(values):
    form = NumberFormat.of(values)
    return [[form.text(number) for number in row] for row in values]


@pytest.mark.parametrize("name", STORIES)
def test_figure_is_legible(name):
    assert_legible(STORIES[name]().plot().axes[0])


def test_forward_board_fills_rows_one_by_one():
    story = STORIES["2 channels, 2 filters"]()
    board = forward_board(story, 2, 3)
    ((matrix, frames),) = map(drawn, grids(board, "matrix"))
    np.testing.assert_array_equal(matrix[:3], formatted(story.matrix)[:3])
    assert (matrix[3] == "").all()
    assert frames == [(0, 2, 18, 1)]
    ((kernel, frames),) = map(drawn, grids(board, "× kernel matrix"))
    np.testing.assert_array_equal(kernel, formatted(story.kernel_matrix))
    assert frames == [(0, 0, 2, 18)]
    ((product, frames),) = map(drawn, grids(board, "= product"))
    np.testing.assert_array_equal(product[:3], formatted(story.product)[:3])
    assert (product[3] == "").all()
    assert frames == [(0, 2, 2, 1)]
    form = NumberFormat.of(story.product)
    assert len(grids(board, "output")) == 2
    for filter_number, (output, frames) in enumerate(map(drawn, grids(board, "output"))):
        assert output[1].tolist() == [form.text(story.output[1, 0, filter_number]), ""]
        assert frames == [(0, 1, 1, 1)]
    form = NumberFormat.of(story.image)
    assert len(grids(board, "image")) == 2
    for channel, (image, frames) in enumerate(map(drawn, grids(board, "image"))):
        assert frames == [(0, 1, 3, 3)]  # output (1, 0)
        expected = [[form.text(number) for number in row] for row in story.image[..., channel]]
        np.testing.assert_array_equal(image, expected)
    board = forward_board(story, None, 4)
    assert not any(drawn(grid)[1] for grid, _, _ in board.grids)
    np.testing.assert_array_equal(drawn(grids(board, "matrix")[0])[0], formatted(story.matrix))


def test_backward_board_adds_rows_one_by_one():
    story = STORIES["5 x 5, stride 2, same"]()
    board = backward_board(story, 1, 2)
    ((counts, of_counts),) = map(drawn, grids(board, "number of"))
    assert counts.shape == (7, 7)
    assert (counts[0] == "").all()  # padding
    np.testing.assert_array_equal(counts[1:3, 1:6], [["1", "2", "1", "1", ""]] * 2)
    assert (counts[3:] == "").all()
    (image,) = grids(board, "gradient w.r.t.\nthe image")
    written, of_image = drawn(image)
    assert of_counts == of_image == [(2, 0, 3, 3)]
    assert written[1, 2] == image.form.text(story.scattered(2)[0][0, 1, 0])
    board = backward_board(story, None, 9)
    final = [[image.form.text(number) for number in row] for row in story.image_gradient[..., 0]]
    written, frames = drawn(grids(board, "gradient w.r.t.\nthe image")[0])
    np.testing.assert_array_equal(written[1:6, 1:6], final)
    assert frames == []
    counts, _ = drawn(grids(board, "number of")[0])
    np.testing.assert_array_equal(counts[1:6, 1:6], story.overlaps.astype(str))


def test_pixel_in_no_patch_is_zero_at_the_end():
    story = random_story((1, 3), 1, 1, 1, (1, 2))
    for done, expected in ((1, ["1", "", ""]), (2, ["1", "0", "1"])):
        (counts,) = grids(backward_board(story, done - 1, done), "number of")
        assert drawn(counts)[0].tolist() == [expected]


def test_dilated_patch_is_framed_pixel_by_pixel():
    (image,) = grids(forward_board(STORIES["dilation 2"](), 4, 9), "image")
    assert drawn(image)[1] == [(x, y, 1, 1) for y in (1, 3, 5) for x in (1, 3, 5)]


def test_grid_is_grey_where_there_is_padding_and_white_where_nothing_is_computed():
    story = STORIES["5 x 5, stride 2, same"]()
    (grid,) = grids(forward_board(story, None, 1), "matrix")
    ax = cell_axes(20, 20)
    grid.draw(ax, 0, 0)
    colours = ax.images[0].get_array()
    grey = (colours == 0.9).all(axis=-1)
    np.testing.assert_array_equal(grey[0], story.sources[0] < 0)
    assert not grey[1:].any()
    assert (colours[1:] == 1).all()


def test_number_format_of_cells():
    assert NumberFormat.of([0.123456, -0.5]).text(-0.5) == "-0.50"
    assert NumberFormat.of([3.0, -12.0]).text(-12.0) == "-12"
    assert NumberFormat.of([0.0, 123.456]).text(123.456) == "123.5"
    scaled = NumberFormat.of([2.5e-7, -1e-7])
    assert (scaled.text(2.5e-7), scaled.text(-1e-7), scaled.unit) == ("2.50", "-1.00", " [$10^{-7}$]")
    assert NumberFormat.of([-1e-9, 1.0]).text(-1e-9) == "0.000"
    assert NumberFormat.of(np.zeros(3)).text(0.0) == "0"


def test_power_of_ten_is_written_at_every_scaled_grid():
    for name in ("tiny numbers", "tiny biases"):
        story = STORIES[name]()
        rows = len(story.matrix)
        for board in (forward_board(story, None, rows), backward_board(story, None, rows)):
            for grid, _, _ in board.grids:
                names = " ".join([grid.title, *grid.rows])
                assert (f"[$10^{{{grid.form.exponent}}}$]" in names) == (grid.form.exponent != 0)


def test_wrong_row_or_file(tmp_path):
    story = STORIES["4 x 4 with 3 x 3"]()
    for row in (4, -1, 1.5, True):
        with pytest.raises(ValueError, match=f"Expected row as a whole number from 0 to 3, received {row}"):
            story.plot(row=row)
    with pytest.raises(ValueError, match=r"ending in .png, .*received"):
        story.plot(tmp_path / "story.gif")
    with pytest.raises(ValueError, match=r"ending in .gif, received .*; use for example 'model.gif'"):
        story.animate(tmp_path / "story.png")
    with pytest.raises(FileNotFoundError, match="create the folder"):
        story.animate(tmp_path / "missing" / "story.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["4 x 4 with 3 x 3", "not square"])
def test_animation_has_one_frame_per_patch_in_each_pass(tmp_path, name):
    story = STORIES[name]()
    path = tmp_path / "im2col.gif"
    story.animate(path)
    assert path.stat().st_size < 2_000_000
    rows = len(story.matrix)
    frames = imageio.imread(path, index=None)
    assert len(frames) == 2 * (rows + 2)
    assert max(frames.shape[1:3]) <= 1400
    changes = [np.mean(one != other) for one, other in itertools.pairwise(frames)]
    assert min(changes) > 0
    with imageio.imopen(path, "r") as file:
        shown = [file.metadata(index=number)["duration"] for number in range(len(frames))]
        assert file.metadata(index=0)["loop"] == 0  # for ever
    half = [4000, *[600] * rows, 4000]
    assert shown == half * 2
    assert list(tmp_path.iterdir()) == [path]
    white, red = np.array([255, 255, 255]), np.array([208, 0, 48])
    assert (frames[0][0, 0, :3] == white).all()
    framed = [(frame[..., :3] == red).all(axis=-1).sum() for frame in frames]
    assert framed[1] > framed[0] + 500
    assert framed[rows + 1] == framed[0]


def test_frames_of_an_animation_have_a_common_palette(tmp_path):
    STORIES["2 channels, 2 filters"]().animate(tmp_path / "im2col.gif")
    frames = imageio.imread(tmp_path / "im2col.gif", index=None)
    assert len(np.unique(frames[..., :3] @ np.array([1, 256, 256**2]))) <= 256


@pytest.mark.parametrize(
    ("size", "channels", "filters", "received"),
    [
        ((28, 28), 1, 1, "received 676 patches, 9 columns and 1 filters; crop the image of 28 × 28 × 1"),
        ((4, 4), 4, 1, "received 4 patches, 36 columns"),
        ((4, 4), 1, 9, "received 4 patches, 9 columns and 9 filters"),
        ((3, 30), 1, 1, "crop the image of 3 × 30 × 1, for example image\\[:6, :6\\]"),
    ],
)
def test_values_that_do_not_fit_are_an_error(tmp_path, size, channels, filters, received):
    story = random_story(size, channels, filters, 3)
    for draw in (story.plot, story.animate):
        with pytest.raises(ValueError, match=rf"at most 25 patches, 27 matrix columns and 8 filters.*{received}"):
            draw(tmp_path / "im2col.gif")
    assert list(tmp_path.iterdir()) == []


def test_animation_of_a_large_matrix_is_an_error(tmp_path):
    story = STORIES["the most that fits"]()
    with pytest.raises(ValueError, match=r"at most 450 elements for an animation, received 25 × 27; crop the image"):
        story.animate(tmp_path / "im2col.gif")
    assert list(tmp_path.iterdir()) == []
