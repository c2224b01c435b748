"""Count events of a process, so that a test can kill it at any of them without waiting for a time."""

import os
import signal

# A report fills one atomic write of a pipe. The pipe buffers few of them, so a process cannot run far ahead of a test.
REPORT = b"event".ljust(4095) + b"\n"


class CountedEvents:
    """Counts calls of `os.fsync` and `os.replace`, each before and after the call; other events call `count`.

    Parameters
    ----------
    fatal : int
        The number of the event at which the process kills itself; 0 for never.
    reported : bool
        Write a line to stdout at every event, for `kill_after_events`.
    """

    def __init__(self, fatal: int, reported: bool) -> None:
        self.remaining, self.reported = fatal, reported
        for name in ("fsync", "replace"):
            setattr(os, name, self.counted(getattr(os, name)))

    def counted(self, function):
        def called(*arguments):
            self.count()
            result = function(*arguments)
            self.count()
            return result

        return called

    def count(self, *_: object) -> None:
        self.remaining -= 1
        if self.remaining == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.reported:
            os.write(1, REPORT)


def kill_after_events(server, process: int, events: int) -> str:
    """Kill a process after it has reported a number of events, and return its end as reported by the server."""
    lines = map(str.strip, iter(server.stdout.readline, ""))
    for _ in range(events):
        line = next(lines)
        if line != "event":
            return line
    os.kill(process, signal.SIGKILL)
    return next(line for line in lines if line != "event")
