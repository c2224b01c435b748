"""What the numbered lessons share: the option --output, the digits, paragraphs of text, and pictures in a row."""

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.datasets import mnist
from scratchcnn.plots import plot_digit, save
from scratchcnn.plots.picture import new_figure

WIDTH = 100  # columns of text


def command_line(description: str | None) -> argparse.ArgumentParser:
    """A parser with --output, to which a lesson may add options of its own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default="output", metavar="FOLDER",
                        help="folder for the pictures (default: %(default)s)")  # fmt: skip
    return parser


def read(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options; the folder for the pictures is there afterwards. A wrong value ends the program with a line."""
    options = parser.parse_args()
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --output: expected a folder, received '{options.output}' ({error.strerror})")
    return options


def load_digits(dtype: str = "float64") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The sample: images (N, 28, 28, 1) from 0 (paper) to 1 (ink) and labels (N,), to train with and to test with."""
    (x, y), (x_test, y_test) = mnist.load_sample()
    return tuple(((images[..., None] / 255).astype(dtype), labels) for images, labels in ((x, y), (x_test, y_test)))


def one_hot(labels: np.ndarray, dtype: str = "float64") -> np.ndarray:
    """Labels (N,) as rows (N, 10): a one at the right digit, else zeros."""
    return np.eye(10, dtype=dtype)[labels]


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of the rows (N, 10) whose largest number stands at the right label."""
    return float((scores.argmax(axis=1) == labels).mean())


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def tell(text: str) -> None:
    """Print a paragraph."""
    print(textwrap.fill(" ".join(text.split()), WIDTH, break_on_hyphens=False))


def keep(figure: Figure, path: Path) -> None:
    """Write a picture, and say where."""
    save(figure, path)
    print("Picture:", path)


def panels(columns: int, rows: int = 1, width: float = 2.3, height: float = 2.5, title: str = "") -> list[Axes]:
    """Axes of so many inches in rows under a title."""
    figure = new_figure(columns * width, rows * height + (0.4 if title else 0))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    figure.suptitle(title, fontsize=12)
    return list(figure.subplots(rows, columns, squeeze=False).flat)


def draw_image(ax: Axes, image: np.ndarray, title: str = "") -> None:
    """Dark ink on white."""
    plot_digit(image, ax=ax)
    ax.set_title(title, fontsize=9)


def draw_signed(axes: Sequence[Axes], maps: Sequence[np.ndarray], titles: Sequence[str], label: str) -> None:
    """Maps (H, W) in one scale of colours beside them: red above zero, blue below, white is zero."""
    limit = max(float(np.abs(each).max()) for each in maps) or 1.0
    for ax, each, title in zip(axes, maps, titles, strict=True):
        drawn = ax.imshow(each, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=9)
    axes[0].figure.colorbar(drawn, ax=list(axes), label=label, fraction=0.05)
