"""benchmarks/picture.py draws the JSON file of networks.py as bar charts, and rejects other files."""

import json
import re

import imageio.v3 as imageio
import pytest


@pytest.fixture
def measurements(run_benchmark, tmp_path):
    """The JSON file of the benchmark of one network, with an additional peer that is three times slower."""
    file = tmp_path / "step.json"
    options = ("--networks", "lenet", "--batch-size", 8, "--rounds", 1, "--steps", 1, "--warm-up", 1)
    done = run_benchmark("networks.py", *options, "--json", file)
    assert done.code == 0, done.err
    report = json.loads(file.read_text())
    systems = report["networks"]["lenet, 8"]["systems"]
    ours = systems["scratchcnn"]["seconds"]
    systems["torch"] = {"seconds": {word: 3 * value for word, value in ours.items()}}
    file.write_text(json.dumps(report))
    return file


def test_lengths_of_bars_are_proportional_to_times(run_benchmark, measurements, tmp_path):
    done = run_benchmark("picture.py", measurements, tmp_path / "step.png")
    assert done.code == 0, done.err
    picture = imageio.imread(tmp_path / "step.png")[..., :3]
    assert picture.shape[1] > 1000
    grey = picture.mean(axis=-1)
    dark, light = ((abs(grey - shade) < 4).sum(axis=1).max() for shade in (64, 204))
    assert light == pytest.approx(3 * dark, rel=0.1)


def test_bars_are_sorted_and_labelled(measurements):
    from picture import draw

    report = json.loads(measurements.read_text())
    [axes] = draw(report).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["scratchcnn", "torch"]
    ours = 1e3 * report["networks"]["lenet, 8"]["systems"]["scratchcnn"]["seconds"]["median"]
    assert [text.get_text() for text in axes.texts] == [f"{ours:.1f} ms", f"{3 * ours:.1f} ms   3.0 times"]
    assert axes.get_title(loc="left") == "lenet, batch size 8"
    assert "ms" in axes.get_xlabel()


def test_each_network_has_its_own_chart(measurements):
    from picture import draw

    report = json.loads(measurements.read_text())
    report["networks"]["vgg, 32"] = {**report["networks"]["lenet, 8"], "network": "vgg", "batch_size": 32}
    assert [axes.get_title(loc="left") for axes in draw(report).axes] == ["lenet, batch size 8", "vgg, batch size 32"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"systems": {"scratchcnn": {"bytes": 1}}}', None])
def test_other_file_is_rejected(run_benchmark, tmp_path, content):
    file = tmp_path / "other.json"
    if content is not None:
        file.write_text(content)
    done = run_benchmark("picture.py", file, tmp_path / "step.png")
    assert done.code == 2
    assert re.search(r"\npicture\.py: error: argument STEP\.json: expected .*\n\Z", done.err), done.err
    assert not (tmp_path / "step.png").exists()


@pytest.mark.parametrize("name", ["step.txt", "no/folder/step.png", "."])
def test_output_path_that_cannot_be_written_is_rejected(run_benchmark, tmp_path, name):
    done = run_benchmark("picture.py", tmp_path / "step.json", tmp_path / name)
    assert done.code == 2
    assert re.search(r"\npicture\.py: error: argument PICTURE: Expected .*\n\Z", done.err), done.err
