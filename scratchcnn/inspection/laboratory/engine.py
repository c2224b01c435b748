"""The text of the engine: the JavaScript that computes and trains networks in the browser."""

from __future__ import annotations

from importlib.resources import files

SCRIPTS = files("scratchcnn.inspection.laboratory") / "scripts" / "engine"
ENGINE = (
    "decoding", "random", "products", "windows", "convolution", "pooling", "activations", "normalization", "dropout",
    "shaping", "steps", "network", "losses", "optimizers", "augmentation", "training", "played_step", "design",
    "attribution", "requests", "worker",
)  # fmt: skip


def engine_text() -> str:
    """Return the text of the worker: all files of the engine, in one scope."""
    return '"use strict";\n' + "\n".join((SCRIPTS / f"{name}.js").read_text("utf-8") for name in ENGINE)
