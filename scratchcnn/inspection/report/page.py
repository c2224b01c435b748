"""Puts a page together: one file with its style, its script and its data inside, which loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

SCRIPTS = (
    "elements", "arrays", "numbers", "colours", "geometry", "sums", "forward", "backward", "field", "sheet",
    "matrices", "ledger", "arithmetic", "explorer", "charts", "im2col", "main",
)  # fmt: skip
TEMPLATES = files("scratchcnn.inspection.report") / "templates"


def render(data: Mapping[str, Any], **context: object) -> str:
    """The page's HTML.

    Parameters
    ----------
    data : mapping
        For the script; what JSON can hold.
    context
        For the template.

    Raises
    ------
    ImportError
        Jinja2 is not installed.
    """
    try:
        from jinja2 import DictLoader, Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise ImportError("write_report needs Jinja2; python -m pip install jinja2") from error
    templates = {entry.name: entry.read_text("utf-8") for entry in TEMPLATES.iterdir() if entry.name.endswith(".html")}
    environment = Environment(
        loader=DictLoader(templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style, script = style_text(), script_text()
    return environment.get_template("page.html").render(
        data=data, style=Markup(style), script=Markup(script), policy=content_policy(style, script), **context
    )


def style_text() -> str:
    """The page's style sheet."""
    return (TEMPLATES / "page.css").read_text("utf-8")


def script_text() -> str:
    """The page's script: its files one after the other, in a scope of their own."""
    parts = [(TEMPLATES / "scripts" / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();\n"


def content_policy(style: str, script: str) -> str:
    """What the browser lets the page do: this style, this script, pictures that stand in it; nothing from elsewhere."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
