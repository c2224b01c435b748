"""Times one training step of the article's network beside other systems, in turn, in one run.

    python benchmarks/train_step.py --peer torch

Each system runs in a process of its own, begins with the same weights, and must agree on the loss of the first batch.
Then they take turns, a round each, while the others wait: so whatever slows the machine for a while slows all alike.
The table has the median over all rounds of the time of a step, and the lowest and highest median of a round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from article_network import CONTESTANTS, data, scratchcnn_model, training_flops


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one training step beside other systems.")
    parser.add_argument("--peer", action="append", choices=[name for name in CONTESTANTS if name != "scratchcnn"],
                        help="a system to compare with; may be given more than once")  # fmt: skip
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of every system (default: all)")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7, help="rounds, in which the systems take turns")
    parser.add_argument("--steps", type=int, default=15, help="steps of a round")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in ("threads", "batch_size", "rounds", "steps"):
        if getattr(options, name) < 1:
            parser.error(f"expected --{name.replace('_', '-')} of at least 1, received {getattr(options, name)}")
    if options.contestant:
        take_turns(options)
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Start the contestants, check that they agree, let them take turns, and print the table."""
    names = ["scratchcnn", *dict.fromkeys(options.peer or [])]
    processes = {name: start(name, options) for name in names}
    losses = {name: ask(process, "loss") for name, process in processes.items()}
    spread = max(losses.values()) - min(losses.values())
    if spread > 1e-5:  # float32 sums of 9216 numbers of order one, in another order
        sys.exit(f"The systems do not compute the same: losses of the first batch {losses}.")
    for process in processes.values():
        ask(process, "round")  # warm-up
    rounds: dict[str, list[list[float]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name, process in processes.items():
            rounds[name].append(ask(process, "round"))
    for process in processes.values():
        process.stdin.close()
        process.wait()
    report(options, rounds, losses)


def start(name: str, options: argparse.Namespace) -> Any:
    """A process that runs one contestant."""
    command = [sys.executable, __file__, "--contestant", name, "--threads", str(options.threads),
               "--batch-size", str(options.batch_size), "--steps", str(options.steps)]  # fmt: skip
    threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | threads)


def ask(process: Any, question: str) -> Any:
    """Send a contestant one line; return its answer."""
    process.stdin.write(question + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        sys.exit(f"A contestant ended early: {' '.join(process.args)}")
    return json.loads(answer)


def take_turns(options: argparse.Namespace) -> None:
    """In a contestant's process: answer 'loss' with the loss of the first batch, 'round' with seconds of steps."""
    contestant = CONTESTANTS[options.contestant](options.threads)
    x, y = data()
    size, batch = options.batch_size, 0
    for line in sys.stdin:
        if line.strip() == "loss":
            print(json.dumps(contestant.loss(x[:size], y[:size])), flush=True)
            continue
        seconds = []
        for _ in range(options.steps):
            batch = (batch + 1) % max(1, len(x) // size)
            rows = slice(batch * size, (batch + 1) * size)
            began = time.perf_counter()
            contestant.step(x[rows], y[rows])
            seconds.append(time.perf_counter() - began)
        print(json.dumps(seconds), flush=True)


def report(options: argparse.Namespace, rounds: dict[str, list[list[float]]], losses: dict[str, float]) -> None:
    """Print the table; write the figures if asked to."""
    flops = training_flops(scratchcnn_model(), options.batch_size)
    print(f"One training step, batch {options.batch_size}, float32, {options.threads} threads, {options.rounds} rounds")
    print(f"of {options.steps} steps in turn; {flops / 1e9:.2f} GFLOP with every convolution multiplied out")
    print(f"{'system':12} {'ms/step':>8} {'lowest':>8} {'highest':>8} {'images/s':>9} {'GFLOP/s':>8} {'times':>6}")
    figures = {}
    for name, times in rounds.items():
        medians = [statistics.median(times_of_round) for times_of_round in times]
        overall = statistics.median(itertools.chain.from_iterable(times))
        figures[name] = {"median": overall, "lowest": min(medians), "highest": max(medians)}
    fastest = figures["scratchcnn"]["median"]
    for name, figure in figures.items():
        median = figure["median"]
        print(f"{name:12} {1e3 * median:8.2f} {1e3 * figure['lowest']:8.2f} {1e3 * figure['highest']:8.2f} "
              f"{options.batch_size / median:9.0f} {flops / median / 1e9:8.0f} {median / fastest:6.2f}")  # fmt: skip
    if options.json:
        written = {"seconds": figures, "loss_of_first_batch": losses, "flops": flops}
        options.json.write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
