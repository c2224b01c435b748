"""Benchmarks reject invalid options with a one-line message and exit code 2, before anything is measured."""

import importlib.util
import re

import pytest

SCRIPTS = ["networks.py", "predict.py", "first_step.py", "memory.py"]


def assert_rejected(done, script, message):
    assert done.code == 2
    assert re.search(rf"\n{script}: error: argument {message}\n\Z", done.err), done.err
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--peer", "numpy"), r"--peer: invalid choice: '?numpy'? .*keras-jax.*"),
        (("--threads", 0), "--threads: expected at least 1, received 0"),
        (("--threads", 100_000), r"--threads: expected at most \d+, the number of processors, received 100000"),
        (("--batch-size", -1), "--batch-size: expected at least 1, received -1"),
        (("--json", "."), r"--json: expected a file in an existing folder, received '\.'"),
        (("--batch-size", "few"), "--batch-size: invalid int value: 'few'"),
        (
            ("--json", "no/folder/f.json"),
            "--json: expected a file in an existing folder, received 'no/folder/f.json'",
        ),
    ],
)
def test_invalid_common_option_is_an_error(run_benchmark, script, arguments, message):
    assert_rejected(run_benchmark(script, *arguments), script, message)


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    [
        ("accuracy.py", ("--epochs", 0), "--epochs: expected at least 1, received 0"),
        ("train_shape_network.py", ("--jobs", 0), "--jobs: expected at least 1, received 0"),
        ("accuracy.py", ("--seeds", 1, -2), "--seeds: expected at least 0, received -2"),
        ("accuracy.py", ("--data", "nowhere"), "--data: expected a folder .* received 'nowhere', which does not .*"),
        ("networks.py", ("--rounds", 0), "--rounds: expected at least 1, received 0"),
        ("networks.py", ("--warm-up", 0), "--warm-up: expected at least 1, received 0"),
        ("networks.py", ("--networks", "lenet,vgh"), "--networks: expected names of article, .*, received 'vgh'"),
        ("networks.py", ("--networks", ""), "--networks: expected names of article, .*, received ''"),
        ("networks.py", ("--data", "nowhere"), "--data: expected a folder .* received 'nowhere', which does not .*"),
        ("networks.py", ("--steps", 0), "--steps: expected at least 1, received 0"),
        ("networks.py", ("--batch-size", 4001), "--batch-size: expected at most 4000, .*, received 4001"),
        (
            "networks.py",
            ("--networks", "vgg", "--batch-size", 5001),
            "--batch-size: expected at most 5000, .*, received 5001",
        ),
        ("scale.py", ("--steps", 0), "--steps: expected at least 1, received 0"),
        ("scale.py", ("--png", "scale.txt"), "--png: Expected .*scale.txt.*"),
        ("predict.py", ("--rounds", 0), "--rounds: expected at least 1, received 0"),
        ("predict.py", ("--repeats", 0), "--repeats: expected at least 1, received 0"),
        ("predict.py", ("--images", 0), "--images: expected at least 1, received 0"),
        ("predict.py", ("--data", "nowhere"), "--data: expected a folder .* received 'nowhere', which does not .*"),
        ("first_step.py", ("--rounds", 0), "--rounds: expected at least 1, received 0"),
        ("read_digits.py", ("--count", 0), "--count: expected at least 1, received 0"),
        ("read_digits.py", ("--seed", -1), "--seed: expected at least 0, received -1"),
        ("read_digits.py", ("--data", "nowhere"), "--data: expected a folder .* received 'nowhere', which does not .*"),
        ("read_digits.py", ("--data", "sample", "--model", "no.npz"), "--model: .*no.npz.*"),
        ("non_digits.py", ("--count", 0), "--count: expected at least 1, received 0"),
        ("non_digits.py", ("--data", "nowhere"), "--data: expected a folder .* received 'nowhere', which does not .*"),
        ("non_digits.py", ("--data", "sample", "--model", "no.npz"), "--model: .*no.npz.*"),
        ("time_to_accuracy.py", ("--data", "nowhere"), "--data: expected a folder .* received 'nowhere', which .*"),
        ("memory.py", ("--steps", 0), "--steps: expected at least 1, received 0"),
        ("memory.py", ("--predicts", 0), "--predicts: expected at least 1, received 0"),
        ("memory.py", ("--data", "nowhere"), "--data: expected a folder .* received 'nowhere', which does not .*"),
        ("memory.py", ("--batch-size", 60_001), "--batch-size: expected at most 60000, .*, received 60001"),
    ],
)
def test_invalid_option_of_a_benchmark_is_an_error(run_benchmark, script, arguments, message):
    assert_rejected(run_benchmark(script, *arguments), script, message)


@pytest.fixture
def hide_packages(monkeypatch):
    """Make the given packages appear not to be installed, and those of all other peers installed."""

    def hide(*packages):
        find_spec = importlib.util.find_spec

        def find(name, *rest):
            if name in packages:
                return None
            return object() if name in ("torch", "keras", "tensorflow", "jax") else find_spec(name, *rest)

        monkeypatch.setattr(importlib.util, "find_spec", find)

    return hide


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("packages", "peer", "message"),
    [
        (["torch"], "torch", "torch needs torch"),
        (["jax"], "keras-jax", "keras-jax needs jax"),
        (["keras", "tensorflow"], "keras-tensorflow", "keras-tensorflow needs keras and tensorflow"),
        (["tensorflow", "torch"], "all", "torch needs torch; keras-tensorflow needs tensorflow"),
    ],
)
def test_peer_that_is_not_installed_is_an_error(run_benchmark, hide_packages, script, packages, peer, message):
    hide_packages(*packages)
    install = r"not installed here; python -m pip install -e '\.\[peers\]'"
    assert_rejected(run_benchmark(script, "--peer", peer), script, rf"--peer: {message}, {install}")
