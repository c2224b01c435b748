"""Figures that a notebook displays where they are returned: as a figure, as its axes, and as an animation.

They are not registered with pyplot, which would display them a second time at the end of the cell and keep them in
memory. Axes that belong to a figure of pyplot are left to pyplot.
"""

from __future__ import annotations

import base64
import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

CSS_PIXELS = 96  # in an inch
Bundle = tuple[dict[str, object], dict[str, object]]  # content and metadata by MIME type


class InlineFigure(Figure):
    """A figure that a notebook displays, also if pyplot was never imported; its axes are `InlineAxes`."""

    def add_axes(self, *args: Any, **kwargs: Any) -> Axes:
        """Add axes, of `InlineAxes` unless another class is given; see `matplotlib.figure.Figure`."""
        return super().add_axes(*args, **_of_inline_class(args, kwargs))

    def add_subplot(self, *args: Any, **kwargs: Any) -> Axes:
        """Add a subplot, of `InlineAxes` unless another class is given; see `matplotlib.figure.Figure`."""
        return super().add_subplot(*args, **_of_inline_class(args, kwargs))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        """Return what a notebook displays: a PNG in the size of the figure in inches, at any resolution."""
        content = io.BytesIO()
        self.savefig(content, format="png", dpi="figure")
        png = base64.b64encode(content.getvalue()).decode("ascii")
        width = round(CSS_PIXELS * float(self.get_size_inches()[0]))
        return {"image/png": png, "text/plain": repr(self)}, {"image/png": {"width": width}}


class InlineAxes(Axes):
    """Axes of an `InlineFigure`: a notebook displays the whole figure."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        return _bundle_of(self)


class AxesList(list[Axes]):
    """The axes of a figure; a notebook displays the whole figure, once."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        return _bundle_of(self[0]) if self else ({}, {})

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Write the text that a notebook saves with the figure; a list of all axes can have hundreds of lines."""
        printer.text(f"<{len(self)} axes>")


class Animation:
    """An animated GIF that a notebook displays.

    Attributes
    ----------
    content : bytes  the file
    """

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __repr__(self) -> str:
        return f"<Animation: a GIF of {len(self.content):,} bytes>"

    def _repr_html_(self) -> str:
        """Return an image that contains the file."""
        source = base64.b64encode(self.content).decode("ascii")
        return f'<img alt="animation" style="max-width: 100%" src="data:image/gif;base64,{source}">'


def _bundle_of(axes: Axes) -> Bundle:
    """Return the bundle of the figure of axes; only a text if pyplot, or the user, displays that figure."""
    figure = axes.figure.figure if axes.figure is not None else None
    if isinstance(figure, InlineFigure):
        return figure._repr_mimebundle_()
    return {"text/plain": repr(axes)}, {}


def _of_inline_class(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with the class of the axes, if new axes are made and no other class is asked for."""
    existing = bool(args) and isinstance(args[0], Axes)
    other = existing or kwargs.keys() & {"projection", "polar", "axes_class"}
    return kwargs if other else {**kwargs, "axes_class": InlineAxes}
