"""Renders the page: a single HTML file that contains its style, script and data, and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

SCRIPTS = (
    "elements", "arrays", "numbers", "colours", "geometry", "rounding", "forward", "backward", "described", "field",
    "sheet", "matrices", "ledger", "arithmetic", "explorer", "charts", "im2col", "main",
)  # fmt: skip
TEMPLATES = files("scratchcnn.inspection.report") / "templates"
TERMS = {  # the glossary
    "activation": "An output value of a layer. Also short for activation function.",
    "activation function": "A function applied to each value z that a layer computes, such as ReLU or softmax.",
    "algorithm": "How the kernels computed this convolution; see scratchcnn/algorithms.py. All algorithms compute the "
    "same sums, in different orders.",
    "batch": "The images that are processed together in one training step.",
    "channel": "One of the values at each position of an image or of a layer's output: red, green and blue, or one "
    "feature map per channel.",
    "epoch": "One pass of the training through all training images.",
    "feature map": "The outputs of one filter at all positions: an image that shows where the filter responds.",
    "filter": "The weights of one output channel of a convolution. It slides over the image.",
    "FLOPs": "Floating-point operations: additions and multiplications.",
    "gradient": "The derivative of the loss with respect to (w.r.t.) a value: how fast the loss changes when the value "
    "grows. It is positive if the loss rises.",
    "gradient norm": "Length of the gradient as a vector: the square root of the sum of its squared elements.",
    "kernel": "The weights of a layer as an array. A convolution's kernel contains all its filters.",
    "learning rate": "Factor that determines how far a training step changes the weights.",
    "logit": "A value of the last layer before the softmax: the score of a class, any real number.",
    "loss": "A number that measures how wrong the prediction is. Training minimizes it.",
    "max |gradient|": "The largest magnitude in the gradient.",
    "mean": "Mean of the layer's output.",
    "memory": "Size of the layer's output.",
    "output shape": "height × width × channels, or the number of units.",
    "parameters": "Weights and biases: the values that training changes.",
    "receptive field": "The pixels on which a value depends.",
    "ReLU": "Rectified linear unit: max(z, 0). Positive values pass, negative ones become 0.",
    "softmax": "Turns logits into probabilities: exp(z) of each class, divided by the sum over all classes.",
    "sparsity": "Fraction of the values that are exactly 0.",
    "standard deviation": "Standard deviation of the layer's output.",
    "time": "Computing time for this one image.",
    "unit": "One output of a fully connected layer; also called a neuron.",
}


def render(data: Mapping[str, Any], **context: object) -> str:
    """Return the HTML of the page from JSON-serializable data for the script, and context for the template."""
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
    policy = (  # only this style, this script and embedded images; nothing is loaded
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    embedded = {"style": Markup(style), "script": Markup(script), "policy": policy}
    return environment.get_template("page.html").render(data=data, **embedded, **context)


def style_text() -> str:
    """Return the style sheet of the page."""
    return (TEMPLATES / "page.css").read_text("utf-8")


def script_text() -> str:
    """Return the script of the page: all its files, in one scope."""
    parts = [(TEMPLATES / "scripts" / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();\n"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def key_of(term: str) -> str:
    """Return a term as part of an HTML id.

    >>> key_of("max |gradient|")
    'max-gradient'
    """
    return re.sub(r"\W+", "-", term).strip("-")
