"""Download of a set of files from the first available mirror into a cache folder."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from scratchcnn.datasets.download import Patience, download

MEBIBYTE = 1024 * 1024


class RemoteFile(NamedTuple):
    """A file of a data set, under the same name at the mirror and in the cache."""

    name: str
    checksum: str  # 'algorithm:hexdigest'
    max_bytes: int = 64 * MEBIBYTE  # no longer download is accepted


class Mirror(NamedTuple):
    """Base URL of a mirror, and the files of the data set."""

    url: str
    files: tuple[RemoteFile, ...]


class NoMirrorError(Exception):
    """The data set could not be downloaded; the message contains the reason for each mirror."""


def fetch_first(mirrors: Sequence[Mirror], folder: Path, seconds: float) -> list[Path]:
    """Download all files of the first mirror that provides them.

    pooch writes each file under a temporary name in `folder`, verifies its checksum, and then renames it, so that
    other processes never see an incomplete file. A file with the right checksum in the cache is not downloaded again.

    Parameters
    ----------
    mirrors : sequence of Mirror
        Tried in this order.
    folder : Path
        The cache, which is created if necessary.
    seconds : float
        Total time limit without progress. Each mirror may use half of the remaining time and the last one all of it,
        so that a mirror that hangs leaves time for the others.

    Returns
    -------
    list of Path
        The files, in the order of the mirror.

    Raises
    ------
    NoMirrorError
        No mirror provided all of its files.
    """
    reasons: list[str] = []
    for place, mirror in enumerate(mirrors):
        limit = seconds if place == len(mirrors) - 1 else seconds / 2
        patience = Patience(limit)
        try:
            return _fetch(mirror, folder, patience)
        except (OSError, ValueError) as error:
            reasons.append(_reason(mirror, error))
        seconds -= limit - max(0.0, patience.seconds_left)
    raise NoMirrorError("; ".join(dict.fromkeys(reasons)))


def _fetch(mirror: Mirror, folder: Path, patience: Patience) -> list[Path]:
    """Download all files of one mirror."""
    import pooch

    def retrieve(file: RemoteFile) -> Path:
        def downloader(url: str, target: str, _: object) -> None:
            download(url, target, patience, file.max_bytes)

        return Path(pooch.retrieve(mirror.url + file.name, file.checksum, file.name, folder, downloader=downloader))

    with _quiet(pooch.get_logger()):
        return [retrieve(file) for file in mirror.files]


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Silence pooch's message for each attempt; the caller reports the result once."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(mirror: Mirror, error: Exception) -> str:
    """Return the reason for the failure of a mirror in a few words."""
    import requests

    host = urlsplit(mirror.url).hostname
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{host} responded {error.response.status_code}"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"{host}: the proxy refused the connection"
    if isinstance(error, requests.exceptions.SSLError):
        return f"{host}: its certificate is not trusted"
    if isinstance(error, requests.Timeout | TimeoutError):
        return f"{host} timed out"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"{host} closed the connection early"
    if isinstance(error, requests.RequestException):
        return f"{host} cannot be reached"
    if isinstance(error, OSError):
        return f"the cache folder cannot be used: {error.strerror or error}"
    return f"{host} sent a file with a wrong checksum" if "hash" in str(error) else f"{host}: {error}"
