"""Downloads one file over HTTP without ever waiting longer than it was allowed to."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

CHUNK_BYTES = 8 * 1024
# Fewer bytes than this in all the patience that is left are a stall, so a server that drips bytes is given up as well.
PROGRESS_BYTES = 64 * 1024
# MNIST's largest file has 11.5 MB: what sends much more is something else.
MAX_BYTES = 64 * 1024 * 1024

# What the receiving thread sends: the length (0: not known), chunks, then None at the end or the error that ended it.
Arrival = int | bytes | Exception | None


class Patience:
    """Seconds that may still be spent without progress; waits draw on it, progress costs nothing."""

    def __init__(self, seconds: float) -> None:
        self.seconds_left = seconds


def download(url: str, target: str | Path, patience: Patience) -> None:
    """Download a file, drawing a progress bar on stderr if that is a terminal.

    A time-out of `requests` covers neither the look-up of the name nor a server that drips single bytes. So a daemon
    thread does everything that can hang and this one only waits, with a limit; a thread that hangs is left behind,
    holds no file, and does not keep the program from ending.

    Parameters
    ----------
    url : str
        Address of the file.
    target : str or Path
        Where to write it; what stands there after an error is not whole.
    patience : Patience
        Reduced by the seconds that passed without progress.

    Raises
    ------
    TimeoutError
        If the patience ran out.
    OSError
        If the server cannot be reached, refuses, or breaks off (`requests.RequestException` is an OSError), or the
        file cannot be written.
    ValueError
        If far more arrives than MNIST has.
    """
    from tqdm import tqdm

    arrivals: SimpleQueue[Arrival] = SimpleQueue()
    given_up = threading.Event()
    # A second longer than this side waits, so that it is always this side that calls a time-out by its name.
    work = (url, arrivals, given_up, patience.seconds_left + 1.0)
    threading.Thread(target=_receive, args=work, daemon=True, name="scratchcnn-download").start()
    name = url.rpartition("/")[2]
    try:
        # disable=None: no bar where stderr is not a terminal, so a log is never flooded with carriage returns.
        with (
            open(target, "wb") as file,
            tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1024, leave=False, disable=None) as bar,
        ):
            for arrival in _in_time(arrivals, patience):
                if isinstance(arrival, int):
                    bar.total = arrival or None
                else:
                    file.write(arrival)
                    bar.update(len(arrival))
    finally:
        given_up.set()


def _receive(url: str, arrivals: SimpleQueue[Arrival], given_up: threading.Event, timeout: float) -> None:
    """Fetch the URL into the queue; the part that may hang."""
    import requests

    try:
        # identity: a .gz must arrive as it is stored, or its checksum is another.
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=timeout, headers=headers) as response:
            response.raise_for_status()
            arrivals.put(int(response.headers.get("Content-Length", 0)))
            received = 0
            for chunk in response.iter_content(CHUNK_BYTES):
                received += len(chunk)
                if given_up.is_set():
                    return
                if received > MAX_BYTES:
                    raise ValueError(f"more than {MAX_BYTES:,} bytes arrived")
                arrivals.put(chunk)
        arrivals.put(None)
    except Exception as error:  # handed over whole: the waiting thread raises it
        arrivals.put(error)


def _in_time(arrivals: SimpleQueue[Arrival], patience: Patience) -> Iterator[int | bytes]:
    """Yield what arrives up to the end; raise the receiver's error, or TimeoutError when the patience is used up."""
    last_progress = time.monotonic()
    received = 0
    try:
        while True:
            waited = time.monotonic() - last_progress
            try:
                arrival = arrivals.get(timeout=max(0.0, patience.seconds_left - waited))
            except Empty:
                raise TimeoutError(f"no progress in {patience.seconds_left:.0f} s") from None
            if arrival is None:
                last_progress = time.monotonic()  # a whole file is progress, however small
                return
            if isinstance(arrival, Exception):
                raise arrival
            yield arrival
            received += len(arrival) if isinstance(arrival, bytes) else 0
            if received >= PROGRESS_BYTES:
                last_progress, received = time.monotonic(), 0
    finally:
        patience.seconds_left -= time.monotonic() - last_progress
