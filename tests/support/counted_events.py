"""Count events of a process, so that a test can kill it at any of them without waiting for a time."""

import os
import signal


class CountedEvents:
    """Counts calls of `os.fsync` and `os.replace`, each before and after the call; other events call `count`.

    Parameters
    ----------
    fatal : int
        The number of the event at which the process kills itself; 0 for never.
    reported : bool
        Print a line "event" to stdout at every event, from which the test knows how far the process is.
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
            os.write(1, b"event\n")


def kill_after_events(server, process: int, events: int) -> str:
    """Kill a process after it has reported a number of events, and return its end as reported by the server."""
    lines = iter(server.stdout.readline, "")
    for _ in range(events):
        line = next(lines)
        if line != "event\n":
            return line.strip()
    os.kill(process, signal.SIGKILL)
    return next(line.strip() for line in lines if line != "event\n")
