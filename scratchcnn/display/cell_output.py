"""The output of a notebook's cell that is replaced while the cell runs: a progress bar, a line, HTML."""

from __future__ import annotations

import sys
import warnings
from typing import Any

BAR = "{n_fmt}/{total_fmt} |{bar:20}| {remaining} left{postfix}"


def is_available() -> bool:
    """Whether the standard output is a cell of a notebook, or another client of a Jupyter kernel."""
    return type(sys.stdout).__module__ == "ipykernel.iostream"


class CellOutput:
    """One output of a cell that is replaced again and again, so that a saved notebook contains only the last content.

    A bar that is printed would leave each of its states in a notebook that is executed and saved by nbconvert.
    """

    def __init__(self) -> None:
        self._handle: Any = None

    def bar(self, steps: int | None, done: int) -> Any:
        """Return tqdm's bar: the widget if ipywidgets is installed, otherwise text."""
        from tqdm import TqdmWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TqdmWarning)  # recommends ipywidgets if it is not installed
            from tqdm.auto import tqdm
        from tqdm.notebook import tqdm_notebook

        if issubclass(tqdm, tqdm_notebook):
            bar = tqdm(total=steps, bar_format=BAR.replace(":20", ""), initial=done, display=False)
            self._display(bar.container)
            return bar
        return tqdm(total=steps, file=self, bar_format=BAR, initial=done, ascii=False)

    def write(self, text: str) -> None:
        """Show a state of a text bar, which is a carriage return, the bar, and spaces over the previous state."""
        if text.strip():
            self.show(text.strip())

    def flush(self) -> None:
        """Do nothing: every state is sent at once."""

    def show(self, line: str) -> None:
        """Replace the content by a line."""
        self._display({"text/plain": line}, raw=True)

    def show_html(self, html: str, line: str) -> None:
        """Replace the content by HTML; a client that cannot display it shows the line."""
        self._display({"text/html": html, "text/plain": line}, raw=True)

    def _display(self, content: object, raw: bool = False) -> None:
        if self._handle is None:
            from IPython.display import display

            self._handle = display(content, raw=raw, display_id=True)
        else:
            self._handle.update(content, raw=raw)
