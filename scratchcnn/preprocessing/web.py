"""Fetches a picture from a web address, within a time, a size and the two schemes of the web."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urljoin, urlsplit

from scratchcnn.preprocessing.pictures import MAX_BYTES

SCHEMES = ("http", "https")
MOST_REDIRECTS = 5
CHUNK_BYTES = 4096
USER_AGENT = "scratchcnn (a program that reads pictures of digits)"


def fetch(url: str, timeout: float) -> bytes:
    """Fetch what stands at a web address.

    A time-out of `requests` covers neither the look-up of a name nor a server that drips single bytes. So a daemon
    thread does everything that can hang and this one only waits, with a limit.

    Parameters
    ----------
    url : str
        http:// or https://.
    timeout : float
        Seconds for everything together.

    Returns
    -------
    bytes
        The content, of whatever kind, but no web page.

    Raises
    ------
    ValueError
        Another scheme, also after a redirect; a web page; more than `MAX_BYTES`.
    ConnectionError
        The server cannot be reached, breaks off, or answers with an error as 404.
    TimeoutError
        It took longer.
    """
    check_scheme(url)
    outcome: SimpleQueue[bytes | Exception] = SimpleQueue()
    given_up = threading.Event()
    threading.Thread(
        target=_receive, args=(url, timeout, outcome, given_up), daemon=True, name="scratchcnn-picture"
    ).start()
    try:
        received = outcome.get(timeout=timeout)
    except Empty:
        raise TimeoutError(
            f"Expected a picture from {url} within {timeout:g} s, received no whole one; try again, give a longer "
            "timeout, or save the picture and give its path."
        ) from None
    finally:
        given_up.set()
    if isinstance(received, Exception):
        raise received
    return received


def check_scheme(url: str, before: str | None = None) -> None:
    """Refuse an address that is not of the web, and a redirect from https to http.

    Raises
    ------
    ValueError
        Says what to give instead.
    """
    scheme = urlsplit(url).scheme.lower()
    allowed = ("https",) if before and urlsplit(before).scheme.lower() == "https" else SCHEMES
    if scheme not in allowed or not urlsplit(url).hostname:
        led = f", to which {before} redirects" if before else ""
        raise ValueError(
            f"Expected an address that begins with {' or '.join(f'{name}://' for name in allowed)}, received "
            f"'{url}'{led}; give the picture's web address, or a path for a file on this machine."
        )


def _receive(url: str, timeout: float, outcome: SimpleQueue[bytes | Exception], given_up: threading.Event) -> None:
    """Hand over the content or the error that came instead; the part that may hang."""
    import requests
    from urllib3.exceptions import HTTPError  # what requests lets through while an answer is read

    try:
        with requests.Session() as session:
            outcome.put(_get(session, url, timeout, given_up))
    except (requests.RequestException, HTTPError) as error:
        outcome.put(
            ConnectionError(
                f"Expected a picture from {url}, received no whole answer ({type(error).__name__}); mend the address "
                "or the network, or save the picture and give its path."
            )
        )
    except Exception as error:  # handed over whole: the waiting thread raises it
        outcome.put(error)


def _get(session: Any, url: str, timeout: float, given_up: threading.Event) -> bytes:
    """Follow redirects step by step, each checked, and read the answer at the end of them."""
    # identity: compressed content could grow without limit when it is unpacked.
    headers = {"User-Agent": USER_AGENT, "Accept": "image/*", "Accept-Encoding": "identity"}
    for _ in range(MOST_REDIRECTS + 1):
        # A second longer than the other side waits, so that it is always that side which calls a time-out by its name.
        with session.get(url, stream=True, timeout=timeout + 1, headers=headers, allow_redirects=False) as response:
            if response.is_redirect:
                target = urljoin(url, response.headers["location"])
                check_scheme(target, before=url)
                url = target
                continue
            _check_answer(response, url)
            return _read(response, url, given_up)
    raise ConnectionError(f"Expected a picture, received more than {MOST_REDIRECTS} redirects, the last to {url}.")


def _check_answer(response: Any, url: str) -> None:
    """Refuse an error of the server, and a web page."""
    if response.status_code != 200:
        raise ConnectionError(
            f"Expected a picture from {url}, received the answer {response.status_code} {response.reason}; check the "
            "address in a browser."
        )
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        raise ValueError(
            f"Expected a picture from {url}, received a web page; give the address of the picture itself (in a "
            "browser: 'open image in a new tab')."
        )


def _read(response: Any, url: str, given_up: threading.Event) -> bytes:
    """The content, as it is sent; stops at the limit, or when nobody waits any more."""
    content = bytearray()
    while chunk := response.raw.read(CHUNK_BYTES, decode_content=False):
        content += chunk
        if len(content) > MAX_BYTES:
            raise ValueError(
                f"Expected a picture of at most {MAX_BYTES:,} bytes, received more from {url}; make it smaller first."
            )
        if given_up.is_set():
            break
    promised = response.headers.get("Content-Length", "")
    if promised.isdigit() and len(content) < int(promised):
        raise ConnectionError(
            f"Expected {int(promised):,} bytes from {url}, received {len(content):,}; the server broke off, try again."
        )
    return bytes(content)
