"""The ladder's table is complete and its columns fit each other; wrong results are not timed; pictures are drawn."""

import functools
import json
import math
import re
import sys
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

RUNGS = ["loops", "im2col", "tile", "winograd_2x2", "winograd_4x4"]
COLUMNS = ["ms", "lowest", "highest", "GFLOP/s", "of peak", "MB", "error"]
EXPECTED = {  # what each tiny layer accepts
    "pooled": {"forward": RUNGS, "dW": RUNGS, "dX": RUNGS, "dW+dX": [*RUNGS, "winners"]},
    "strided": {"forward": RUNGS[:3], "dW": RUNGS[:3], "dX": RUNGS[:3]},
}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Two layers of a few numbers, and limits measured in a moment."""
    import ladder_shapes
    import machine_peak

    layers = {
        "pooled": ladder_shapes.Layer("a test", 2, 8, 16, 20),
        "strided": ladder_shapes.Layer("a test", 3, 7, 3, 5, kernel=5, stride=2, padding="same"),
    }
    monkeypatch.setattr(ladder_shapes, "LAYERS", layers)
    quick = functools.partial(machine_peak.measure_limits, steps=1000, triad_bytes=1 << 20, runs=2)
    monkeypatch.setattr(machine_peak, "measure_limits", quick)
    return layers


def tables(out):
    """By layer, pass and algorithm, with its mark: the numbers of a row by column, in the order printed."""
    found, layer = {}, None
    for line in out.splitlines():
        if match := re.match(r"(\S+): \d+ images ", line):
            layer = found.setdefault(match[1], {})
        cells = re.split(r"  +", line)
        if layer is not None and cells[0] in EXPECTED["pooled"] and len(cells) == 9:
            numbers = dict(zip(COLUMNS, cells[2:], strict=True))
            layer.setdefault(cells[0], {})[cells[1]] = numbers
    return found


def without_marks(ladder):
    return [name.rstrip("*") for name in ladder]


def test_every_algorithm_that_accepts_a_layer_is_in_the_table(run_benchmark, tiny):
    done = run_benchmark("kernel_ladder.py", "--rounds", 1)
    assert done.code == 0, done.err
    found = tables(done.out)
    assert {
        layer: {name: without_marks(ladder) for name, ladder in passes.items()} for layer, passes in found.items()
    } == EXPECTED
    for layer, passes in found.items():
        for name, ladder in passes.items():
            assert [mark for mark in ladder if mark.endswith("*")] == [f"{tiny[layer].auto(name)}*"]
    assert "without winograd_2x2, winograd_4x4: for 3 x 3 kernels" in done.out
    assert "without winners, and so without dW+dX" in done.out
    assert re.search(r"\nauto (does not take the fastest here|takes the fastest everywhere)", done.out)


def test_the_columns_fit_each_other_and_the_file(run_benchmark, tiny, tmp_path):
    done = run_benchmark("kernel_ladder.py", "--rounds", 3, "--threads", 1, "--json", tmp_path / "ladder.json")
    assert done.code == 0, done.err
    written = json.loads((tmp_path / "ladder.json").read_text())
    assert written["settings"]["threads"] == 1
    assert written["machine"]["packages"]["numba"]
    limits = written["limits"]
    peak, bandwidth = (float(number) for number in re.findall(r"(\d+) G(?:FLOP|B)/s", done.out)[:2])
    assert limits["flops"] == pytest.approx(1e9 * peak, abs=0.5e9)
    assert limits["bandwidth"] == pytest.approx(1e9 * bandwidth, abs=0.5e9)
    for layer, passes in tables(done.out).items():
        for name, ladder in passes.items():
            of_pass = written["layers"][layer]["passes"][name]
            for algorithm, row in ladder.items():
                figures = of_pass["algorithms"][algorithm.rstrip("*")]
                seconds = figures["seconds"]
                assert 0 < seconds["lowest"] <= seconds["highest"] < math.inf
                assert float(row["ms"]) == pytest.approx(1e3 * seconds["median"], abs=0.0005)
                speed = of_pass["flops"] / seconds["median"]
                assert float(row["GFLOP/s"]) == pytest.approx(speed / 1e9, abs=0.05)
                assert float(row["of peak"].rstrip("%")) == pytest.approx(100 * speed / limits["flops"], abs=0.05)
                assert 0 < figures["error"] < 1e-4
                assert figures["bytes"] is None or 0 <= figures["bytes"] < 1e9


def test_flops_and_intensity_of_the_plain_convolution():
    from ladder_shapes import Layer

    layer = Layer("the article's second", 128, 26, 32, 64)
    flops = 2 * 128 * 24 * 24 * 9 * 32 * 64
    assert layer.flops("forward") == layer.flops("dW") == layer.flops("dX") == flops
    assert layer.flops("dW+dX") == 2 * flops
    numbers = 128 * 26 * 26 * 32 + 9 * 32 * 64 + 128 * 24 * 24 * 64
    assert layer.intensity == pytest.approx(flops / (4 * numbers))


def test_only_what_is_asked_for(run_benchmark):
    chosen = ("--shapes", "pooled", "--passes", "dX", "dW+dX", "--algorithms", "winners", "tile")
    done = run_benchmark("kernel_ladder.py", *chosen, "--rounds", 1)
    assert done.code == 0, done.err
    [passes] = tables(done.out).values()
    assert {name: without_marks(ladder) for name, ladder in passes.items()} == {
        "dX": ["tile"], "dW+dX": ["tile", "winners"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "name"), [("conv2d", "forward"), ("conv2d_kernel_gradient", "dW"), ("conv2d_input_gradient", "dX")]
)
def test_a_wrong_result_is_not_timed(run_benchmark, monkeypatch, wrong, name):
    import ladder_shapes

    rung = ladder_shapes.LADDER["im2col"]
    nearly = {wrong: lambda *arguments: getattr(rung, wrong)(*arguments) * np.float32(1.001)}
    monkeypatch.setitem(ladder_shapes.LADDER, "im2col", rung._replace(**nearly))
    done = run_benchmark("kernel_ladder.py", "--shapes", "pooled", "--rounds", 1)
    assert done.code == 1
    assert re.search(rf"Expected {name} of .* by im2col to be off by at most .*; nothing was timed\.", done.err)


def test_where_auto_is_not_the_fastest_is_said(tiny, capsys):
    from kernel_ladder import Figures, print_slower, slower_than_another
    from report import Figure

    def figures(seconds):
        return Figures(Figure(seconds, seconds, seconds), 0, 1e-7)

    auto = tiny["pooled"].auto("dW")
    other = next(rung for rung in RUNGS if rung != auto)
    [slower] = slower_than_another({"pooled": {"dW": {auto: figures(0.003), other: figures(0.002)}}})
    assert (slower["layer"], slower["pass"], slower["auto"], slower["fastest"]) == ("pooled", "dW", auto, other)
    assert slower["times"] == pytest.approx(1.5)
    print_slower([slower])
    assert re.search(rf"pooled +dW +{auto} +{other} +3\.000 +2\.000 +1\.50\n\Z", capsys.readouterr().out)
    assert slower_than_another({"pooled": {"dW": {auto: figures(0.00203), other: figures(0.002)}}}) == []
    assert slower_than_another({"pooled": {"dW": {other: figures(0.002)}}}) == []


@pytest.mark.parametrize("few", [(), ("--shapes", "strided", "--algorithms", "tile", "--passes", "forward")])
def test_pictures_are_drawn(run_benchmark, tmp_path, few):
    done = run_benchmark("kernel_ladder.py", "--rounds", 1, "--png", tmp_path, *few)
    assert done.code == 0, done.err
    for name in ("kernel_roofline.png", "kernel_ladder.png"):
        assert f"wrote {tmp_path / name}\n" in done.out
        picture = imageio.imread(tmp_path / name)[..., :3]
        assert picture.shape[0] > 300
        assert picture.shape[1] > 1000
        assert 0.01 < (picture.min(axis=-1) < 128).mean() < 0.5  # ink, on paper
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_matplotlib_is_not_imported_without_a_picture(run_benchmark, monkeypatch):
    monkeypatch.setitem(sys.modules, "ladder_pictures", None)
    done = run_benchmark("kernel_ladder.py", "--rounds", 1, "--shapes", "strided", "--algorithms", "tile")
    assert done.code == 0, done.err
    source = (Path(__file__).parents[2] / "benchmarks" / "kernel_ladder.py").read_text()
    assert "matplotlib" not in "".join(line for line in source.splitlines() if line.startswith(("import", "from")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--shapes", "alexnet"), r"--shapes: invalid choice: '?alexnet'? .*strided.*"),
        (("--passes", "backward"), r"--passes: invalid choice: '?backward'? .*dW\+dX.*"),
        (("--algorithms", "fft"), r"--algorithms: invalid choice: '?fft'? .*winograd_4x4.*"),
        (("--algorithms",), "--algorithms: expected at least one argument"),
        (("--rounds", 0), "--rounds: expected at least 1, received 0"),
        (("--threads", 100_000), r"--threads: expected at most \d+, the processors there are, received 100000"),
        (("--json", "."), r"--json: expected a file in a folder that exists, received '\.'"),
        (("--png", "no/folder"), "--png: expected a folder that can be written to, received 'no/folder'"),
        (("--png", ".", "--passes", "dW"), "--png: expected forward among --passes, .* received dW"),
        (
            ("--algorithms", "winograd_2x2"),
            r"--algorithms: expected one that can compute .* of strided, received winograd_2x2",
        ),
    ],
)
def test_wrong_options_end_with_2(run_benchmark, arguments, message):
    done = run_benchmark("kernel_ladder.py", *arguments)
    assert done.code == 2
    assert re.search(rf"\nkernel_ladder\.py: error: argument {message}\n\Z", done.err), done.err
    assert done.out == ""


# What it is made of


def test_the_multiply_adds_of_the_peak_are_computed():
    import machine_peak

    numbers = np.full((2, machine_peak.SUMS * machine_peak.LANES), 0.5, np.float32)
    machine_peak._multiply_add_on_all_threads(numbers, 3)
    np.testing.assert_array_equal(numbers, np.float32(0.9375))  # 0.5, 0.75, 0.875, 0.9375


def test_the_triad_of_the_bandwidth_is_computed():
    import machine_peak

    a, b, c = np.zeros(100, np.float32), np.arange(100, dtype=np.float32), np.full(100, 3, np.float32)
    machine_peak._triad(a, b, c, np.float32(0.5))
    np.testing.assert_array_equal(a, b + np.float32(1.5))


def test_the_roof_is_the_lesser_of_both_limits():
    from machine_peak import Limits

    limits = Limits(flops=500e9, bandwidth=50e9)
    assert [limits.roof(intensity) for intensity in (1, 10, 100)] == [50e9, 500e9, 500e9]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of a process is told in /proc")
def test_growth_counts_what_is_neither_there_before_nor_returned():
    from resident import peak_growth

    def run():
        for_a_while = np.ones(40_000_000, np.uint8)
        result = np.ones(20_000_000, np.uint8)
        del for_a_while
        return [result]

    assert peak_growth(run) == pytest.approx(40e6, abs=3e6)
    assert peak_growth(lambda: [np.ones(20_000_000, np.uint8)]) == pytest.approx(0, abs=3e6)
