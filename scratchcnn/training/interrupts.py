"""Ctrl-C in the middle of training: a step that has begun is done to its end, so that no parameter is half updated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """While inside, Ctrl-C waits for the end of what is `held`; elsewhere it does at once what it did before.

    Only Python's main thread is told of Ctrl-C, so in another thread nothing is changed; nor is it where Ctrl-C is
    ignored. A handler of the user's own is called in the place of Python's.
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
        """What is inside is done to its end before a Ctrl-C counts; a second one comes through, unless `firmly`."""
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
