"""Runs cells in the kernel of a notebook, as Jupyter does, and returns their saved outputs."""

from __future__ import annotations

import re
from typing import Any

import nbformat
from nbclient import NotebookClient

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
ANSI = re.compile(r"\x1b")


def executed(cells: list[str], **options: Any) -> list[list[Any]]:
    """Execute cells one after the other in a new kernel, and return the outputs of each."""
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": KERNEL})
    NotebookClient(notebook, timeout=120, **options).execute()
    return [cell.outputs for cell in notebook.cells]


def texts(outputs: list[Any]) -> list[str]:
    """Return the lines of text that a cell displays: of its streams, and of its results without another form."""
    plain = [output.text if output.output_type == "stream" else output.data["text/plain"] for output in outputs]
    return "".join(text if text.endswith("\n") else f"{text}\n" for text in plain).splitlines()


def kinds(outputs: list[Any]) -> list[set[str]]:
    """Return the MIME types of each result, without the text that accompanies them."""
    return [set(output.data) - {"text/plain"} for output in outputs if output.output_type != "stream"]
