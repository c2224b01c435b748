"""Base class of results that are printed in a terminal and displayed in a notebook."""

from __future__ import annotations

from collections.abc import Iterable

from scratchcnn.display.blocks import Block, html_of, text_of


class Displayed:
    """A result that consists of blocks: its `str` is their text, and a notebook displays them as HTML.

    Its `repr` is the first sentence of the text.

    >>> from scratchcnn.display.blocks import Title
    >>> class Found(Displayed):
    ...     def blocks(self):
    ...         return [Title("One error in 'conv2d'. It is large.")]
    >>> Found()
    <Found: One error in 'conv2d'; print it>
    """

    def blocks(self) -> Iterable[Block]:
        """Return the parts of the result in the order in which they are displayed."""
        raise NotImplementedError(f"{type(self).__name__} does not define blocks()")

    def __str__(self) -> str:
        return text_of(self.blocks())

    def __repr__(self) -> str:
        paragraph = " ".join(str(self).partition("\n\n")[0].split())
        return f"<{type(self).__name__}: {paragraph.partition('. ')[0].rstrip('.')}; print it>"

    def _repr_html_(self) -> str:
        """Return what a notebook displays."""
        return html_of(self.blocks())
