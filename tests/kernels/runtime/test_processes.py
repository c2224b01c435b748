"""Several processes compile the kernels of a computation, and what fails there costs only time."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest

COMPUTATION = """
import sys
import numpy as np
from scratchcnn.kernels import relu, relu_gradient, softmax, softmax_gradient
from scratchcnn.kernels.runtime import processes
from scratchcnn.kernels.runtime.dry_run import DryRun, compiled_together

def compute():
    x = np.array([[-1.0, 2.0]], np.float32)
    y = relu(x)
    results = y, relu_gradient(x, y), softmax(x), softmax_gradient(y, x)
    return sum(result.tolist()[0][1] for result in results)

class Display:
    events = []
    def __init__(self, count): self.events.append(count)
    def step(self, values): self.events.append("step")
    def close(self): self.events.append("close")

children, start = [], processes._start
def counted():
    children.append(start())
    return children[-1]
processes._start = counted
"""
RUN = """
with compiled_together(DryRun(compute, Display)):
    print(compute())
kernels = [kernel for kernel in (make() for make in processes.kernels.values()) if kernel.overloads]
print(len(kernels), sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels), len(children))
assert all(child.poll() is not None for child in children)
print(*Display.events)
"""


def run(code, cache, threads=2):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "NUMBA_NUM_THREADS": str(threads)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    result, counts, *events = ended.stdout.splitlines()
    return float(result), tuple(map(int, counts.split())), " ".join(events)


def test_kernels_are_compiled_in_two_processes_and_by_the_next_process_not_at_all(tmp_path):
    result, (kernels, _, children), events = run(COMPUTATION + RUN, tmp_path)
    assert (kernels, children) == (4, 1)
    assert events == "4 step step step step close"
    again, counts, events = run(COMPUTATION + RUN, tmp_path)
    assert again == result
    assert counts == (4, 0, 0)
    assert events == ""


def test_one_thread_compiles_alone(tmp_path):
    _, counts, events = run(COMPUTATION + RUN, tmp_path, threads=1)
    assert counts == (4, 4, 0)
    assert events == ""


FAULTS = {
    "children that fail": 'processes.CHILD = "raise SystemExit(1)"',
    "children that cannot start": """
        def _start():
            raise PermissionError("no more processes")
        processes._start = _start
    """,
    "an executable that is not Python": 'sys.executable = "/bin/false"',
    "a frozen program": "sys.frozen = True",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_children_cost_only_time(fault, tmp_path):
    _, (kernels, misses, _), _ = run(COMPUTATION + dedent(FAULTS[fault]) + RUN, tmp_path)
    assert (kernels, misses) == (4, 4)


INTERRUPT = """
import _thread, threading
class Interrupting(Display):
    def step(self, values):
        raise KeyboardInterrupt
try:
    with compiled_together(DryRun(compute, Interrupting)):
        compute()
except KeyboardInterrupt:
    print(0)
print(len(children), sum(child.poll() is None for child in children), 0)
print(*Display.events)
"""


def test_interrupt_ends_the_children(tmp_path):
    _, (children, alive, _), events = run(COMPUTATION + INTERRUPT, tmp_path)
    assert (children, alive) == (1, 0)
    assert events == "4 close"


def test_error_of_the_dry_run_is_left_to_the_computation(tmp_path):
    fails = """
def fails():
    compute()
    raise RuntimeError
with compiled_together(DryRun(fails, Display)):
    print(compute())
print(0, 0, len(children))
print(*Display.events)
"""
    _, (*_, children), events = run(COMPUTATION + fails, tmp_path)
    assert children == 1
    assert events.startswith("4 step")
