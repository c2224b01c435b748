"""Where the page goes: a file that reloads itself, or a server that its script asks for the current content."""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from markupsafe import Markup

from scratchcnn.atomic import atomic_write
from scratchcnn.callbacks.folders import expect_writable
from scratchcnn.callbacks.live_view.server import CONTENT, PAGE, LocalServer
from scratchcnn.page import Page, render

PACKAGE = "scratchcnn.callbacks.live_view"
IN_FILE = Page(PACKAGE, scripts=(), styles=("base", "live"))
SERVED = Page(PACKAGE, scripts=("live",), styles=("base", "live"), policy="; connect-src 'self'")
PLACE = "<!-- content -->"


class Outlet(Protocol):
    """Shows the page."""

    def show(self, content: str, is_finished: bool) -> None:
        """Replace the content; once training is finished, it stays as it is."""


class FileOutlet:
    """A file that the browser reloads every `seconds` until training is finished.

    Raises
    ------
    OSError
        The folder does not exist or is not writable.
    """

    def __init__(self, path: Path, title: str, seconds: float) -> None:
        self.path = Path(os.path.abspath(path))  # the program may change its folder
        expect_writable(os.fspath(self.path.parent), "the page")
        self._running = page_around(IN_FILE, title, reload=max(1, round(seconds)))
        self._finished = page_around(IN_FILE, title, reload=0)

    def show(self, content: str, is_finished: bool) -> None:
        """Replace the file at once, so that a browser never reads half a page."""
        before, after = self._finished if is_finished else self._running
        with atomic_write(self.path) as file:
            file.write((before + content + after).encode())


class ServerOutlet:
    """A server; it keeps serving the last content until it is closed or the process ends.

    Raises
    ------
    OSError
        The port is not free.
    """

    def __init__(self, port: int, seconds: float) -> None:
        self.server = LocalServer(port)
        self.seconds = seconds
        self.title = ""

    def show(self, content: str, is_finished: bool) -> None:
        """Replace what is served: to a browser that opens the page, and to those that have it open."""
        before, after = page_around(SERVED, self.title, milliseconds=max(200, round(1000 * self.seconds)))
        texts = {PAGE: before + content + after, CONTENT: content}
        self.server.texts = {path: text.encode() for path, text in texts.items()}


@cache
def page_around(page: Page, title: str, reload: int = 0, milliseconds: int = 0) -> tuple[str, str]:
    """Return what comes before and after the content of a page, which is rendered once."""
    whole = render(page, {}, title=title, reload=reload, milliseconds=milliseconds, content=Markup(PLACE))
    before, _, after = whole.partition(PLACE)
    return before, after


@cache
def notebook_style() -> str:
    """Return the style of the content, which affects nothing else in a notebook."""
    return files(PACKAGE).joinpath("style", "live.css").read_text("utf-8")
