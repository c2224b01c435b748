"""Helpers of the numbered lessons: the --output option, the digits, printed text, and figures with several panels."""

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

WIDTH = 100  # characters per line of text


def command_line(description: str | None) -> argparse.ArgumentParser:
    """A parser with the option --output; lessons may add their own options."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default="output", metavar="FOLDER",
                        help="folder for the figures (default: %(default)s)")  # fmt: skip
    return parser


def read(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the options and create the output folder; a wrong value ends the program with an error message."""
    options = parser.parse_args()
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --output: expected a folder, received '{options.output}' ({error.strerror})")
    return options


def load_digits(dtype: str = "float64") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Training and test set: images (N, 28, 28, 1) from 0 (paper) to 1 (ink), and labels (N,)."""
    (x, y), (x_test, y_test) = mnist.load_sample()
    return tuple(((images[..., None] / 255).astype(dtype), labels) for images, labels in ((x, y), (x_test, y_test)))


def one_hot(labels: np.ndarray, dtype: str = "float64") -> np.ndarray:
    """One-hot encoding (N, 10) of labels (N,): 1 at the label, 0 elsewhere."""
    return np.eye(10, dtype=dtype)[labels]


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of the rows (N, 10) whose maximum is at the label."""
    return float((outputs.argmax(axis=1) == labels).mean())


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def tell(text: str) -> None:
    """Print paragraphs, each after a blank line."""
    for paragraph in text.split("\n\n"):
        print("\n" + textwrap.fill(" ".join(paragraph.split()), WIDTH, break_on_hyphens=False))


def keep(figure: Figure, path: Path) -> None:
    """Save a figure and print its path."""
    save(figure, path)
    print("Figure:", path)


def panels(columns: int, rows: int = 1, width: float = 2.3, height: float = 2.5, title: str = "") -> list[Axes]:
    """Axes in rows and columns below a title; width and height of a panel in inches."""
    figure = new_figure(columns * width, rows * height + (0.4 if title else 0))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    figure.suptitle(title, fontsize=12)
    return list(figure.subplots(rows, columns, squeeze=False).flat)


def draw_image(ax: Axes, image: np.ndarray, title: str = "") -> None:
    """Draw an image with dark ink on white paper."""
    plot_digit(image, ax=ax)
    ax.set_title(title, fontsize=9)


def draw_signed(axes: Sequence[Axes], maps: Sequence[np.ndarray], titles: Sequence[str], label: str) -> None:
    """Draw maps (H, W) with a common colour bar: positive values red, negative values blue, zero white."""
    limit = max(float(np.abs(each).max()) for each in maps) or 1.0
    for ax, each, title in zip(axes, maps, titles, strict=True):
        drawn = ax.imshow(each, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=9)
    axes[0].figure.colorbar(drawn, ax=list(axes), label=label, fraction=0.05)
