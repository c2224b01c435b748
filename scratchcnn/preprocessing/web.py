"""Download of an image from an http or https URL, with limits of time and size."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urljoin, urlsplit

from scratchcnn.preprocessing.pictures import MAX_BYTES

SCHEMES = ("http", "https")
MOST_REDIRECTS = 5
CHUNK_BYTES = 4096
USER_AGENT = "scratchcnn (a program that reads images of digits)"


def fetch(url: str, timeout: float) -> bytes:
    """Download the content of a URL within a total time limit in seconds.

    The timeout of `requests` covers neither the resolution of the host name nor a server that sends single bytes. So
    the request runs in a daemon thread, and the calling thread waits for it. Raises a ValueError for another scheme, a
    web page or more than `MAX_BYTES`, a ConnectionError if the server does not send the image, and a TimeoutError.
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
            f"Expected an image from {url} within {timeout:g} s, received no complete one; try again, give a longer "
            "timeout, or save the image and give its path."
        ) from None
    finally:
        given_up.set()
    if isinstance(received, Exception):
        raise received
    return received


def check_scheme(url: str, before: str | None = None) -> None:
    """Check that a URL begins with http:// or https://, and that no redirect from `before` leads from https to http."""
    scheme = urlsplit(url).scheme.lower()
    allowed = ("https",) if before and urlsplit(before).scheme.lower() == "https" else SCHEMES
    if scheme not in allowed or not urlsplit(url).hostname:
        led = f", to which {before} redirects" if before else ""
        raise ValueError(
            f"Expected a URL that begins with {' or '.join(f'{name}://' for name in allowed)}, received "
            f"'{url}'{led}; give the URL of the image, or the path of a local file."
        )


def _receive(url: str, timeout: float, outcome: SimpleQueue[bytes | Exception], given_up: threading.Event) -> None:
    """Put the content, or the exception that was raised, into the queue; this is the part that may hang."""
    import requests
    from urllib3.exceptions import HTTPError  # not wrapped by requests while a response is read

    try:
        with requests.Session() as session:
            outcome.put(_get(session, url, timeout, given_up))
    except (requests.RequestException, HTTPError) as error:
        outcome.put(
            ConnectionError(
                f"Expected an image from {url}, received no complete response ({type(error).__name__}); check the URL "
                "and the network, or save the image and give its path."
            )
        )
    except Exception as error:  # raised by the waiting thread
        outcome.put(error)


def _get(session: Any, url: str, timeout: float, given_up: threading.Event) -> bytes:
    """Follow redirects one by one, check each, and read the final response."""
    # identity: compressed content could expand without limit.
    headers = {"User-Agent": USER_AGENT, "Accept": "image/*", "Accept-Encoding": "identity"}
    for _ in range(MOST_REDIRECTS + 1):
        # One second more than the waiting thread's limit, so that the TimeoutError is raised there.
        with session.get(url, stream=True, timeout=timeout + 1, headers=headers, allow_redirects=False) as response:
            if response.is_redirect:
                target = urljoin(url, response.headers["location"])
                check_scheme(target, before=url)
                url = target
                continue
            _check_response(response, url)
            return _read(response, url, given_up)
    raise ConnectionError(f"Expected an image, received more than {MOST_REDIRECTS} redirects, the last to {url}.")


def _check_response(response: Any, url: str) -> None:
    """Check that a response is neither an error nor a web page."""
    if response.status_code != 200:
        raise ConnectionError(
            f"Expected an image from {url}, received the response {response.status_code} {response.reason}; check the "
            "URL in a browser."
        )
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        raise ValueError(
            f"Expected an image from {url}, received a web page; give the URL of the image itself (in a browser: "
            "'open image in a new tab')."
        )


def _read(response: Any, url: str, given_up: threading.Event) -> bytes:
    """Read the content without decoding it; stop at the limit, or when the waiting thread has given up."""
    content = bytearray()
    while chunk := response.raw.read(CHUNK_BYTES, decode_content=False):
        content += chunk
        if len(content) > MAX_BYTES:
            raise ValueError(
                f"Expected an image of at most {MAX_BYTES:,} bytes, received more from {url}; use a smaller one."
            )
        if given_up.is_set():
            break
    promised = response.headers.get("Content-Length", "")
    if promised.isdigit() and len(content) < int(promised):
        raise ConnectionError(
            f"Expected {int(promised):,} bytes from {url}, received {len(content):,}; the connection was closed early, "
            "try again."
        )
    return bytes(content)
