"""Makes a figure without a display, and writes one to a file, whole or not at all."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

KINDS = ("png", "jpg", "jpeg", "pdf", "svg")
DPI = 144.0
MOST_PIXELS = 30_000  # a side; Agg draws up to 65,535, but few viewers open that


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches, which belongs to the caller alone: pyplot does not know of it.

    A very large one gets fewer dots per inch, so that it can still be drawn.
    """
    figure = Figure(figsize=(width, height), dpi=min(DPI, MOST_PIXELS / max(width, height)), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(drawing: Axes | Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure, or the whole figure that axes belong to, to a picture file.

    Parameters
    ----------
    drawing : Axes or Figure
        What one of this package's functions returned, or any other of matplotlib's.
    path : str or path
        Its ending says the kind: .png, .jpg, .jpeg, .pdf or .svg. A file of that name is replaced, but only once the
        new one is whole.

    Raises
    ------
    TypeError
        Neither axes nor a figure, or no path.
    ValueError
        Another ending.
    OSError
        The folder is missing (FileNotFoundError), `path` is a folder (IsADirectoryError), or it cannot be written.
    """
    if not isinstance(drawing, Axes | Figure):
        raise TypeError(f"Expected an Axes or a Figure of matplotlib, received {drawing!r}; give one axes at a time.")
    target = check_path(path)
    figure = drawing if isinstance(drawing, Figure) else drawing.figure.figure  # twice: the first may be a SubFigure
    content = io.BytesIO()  # what goes wrong while drawing goes wrong here, before any file is touched
    figure.savefig(content, format=target.suffix[1:].lower(), dpi="figure")
    write_whole(target, path, content.getbuffer())


def write_whole(target: Path, path: str | os.PathLike[str], content: bytes | memoryview) -> None:
    """Write a file, named `path` in errors, so that it is never there in part."""
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        raise type(error)(
            f"Expected a picture file that can be written, received '{path}': {error.strerror}; choose another folder."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def check_path(path: str | os.PathLike[str], kinds: Sequence[str] = KINDS) -> Path:
    """`path` as the file that a picture of one of these kinds can be written to; raises as `save` does."""
    target = Path(os.path.realpath(os.path.expanduser(os.fspath(path))))
    if target.is_dir():
        raise IsADirectoryError(f"Expected a file for the picture, received the folder '{path}'; add a name to it.")
    if target.suffix[1:].lower() not in kinds:
        listed = ", ".join(f".{kind}" for kind in kinds)
        raise ValueError(
            f"Expected a picture file ending in {listed}, received '{path}'; use for example 'model.{kinds[0]}'."
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"Expected a file in a folder that exists, received '{path}'; make the folder '{target.parent}' first."
        )
    return target
