"""Time one training step of several networks in several systems, in interleaved rounds of one run.

    python benchmarks/networks.py --peer all --data FOLDER
    python benchmarks/networks.py --networks lenet,vgg --batch-size 64 --peer torch
    python benchmarks/networks.py --peer all --data FOLDER --epoch --rounds 1

Each system runs in its own process and starts with the same weights and batches, which are tensors of the system
before the clock starts. Peers compile the whole step where they can (`tf.function`, `jax.jit`). If a peer has several
settings, such as PyTorch's memory formats, it tries all of them on each network, and the fastest is timed. Before
anything is timed, the losses of the first batch must agree. The first hundred steps are a warm-up: during these, the
gradient of the article's network has twice as many nonzero elements, which makes steps of scratchcnn, but of no other
system, up to 25 % slower; a training has thousands of steps. A round lasts at least a fifth of a second, since after
the rounds of the others a system needs some steps until its data and code are in the caches again. The table contains
the median time of a step over all rounds.

The column "at peak" is the time in which this machine could multiply all convolutions and dense layers out: the FLOPs
of direct convolutions at the measured peak rate of multiply-adds. Only a system that multiplies less can be faster.

With --epoch, the table contains the time for which a user waits instead; see first_epoch.py.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Sequence
from typing import NamedTuple

import first_epoch
from machine_peak import measure_limits
from report import Summary, print_table, summarize, threads, write_json
from suite import Entry, add_suite_options, print_images, read_entries, training_flops
from turns import add_options, expect_same_loss, folder_of, processes, read_options, run

from scratchcnn import set_threads

TRIAL_STEPS = 5  # steps for which each setting of a peer is timed, twice
ROUND_SECONDS = 0.2  # of the fastest system, at least


class Result(NamedTuple):
    """Measurements of one system: seconds per step, setting, loss of the first batch before and after all steps.

    `steps` is the number of steps per round.
    """

    seconds: Summary
    setting: str
    loss_of_first_batch: tuple[float, float]
    steps: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one training step of several networks in several systems.")
    add_options(parser, batch_size=None, rounds=5)
    add_suite_options(parser)
    add = parser.add_argument
    add("--steps", type=int, default=20, metavar="N",
        help=f"steps per round; more if these take less than {ROUND_SECONDS} s (default: %(default)s)")  # fmt: skip
    add("--warm-up", type=int, default=100, metavar="N",
        help="untimed steps of each system before the first round (default: %(default)s)")  # fmt: skip
    add("--epoch", action="store_true", help="time the first epoch of a new process instead of a step")
    add("--skip-cold", action="store_true", help="with --epoch: omit scratchcnn with an empty kernel cache")
    options = read_options(parser, ["steps", "warm_up"])
    entries = read_entries(parser, options)
    if options.epoch:
        first_epoch.compare(options, entries)
        return
    set_threads(options.threads)
    peak = measure_limits(options.threads).flops
    results = {}
    for entry in entries:
        results[entry.name] = measure(options, entry)
        times = (f"{name} {1e3 * result.seconds.median:.2f}" for name, result in results[entry.name].items())
        print(f"{entry.name}: {', '.join(times)}", file=sys.stderr, flush=True)
    flops = {entry.name: training_flops(entry.model, entry.batch_size) for entry in entries}
    print_report(options, entries, results, {name: count / peak for name, count in flops.items()}, peak)
    write_json(
        options,
        networks={
            entry.name: {"network": entry.network, "batch_size": entry.batch_size, "flops": flops[entry.name],
                         "systems": {name: {**result._asdict(), "seconds": result.seconds._asdict()}
                                     for name, result in results[entry.name].items()}}
            for entry in entries
        },
        peak_flops=peak,
    )  # fmt: skip


def measure(options: argparse.Namespace, entry: Entry) -> dict[str, Result]:
    """Measure the steps of all systems on one network."""
    weights = entry.model.get_weights()
    with (
        folder_of(entry.x, entry.y, weights, entry.architecture) as folder,
        processes(options.systems, options.threads, folder) as running,
    ):

        def ask_all(question: str, **arguments: int) -> dict:
            return {name: process.ask(question, batch_size=entry.batch_size, **arguments)
                    for name, process in running.items()}  # fmt: skip

        expect_same_loss(running, weights, entry.batch_size)
        settings = ask_all("choose_setting", count=min(TRIAL_STEPS, options.steps))
        before = expect_same_loss(running, weights, entry.batch_size)
        warm_up = ask_all("steps", count=options.warm_up)
        fastest = min(statistics.median(seconds) for seconds in warm_up.values())
        steps = max(options.steps, math.ceil(ROUND_SECONDS / fastest))
        rounds = [ask_all("steps", count=steps) for _ in range(options.rounds)]
        after = ask_all("loss")
    for name in options.systems:
        if after[name] == before[name]:
            sys.exit(f"Expected a loss that changes in training, received a constant {before[name]} from {name}.")
    return {
        name: Result(
            summarize([seconds[name] for seconds in rounds]), settings[name], (before[name], after[name]), steps
        )
        for name in options.systems
    }


def print_report(
    options: argparse.Namespace,
    entries: Sequence[Entry],
    results: dict[str, dict[str, Result]],
    at_peak: dict[str, float],
    peak: float,
) -> None:
    print(f"Milliseconds per training step, float32, {threads(options)};")
    print(
        f"medians of {options.rounds} interleaved rounds of at least {options.steps} steps and {ROUND_SECONDS} s, "
        f"after {options.warm_up} warm-up steps"
    )
    print_images(entries)
    print(f"At peak: all convolutions and dense layers, multiplied out at {peak / 1e9:.0f} GFLOP/s")
    peers = options.systems[1:]
    ratios = {}
    rows = []
    for name, systems in results.items():
        medians = {system: result.seconds.median for system, result in systems.items()}
        row = [name, *(f"{1e3 * seconds:.2f}" for seconds in medians.values())]
        if peers:
            ratios[name] = min(medians[peer] for peer in peers) / medians["scratchcnn"]
            row.append(f"{ratios[name]:.2f}")
        rows.append([*row, f"{1e3 * at_peak[name]:.2f}"])
    print_table(["network", *options.systems, *(["ratio"] if peers else []), "at peak"], rows)
    if peers:
        print(f"Ratio: time of the fastest peer / time of scratchcnn; geometric mean "
              f"{statistics.geometric_mean(ratios.values()):.2f}, lowest {min(ratios.values()):.2f}")  # fmt: skip
    print_settings(results)


def print_settings(results: dict[str, dict[str, Result]]) -> None:
    """Print the networks on which each setting of a peer was the fastest."""
    used: dict[str, list[str]] = {}
    for name, systems in results.items():
        for system, result in systems.items():
            if system != "scratchcnn":
                used.setdefault(f"{system}, {result.setting}", []).append(name)
    for setting in sorted(used):
        print(f"{setting}: {'; '.join(used[setting]) if len(used[setting]) < len(results) else 'all'}")


if __name__ == "__main__":
    run(main)
