"""Runs a benchmark as from the command line, and reads the table that it prints."""

import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


class Done(NamedTuple):
    """A benchmark that has ended."""

    code: int
    out: str
    err: str

    @property
    def table(self) -> dict[str, dict[str, list[float]]]:
        """By system and column the numbers; a list, since a column name may be there twice."""
        lines = [re.split(r"  +", line) for line in self.out.splitlines()]
        start = next(number for number, cells in enumerate(lines) if cells[0] == "system")
        header, rows = lines[start], {}
        for name, *numbers in (cells for cells in lines[start + 1 :] if len(cells) == len(header)):
            rows[name] = {column: [] for column in header[1:]}
            for column, number in zip(header[1:], numbers, strict=True):
                rows[name][column].append(float(number))
        return rows


@pytest.fixture(autouse=True)
def benchmark_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests import what lies beside the benchmarks, as the benchmarks do."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def run_benchmark(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    def run(script: str, *arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", [str(BENCHMARKS / script), *map(str, arguments)])
        code: object = 0
        try:
            runpy.run_path(str(BENCHMARKS / script), run_name="__main__")
        except SystemExit as end:
            code = end.code
        out, err = capfd.readouterr()
        return Done(1, out, f"{err}{code}\n") if isinstance(code, str) else Done(int(code or 0), out, err)

    return run
