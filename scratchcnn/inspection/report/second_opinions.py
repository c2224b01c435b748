"""The sections that look from outside: the same steps in Keras, and what goes wrong in networks that do not learn."""

from __future__ import annotations

from scratchcnn.inspection import bug_zoo
from scratchcnn.inspection.keras.comparison import compare_with_keras
from scratchcnn.inspection.keras.side_by_side import HEADS, cells_of
from scratchcnn.inspection.report.sections import Section, Table, or_why_not
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

BATCH, STEPS = 32, 2  # of the comparison with Keras


def keras_section(model: Sequential, images: Array, labels: Array) -> Section:
    """The model and its twin in Keras, some steps side by side; without Keras, what to install."""
    key, title = "keras", "The same network in Keras"
    try:
        return or_why_not(key, title, lambda: _keras(key, title, model, images, labels))
    except ImportError as error:
        return Section(key, title, [], left_out=str(error))


def _keras(key: str, title: str, model: Sequential, images: Array, labels: Array) -> Section:
    count = min(len(images), BATCH * STEPS)
    found = compare_with_keras(model, images[:count], labels[:count], steps=STEPS, batch_size=min(BATCH, count))
    words = [
        f"Another program is a witness. Keras {found.keras}, on {found.backend}, is given the same weights and the "
        f"same images, and both make {STEPS} steps of training. Every output, every gradient and every weight after "
        "each step stands beside ours. tolerance: how far rounding alone may move a number of that array.",
        "Rounding explains every difference." if found.agrees else f"They part: {found.parting}",
    ]
    call = f"compare_with_keras(model, x, y, steps={STEPS})"
    return Section(key, title, words, call, str(found), table=Table(list(HEADS), cells_of(found.rows, found.steps)))


def mistakes_section() -> Section:
    """The exhibits of the bug zoo: the mistake, what a student sees of it, and what finds it."""
    exhibits = [bug_zoo.exhibit(name) for name in bug_zoo.names()]
    words = [
        f"A network with a mistake in it often learns all the same, only worse. {len(exhibits)} classic mistakes can "
        "be made on purpose, each in a copy, to see what it does and what finds it: bug_zoo.exhibit(name).symptom() "
        "measures it, .find() looks for it, and bug_zoo.plant(model, name) makes it in a model of yours.",
    ]
    rows = [[each.name, each.title, each.symptom_text, each.tool] for each in exhibits]
    text = "\n\n".join(map(str, exhibits))
    table = Table(["name", "mistake", "what one sees", "what finds it"], rows, words=True)
    return Section("mistakes", "When it does not learn", words, "bug_zoo.describe(name)", text, table=table)
