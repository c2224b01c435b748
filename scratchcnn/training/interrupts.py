"""Ctrl-C during training: a step in progress is completed first, so that no parameter is half updated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """Context manager within which Ctrl-C is delayed while a section is `held`; outside those it acts as before.

    Python delivers Ctrl-C to the main thread only, so nothing changes in other threads, or where Ctrl-C is ignored. A
    handler installed by the user is called instead of Python's.
    """

    def __init__(self) -> None:
        self._previous: Callable[[int, FrameType | None], Any] | None = None
        self._held = self._firmly = 0
        self._pending = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            previous = signal.getsignal(signal.SIGINT)
            if callable(previous):
                self._previous = previous
                signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._deliver()

    @contextmanager
    def held(self, firmly: bool = False) -> Iterator[None]:
        """Complete the section before Ctrl-C takes effect; a second Ctrl-C interrupts it, unless `firmly` is True."""
        self._held += 1
        self._firmly += firmly
        try:
            yield
        finally:
            self._held -= 1
            self._firmly -= firmly
        if not self._held:
            self._deliver()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        impatient = self._pending and not self._firmly
        self._pending = True
        if impatient or not self._held:
            self._deliver(frame)

    def _deliver(self, frame: FrameType | None = None) -> None:
        if self._pending and self._previous is not None:
            self._pending = False
            self._previous(signal.SIGINT, frame)
