"""The sections about learning: the gradient checked, the curves of the training, and a new copy's first steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.inspection.gradients.check import check_gradients
from scratchcnn.inspection.optimizer.comparison import compare_optimizers
from scratchcnn.inspection.optimizer.dead_units import dead_units
from scratchcnn.inspection.optimizer.gradient_flow import GradientWatcher
from scratchcnn.inspection.report.layer_words import times
from scratchcnn.inspection.report.sections import Chart, Line, Section, Table, or_why_not
from scratchcnn.inspection.text.numbers import short
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

SAMPLED = 8  # numbers of each array whose gradient is checked
BATCH, STEPS = 32, 100  # of the new copy's training
LINES = 6  # layers in a chart


def history_section(model: Sequential) -> Section | None:
    """The curves of the training that made the model; None if it has none, or has not been trained."""
    history: Any = model.history
    if history is None or not history.epoch:
        return None
    whole = {name: values for name, values in history.history.items() if len(values) == len(history.epoch)}
    groups = {"loss": ["loss", "val_loss"], "accuracy": ["accuracy", "val_accuracy"]}
    epochs = [epoch + 1 for epoch in history.epoch]
    charts = [
        Chart(title, "epoch", epochs, [Line(name, list(whole[name])) for name in names if name in whole])
        for title, names in groups.items()
        if any(name in whole for name in names)
    ]
    last = "; ".join(f"{name} {values[-1]:.4f}" for name, values in whole.items())
    words = [
        "Doing that again and again made these curves. val_ is what was measured on images that it did not learn from.",
        f"At the end: {last}.",
    ]
    return Section("history", "The training", words, "model.history", charts=charts)


def gradient_check_section(found: Trace) -> Section:
    """Whether the backward pass is right, held against differences of the loss."""
    return or_why_not("gradient-check", "Is the gradient right?", lambda: _gradient_check(found))


def _gradient_check(found: Trace) -> Section:
    check = check_gradients(found.model, found.x, found.y, sample=SAMPLED, training=False)
    rows = []
    for row in check.rows:
        worst = row.worst
        numbers = (
            ["", "", ""]
            if worst is None
            else [short(worst.analytic), short(worst.numeric), f"{worst.relative_error:.1e}"]
        )
        rows.append([row.name, row.verdict, *numbers, times(row.shape), str(len(row.elements))])
    words = [
        "A gradient is a slope, and a slope can be measured: move one number up a little and down a little, and see "
        f"how the loss changes. For {SAMPLED} numbers of every array, in float64, that is held against what the "
        "backward pass says. The worst of each array stands below; ok: they differ by no more than measuring allows.",
        "All agree." if check.ok else "They do not all agree: some layer's backward pass is wrong.",
    ]
    heads = ["array", "verdict", "backward says", "measured", "apart by", "shape", "looked at"]
    return Section(
        "gradient-check", "Is the gradient right?", words, "check_gradients(model, x, y)", str(check),
        table=Table(heads, rows),
    )  # fmt: skip


def first_steps_sections(model: Sequential, images: Array, labels: Array) -> list[Section]:
    """What happens when a copy of the model, with new weights, learns from some images; the model stays as it is."""
    return [
        or_why_not("gradient-flow", "The first steps of a new copy", lambda: _gradient_flow(model, images, labels)),
        or_why_not("one-weight", "One weight, with Adam and with SGD", lambda: _one_weight(model, images, labels)),
        or_why_not("dead-units", "Units that never speak", lambda: _dead_units(model, images)),
    ]


def new_copy(model: Sequential) -> Sequential:
    """Return a clone with new initial parameters."""
    fresh = model.clone(seed=0)
    for layer in fresh.layers:
        assert layer.input_shape is not None
        layer.build(layer.input_shape, fresh.generators["init"], fresh.dtype)
    return fresh


def _batches(images: Array, labels: Array) -> tuple[Array, Array, int]:
    """Images and labels for whole batches, and how many epochs of them make about so many steps."""
    count = min(len(images), BATCH * STEPS)
    steps = -(-count // BATCH)
    return images[:count], labels[:count], max(1, STEPS // steps)


def _gradient_flow(model: Sequential, images: Array, labels: Array) -> Section:
    x, y, epochs = _batches(images, labels)
    watcher = GradientWatcher()
    new_copy(model).fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[watcher])
    flow = watcher.result
    steps = [int(step) for step in flow.steps]
    chosen = [*range(len(flow.layers))][:LINES]
    words = [
        f"A copy of the network with new weights learns from {len(x):,} images, {len(steps)} steps of {BATCH} images. "
        "The first chart shows how large the gradient of each layer is. Where it shrinks from layer to layer towards "
        "the pixels, the first layers hardly learn.",
        "The second shows which share of its weights each step changes: about a thousandth is usual.",
        "; ".join(f"{name}: {verdict}" for name, verdict in zip(flow.layers, flow.verdicts, strict=True)) + ".",
    ]
    charts = [
        Chart(title, "step", steps, [Line(flow.layers[i], _finite(values[:, i])) for i in chosen], logarithmic=True)
        for title, values in (("size of the gradient", flow.root_mean_squares), ("step / weights", flow.ratios))
    ]
    call = "watcher.result"
    return Section("gradient-flow", "The first steps of a new copy", words, call, str(flow), charts=charts)


def _one_weight(model: Sequential, images: Array, labels: Array) -> Section:
    x, y, epochs = _batches(images, labels)
    fresh = new_copy(model)
    layer = next(layer for layer in fresh.layers if layer.params)
    parameter, array = next(iter(layer.params.items()))
    place = tuple(int(i) for i in np.unravel_index(int(np.abs(array).argmax()), array.shape))
    found = compare_optimizers(fresh, x, y, str(layer.name), parameter, place, batch_size=BATCH, epochs=epochs)
    steps = [int(step) for step in found.histories[0].steps]
    name = f"{layer.name} {parameter}[{', '.join(map(str, place))}]"
    words = [
        "The same copy again, twice, from the same start and with the same images: one learns with Adam, one with SGD. "
        f"The chart follows one weight, {name}. Plain SGD steps by the gradient times the learning rate; Adam divides "
        "by how large the gradients have been, so that every weight moves about as fast.",
    ]
    chart = Chart(
        f"value of {name}", "step", steps, [Line(each.optimizer, _finite(each.after)) for each in found.histories]
    )
    call = f"compare_optimizers(model, x, y, {str(layer.name)!r}, {parameter!r}, {place})"
    return Section("one-weight", "One weight, with Adam and with SGD", words, call, str(found), charts=[chart])


def _dead_units(model: Sequential, images: Array) -> Section:
    found = dead_units(model, images)
    if not found.layers:
        raise ValueError("No layer of this model ends in ReLU, so no unit can be dead.")
    rows = [
        [each.layer, str(len(each.active)), str(len(each.dead)), f"{100 * each.zeros:.0f} %"] for each in found.layers
    ]
    words = [
        f"A unit whose ReLU is zero for every image sends nothing on, and gets no gradient back: it cannot learn any "
        f"more. Of the trained network itself, for {found.images:,} images:",
    ]
    table = Table(["layer", "units", "dead", "zeros among all outputs"], rows)
    return Section("dead-units", "Units that never speak", words, "dead_units(model, x)", str(found), table=table)


def _finite(values: Array) -> list[float | None]:
    """Numbers as JSON can hold them."""
    return [float(value) if np.isfinite(value) else None for value in values]
