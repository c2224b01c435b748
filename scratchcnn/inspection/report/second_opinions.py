"""The sections that compare: the same training steps in Keras, and classic bugs with their symptoms."""

from __future__ import annotations

from scratchcnn.inspection import bug_zoo
from scratchcnn.inspection.keras.comparison import compare_with_keras
from scratchcnn.inspection.keras.side_by_side import HEADS, cells_of
from scratchcnn.inspection.report.sections import Section, Table, section_or_reason
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

BATCH, STEPS = 32, 2  # of the comparison with Keras


def keras_section(model: Sequential, images: Array, labels: Array) -> Section:
    """Return the comparison with the equivalent Keras model; without Keras, how to install it."""

    def compared(key: str, title: str) -> Section:
        count = min(len(images), BATCH * STEPS)
        found = compare_with_keras(model, images[:count], labels[:count], steps=STEPS, batch_size=min(BATCH, count))
        first = found.first_difference
        paragraphs = [
            f"Keras {found.keras} with {found.backend} receives the same weights and the same images, and both "
            f"programs make {STEPS} training steps. The table compares every output, every gradient, and every weight "
            "after each step. tolerance: the largest difference that rounding can cause in this array.",
            "Rounding explains every difference."
            if first is None
            else f"The results differ, first in {first.place}; the text below gives the values.",
        ]
        call = f"compare_with_keras(model, x, y, steps={STEPS})"
        return Section(key, title, paragraphs, call, str(found), table=Table(HEADS, cells_of(found.rows, found.steps)))

    return section_or_reason("keras", "The same network in Keras", compared)


def bugs_section() -> Section:
    """Return the exhibits of the bug zoo: each bug, its symptom, and the tool that finds it."""
    exhibits = [bug_zoo.exhibit(name) for name in bug_zoo.names()]
    paragraphs = [
        f"A network with a bug often learns nevertheless, only worse. bug_zoo contains {len(exhibits)} classic bugs. "
        "bug_zoo.exhibit(name).symptom() measures the effect of a bug, .find() runs the check that finds it, and "
        "bug_zoo.plant(model, name) puts it into a copy of your model.",
    ]
    rows = [[each.name, each.title, each.symptom_text, each.check.call] for each in exhibits]
    text = "\n\n".join(map(str, exhibits))
    table = Table(["name", "bug", "symptom", "tool"], rows, text=True)
    return Section("bugs", "Classic bugs", paragraphs, "bug_zoo.describe(name)", text, table=table)
