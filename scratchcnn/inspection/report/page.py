"""Renders the page: a single HTML file that contains its style, script and data, and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from scratchcnn.inspection.report.glossary import TERMS, key_of

SCRIPTS = (
    "elements", "arrays", "numbers", "colours", "geometry", "rounding", "forward", "backward", "described", "field",
    "sheet", "matrices", "ledger", "arithmetic", "explorer", "charts", "im2col", "main",
)  # fmt: skip
TEMPLATES = files("scratchcnn.inspection.report") / "templates"


def render(data: Mapping[str, Any], **context: object) -> str:
    """Return the HTML of the page.

    Parameters
    ----------
    data : mapping
        For the script; JSON-serializable.
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
    environment.globals.update(terms=TERMS, key_of=key_of)
    style, script = style_text(), script_text()
    return environment.get_template("page.html").render(
        data=data, style=Markup(style), script=Markup(script), policy=content_policy(style, script), **context
    )


def style_text() -> str:
    """Return the style sheet of the page."""
    return (TEMPLATES / "page.css").read_text("utf-8")


def script_text() -> str:
    """Return the script of the page: all its files, in one scope."""
    parts = [(TEMPLATES / "scripts" / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();\n"


def content_policy(style: str, script: str) -> str:
    """Return the content security policy: only this style, this script and embedded images; nothing is loaded."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
