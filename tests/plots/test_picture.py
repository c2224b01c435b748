"""Figures are written atomically and not registered with pyplot."""

import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from matplotlib.figure import Figure

from scratchcnn.plots import plot_digit, save
from scratchcnn.plots.picture import new_figure

STARTS = {"png": b"\x89PNG", "jpg": b"\xff\xd8", "jpeg": b"\xff\xd8", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.mark.parametrize(("kind", "start"), STARTS.items())
def test_all_file_formats(tmp_path: Path, kind: str, start: bytes):
    for name in (f"a.{kind}", f"b.{kind.upper()}"):
        save(plot_digit(np.eye(28)), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)


def test_axes_figure_and_subfigure_save_the_whole_figure(tmp_path: Path):
    figure = new_figure(4, 2)
    axes = plot_digit(np.eye(28), ax=figure.subfigures(1, 2)[1].subplots())
    save(figure, str(tmp_path / "figure.png"))
    save(axes, tmp_path / "axes.png")
    first, second = (iio.imread(tmp_path / name) for name in ("figure.png", "axes.png"))
    assert np.array_equal(first, second)
    assert first.shape[:2] == (288, 576)


def test_existing_file_is_replaced(tmp_path: Path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    save(plot_digit(np.eye(28)), path)
    assert path.read_bytes().startswith(STARTS["png"])
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.", "", "png", ".png"])
def test_unknown_extension_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, IsADirectoryError), match=r"Expected .* received .*;"):
        save(Figure(), name)
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_is_rejected(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"a folder that exists, received '.*b\.png'; create the folder '.*no'"):
        save(Figure(), tmp_path / "no" / "b.png")


def test_folder_as_file_is_rejected(tmp_path: Path):
    (tmp_path / "c.png").mkdir()
    with pytest.raises(IsADirectoryError, match="received the folder"):
        save(Figure(), tmp_path / "c.png")


def test_invalid_drawing_is_rejected(tmp_path: Path):
    with pytest.raises(TypeError, match="Expected an Axes or a Figure"):
        save([plot_digit(np.eye(28))], tmp_path / "a.png")


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match=r"received '.*a\.png': No space left on device; choose"):
        save(plot_digit(np.eye(28)), path)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


def test_pyplot_is_not_imported():
    # In a subprocess, as another test may have imported pyplot.
    program = """
import sys
from scratchcnn.plots import plot_digit
plot_digit([[0, 1]])
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
