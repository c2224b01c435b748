"""examples/digit_classification.ipynb runs from start to end, and is saved with outputs that are worth reading."""

import re
from pathlib import Path

import nbformat
import pytest
from notebooks import ANSI, executed, kinds, texts

NOTEBOOK = Path(__file__).parents[2] / "examples" / "digit_classification.ipynb"
CODE = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
SAMPLE = "from scratchcnn.datasets import mnist\nmnist.load_data = mnist.load_sample\n"  # without network
FOLDERS = re.compile(r"(?<![\w.])/(home|Users|root|opt|tmp|work|usr|var|mnt)/|[A-Z]:\\")
MOST_LINES, MOST_BYTES = 40, 2_000_000


@pytest.fixture(scope="module")
def outputs():
    """The outputs of the code cells, trained for one epoch on the sample."""
    cells = [cell.source for cell in CODE]
    assert sum(source.count("EPOCHS = 10") for source in cells) == 1
    return executed([SAMPLE + cells[0].replace("EPOCHS = 10", "EPOCHS = 1"), *cells[1:]])


def test_every_cell_runs_and_displays_the_same_kinds_of_results_as_the_saved_one(outputs):
    for cell, found in zip(CODE, outputs, strict=True):
        once, saved = (set(map(frozenset, kinds(outputs))) for outputs in (found, cell.outputs))  # of all epochs, one
        assert once == saved, cell.source


def test_every_plot_is_displayed_once_and_every_table_as_html(outputs):
    for cell, found in zip(CODE, outputs, strict=True):
        last = cell.source.splitlines()[-1]
        if "plot" in last:
            assert kinds(found) == [{"image/png"}], last
        elif last.isidentifier():
            assert kinds(found) == [{"text/html"}], last


def test_sample_is_used_and_its_digits_are_recognized(outputs):
    lines = [line for found in outputs for line in texts(found)]
    assert "X_train  uint8 (4000, 28, 28)" in lines
    (accuracy,) = (float(line.split()[-1].rstrip("%")) for line in lines if line.startswith("test loss"))
    assert accuracy > 50
    assert any(re.fullmatch(r"prediction: \d", line) for line in lines)


def test_saved_outputs_are_those_of_one_run_from_start_to_end_on_all_of_mnist():
    assert [cell.execution_count for cell in CODE] == list(range(1, len(CODE) + 1))
    lines = [line for cell in CODE for line in texts(cell.outputs)]
    assert "X_train  uint8 (60000, 28, 28)" in lines
    assert [line for line in lines if line.startswith("Epoch")] == [f"Epoch {epoch}/10" for epoch in range(1, 11)]
    (accuracy,) = (float(line.split()[-1].rstrip("%")) for line in lines if line.startswith("test loss"))
    assert accuracy > 98.9


def test_saved_outputs_are_short_and_contain_neither_control_codes_nor_folders():
    assert NOTEBOOK.stat().st_size < MOST_BYTES
    assert not FOLDERS.search(NOTEBOOK.read_text("utf-8"))
    for cell in CODE:
        assert "error" not in {output.output_type for output in cell.outputs}
        assert not any(output.output_type == "stream" and output.name == "stderr" for output in cell.outputs)
        assert len(texts(cell.outputs)) <= MOST_LINES
        assert not any(ANSI.search(line) or "\r" in line for line in texts(cell.outputs))
