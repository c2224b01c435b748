"""Download of one file over HTTP with a limit of the time without progress."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

CHUNK_BYTES = 8 * 1024
PROGRESS_BYTES = 64 * 1024  # fewer bytes are not progress, so that a server that sends single bytes times out as well

# Messages of the receiving thread: the length (0: unknown), then chunks, then None at the end, or an exception.
Arrival = int | bytes | Exception | None


class Patience:
    """Remaining seconds of waiting without progress."""

    def __init__(self, seconds: float) -> None:
        self.seconds_left = seconds


def download(url: str, target: str | Path, patience: Patience, max_bytes: int) -> None:
    """Download a file, with a progress bar if stderr is a terminal.

    The timeout of `requests` covers neither the resolution of the host name nor a server that sends single bytes. So
    the request runs in a daemon thread, and the calling thread waits for it with a time limit. A thread that hangs is
    abandoned; it has no open file and does not prevent the program from exiting.

    Parameters
    ----------
    url : str
    target : str or Path
        The file to write; incomplete after an error.
    patience : Patience
        Reduced by the seconds that passed without progress.
    max_bytes : int
        A larger file is rejected while it is received.

    Raises
    ------
    TimeoutError
        No time is left.
    OSError
        The server cannot be reached, responds with an error, or closes the connection early
        (`requests.RequestException` is an OSError), or the file cannot be written.
    ValueError
        The file has more than `max_bytes` bytes.
    """
    from tqdm import tqdm

    arrivals: SimpleQueue[Arrival] = SimpleQueue()
    given_up = threading.Event()
    # One second more than this thread's limit, so that the TimeoutError is raised here.
    work = (url, arrivals, given_up, patience.seconds_left + 1.0, max_bytes)
    threading.Thread(target=_receive, args=work, daemon=True, name="scratchcnn-download").start()
    name = url.rpartition("/")[2]
    try:
        # disable=None: no bar if stderr is not a terminal, so that logs contain no carriage returns.
        with (
            open(target, "wb") as file,
            tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1024, leave=False, disable=None) as bar,
        ):
            for arrival in in_time(arrivals, patience):
                if isinstance(arrival, int):
                    bar.total = arrival or None
                else:
                    file.write(arrival)
                    bar.update(len(arrival))
    finally:
        given_up.set()


def _receive(
    url: str, arrivals: SimpleQueue[Arrival], given_up: threading.Event, timeout: float, max_bytes: int
) -> None:
    """Put the content of the URL into the queue; this is the part that may hang."""
    import requests

    try:
        # identity: the checksum of a .gz file is that of its compressed content.
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=timeout, headers=headers) as response:
            response.raise_for_status()
            arrivals.put(int(response.headers.get("Content-Length", 0)))
            received = 0
            for chunk in response.iter_content(CHUNK_BYTES):
                received += len(chunk)
                if given_up.is_set():
                    return
                if received > max_bytes:
                    raise ValueError(f"more than {max_bytes:,} bytes received")
                arrivals.put(chunk)
        arrivals.put(None)
    except Exception as error:  # raised by the waiting thread
        arrivals.put(error)


def in_time(arrivals: SimpleQueue[Arrival], patience: Patience) -> Iterator[int | bytes]:
    """Yield all messages up to the end; raise an exception among them, or TimeoutError when no time is left."""
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
                last_progress = time.monotonic()  # a complete file is progress, even if it is small
                return
            if isinstance(arrival, Exception):
                raise arrival
            yield arrival
            received += len(arrival) if isinstance(arrival, bytes) else 0
            if received >= PROGRESS_BYTES:
                last_progress, received = time.monotonic(), 0
    finally:
        patience.seconds_left -= time.monotonic() - last_progress
