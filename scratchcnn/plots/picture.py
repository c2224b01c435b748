"""Create figures without a display, and write them to files atomically."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scratchcnn.names import names_arguments
from scratchcnn.plots.inline import AxesList, InlineFigure

KINDS = ("png", "jpg", "jpeg", "pdf", "svg")
DPI = 144.0
MOST_PIXELS = 30_000  # a side; Agg draws up to 65,535, but few viewers open that

Drawing = TypeVar("Drawing", Axes, Figure)


def new_figure(width: float, height: float) -> Figure:
    """Create an empty figure of the given inches, which a notebook displays and which is not registered with pyplot.

    The resolution of very large figures is reduced, so that they can be drawn.
    """
    figure = InlineFigure(figsize=(width, height), dpi=min(DPI, MOST_PIXELS / max(width, height)), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """Create a `new_figure` with a single pair of axes, arranged so that titles and labels fit."""
    figure = new_figure(width, height)
    figure.set_layout_engine("constrained")
    return figure, figure.subplots()


def panels(count: int, width: float = 6.6, height: float = 3.8, columns: int | None = None) -> tuple[Figure, AxesList]:
    """Create a `new_figure` with at least `count` axes of the given inches, in rows of `columns` (default: one row)."""
    columns = columns or count
    rows = -(-count // columns)
    figure = new_figure(width * columns, height * rows)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    return figure, AxesList(figure.subplots(rows, columns, squeeze=False).flat)


@names_arguments
def save(drawing: Axes | Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure, or the whole figure that axes belong to, to an image file.

    Parameters
    ----------
    drawing : Axes or Figure
        Returned by a function of this package, or any other of matplotlib.
    path : str or path
        Its extension determines the format: .png, .jpg, .jpeg, .pdf or .svg. An existing file is replaced when the new
        one is complete.

    Raises
    ------
    TypeError
        `drawing` is neither axes nor a figure, or `path` is not a path.
    ValueError
        The extension is unknown.
    OSError
        The folder is missing (FileNotFoundError), `path` is a folder (IsADirectoryError), or it cannot be written.
    """
    if not isinstance(drawing, Axes | Figure):
        raise TypeError(f"Expected an Axes or a Figure of matplotlib, received {drawing!r}; give one axes at a time.")
    target = check_path(path)
    figure = drawing if isinstance(drawing, Figure) else drawing.figure.figure  # twice: the first may be a SubFigure
    content = io.BytesIO()  # errors while drawing occur before the file is modified
    figure.savefig(content, format=target.suffix[1:].lower(), dpi="figure")
    write_whole(target, path, content.getbuffer())


def finish(drawing: Drawing, to_file: str | os.PathLike[str] | None) -> Drawing:
    """Write a figure, or the figure of axes, to a file if one is given, as `save`; return what was given."""
    if to_file is not None:
        save(drawing, to_file)
    return drawing


def write_whole(target: Path, path: str | os.PathLike[str], content: bytes | memoryview) -> None:
    """Write a file atomically: it is never incomplete. `path` is its name in error messages."""
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        raise type(error)(
            f"Expected a writable image file, received '{path}': {error.strerror}; choose another folder."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def check_file(to_file: str | os.PathLike[str] | None) -> None:
    """Raise the errors of `save` for a path that cannot be written, if one is given; before anything is drawn."""
    if to_file is not None:
        check_path(to_file)


def check_path(path: str | os.PathLike[str], kinds: Sequence[str] = KINDS) -> Path:
    """Return `path` as a file to which an image of one of these formats can be written; errors as `save`."""
    target = Path(os.path.realpath(os.path.expanduser(os.fspath(path))))
    if target.is_dir():
        raise IsADirectoryError(f"Expected a file for the image, received the folder '{path}'; add a file name.")
    if target.suffix[1:].lower() not in kinds:
        listed = ", ".join(f".{kind}" for kind in kinds)
        raise ValueError(
            f"Expected an image file ending in {listed}, received '{path}'; use for example 'model.{kinds[0]}'."
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"Expected a file in a folder that exists, received '{path}'; create the folder '{target.parent}' first."
        )
    return target
