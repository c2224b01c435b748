"""Drawings on the laboratory's paper: strokes as people draw them, and a page that draws and prepares them."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from drawn_digits import GLYPHS, _curve

from scratchcnn.inspection.laboratory.writing import DRAWING, PAGE, PREPARING
from scratchcnn.page import read
from scratchcnn.preprocessing.segmentation import shape_network

SIDE, MARGIN = 336, 22  # as in strokes.js
Stroke = dict[str, Any]

# Draws strokes, and prepares their pixels; returns the picture as a PNG file, too.
PREPARE = """
    const pixels = pixelsOfStrokes(arguments[0]);
    const canvas = Object.assign(document.createElement('canvas'), { width: SIDE, height: SIDE });
    canvas.getContext('2d').putImageData(pixels, 0, 0);
    const result = { png: canvas.toDataURL('image/png').split(',')[1] };
    try {
        const { image, even } = prepare(pixels, arguments[1]);
        return { ...result, image: Array.from(image), even };
    } catch (error) {
        if (!(error instanceof NoDigit)) throw error;
        return { ...result, refusal: error.message };
    }
"""


def open_drawing(driver: Any) -> None:
    """Load an empty page, and define on it the functions that draw strokes and prepare pictures."""
    driver.get("about:blank")
    names = ["numbers", *(f"drawing/{name}" for name in (*PREPARING[:-1], DRAWING[0]))]
    text = "\n".join(read(PAGE, f"scripts/{name}.js") for name in names)
    network = {name: {"values": v.ravel().tolist(), "shape": v.shape} for name, v in shape_network().items()}
    published = "pixelsOfStrokes, prepare, NoDigit, SIDE"
    driver.execute_script(
        f"{text}\nshapeNetwork = {json.dumps(network)};\nObject.assign(globalThis, {{ {published} }});"
    )


def prepared(driver: Any, strokes: list[Stroke], dark: bool | None = True) -> dict[str, Any]:
    """Draw strokes, and return what the page made of them: 'png', and 'image' and 'even', or 'refusal'."""
    found = driver.execute_script(PREPARE, strokes, dark)
    return {**found, "png": base64.b64decode(found["png"])}


def written(
    glyph: str, rng: np.random.Generator, tall: float | None = None, thickness: float | None = None
) -> list[Stroke]:
    """Return the strokes of a digit, of a random size at a random place unless they are given."""
    tall = rng.uniform(70, 250) if tall is None else tall
    thickness = float(rng.choice([8, 12, 18, 24, 36])) if thickness is None else thickness
    curves = [_curve(stroke, rng) * tall / 14 for stroke in GLYPHS[glyph]]
    every = np.concatenate(curves)
    space = SIDE - 2 * MARGIN - thickness - np.ptp(every, axis=0)
    place = MARGIN + thickness / 2 + rng.uniform(0.2, 0.8, 2) * space - every.min(axis=0)
    return [stroke_of((curve + place)[::3], thickness) for curve in curves]


def stroke_of(points: Any, thickness: float = 24, erases: bool = False) -> Stroke:
    """Return a stroke through these points."""
    return {"points": np.asarray(points, float).tolist(), "thickness": thickness, "erases": erases}
