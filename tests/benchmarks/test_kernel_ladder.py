"""benchmarks/kernel_ladder.py: the table is complete and consistent, wrong results are not timed, figures are drawn."""

import functools
import json
import math
import re
import sys
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

RUNGS = ["loops", "im2col", "tile", "interleaved", "winograd_2x2", "winograd_4x4"]
COLUMNS = ["ms", "lowest", "highest", "GFLOP/s", "% of peak", "MB", "error"]
EXPECTED = {  # the algorithms that accept each layer
    "pooled": {"forward": RUNGS, "dW": RUNGS, "dX": RUNGS, "dW+dX": [*RUNGS, "winners"]},
    "strided": {"forward": RUNGS[:4], "dW": RUNGS[:4], "dX": RUNGS[:4]},
}


@pytest.fixture(autouse=True)
def small_layers(monkeypatch):
    """Replace the layers by two small ones, and shorten the measurement of the limits."""
    import ladder_shapes
    import machine_peak

    layers = {
        "pooled": ladder_shapes.Layer("test", 2, 8, 16, 20),
        "strided": ladder_shapes.Layer("test", 3, 7, 3, 5, kernel=5, stride=2, padding="same"),
    }
    monkeypatch.setattr(ladder_shapes, "LAYERS", layers)
    quick = functools.partial(machine_peak.measure_limits, steps=1000, triad_bytes=1 << 20, runs=2)
    monkeypatch.setattr(machine_peak, "measure_limits", quick)
    return layers


def tables(out):
    """Parse the printed tables: row by layer, pass and algorithm (including its mark), as a dict by column."""
    found, layer = {}, None
    for line in out.splitlines():
        if match := re.match(r"(\S+): \d+ images ", line):
            layer = found.setdefault(match[1], {})
        cells = re.split(r"  +", line)
        if layer is not None and cells[0] in EXPECTED["pooled"] and len(cells) == 9:
            layer.setdefault(cells[0], {})[cells[1]] = dict(zip(COLUMNS, cells[2:], strict=True))
    return found


def without_marks(ladder):
    return [name.rstrip("*") for name in ladder]


def test_table_contains_every_algorithm_that_accepts_the_layer(run_benchmark, small_layers):
    done = run_benchmark("kernel_ladder.py", "--rounds", 1)
    assert done.code == 0, done.err
    found = tables(done.out)
    assert {
        layer: {name: without_marks(ladder) for name, ladder in passes.items()} for layer, passes in found.items()
    } == EXPECTED
    for layer, passes in found.items():
        for name, ladder in passes.items():
            assert [mark for mark in ladder if mark.endswith("*")] == [f"{small_layers[layer].auto(name)}*"]
    assert "winners*" in found["pooled"]["dW+dX"]
    assert "winograd_2x2, winograd_4x4 omitted: they require 3 x 3 kernels" in done.out
    assert "winners and dW+dX omitted" in done.out
    assert re.search(
        r"\nauto (does not select the fastest algorithm here|selects the fastest algorithm everywhere)", done.out
    )


def test_columns_agree_with_each_other_and_with_the_file(run_benchmark, tmp_path):
    done = run_benchmark("kernel_ladder.py", "--rounds", 3, "--threads", 1, "--json", tmp_path / "ladder.json")
    assert done.code == 0, done.err
    written = json.loads((tmp_path / "ladder.json").read_text())
    assert written["settings"]["threads"] == 1
    assert written["machine"]["packages"]["numba"]
    limits = written["limits"]
    peak, bandwidth = (float(value) for value in re.findall(r"(\d+) G(?:FLOP|B)/s", done.out)[:2])
    assert limits["flops"] == pytest.approx(1e9 * peak, abs=0.5e9)
    assert limits["bandwidth"] == pytest.approx(1e9 * bandwidth, abs=0.5e9)
    for layer, passes in tables(done.out).items():
        for name, ladder in passes.items():
            measured = written["layers"][layer]["passes"][name]
            for algorithm, row in ladder.items():
                figures = measured["algorithms"][algorithm.rstrip("*")]
                seconds = figures["seconds"]
                assert 0 < seconds["lowest"] <= seconds["highest"] < math.inf
                assert float(row["ms"]) == pytest.approx(1e3 * seconds["median"], abs=0.0005)
                speed = measured["flops"] / seconds["median"]
                assert float(row["GFLOP/s"]) == pytest.approx(speed / 1e9, abs=0.05)
                assert float(row["% of peak"]) == pytest.approx(100 * speed / limits["flops"], abs=0.05)
                assert 0 < figures["error"] < 1e-4
                assert figures["bytes"] is None or 0 <= figures["bytes"] < 1e9


def test_flops_and_intensity_of_the_direct_convolution():
    from ladder_shapes import Layer

    layer = Layer("the article's second", 128, 26, 32, 64)
    flops = 2 * 128 * 24 * 24 * 9 * 32 * 64
    assert layer.flops("forward") == layer.flops("dW") == layer.flops("dX") == flops
    assert layer.flops("dW+dX") == 2 * flops
    elements = 128 * 26 * 26 * 32 + 9 * 32 * 64 + 128 * 24 * 24 * 64
    assert layer.intensity == pytest.approx(flops / (4 * elements))


def test_options_select_layers_passes_and_algorithms(run_benchmark):
    selection = ("--shapes", "pooled", "--passes", "dX", "dW+dX", "--algorithms", "winners", "tile")
    done = run_benchmark("kernel_ladder.py", *selection, "--rounds", 1)
    assert done.code == 0, done.err
    [passes] = tables(done.out).values()
    assert {name: without_marks(ladder) for name, ladder in passes.items()} == {
        "dX": ["tile"], "dW+dX": ["tile", "winners"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "name"), [("conv2d", "forward"), ("conv2d_kernel_gradient", "dW"), ("conv2d_input_gradient", "dX")]
)
def test_wrong_result_is_not_timed(run_benchmark, monkeypatch, wrong, name):
    import ladder_shapes

    rung = ladder_shapes.LADDER["im2col"]
    slightly_wrong = {wrong: lambda *arguments: getattr(rung, wrong)(*arguments) * np.float32(1.001)}
    monkeypatch.setitem(ladder_shapes.LADDER, "im2col", rung._replace(**slightly_wrong))
    done = run_benchmark("kernel_ladder.py", "--shapes", "pooled", "--rounds", 1)
    assert done.code == 1
    assert re.search(
        rf"Expected an error of at most .* in {name} of .* by im2col, received .*; nothing was timed\.", done.err
    )


@pytest.mark.parametrize("wrong", ["dx", "dkernel"])
def test_wrong_sparse_gradient_is_not_timed(run_benchmark, monkeypatch, wrong):
    import ladder_shapes

    gradients = ladder_shapes.conv2d_max_pool2d_gradients

    def slightly_wrong(gradient, x, convolution, pooling):
        dx, dkernel, dbias = gradients(gradient, x, convolution, pooling)
        if convolution.choice.kernel_gradient == "winners":
            array = {"dx": dx, "dkernel": dkernel}[wrong]
            array *= np.float32(1.001)
        return dx, dkernel, dbias

    monkeypatch.setattr(ladder_shapes, "conv2d_max_pool2d_gradients", slightly_wrong)
    done = run_benchmark("kernel_ladder.py", "--shapes", "pooled", "--passes", "dW+dX", "--rounds", 1)
    assert done.code == 1
    assert re.search(
        r"Expected an error of at most .* in dW\+dX of .* by winners, received .*; nothing was timed\.", done.err
    )


def test_cases_where_auto_is_not_the_fastest_are_reported(small_layers, capsys):
    from kernel_ladder import Measurement, find_slower_choices, print_slower_choices
    from report import Summary

    def measurement(seconds):
        return Measurement(Summary(seconds, seconds, seconds), 0, 1e-7)

    auto = small_layers["pooled"].auto("dW")
    other = next(rung for rung in RUNGS if rung != auto)
    [slower] = find_slower_choices({"pooled": {"dW": {auto: measurement(0.003), other: measurement(0.002)}}})
    assert (slower["layer"], slower["pass"], slower["auto"], slower["fastest"]) == ("pooled", "dW", auto, other)
    assert slower["ratio"] == pytest.approx(1.5)
    print_slower_choices([slower])
    assert re.search(rf"pooled +dW +{auto} +{other} +3\.000 +2\.000 +1\.50\n\Z", capsys.readouterr().out)
    assert find_slower_choices({"pooled": {"dW": {auto: measurement(0.00203), other: measurement(0.002)}}}) == []
    assert find_slower_choices({"pooled": {"dW": {other: measurement(0.002)}}}) == []


@pytest.mark.parametrize("selection", [(), ("--shapes", "strided", "--algorithms", "tile", "--passes", "forward")])
def test_figures_are_drawn(run_benchmark, tmp_path, selection):
    done = run_benchmark("kernel_ladder.py", "--rounds", 1, "--png", tmp_path, *selection)
    assert done.code == 0, done.err
    for name in ("kernel_roofline.png", "kernel_ladder.png"):
        assert f"wrote {tmp_path / name}\n" in done.out
        picture = imageio.imread(tmp_path / name)[..., :3]
        assert picture.shape[0] > 300
        assert picture.shape[1] > 1000
        assert 0.01 < (picture.min(axis=-1) < 128).mean() < 0.5  # dark lines on a white background
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_matplotlib_is_not_imported_without_figures(run_benchmark, monkeypatch):
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
        (("--threads", 100_000), r"--threads: expected at most \d+, the number of processors, received 100000"),
        (("--json", "."), r"--json: expected a file in an existing folder, received '\.'"),
        (("--png", "no/folder"), "--png: expected a writable folder, received 'no/folder'"),
        (("--png", ".", "--passes", "dW"), "--png: expected forward among --passes, .* received dW"),
        (
            ("--algorithms", "winograd_2x2"),
            r"--algorithms: expected one that can compute .* of strided, received winograd_2x2",
        ),
    ],
)
def test_invalid_option_is_an_error(run_benchmark, arguments, message):
    done = run_benchmark("kernel_ladder.py", *arguments)
    assert done.code == 2
    assert re.search(rf"\nkernel_ladder\.py: error: argument {message}\n\Z", done.err), done.err
    assert done.out == ""


# Limits of the machine and memory


def test_peak_loop_computes_its_multiply_adds():
    import machine_peak

    numbers = np.full((2, machine_peak.ACCUMULATORS * machine_peak.LANES), 0.5, np.float32)
    machine_peak._multiply_add_on_all_threads(numbers, 3)
    np.testing.assert_array_equal(numbers, np.float32(0.9375))  # 0.5, 0.75, 0.875, 0.9375


def test_bandwidth_loop_computes_the_triad():
    import machine_peak

    a, b, c = np.zeros(100, np.float32), np.arange(100, dtype=np.float32), np.full(100, 3, np.float32)
    machine_peak._triad(a, b, c, np.float32(0.5))
    np.testing.assert_array_equal(a, b + np.float32(1.5))


def test_roof_is_the_minimum_of_both_limits():
    from machine_peak import Limits

    limits = Limits(flops=500e9, bandwidth=50e9)
    assert [limits.roof(intensity) for intensity in (1, 10, 100)] == [50e9, 500e9, 500e9]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="requires /proc/self/clear_refs")
def test_peak_growth_excludes_previous_memory_and_results():
    from resident import peak_growth

    def run():
        temporary = np.ones(40_000_000, np.uint8)
        result = np.ones(20_000_000, np.uint8)
        del temporary
        return [result]

    assert peak_growth(run) == pytest.approx(40e6, abs=3e6)
    assert peak_growth(lambda: [np.ones(20_000_000, np.uint8)]) == pytest.approx(0, abs=3e6)
