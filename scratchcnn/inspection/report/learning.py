"""The sections on training: gradient check, training curves, and the first steps of a model with new weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from scratchcnn.inspection.gradients.check import check_gradients
from scratchcnn.inspection.optimizer.comparison import compare_optimizers
from scratchcnn.inspection.optimizer.dead_units import dead_units
from scratchcnn.inspection.optimizer.gradient_flow import GradientWatcher
from scratchcnn.inspection.report.layer_words import times
from scratchcnn.inspection.report.sections import Chart, Section, Table, section_or_reason
from scratchcnn.inspection.text.numbers import short
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

SAMPLED = 8  # elements of each array in the gradient check
BATCH, STEPS = 32, 100  # of the training with new weights
CURVES = 6  # layers in a chart


def history_section(model: Sequential) -> Section | None:
    """Return the section with the training curves; None if the model has no history."""
    history: Any = model.history
    if history is None or not history.epoch:
        return None
    curves = {name: list(values) for name, values in history.history.items() if len(values) == len(history.epoch)}
    charts = []
    for title in ("loss", "accuracy"):
        chosen = {name: curves[name] for name in (title, f"val_{title}") if name in curves}
        if chosen:
            charts.append(Chart(title, "epoch", [epoch + 1 for epoch in history.epoch], chosen))
    paragraphs = [
        "Loss and accuracy after each epoch, that is, after each pass through all training images. Curves that begin "
        "with val_ are measured on validation images, from which the model does not learn.",
        f"Last epoch: {'; '.join(f'{name} {values[-1]:.4f}' for name, values in curves.items())}.",
    ]
    return Section("history", "Training curves", paragraphs, "model.history", charts=charts)


def gradient_check_section(found: Trace) -> Section:
    """Return the section that compares gradients with finite differences of the loss."""
    return section_or_reason("gradient-check", "Gradient check", partial(_gradient_check, found=found))


def _gradient_check(key: str, title: str, found: Trace) -> Section:
    check = check_gradients(found.model, found.x, found.y, sample=SAMPLED, training=False)
    rows = []
    for row in check.rows:
        worst = row.worst
        values = [] if worst is None else [worst.analytic, worst.numeric]
        error = "" if worst is None else f"{worst.relative_error:.1e}"
        cells = [*map(short, values), *[""] * (2 - len(values)), error]
        rows.append([row.name, row.verdict, *cells, times(row.shape), str(len(row.elements))])
    paragraphs = [
        "A gradient is the slope of the loss, and a slope can be measured: increase one value slightly, decrease it "
        f"slightly, and divide the change of the loss by the change of the value. For {SAMPLED} elements of each "
        "array, computed in float64, the table compares this finite difference with the gradient of the backward "
        "pass, and shows the element with the largest difference. ok: the difference is within the error of the "
        "measurement.",
        "All gradients agree." if check.ok else "Some gradients disagree: the backward pass of a layer is wrong.",
    ]
    heads = ["array", "verdict", "backward pass", "finite difference", "relative error", "shape", "elements checked"]
    return Section(key, title, paragraphs, "check_gradients(model, x, y)", str(check), table=Table(heads, rows))


def first_steps_sections(model: Sequential, images: Array, labels: Array) -> list[Section]:
    """Return the sections on a copy of the model that is trained from new weights, and on the model's dead units."""
    count = min(len(images), BATCH * STEPS)
    x, y = images[:count], labels[:count]
    run: dict[str, Any] = {"model": model, "x": x, "y": y, "epochs": max(1, STEPS // -(-count // BATCH))}
    return [
        section_or_reason("gradient-flow", "Gradient flow", partial(_gradient_flow, **run)),
        section_or_reason("one-weight", "Adam and SGD", partial(_one_weight, **run)),
        section_or_reason("dead-units", "Dead units", partial(_dead_units, model=model, images=images)),
    ]


def new_copy(model: Sequential) -> Sequential:
    """Return a clone with new initial parameters."""
    fresh = model.clone(seed=0)
    for layer in fresh.layers:
        assert layer.input_shape is not None
        layer.build(layer.input_shape, fresh.generators["init"], fresh.dtype)
    return fresh


def _gradient_flow(key: str, title: str, model: Sequential, x: Array, y: Array, epochs: int) -> Section:
    watcher = GradientWatcher()
    new_copy(model).fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[watcher])
    flow = watcher.result
    steps = [int(step) for step in flow.steps]
    paragraphs = [
        f"A copy of the model with new random weights is trained for {len(steps)} steps; each step uses a batch of "
        f"{BATCH} images. The first chart shows the root mean square of each layer's gradient. If it shrinks from "
        "layer to layer towards the pixels (vanishing gradients), the first layers hardly learn.",
        f"The second chart shows how large a step is compared with the weights. {flow.about_ratios()}",
        "; ".join(f"{name}: {verdict}" for name, verdict in zip(flow.layers, flow.verdicts, strict=True)) + ".",
    ]
    series = {
        "root mean square of the gradient": flow.root_mean_squares,
        "update-to-weight ratio": flow.ratios,
    }
    charts = []
    for name, values in series.items():
        lines = {layer: _finite(values[:, i]) for i, layer in enumerate(flow.layers[:CURVES])}
        charts.append(Chart(name, "step", steps, lines, logarithmic=True))
    return Section(key, title, paragraphs, "watcher.result", str(flow), charts=charts)


def _one_weight(key: str, title: str, model: Sequential, x: Array, y: Array, epochs: int) -> Section:
    fresh = new_copy(model)
    layer = next(layer for layer in fresh.layers if layer.params)
    parameter, array = next(iter(layer.params.items()))
    place = tuple(int(i) for i in np.unravel_index(int(np.abs(array).argmax()), array.shape))
    found = compare_optimizers(fresh, x, y, str(layer.name), parameter, place, batch_size=BATCH, epochs=epochs)
    name = f"{layer.name} {parameter}[{', '.join(map(str, place))}]"
    paragraphs = [
        "The same copy is trained twice, from the same weights and with the same batches: once with the optimizer "
        f"Adam, once with SGD (stochastic gradient descent). The chart shows one weight, {name}. A step of SGD is "
        "−(learning rate) × gradient. Adam also divides by the typical size of the weight's recent gradients, so that "
        "all weights change at a similar speed.",
    ]
    steps = [int(step) for step in found.histories[0].steps]
    lines = {each.optimizer: _finite(each.after) for each in found.histories}
    call = f"compare_optimizers(model, x, y, {str(layer.name)!r}, {parameter!r}, {place})"
    charts = [Chart(f"value of {name}", "step", steps, lines)]
    return Section(key, title, paragraphs, call, str(found), charts=charts)


def _dead_units(key: str, title: str, model: Sequential, images: Array) -> Section:
    found = dead_units(model, images)
    if not found.layers:
        raise ValueError("No layer of this model ends in ReLU, so no unit can be dead.")
    rows = [
        [each.layer, str(len(each.active)), str(len(each.dead)), f"{100 * each.zeros:.0f} %"] for each in found.layers
    ]
    paragraphs = [
        "A unit is dead if its ReLU outputs 0 for every image. Then its gradient is 0 as well, and it cannot learn any "
        f"more. The table counts the dead units of the trained model for {found.images:,} images.",
    ]
    table = Table(["layer", "units", "dead", "zeros among all outputs"], rows)
    return Section(key, title, paragraphs, "dead_units(model, x)", str(found), table=table)


def _finite(values: Array) -> list[float | None]:
    """Return values for JSON, which has neither NaN nor infinity."""
    return [float(value) if np.isfinite(value) else None for value in values]
