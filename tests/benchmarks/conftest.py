"""Run a benchmark as from the command line, and parse the table that it prints."""

import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


class Completed(NamedTuple):
    """Exit code and output of a benchmark."""

    code: int
    out: str
    err: str

    @property
    def table(self) -> dict[str, dict[str, list[float]]]:
        """The values by system or network, and column, as lists, since a column name may occur twice."""
        lines = [re.split(r"  +", line) for line in self.out.splitlines()]
        start = next(number for number, cells in enumerate(lines) if cells[0] in ("system", "network"))
        header, rows = lines[start], {}
        for name, *values in (cells for cells in lines[start + 1 :] if len(cells) == len(header)):
            rows[name] = {column: [] for column in header[1:]}
            for column, value in zip(header[1:], values, strict=True):
                rows[name][column].append(float(value))
        return rows


@pytest.fixture(autouse=True)
def benchmark_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the modules of the benchmarks importable in tests."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def run_benchmark(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Completed]:
    def run(script: str, *arguments: object) -> Completed:
        monkeypatch.setattr(sys, "argv", [str(BENCHMARKS / script), *map(str, arguments)])
        code: object = 0
        try:
            runpy.run_path(str(BENCHMARKS / script), run_name="__main__")
        except SystemExit as end:
            code = end.code
        out, err = capfd.readouterr()
        return Completed(1, out, f"{err}{code}\n") if isinstance(code, str) else Completed(int(code or 0), out, err)

    return run
