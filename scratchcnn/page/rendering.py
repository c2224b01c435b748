"""Renders a page: a single HTML file that contains its style, scripts and data, and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

PACKAGE = "scratchcnn.page"
POLICY = (  # only this style, this script and embedded images; nothing is loaded
    "default-src 'none'; img-src data:; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"
)


class Page(NamedTuple):
    """The files of a page, in the package that writes it.

    A name that the package does not have in `scripts/` or `style/` is one of the shared files of this package.
    """

    package: str  # it has the folders templates, scripts and style
    scripts: Sequence[str]  # names without '.js', in their order
    styles: Sequence[str]  # names without '.css', in their order
    policy: str = ""  # further directives of the content security policy


def render(page: Page, data: Mapping[str, Any], **context: object) -> str:
    """Return the HTML of a page from JSON-serializable data for its script, and context for its template."""
    try:
        from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise ImportError("A page of scratchcnn needs Jinja2; python -m pip install jinja2") from error
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(page.package), PackageLoader(PACKAGE)]),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    style, script = style_text(page), script_text(page)
    policy = POLICY.format(style=_hash(style), script=_hash(script)) + page.policy
    embedded = {"style": Markup(style), "script": Markup(script), "policy": policy}
    return environment.get_template("page.html").render(data=data, **embedded, **context)


def script_text(page: Page) -> str:
    """Return the script of a page: all its files, in one scope."""
    scripts = [read(page, f"scripts/{name}.js") for name in page.scripts]
    return '"use strict";\n(() => {\n' + "\n".join(scripts) + "\n})();\n"


def style_text(page: Page) -> str:
    """Return the style sheets of a page, one after the other."""
    return "\n".join(read(page, f"style/{name}.css") for name in page.styles)


def read(page: Page, name: str) -> str:
    """Return the text of a file of the page's package, or of the shared one of that name."""
    own, shared = _file(page.package, name), _file(PACKAGE, name)
    return (own if own.is_file() else shared).read_text("utf-8")


def _file(package: str, name: str) -> Traversable:
    return files(package).joinpath(*name.split("/"))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
