"""The package itself: version, licence, type marker, and the contents of the wheel."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from importlib import metadata
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import scratchcnn

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that pip would install, opened as an archive."""
    [path] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def wheel_metadata(wheel):
    return message_from_bytes(wheel.read(f"scratchcnn-{PROJECT['version']}.dist-info/METADATA"))


def test_version_is_the_installed_one():
    assert scratchcnn.__version__ == metadata.version("scratchcnn") == PROJECT["version"]
    assert "__version__" in scratchcnn.__all__


def test_a_source_tree_that_is_not_installed_can_be_imported(tmp_path):
    """In a copy of the package, in a process in which no distribution called scratchcnn is found."""
    shutil.copytree(ROOT / "scratchcnn", tmp_path / "scratchcnn", ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "from importlib import metadata\n"
        "found = metadata.distribution\n"
        "def distribution(name):\n"
        "    if name == 'scratchcnn':\n"
        "        raise metadata.PackageNotFoundError(name)\n"
        "    return found(name)\n"
        "metadata.distribution = distribution\n"
        "import scratchcnn\n"
        "print(scratchcnn.__file__, scratchcnn.__version__)\n"
    )
    command = [sys.executable, "-c", code]  # which searches the working directory first
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == [str(tmp_path / "scratchcnn" / "__init__.py"), "0+unknown"], done.stderr


def test_wheel_is_marked_as_typed(wheel):
    assert wheel.read("scratchcnn/py.typed") == b""


def test_wheel_contains_every_file_of_the_package(wheel):
    files = {path.relative_to(ROOT) for path in (ROOT / "scratchcnn").rglob("*") if path.is_file()}
    names = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    assert "scratchcnn/datasets/data/mnist_sample.npz" in names
    assert names <= set(wheel.namelist())


def test_wheel_carries_the_mit_licence(wheel, wheel_metadata):
    assert wheel_metadata["License-Expression"] == "MIT"
    assert wheel_metadata.get_all("License-File") == ["LICENSE"]
    text = wheel.read(f"scratchcnn-{PROJECT['version']}.dist-info/licenses/LICENSE").decode()
    assert text == (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License\n")
    assert re.search(r"^Copyright \(c\) \d{4} The scratchcnn developers$", text, re.MULTILINE)
    assert "WITHOUT WARRANTY OF ANY KIND" in text


def test_wheel_metadata_has_authors_keywords_and_classifiers(wheel_metadata):
    assert wheel_metadata["Author"] == "The scratchcnn developers"
    assert wheel_metadata["Keywords"].split(",") == sorted(PROJECT["keywords"])
    classifiers = wheel_metadata.get_all("Classifier")
    assert classifiers == PROJECT["classifiers"]
    assert "Typing :: Typed" in classifiers
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"Programming Language :: Python :: {oldest}" in classifiers


def test_changelog_describes_the_current_version():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert PROJECT["version"] in headings
