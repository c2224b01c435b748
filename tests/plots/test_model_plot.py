"""plot_model: one box for each layer, texts inside their boxes, no overlap, nothing cut off."""

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrow, PathPatch, Rectangle

import scratchcnn
from scratchcnn import Sequential
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from scratchcnn.plots import plot_model


def article_model() -> Sequential:
    return Sequential(
        [
            Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)),
            Conv2D(64, (3, 3), activation="relu"),
            MaxPooling2D((2, 2)),
            Dropout(0.25),
            Flatten(),
            Dense(128, activation="relu"),
            Dropout(0.5),
            Dense(10, activation="softmax"),
        ]
    )


def texts(axes) -> list[str]:
    return [patch.get_label() for patch in axes.get_children() if isinstance(patch, PathPatch)]


def boxes(axes, kind: type):
    return [
        patch.get_window_extent() for patch in axes.get_children() if type(patch) is kind and patch is not axes.patch
    ]


def inside(inner, outer, slack: float = 0.01) -> bool:
    return bool(np.all(inner.min >= outer.min - slack) and np.all(inner.max <= outer.max + slack))


def assert_legible(axes) -> None:
    """Check that every text is inside its own cell, that cells do not overlap, and that all are inside the figure."""
    axes.figure.canvas.draw()
    cells, letters = boxes(axes, Rectangle), boxes(axes, PathPatch)
    assert len(cells) == len(letters) > 0
    for cell, text in zip(cells, letters, strict=True):
        assert inside(text, cell)
        assert inside(cell, axes.get_window_extent())
    corners = np.array([cell.extents for cell in cells])
    left, right = corners[:, None], corners[None, :]
    shared = np.minimum(left[..., 2:], right[..., 2:]) - np.maximum(left[..., :2], right[..., :2])
    overlap = (shared > 0.01).all(axis=-1)
    assert np.array_equal(overlap, np.eye(len(cells), dtype=bool))
    assert inside(axes.get_window_extent(), axes.figure.bbox)


def test_article_model_with_shapes(tmp_path: Path):
    axes = plot_model(article_model(), to_file=tmp_path / "model.png", show_shapes=True, show_layer_names=True)
    shown = texts(axes)
    assert shown[0::5] == [
        "input (Input)",
        "conv2d (Conv2D)",
        "conv2d_1 (Conv2D)",
        "max_pooling2d (MaxPooling2D)",
        "dropout (Dropout)",
        "flatten (Flatten)",
        "dense (Dense)",
        "dropout_1 (Dropout)",
        "dense_1 (Dense)",
    ]
    assert set(shown[1::5]) == {"input:"}
    assert set(shown[2::5]) == {"output:"}
    assert shown[3::5][:3] == ["(None, 28, 28, 1)", "(None, 28, 28, 1)", "(None, 26, 26, 32)"]
    assert shown[4::5][:3] == ["(None, 28, 28, 1)", "(None, 26, 26, 32)", "(None, 24, 24, 64)"]
    assert shown[3::5][1:] == shown[4::5][:-1]
    assert shown[4::5][-1] == "(None, 10)"
    assert len(boxes(axes, FancyArrow)) == 8
    assert_legible(axes)
    picture = iio.imread(tmp_path / "model.png")[..., :3]
    assert picture.min() < 50
    assert picture.mean() > 200
    frame = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert frame.min() == 255  # nothing is cut off by the edges


def test_article_model_without_shapes_and_names():
    assert texts(plot_model(article_model(), to_file=None)) == [
        f"{layer.name} ({type(layer).__name__})" if layer else "input (Input)"
        for layer in (None, *article_model().layers)
    ]
    assert texts(plot_model(article_model(), to_file=None, show_layer_names=False)) == [
        type(layer).__name__ if layer else "Input" for layer in (None, *article_model().layers)
    ]


@pytest.mark.parametrize("show_shapes", [False, True])
@pytest.mark.parametrize("show_layer_names", [False, True])
@pytest.mark.parametrize("layers", [1, 8, 40])
@pytest.mark.parametrize("name", ["d", "a_rather_long_name_" * 6, "$x_1$ of 100% \\ & two\nlines"])
def test_boxes_and_texts_do_not_overlap(layers: int, name: str, show_shapes: bool, show_layer_names: bool):
    model = Sequential([Dense(3, input_shape=(2,), name=name), *(Dense(3) for _ in range(layers - 1))])
    axes = plot_model(model, to_file=None, show_shapes=show_shapes, show_layer_names=show_layer_names)
    assert len(boxes(axes, FancyArrow)) == layers
    assert_legible(axes)


def test_many_layers_can_be_saved(tmp_path: Path):
    model = Sequential([Dense(1, input_shape=(1,)), *(Dense(1) for _ in range(399))])
    plot_model(model, to_file=tmp_path / "deep.png", show_shapes=True)
    assert iio.imread(tmp_path / "deep.png").shape[0] <= 30_000


@pytest.mark.parametrize("size", [(1, 1), (8, 2), (2, 8)])
def test_given_axes_of_any_size(size: tuple):
    figure = Figure(figsize=size)
    mine = figure.subplots(1, 2)[0]
    assert plot_model(article_model(), to_file=None, show_shapes=True, ax=mine) is mine
    assert_legible(mine)


def test_default_file_is_model_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    scratchcnn.plot_model(article_model())
    assert [path.name for path in tmp_path.iterdir()] == ["model.png"]


def test_model_is_not_modified(tmp_path: Path):
    model = article_model()
    before = model.get_weights()
    plot_model(model, to_file=tmp_path / "a.svg")
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Sequential(), "received one without layers; add some"),
        (Sequential([Input((4,))]), "received one without layers; add some"),
        (Sequential([Dense(3)]), "does not know the shape of its input; give input_shape"),
    ],
)
def test_unbuilt_model_is_rejected(tmp_path: Path, model: Sequential, words: str):
    with pytest.raises(ValueError, match=words):
        plot_model(model, to_file=tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_invalid_model_is_rejected():
    with pytest.raises(TypeError, match=r"Expected a Sequential, received 'model\.png'"):
        plot_model("model.png")


def test_invalid_file_leaves_the_axes_unchanged(tmp_path: Path):
    mine = Figure().subplots()
    with pytest.raises(ValueError, match=r"ending in \.png, .*, received '.*\.bmp'; use"):
        plot_model(article_model(), to_file=tmp_path / "model.bmp", ax=mine)
    assert boxes(mine, Rectangle) == []


def test_parameter_counts():
    model = article_model()
    shown = texts(plot_model(model, to_file=None, show_params=True))
    counts = [0, *(layer.parameter_count for layer in model.layers)]
    assert shown[1::2] == [f"{count:,} parameters" for count in counts]
    assert sum(counts) == 1_199_882
    both = plot_model(model, to_file=None, show_shapes=True, show_params=True)
    assert_legible(both)
    assert texts(both)[5::6] == shown[1::2]
