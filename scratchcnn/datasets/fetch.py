"""Fetches a set of files from the first mirror that has it whole, into a cache folder."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from scratchcnn.datasets.download import Patience, download
from scratchcnn.datasets.mirrors import Mirror


class NoMirrorError(Exception):
    """No mirror gave the set; the message says of each why."""


def fetch_first(mirrors: Sequence[Mirror], folder: Path, seconds: float) -> list[Path]:
    """Download the first mirror's files that come whole.

    pooch writes each file under a temporary name in `folder`, compares its checksum, and only then renames it, so
    another process never sees half a file and two may download at once. A file that is already there with the right
    checksum is not fetched again.

    Parameters
    ----------
    mirrors : sequence of Mirror
        Tried in order.
    folder : Path
        The cache; made if it is absent.
    seconds : float
        How long all mirrors together may make no progress. Each gets half of what is left, the last one all of it,
        so that one that hangs does not use up the time of the others. Time with progress is not counted.

    Returns
    -------
    list of Path
        The files, in the mirror's order.

    Raises
    ------
    NoMirrorError
        If no mirror gave all its files.
    """
    reasons: list[str] = []
    for place, mirror in enumerate(mirrors):
        share = seconds if place == len(mirrors) - 1 else seconds / 2
        patience = Patience(share)
        try:
            return _fetch(mirror, folder, patience)
        except (OSError, ValueError) as error:
            reasons.append(_reason(mirror, error))
        seconds -= share - max(0.0, patience.seconds_left)
    raise NoMirrorError("; ".join(dict.fromkeys(reasons)))


def _fetch(mirror: Mirror, folder: Path, patience: Patience) -> list[Path]:
    """Fetch every file of one mirror, or raise."""
    import pooch

    def downloader(url: str, target: str, _: object) -> None:
        download(url, target, patience)

    with _quiet(pooch.get_logger()):
        return [
            Path(pooch.retrieve(mirror.url + file.name, file.checksum, file.name, folder, downloader=downloader))
            for file in mirror.files
        ]


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Silence pooch's line for every attempt: the caller says once what came of all of them."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(mirror: Mirror, error: Exception) -> str:
    """Say in a few words why a mirror failed; the texts of requests run over several lines."""
    import requests

    host = urlsplit(mirror.url).hostname
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{host} answered {error.response.status_code}"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"{host}: the proxy refused"
    if isinstance(error, requests.exceptions.SSLError):
        return f"{host}: its certificate is not trusted"
    if isinstance(error, requests.Timeout | TimeoutError):
        return f"{host} did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"{host} broke off"
    if isinstance(error, requests.RequestException):
        return f"{host} cannot be reached"
    if isinstance(error, OSError):
        return f"the cache folder cannot be used: {error.strerror or error}"
    return f"{host} sent a file with a wrong checksum" if "hash" in str(error) else f"{host}: {error}"
