"""Renders the page: a single HTML file that contains its style, script and data, and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

SCRIPTS = (
    "elements", "arrays", "numbers", "colours", "geometry", "rounding", "forward", "backward", "described", "field",
    "sheet", "matrices", "ledger", "arithmetic", "explorer", "charts", "im2col", "main",
)  # fmt: skip
TEMPLATES = files("scratchcnn.inspection.report") / "templates"


def render(data: Mapping[str, Any], **context: object) -> str:
    """Return the HTML of the page from JSON-serializable data for the script, and context for the template."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise ImportError("write_report needs Jinja2; python -m pip install jinja2") from error
    loader = PackageLoader("scratchcnn.inspection.report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style, script = (TEMPLATES / "page.css").read_text("utf-8"), script_text()
    policy = (  # only this style, this script and embedded images; nothing is loaded
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    embedded = {"style": Markup(style), "script": Markup(script), "policy": policy}
    return environment.get_template("page.html").render(data=data, **embedded, **context)


def script_text() -> str:
    """Return the script of the page: all its files, in one scope."""
    parts = [(TEMPLATES / "scripts" / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();\n"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
