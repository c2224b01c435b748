"""The sections on training: gradients, curves, the first steps of a model with new weights, classic bugs, and Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.descriptions.words import times
from scratchcnn.inspection import bug_zoo
from scratchcnn.inspection.arguments import index_of
from scratchcnn.inspection.gradients.check import check_gradients
from scratchcnn.inspection.keras.comparison import compare_with_keras
from scratchcnn.inspection.keras.side_by_side import HEADS, cells_of
from scratchcnn.inspection.optimizer.comparison import compare_optimizers
from scratchcnn.inspection.optimizer.dead_units import dead_units
from scratchcnn.inspection.optimizer.gradient_flow import GradientWatcher
from scratchcnn.inspection.report.sections import Chart, Data, Section, Table, section
from scratchcnn.inspection.text.numbers import short
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

SAMPLED = 8  # elements of each array in the gradient check
BATCH, STEPS = 32, 100  # of the training with new weights
KERAS_STEPS = 2  # of the comparison with Keras
CURVES = 6  # layers in a chart


def training_sections(found: Trace, training: Data | None) -> list[Section]:
    """Return the sections on the training of a traced model; some of them require images and labels."""
    model = found.model
    sections = [] if found.losses is None else [_gradient_check(found)]
    if model.history is not None and model.history.epoch:
        sections.append(_history(model))
    if training is not None:
        x, y = (np.asarray(each) for each in training)
        sections += [_gradient_flow(model, x, y), _one_weight(model, x, y), _dead_units(model, x)]
        sections += [_bugs(), _keras(model, x, y)]
    return sections


@section("gradient-check", "Gradient check")
def _gradient_check(found: Trace) -> Section:
    check = check_gradients(found.model, found.x, found.y, sample=SAMPLED, training=False)
    rows = []
    for row in check.rows:
        worst = row.worst
        cells = [""] * 3
        if worst is not None:
            cells = [short(worst.analytic), short(worst.numeric), f"{worst.relative_error:.1e}"]
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
    return Section(paragraphs, "check_gradients(model, x, y)", str(check), table=Table(heads, rows))


@section("history", "Training curves")
def _history(model: Sequential) -> Section:
    history: Any = model.history
    curves = {name: list(values) for name, values in history.history.items() if len(values) == len(history.epoch)}
    epochs = [epoch + 1 for epoch in history.epoch]
    charts = []
    for title in ("loss", "accuracy"):
        chosen = {name: curves[name] for name in (title, f"val_{title}") if name in curves}
        if chosen:
            charts.append(Chart(title, "epoch", epochs, chosen))
    paragraphs = [
        "Loss and accuracy after each epoch, that is, after each pass through all training images. Curves that begin "
        "with val_ are measured on validation images, from which the model does not learn.",
        f"Last epoch: {'; '.join(f'{name} {values[-1]:.4f}' for name, values in curves.items())}.",
    ]
    return Section(paragraphs, charts=charts)


def _run(x: Array, y: Array) -> dict[str, Any]:
    """Return the arguments of a training of about `STEPS` steps."""
    count = min(len(x), BATCH * STEPS)
    return {"x": x[:count], "y": y[:count], "batch_size": BATCH, "epochs": max(1, STEPS // -(-count // BATCH))}


def _new_copy(model: Sequential) -> Sequential:
    """Return a clone with new initial parameters."""
    fresh = model.clone(seed=0)
    for layer in fresh.leaf_layers:
        assert layer.input_shape is not None
        layer.build(layer.input_shape, fresh.generators["init"], fresh.dtype)
    return fresh


@section("gradient-flow", "Gradient flow")
def _gradient_flow(model: Sequential, x: Array, y: Array) -> Section:
    watcher = GradientWatcher()
    _new_copy(model).fit(**_run(x, y), verbose=0, callbacks=[watcher])
    flow = watcher.result
    steps = [int(step) for step in flow.steps]
    paragraphs = [
        f"A copy of the model with new random weights is trained for {len(steps)} steps; each step uses a batch of "
        f"{BATCH} images. The first chart shows the root mean square of each layer's gradient. If it shrinks from "
        "layer to layer towards the pixels (vanishing gradients), the first layers hardly learn.",
        f"The second chart shows how large a step is compared with the weights. {flow.about_ratios()}",
        "; ".join(f"{name}: {verdict}" for name, verdict in zip(flow.layers, flow.verdicts, strict=True)) + ".",
    ]
    charts = []
    series = {"root mean square of the gradient": flow.root_mean_squares, "update-to-weight ratio": flow.ratios}
    for name, values in series.items():
        lines = {layer: _finite(values[:, i]) for i, layer in enumerate(flow.layers[:CURVES])}
        charts.append(Chart(name, "step", steps, lines, logarithmic=True))
    return Section(paragraphs, "watcher.result", str(flow), charts=charts)


@section("one-weight", "Adam and SGD")
def _one_weight(model: Sequential, x: Array, y: Array) -> Section:
    fresh = _new_copy(model)
    parameters = (
        (layer, parameter, array)
        for layer, each in zip(fresh.leaf_names, fresh.leaf_layers, strict=True)
        for parameter, array in each.learned_params.items()
    )
    layer, parameter, array = next(parameters)
    place = index_of(np.abs(array).argmax(), array)
    found = compare_optimizers(fresh, layer=layer, parameter=parameter, position=place, **_run(x, y))
    name = f"{layer} {parameter}{list(place)}"
    paragraphs = [
        "The same copy is trained twice, from the same weights and with the same batches: once with the optimizer "
        f"Adam, once with SGD (stochastic gradient descent). The chart shows one weight, {name}. A step of SGD is "
        "−(learning rate) × gradient. Adam also divides by the typical size of the weight's recent gradients, so that "
        "all weights change at a similar speed.",
    ]
    steps = [int(step) for step in found.histories[0].steps]
    lines = {each.optimizer: _finite(each.after) for each in found.histories}
    call = f"compare_optimizers(model, x, y, {layer!r}, {parameter!r}, {place})"
    return Section(paragraphs, call, str(found), charts=[Chart(f"value of {name}", "step", steps, lines)])


def _finite(values: Array) -> list[float | None]:
    """Return values for JSON, which has neither NaN nor infinity."""
    return [float(value) if np.isfinite(value) else None for value in values]


@section("dead-units", "Dead units")
def _dead_units(model: Sequential, images: Array) -> Section:
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
    return Section(paragraphs, "dead_units(model, x)", str(found), table=table)


@section("bugs", "Classic bugs")
def _bugs() -> Section:
    exhibits = [bug_zoo.exhibit(name) for name in bug_zoo.names()]
    paragraphs = [
        f"A network with a bug often learns nevertheless, only worse. bug_zoo contains {len(exhibits)} classic bugs. "
        "bug_zoo.exhibit(name).symptom() measures the effect of a bug, .find() runs the check that finds it, and "
        "bug_zoo.plant(model, name) puts it into a copy of your model.",
    ]
    rows = [[each.name, each.title, each.symptom_text, each.check.call] for each in exhibits]
    table = Table(["name", "bug", "symptom", "tool"], rows, text=True)
    return Section(paragraphs, "bug_zoo.describe(name)", "\n\n".join(map(str, exhibits)), table=table)


@section("keras", "The same network in Keras")
def _keras(model: Sequential, images: Array, labels: Array) -> Section:
    count = min(len(images), BATCH * KERAS_STEPS)
    found = compare_with_keras(model, images[:count], labels[:count], steps=KERAS_STEPS, batch_size=min(BATCH, count))
    first = found.first_difference
    paragraphs = [
        f"Keras {found.keras} with {found.backend} receives the same weights and the same images, and both "
        f"programs make {KERAS_STEPS} training steps. The table compares every output, every gradient, and every "
        "weight after each step. tolerance: the largest difference that rounding can cause in this array.",
        "Rounding explains every difference."
        if first is None
        else f"The results differ, first in {first.place}; the text below gives the values.",
    ]
    call = f"compare_with_keras(model, x, y, steps={KERAS_STEPS})"
    return Section(paragraphs, call, str(found), table=Table(HEADS, cells_of(found.rows, found.steps)))
