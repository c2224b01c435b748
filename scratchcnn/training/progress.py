"""Progress: a line an epoch, a bar with the time left, or silence."""

from __future__ import annotations

import sys
import time
from typing import Any, Literal

Verbose = Literal["auto", 0, 1, 2]


def resolve(verbose: Any) -> int:
    """0, 1 or 2; 'auto' is the bar (1) on a terminal and lines (2) elsewhere, where a bar would flood the log.

    Raises
    ------
    ValueError
        None of them.
    """
    if verbose == "auto":
        return 1 if sys.stdout.isatty() else 2
    if verbose in (0, 1, 2):
        return int(verbose)
    raise ValueError(f"Expected verbose as 'auto', 0 (silent), 1 (bar) or 2 (a line an epoch), received {verbose!r}.")


def values_text(values: dict[str, float]) -> str:
    """' - loss: 0.2464 - accuracy: 0.9248': four decimals; small numbers with an exponent, as in Keras."""
    return "".join(
        f" - {name}: {value:.4f}" if abs(value) > 1e-3 or value == 0 else f" - {name}: {value:.4e}"
        for name, value in values.items()
    )


def duration_text(seconds: float) -> str:
    """'2s', '30ms' or '85us'."""
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


class Progress:
    """Reports on one pass over a data set: an epoch of training, or an evaluation.

    The bar makes way for the line when the pass is done, so the numbers are never cut off by the edge of a terminal.

    Parameters
    ----------
    steps : int or None
        Batches in the pass; None: nobody knows.
    verbose : int
        0, 1 or 2, as `resolve` gives it.
    done : int, default 0
        Batches that were done before, if the pass goes on where another stopped.
    """

    def __init__(self, steps: int | None, verbose: int, done: int = 0) -> None:
        self.steps, self.verbose, self.done, self.done_before = steps, verbose, done, done
        self.started = time.perf_counter()
        self.seconds_of_steps = 0.0
        self.bar: Any = None
        if verbose == 1:
            from tqdm import tqdm  # here, so that importing scratchcnn stays fast

            form = "{n_fmt}/{total_fmt} |{bar:20}| {remaining} left{postfix}"
            self.bar = tqdm(total=steps, file=sys.stdout, bar_format=form, leave=False,
                            dynamic_ncols=True, initial=done)  # fmt: skip

    def step(self, values: dict[str, float]) -> None:
        """One more batch is done; `values` are the running means."""
        self.seconds_of_steps = time.perf_counter() - self.started
        self.done += 1
        if self.bar is not None:
            self.bar.set_postfix_str(values_text(values)[3:], refresh=False)
            self.bar.update()

    def end(self, values: dict[str, float]) -> None:
        """The pass is done; `values` are final, and stand in the line that stays."""
        seconds = time.perf_counter() - self.started
        self.close()
        if self.verbose:
            step = duration_text(self.seconds_of_steps / max(1, self.done - self.done_before))
            print(
                f"{self.done}/{self.steps or self.done} - {seconds:.0f}s - {step}/step{values_text(values)}", flush=True
            )

    def close(self) -> None:
        """Leave the terminal in order, also if the pass ended by an error."""
        if self.bar is not None:
            self.bar.close()
