"""Base class of results that print as text."""

from __future__ import annotations


class Printed:
    """A result whose `str` is a text of several lines; its `repr` is the first sentence, without the arrays.

    >>> class Found(Printed):
    ...     def __str__(self):
    ...         return "One error in 'conv2d'. It is large."
    >>> Found()
    <Found: One error in 'conv2d'; print it>
    """

    def __repr__(self) -> str:
        paragraph = " ".join(str(self).partition("\n\n")[0].split())
        return f"<{type(self).__name__}: {paragraph.partition('. ')[0].rstrip('.')}; print it>"
