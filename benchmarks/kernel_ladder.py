"""Time every convolution algorithm on layers of well-known networks: forward pass, dW and dX.

    python benchmarks/kernel_ladder.py --png FOLDER

Each result is verified first (`ladder_check`). Then the algorithms are timed in interleaved rounds, and the medians are
compared with the measured limits of the machine (`machine_peak`). The last table lists the cases in which
algorithm='auto' does not select the fastest algorithm.

    GFLOP/s    effective throughput: the FLOPs of the direct convolution, 2 * N * OH * OW * KH * KW * C * F, divided by
               the time, for every algorithm
    % of peak  effective throughput relative to the measured peak; Winograd and 'winners' perform fewer multiplications,
               so they may exceed 100 %
    MB         peak resident memory in addition to inputs and results (`resident`), in 10^6 bytes
    error      maximum absolute error, relative to the largest magnitude of the result
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ladder_check import check, exact_results
from ladder_shapes import ALGORITHMS, LAYERS, PASSES, Layer, Operands, compute, random_operands
from machine_peak import Limits, measure_limits
from report import Summary, print_table, summarize, threads, write_json
from resident import peak_growth
from turns import add_measuring_options, check_measuring_options, run

from scratchcnn import set_threads
from scratchcnn.algorithms import Algorithm
from scratchcnn.kernels.runtime.workspace import Workspace

ROUND_SECONDS = 0.02  # a fast algorithm is repeated until a round takes about this long
MAX_REPEATS = 50
TOLERANCE = 1.03  # smaller ratios of two times are regarded as equal


class Measurement(NamedTuple):
    """Measurements of one algorithm for one pass of a layer."""

    seconds: Summary
    bytes: int | None
    error: float


Ladder = Mapping[Algorithm, Measurement]
Report = dict[str, dict[str, Ladder]]  # by layer, then by pass


def main() -> None:
    options = read_options()
    set_threads(options.threads)
    limits = measure_limits(options.threads)
    print(f"float32, {threads(options)}, {options.rounds} interleaved rounds")
    print(f"measured peak: {limits.flops / 1e9:.0f} GFLOP/s (fused multiply-add), "
          f"{limits.bandwidth / 1e9:.0f} GB/s (memory bandwidth)")  # fmt: skip
    print("*: selected by algorithm='auto'; Winograd and winners multiply less, so they may exceed 100 % of peak")
    report: Report = {}
    for layer_name in options.shapes:
        layer = LAYERS[layer_name]
        print(f"\n{layer_name}: {layer}\n{layer.flops('forward') / 1e9:.3g} GFLOP, {layer.intensity:.3g} FLOP/byte",
              flush=True)  # fmt: skip
        report[layer_name] = measure_layer(layer, options.passes, options.algorithms, options.rounds)
        print_layer(layer, report[layer_name], limits)
        print_omissions(layer, options)
    slower = find_slower_choices(report)
    print_slower_choices(slower)
    content = {"limits": limits._asdict(), "layers": as_json(report), "auto_is_slower": slower}
    write_json(options, **content)
    if options.png:
        from ladder_pictures import write_pictures  # imports matplotlib, which is not needed otherwise

        for path in write_pictures(options.png, limits, content["layers"]):
            print(f"wrote {path}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time every convolution algorithm on layers of well-known networks.")
    for name, choices in (("shapes", tuple(LAYERS)), ("passes", PASSES), ("algorithms", ALGORITHMS)):
        parser.add_argument(f"--{name}", nargs="+", choices=choices, default=choices, metavar="NAME",
                            help=f"any of {', '.join(choices)} (default: all)")  # fmt: skip
    parser.add_argument("--png", type=Path, metavar="FOLDER",
                        help="also write kernel_roofline.png and kernel_ladder.png to this folder")  # fmt: skip
    add_measuring_options(parser, rounds=7, compared="algorithms")
    options = parser.parse_args()
    check_measuring_options(parser, options)
    if options.png and not (options.png.is_dir() and os.access(options.png, os.W_OK)):
        parser.error(f"argument --png: expected a writable folder, received '{options.png}'")
    if options.png and "forward" not in options.passes:
        parser.error("argument --png: expected forward among --passes, since the roofline plots it, "
                     f"received {' '.join(options.passes)}")  # fmt: skip
    for name, choices in (("shapes", tuple(LAYERS)), ("passes", PASSES), ("algorithms", ALGORITHMS)):
        setattr(options, name, [choice for choice in choices if choice in getattr(options, name)])  # once, in order
    for name in options.shapes:
        if not any(applicable(LAYERS[name], pass_name, options.algorithms) for pass_name in options.passes):
            parser.error(f"argument --algorithms: expected one that can compute {' or '.join(options.passes)} "
                         f"of {name}, received {' '.join(options.algorithms)}")  # fmt: skip
    return options


def applicable(layer: Layer, name: str, algorithms: list[Algorithm]) -> list[Algorithm]:
    """Return those of `algorithms` that can compute a pass of a layer."""
    return [algorithm for algorithm in layer.algorithms(name) if algorithm in algorithms]


# Measuring


def measure_layer(layer: Layer, passes: list[str], algorithms: list[Algorithm], rounds: int) -> dict[str, Ladder]:
    operands = random_operands(layer)
    selected = {name: applicable(layer, name, algorithms) for name in passes}
    return {name: measure_pass(name, layer, operands, selected[name], rounds) for name in passes if selected[name]}


def measure_pass(name: str, layer: Layer, operands: Operands, algorithms: list[Algorithm], rounds: int) -> Ladder:
    """Verify every algorithm, then measure its memory, then time all in interleaved rounds."""
    exact = exact_results(name, layer, operands)
    computations = {algorithm: partial(compute, name, algorithm, layer, operands) for algorithm in algorithms}
    try:
        errors = {algorithm: check(name, algorithm, layer, operands, exact) for algorithm in algorithms}
    except ArithmeticError as error:
        sys.exit(str(error))
    memory = {algorithm: peak_growth(computation) for algorithm, computation in computations.items()}
    seconds = time_interleaved(computations, rounds)
    return {
        algorithm: Measurement(seconds[algorithm], memory[algorithm], errors[algorithm]) for algorithm in algorithms
    }


def time_interleaved(computations: Mapping[Algorithm, Callable[[], Any]], rounds: int) -> dict[Algorithm, Summary]:
    """Return the seconds of each computation; the memory of the results is reused, as in training."""
    with Workspace().active():
        repeats = {name: choose_repeats(computation) for name, computation in computations.items()}
        measured = [
            {name: [time_once(computation) for _ in range(repeats[name])] for name, computation in computations.items()}
            for _ in range(rounds)
        ]
    return {name: summarize([seconds[name] for seconds in measured]) for name in computations}


def choose_repeats(computation: Callable[[], Any]) -> int:
    return min(max(math.ceil(ROUND_SECONDS / time_once(computation)), 1), MAX_REPEATS)


def time_once(computation: Callable[[], Any]) -> float:
    start = time.perf_counter()
    computation()
    return time.perf_counter() - start


# Reporting


def print_layer(layer: Layer, passes: Mapping[str, Ladder], limits: Limits) -> None:
    rows = []
    for name, ladder in passes.items():
        for algorithm, (seconds, memory, error) in ladder.items():
            speed = layer.flops(name) / seconds.median
            mark = "*" if algorithm == layer.auto(name) else ""
            rows.append(
                [name, algorithm + mark, *(f"{1e3 * value:.3f}" for value in seconds), f"{speed / 1e9:.1f}",
                 f"{100 * speed / limits.flops:.1f}", "-" if memory is None else f"{memory / 1e6:.1f}", f"{error:.1e}"]
            )  # fmt: skip
    print_table(
        ["pass", "algorithm", "ms", "lowest", "highest", "GFLOP/s", "% of peak", "MB", "error"], rows, text_columns=2
    )  # fmt: skip


def print_omissions(layer: Layer, options: argparse.Namespace) -> None:
    """Print which of the requested algorithms are missing from the table, and why."""
    general, with_pooling = layer.algorithms("forward"), layer.algorithms("dW+dX")
    winograd = [name for name in options.algorithms if name not in general and name != "winners"]
    if winograd:
        print(f"{', '.join(winograd)} omitted: they require 3 x 3 kernels and stride 1")
    if "dW+dX" in options.passes and not with_pooling:
        print("winners and dW+dX omitted: they require kernel rows that are a multiple of 64 bytes")


def find_slower_choices(report: Report) -> list[dict[str, Any]]:
    """Find the passes for which 'auto' does not select the fastest algorithm, in order of decreasing ratio."""
    found = []
    for layer_name, passes in report.items():
        for name, ladder in passes.items():
            auto = LAYERS[layer_name].auto(name)
            fastest = min(ladder, key=lambda algorithm: ladder[algorithm].seconds.median)
            if auto not in ladder:
                continue
            ratio = ladder[auto].seconds.median / ladder[fastest].seconds.median
            if ratio > TOLERANCE:
                found.append({"layer": layer_name, "pass": name, "auto": auto, "fastest": fastest, "ratio": ratio,
                              "seconds": [ladder[auto].seconds.median, ladder[fastest].seconds.median]})  # fmt: skip
    return sorted(found, key=lambda entry: -entry["ratio"])


def print_slower_choices(slower: list[dict[str, Any]]) -> None:
    if not slower:
        print(f"\nauto selects the fastest algorithm everywhere, or one within {TOLERANCE - 1:.0%} of it")
        return
    print(f"\nauto does not select the fastest algorithm here (differences up to {TOLERANCE - 1:.0%} are ignored):")
    print_table(
        ["layer", "pass", "auto", "fastest", "auto ms", "fastest ms", "ratio"],
        [
            [entry["layer"], entry["pass"], entry["auto"], entry["fastest"],
             *(f"{1e3 * seconds:.3f}" for seconds in entry["seconds"]), f"{entry['ratio']:.2f}"]
            for entry in slower
        ],
        text_columns=4,
    )  # fmt: skip


def as_json(report: Report) -> dict[str, Any]:
    return {
        layer_name: {
            "layer": LAYERS[layer_name]._asdict(),
            "intensity": LAYERS[layer_name].intensity,
            "passes": {
                name: {
                    "flops": LAYERS[layer_name].flops(name),
                    "auto": LAYERS[layer_name].auto(name),
                    "algorithms": {
                        algorithm: {**measurement._asdict(), "seconds": measurement.seconds._asdict()}
                        for algorithm, measurement in ladder.items()
                    },
                }
                for name, ladder in passes.items()
            },
        }
        for layer_name, passes in report.items()
    }


if __name__ == "__main__":
    run(main)
