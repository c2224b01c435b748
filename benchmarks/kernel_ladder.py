"""Times every algorithm of the ladder of convolutions on layers of well-known networks: forward, dW and dX.

    python benchmarks/kernel_ladder.py --png FOLDER

Each result is checked first (`ladder_check`), then the algorithms take turns, and the medians are shown beside what
the machine can do at most (`machine_peak`). The end says where algorithm='auto' does not take the fastest.

    GFLOP/s    2 * N * OH * OW * KH * KW * C * F, whatever an algorithm really multiplies, by the time
    of peak    the same by the measured peak: Winograd and 'winners' multiply less, so they may exceed 100 %
    MB         the most memory beyond inputs and results, resident at once (`resident`); 10^6 bytes
    error      the largest, as a share of the largest result
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

from ladder_check import check, find_truth
from ladder_shapes import ALGORITHMS, LAYERS, PASSES, Layer, Numbers, compute, random_numbers
from machine_peak import Limits, measure_limits
from report import Figure, figure, print_table, threads, write_json
from resident import peak_growth
from turns import add_measuring_options, check_measuring_options, run

from scratchcnn import set_threads
from scratchcnn.algorithms import Algorithm
from scratchcnn.kernels.runtime.workspace import Workspace

TURN_SECONDS = 0.02  # a quick algorithm computes more than once in its turn
MOST_REPEATS = 50
CLOSE = 1.03  # times that differ by less are called the same


class Figures(NamedTuple):
    """What was measured of one algorithm in one pass of a layer."""

    seconds: Figure
    bytes: int | None
    error: float


Ladder = Mapping[Algorithm, Figures]
Report = dict[str, dict[str, Ladder]]  # by layer and pass


def main() -> None:
    options = read_options()
    set_threads(options.threads)
    limits = measure_limits(options.threads)
    print(f"float32, {threads(options)}, {options.rounds} rounds in turn")
    print(f"measured peak: {limits.flops / 1e9:.0f} GFLOP/s of multiply-adds, "
          f"{limits.bandwidth / 1e9:.0f} GB/s from and to memory")  # fmt: skip
    print("* marks what algorithm='auto' takes; Winograd and winners multiply less, so they may exceed 100 % of peak")
    report: Report = {}
    for layer_name in options.shapes:
        layer = LAYERS[layer_name]
        print(f"\n{layer_name}: {layer}\n{layer.flops('forward') / 1e9:.3g} GFLOP, {layer.intensity:.3g} FLOP/byte",
              flush=True)  # fmt: skip
        report[layer_name] = measure_layer(layer, options.passes, options.algorithms, options.rounds)
        print_layer(layer, report[layer_name], limits)
        print_refusals(layer, options)
    slower = slower_than_another(report)
    print_slower(slower)
    content = {"limits": limits._asdict(), "layers": as_json(report), "auto_is_slower": slower}
    write_json(options, **content)
    if options.png:
        from ladder_pictures import write_pictures  # matplotlib is not needed before

        for path in write_pictures(options.png, limits, content["layers"]):
            print(f"wrote {path}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time every algorithm of convolution on layers of known networks.")
    for name, choices in (("shapes", tuple(LAYERS)), ("passes", PASSES), ("algorithms", ALGORITHMS)):
        parser.add_argument(f"--{name}", nargs="+", choices=choices, default=choices, metavar="NAME",
                            help=f"some of {', '.join(choices)} (default: all)")  # fmt: skip
    parser.add_argument("--png", type=Path, metavar="FOLDER",
                        help="also draw kernel_roofline.png and kernel_ladder.png into this folder")  # fmt: skip
    add_measuring_options(parser, rounds=7, contestants="algorithms")
    options = parser.parse_args()
    check_measuring_options(parser, options)
    if options.png and not (options.png.is_dir() and os.access(options.png, os.W_OK)):
        parser.error(f"argument --png: expected a folder that can be written to, received '{options.png}'")
    if options.png and "forward" not in options.passes:
        parser.error("argument --png: expected forward among --passes, since the roofline shows it, "
                     f"received {' '.join(options.passes)}")  # fmt: skip
    for name, choices in (("shapes", tuple(LAYERS)), ("passes", PASSES), ("algorithms", ALGORITHMS)):
        setattr(options, name, [choice for choice in choices if choice in getattr(options, name)])  # once, in order
    for name in options.shapes:
        if not any(chosen(LAYERS[name], of_pass, options.algorithms) for of_pass in options.passes):
            parser.error(f"argument --algorithms: expected one that can compute {' or '.join(options.passes)} "
                         f"of {name}, received {' '.join(options.algorithms)}")  # fmt: skip
    return options


def chosen(layer: Layer, name: str, algorithms: list[Algorithm]) -> list[Algorithm]:
    """Those of `algorithms` that can compute a pass of a layer."""
    return [algorithm for algorithm in layer.algorithms(name) if algorithm in algorithms]


# Measuring


def measure_layer(layer: Layer, passes: list[str], algorithms: list[Algorithm], rounds: int) -> dict[str, Ladder]:
    numbers = random_numbers(layer)
    able = {name: chosen(layer, name, algorithms) for name in passes}
    return {name: measure_pass(name, layer, numbers, able[name], rounds) for name in passes if able[name]}


def measure_pass(name: str, layer: Layer, numbers: Numbers, algorithms: list[Algorithm], rounds: int) -> Ladder:
    """Check every algorithm, then measure its memory, then time all in turn."""
    truth = find_truth(name, layer, numbers)
    computations = {algorithm: partial(compute, name, algorithm, layer, numbers) for algorithm in algorithms}
    try:
        errors = {algorithm: check(name, algorithm, layer, numbers, truth) for algorithm in algorithms}
    except ArithmeticError as error:
        sys.exit(str(error))
    memory = {algorithm: peak_growth(computation) for algorithm, computation in computations.items()}
    seconds = take_turns(computations, rounds)
    return {algorithm: Figures(seconds[algorithm], memory[algorithm], errors[algorithm]) for algorithm in algorithms}


def take_turns(computations: Mapping[Algorithm, Callable[[], Any]], rounds: int) -> dict[Algorithm, Figure]:
    """Seconds of each, with the memory of its results used again, as in training."""
    with Workspace().active():
        repeats = {name: repeats_of(computation) for name, computation in computations.items()}
        turns = [
            {name: [timed(computation) for _ in range(repeats[name])] for name, computation in computations.items()}
            for _ in range(rounds)
        ]
    return {name: figure([of_round[name] for of_round in turns]) for name in computations}


def repeats_of(computation: Callable[[], Any]) -> int:
    return min(max(math.ceil(TURN_SECONDS / timed(computation)), 1), MOST_REPEATS)


def timed(computation: Callable[[], Any]) -> float:
    began = time.perf_counter()
    computation()
    return time.perf_counter() - began


# Reporting


def print_layer(layer: Layer, passes: Mapping[str, Ladder], limits: Limits) -> None:
    rows = []
    for name, ladder in passes.items():
        for algorithm, (seconds, memory, error) in ladder.items():
            speed = layer.flops(name) / seconds.median
            mark = "*" if algorithm == layer.auto(name) else ""
            rows.append(
                [name, algorithm + mark, *(f"{1e3 * value:.3f}" for value in seconds), f"{speed / 1e9:.1f}",
                 f"{speed / limits.flops:.1%}", "-" if memory is None else f"{memory / 1e6:.1f}", f"{error:.1e}"]
            )  # fmt: skip
    print_table(
        ["pass", "algorithm", "ms", "lowest", "highest", "GFLOP/s", "of peak", "MB", "error"], rows, names=2
    )  # fmt: skip


def print_refusals(layer: Layer, options: argparse.Namespace) -> None:
    """Say which of the algorithms asked for are not in the table, and why."""
    dense, both = layer.algorithms("forward"), layer.algorithms("dW+dX")
    winograd = [name for name in options.algorithms if name not in dense and name != "winners"]
    if winograd:
        print(f"without {', '.join(winograd)}: for 3 x 3 kernels at stride 1 only")
    if "dW+dX" in options.passes and not both:
        print("without winners, and so without dW+dX: for layers without padding, and kernel rows of whole 64 bytes")


def slower_than_another(report: Report) -> list[dict[str, Any]]:
    """Each pass whose fastest algorithm is not auto's, the worst first."""
    found = []
    for layer_name, passes in report.items():
        for name, ladder in passes.items():
            auto = LAYERS[layer_name].auto(name)
            fastest = min(ladder, key=lambda algorithm: ladder[algorithm].seconds.median)
            if auto not in ladder:
                continue
            times = ladder[auto].seconds.median / ladder[fastest].seconds.median
            if times > CLOSE:
                found.append({"layer": layer_name, "pass": name, "auto": auto, "fastest": fastest, "times": times,
                              "seconds": [ladder[auto].seconds.median, ladder[fastest].seconds.median]})  # fmt: skip
    return sorted(found, key=lambda entry: -entry["times"])


def print_slower(slower: list[dict[str, Any]]) -> None:
    if not slower:
        print(f"\nauto takes the fastest everywhere, or one within {CLOSE - 1:.0%} of it")
        return
    print(f"\nauto does not take the fastest here (differences up to {CLOSE - 1:.0%} left out):")
    print_table(
        ["shape", "pass", "auto", "fastest", "ms", "ms", "times"],
        [
            [entry["layer"], entry["pass"], entry["auto"], entry["fastest"],
             *(f"{1e3 * seconds:.3f}" for seconds in entry["seconds"]), f"{entry['times']:.2f}"]
            for entry in slower
        ],
        names=4,
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
                        algorithm: {**figures._asdict(), "seconds": figures.seconds._asdict()}
                        for algorithm, figures in ladder.items()
                    },
                }
                for name, ladder in passes.items()
            },
        }
        for layer_name, passes in report.items()
    }


if __name__ == "__main__":
    run(main)
