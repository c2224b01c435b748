"""Progress display: one line per epoch, a progress bar with the remaining time, or nothing."""

from __future__ import annotations

import sys
import time
from typing import Any, Literal, TextIO

from scratchcnn.display import cell_output

Verbose = Literal["auto", 0, 1, 2]


def resolve(verbose: Any) -> int:
    """Return 0, 1 or 2 for `verbose`.

    'auto' is the bar (1) on a terminal and in a notebook, and lines (2) elsewhere, where a bar would flood the log.

    Raises
    ------
    ValueError
        Another value.
    """
    if verbose == "auto":
        return 1 if sys.stdout.isatty() or cell_output.is_available() else 2
    if verbose in (0, 1, 2):
        return int(verbose)
    raise ValueError(f"Expected verbose as 'auto', 0 (silent), 1 (bar) or 2 (lines), received {verbose!r}.")


def value_text(value: float) -> str:
    """Format a value as '0.2464', or '1.2340e-05' if it is small, as in Keras."""
    return f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"


def values_text(values: dict[str, float]) -> str:
    """Format values as ' - loss: 0.2464 - accuracy: 0.9248'."""
    return "".join(f" - {name}: {value_text(value)}" for name, value in values.items())


def duration_text(seconds: float) -> str:
    """Format a duration as '2s', '30ms' or '85us'."""
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


class Progress:
    """Displays the progress of one pass over a data set: an epoch of training, or an evaluation.

    At the end of the pass the bar is replaced by the line, so the values are never cut off at the terminal's edge, and
    a saved notebook contains only the line.

    Parameters
    ----------
    steps : int or None
        Batches in the pass; None if unknown.
    verbose : int
        0, 1 or 2, as returned by `resolve`.
    done : int, default 0
        Batches completed before, if the pass resumes another one.
    title : str, default ''
        Precedes the bar on a terminal.
    stream : file, optional
        Default: the standard output.
    """

    def __init__(
        self, steps: int | None, verbose: int, done: int = 0, title: str = "", stream: TextIO | None = None
    ) -> None:
        self.steps, self.verbose, self.done, self.done_before = steps, verbose, done, done
        self.started = time.perf_counter()
        self.seconds_of_steps = 0.0
        self.bar: Any = None
        self.output: cell_output.CellOutput | None = None
        if verbose == 1 and cell_output.is_available():
            self.output = cell_output.CellOutput()
            self.bar = self.output.bar(steps, done)
        elif verbose == 1:
            from tqdm import tqdm  # here, so that importing scratchcnn stays fast

            self.bar = tqdm(total=steps, file=stream or sys.stdout, bar_format=title + cell_output.BAR, leave=False,
                            dynamic_ncols=True, initial=done)  # fmt: skip

    def step(self, values: dict[str, float]) -> None:
        """Count one more batch; `values` are the running means."""
        self.seconds_of_steps = time.perf_counter() - self.started
        self.done += 1
        if self.bar is not None:
            self.bar.set_postfix_str(values_text(values)[3:], refresh=False)
            self.bar.update()

    def end(self, values: dict[str, float]) -> None:
        """End the pass, and print the line with the final values."""
        seconds = time.perf_counter() - self.started
        self.close()
        if self.verbose:
            step = duration_text(self.seconds_of_steps / max(1, self.done - self.done_before))
            line = f"{self.done}/{self.steps or self.done} - {seconds:.0f}s - {step}/step{values_text(values)}"
            if self.output is None:
                print(line, flush=True)
            else:
                self.output.show(line)

    def close(self) -> None:
        """Remove the bar; also called if the pass ended with an error."""
        if self.bar is not None:
            self.bar.close()


def of_compilation(kernels: int) -> Progress:
    """Return the display of a compilation: a bar of so many kernels if the standard error is a terminal."""
    return Progress(kernels, int(sys.stderr.isatty()), title="compiling kernels: ", stream=sys.stderr)
