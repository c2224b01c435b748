"""The HTML of a training as it is now: progress, learning curves, predictions and filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from scratchcnn.callbacks.live_view.chart import Curve, chart
from scratchcnn.callbacks.live_view.pictures import pictures_of_filters
from scratchcnn.callbacks.live_view.predictions import Prediction
from scratchcnn.descriptions.words import plural
from scratchcnn.layers import Conv2D
from scratchcnn.operands import Array
from scratchcnn.training.model import Model
from scratchcnn.training.progress import value_text

Values = dict[str, float]

MOST_FILTERS = 64
SHORT = 6  # letters of the predicted and of the right class that fit into a narrow card


@dataclass
class Filters:
    """The first convolution: its name, and its kernel (KH, KW, C, F) now and at the start of training."""

    name: str
    now: Array
    start: Array


@dataclass
class State:
    """All that the page shows.

    `epochs` has the values of each epoch, counted from 0; `running` the running means within the current one, with the
    epochs trained until then, a fraction. `predicted_after` counts epochs; 0: before training.
    """

    model: str
    total: int  # epochs
    steps: int | None  # batches per epoch
    epoch: int  # the current one, counted from 0
    batch: int = 0  # batches completed in it
    epochs: list[tuple[int, Values]] = field(default_factory=list)
    running: list[tuple[float, Values]] = field(default_factory=list)
    is_finished: bool = False
    time: str = ""  # of the last update
    filters: Filters | None = None
    images: list[str | None] = field(default_factory=list)  # data URLs
    predictions: list[Prediction] = field(default_factory=list)
    predicted_after: int = 0


def filters_of(model: Model, start: Array | None = None) -> Filters | None:
    """Return the filters of the first convolution, if there is one; by default, training starts with those of now."""
    for name, layer in zip(model.leaf_names, model.leaf_layers, strict=True):
        if isinstance(layer, Conv2D):
            kernel = layer.params["kernel"].copy()
            return Filters(name, kernel, kernel if start is None else start)
    return None


def content(state: State) -> str:
    """Return the HTML of everything that changes, which also fits into the output of a notebook's cell."""
    return "".join([_head(state), _facts(state), _curves(state), _predictions(state), _filters(state)])


def summary(state: State) -> str:
    """Return the progress as one sentence.

    >>> summary(State("m", total=5, steps=8, epoch=1, batch=2))
    'Epoch 2 of 5, batch 2 of 8'
    """
    if state.is_finished:
        return f"Finished after {plural(len(state.epochs), 'epoch')}"
    batches = f"batch {state.batch}" + (f" of {state.steps}" if state.steps else "")
    return f"Epoch {state.epoch + 1} of {state.total}, {batches}"


def _head(state: State) -> str:
    part = state.batch / state.steps if state.steps else 0.0  # of the current epoch
    done = 1.0 if state.is_finished else (state.epoch + part) / state.total
    time = f'<span class="live-quiet live-whole">updated {state.time}</span>'
    return (
        f"<h1>Training of {escape(state.model)}</h1><p><strong>{summary(state)}</strong> {time}</p>"
        f'<progress aria-label="Progress of the training" value="{done:.3f}"></progress>'
    )


def _facts(state: State) -> str:
    """Return the latest values: the means of the current epoch so far, and what only the end of an epoch gives."""
    values = {name: value for _, row in state.epochs[-1:] + state.running[-1:] for name, value in row.items()}
    pairs = [f"<div><dt>{_words(name)}</dt><dd>{value_text(value)}</dd></div>" for name, value in values.items()]
    return f'<dl class="live-facts" aria-label="Latest values">{"".join(pairs)}</dl>' if pairs else ""


def _curves(state: State) -> str:
    """Return a chart for the loss and for each metric, with the values of the training and of the validation."""
    names = dict.fromkeys(name.removeprefix("val_") for _, values in state.epochs + state.running for name in values)
    first = state.epochs[0][0] if state.epochs else state.epoch
    last = max([epoch + 1 for epoch, _ in state.epochs] + [state.epoch + (not state.is_finished)])
    charts, kinds = [], set()
    for name in names:
        curves = [
            Curve("training", _points(state.epochs, name, 1)),
            Curve("validation", _points(state.epochs, f"val_{name}", 1)),
            Curve("running", _points(state.running, name, 0)),
        ]
        kinds |= {curve.name for curve in curves if curve.points}
        drawn = chart(name, curves, first, max(last, first + 1))
        charts.append(f"<figure><figcaption>{_words(name)}</figcaption>{drawn}</figure>")
    words = {"training": "training", "validation": "validation", "running": "mean of the current epoch so far"}
    key = [f'<li class="live-key-{kind}">{text}</li>' for kind, text in words.items() if kind in kinds]
    inner = f'<div class="live-charts">{"".join(charts)}</div><ul class="live-key">{"".join(key)}</ul>'
    return _section("Learning curves", inner) if charts else ""


def _points(rows: Sequence[tuple[float, Values]], name: str, shift: int) -> list[tuple[float, float]]:
    """Return (epochs trained, value) for the rows that have a value."""
    return [(epoch + shift, values[name]) for epoch, values in rows if name in values]


def _predictions(state: State) -> str:
    if not state.predictions:
        return ""
    after = f"after {plural(state.predicted_after, 'epoch')}" if state.predicted_after else "before training"
    right = [prediction.is_right for prediction in state.predictions]
    counted = "" if None in right else f": {sum(map(bool, right))} of {len(right)} right"
    cards = [_card(*pair) for pair in zip(state.images, state.predictions, strict=True)]
    long = any(len(prediction.predicted + prediction.right) > SHORT for prediction in state.predictions)
    kind = "live-cards live-wide" if long or None in right else "live-cards"
    return _section(f"Predictions {after}{counted}", f'<ul class="{kind}">{"".join(cards)}</ul>')


def _card(image: str | None, prediction: Prediction) -> str:
    picture = "" if image is None else f'<img src="{image}" alt="" decoding="sync">'
    predicted, right = escape(prediction.predicted), escape(prediction.right)
    if prediction.is_right is None or prediction.probability is None:
        return f'<li>{picture}<span>{predicted}</span><span class="live-quiet">target {right}</span></li>'
    kind, mark = ("right", "✓ right") if prediction.is_right else ("wrong", f"✗ label {right}")
    probability = f'<span class="live-whole">{100 * prediction.probability:.0f} %</span>'
    answer = f"<span><strong>{predicted}</strong> {probability}</span>"
    return f'<li class="live-{kind}">{picture}{answer}<span class="live-mark">{mark}</span></li>'


def _filters(state: State) -> str:
    if state.filters is None:
        return ""
    kernel, start = state.filters.now, state.filters.start
    height, width, channels, count = kernel.shape
    shown = "" if count <= MOST_FILTERS else f"; the first {MOST_FILTERS} are shown"
    size = f"{height} × {width}" + (f" × {channels}" if channels > 1 else "")
    parts = [f'<p class="live-quiet">{plural(count, "filter")} of {size} weights{shown}.</p>']
    with np.errstate(invalid="ignore", over="ignore"):  # of weights that are no longer finite
        change = kernel - start
    for title, weights in (("Weights", kernel), ("Change since the start of training", change)):
        parts += [f"<h3>{title}</h3>", _sheet(weights[..., :MOST_FILTERS])]
    return _section(f"Filters of {escape(state.filters.name)}", "".join(parts))


def _sheet(weights: Array) -> str:
    if not np.isfinite(weights).all():
        return "<p>Some are NaN or infinite.</p>"
    if not weights.any():
        return "<p>All are zero.</p>"
    urls, limit = pictures_of_filters(weights)
    channels = weights.shape[2]
    images = [f'<img src="{url}" alt="filter {i}" title="filter {i}" decoding="sync">' for i, url in enumerate(urls)]
    kind = "live-filters" if channels == 3 else "live-filters live-signed"
    return f'<div class="{kind}">{"".join(images)}</div>{_legend(channels, limit)}'


def _legend(channels: int, limit: float) -> str:
    if channels == 3:
        words = f"Red, green and blue are the channels: grey is 0, black −{limit:.2g}, full color +{limit:.2g}."
        return f'<p class="live-quiet">{words}</p>'
    of_mean = "" if channels == 1 else "Mean over the channels: "
    return (
        f'<p class="live-quiet">{of_mean}−{limit:.2g} '
        f'<span class="live-scale" role="img" aria-label="blue is negative, orange is positive"></span> '
        f"+{limit:.2g}</p>"
    )


def _section(title: str, inner: str) -> str:
    return f"<section><h2>{title}</h2>{inner}</section>"


def _words(name: str) -> str:
    """Return the name of a value in words: 'val_loss' as 'validation loss'."""
    plain = name.removeprefix("val_")
    return escape(("validation " if name != plain else "") + plain.replace("_", " "))
