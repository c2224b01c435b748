"""Image files (PNG, JPEG, GIF, BMP, TIFF, WebP) and URLs: reading and decoding with limits of size, memory and time."""

from __future__ import annotations

import io
import os
import threading
import time
import warnings
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 1 << 26  # enough for a 64-megapixel phone camera, 9248 x 6936
MAX_SECONDS = 20.0  # photos need far less, but some well-formed files keep a decoder busy for an hour
SCHEMES = ("http", "https")
MOST_REDIRECTS = 5
CHUNK_BYTES = 4096
USER_AGENT = "scratchcnn (a program that reads images of digits)"

Pixels = npt.NDArray[Any]


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Read the content of an image file of at most `MAX_BYTES`; OSError if it cannot be read, ValueError otherwise."""
    text = os.fspath(path)
    try:
        place = Path(os.path.expanduser(text))
        if place.exists() and not place.is_dir() and not place.is_file():
            raise ValueError("it is a device or a pipe, not a file")
        with open(place, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise type(error)(
            f"Expected a readable image file, received '{text}' ({error.strerror or error}); correct the path (the "
            f"working directory is {Path.cwd()})."
        ) from error
    except ValueError as error:  # also a path with a null character
        raise ValueError(f"Expected the path of an image file, received {text!r}: {error}.") from error
    if len(content) > MAX_BYTES:
        raise ValueError(
            f"Expected an image of at most {MAX_BYTES:,} bytes, received more in '{text}'; reduce it first."
        )
    return content


def decode(content: bytes, name: str) -> Pixels:
    """Decode the first image in a file, rotated according to its EXIF orientation.

    Returns uint8 (H, W) or (H, W, 2 to 4): grey, grey and alpha, RGB, RGBA; or uint16 (H, W), or float32 (H, W) in
    [0, 1]. Raises a ValueError for a file that is not an image in one of the six formats, is damaged, has more than
    `MAX_PIXELS`, or takes longer than `MAX_SECONDS` to decode. The size is checked in the header, before anything is
    decoded, and only the first frame or page is decoded. `name` stands for the file in error messages.
    """
    # Imported here, as scaling arrays does not need Pillow.
    from PIL import Image, ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about tolerable damage, and about sizes, which are checked below
        try:
            with Image.open(_Timed(content), formats=FORMATS) as image:
                size = f"{image.width:,} x {image.height:,}"
                if image.width * image.height <= MAX_PIXELS:
                    ImageOps.exif_transpose(image, in_place=True)
                    return _pixels(image)
        except UnidentifiedImageError:
            raise ValueError(_no_picture(content, name)) from None
        except Image.DecompressionBombError:
            size = "more"
        except Exception as error:  # decoders raise exceptions of many types for damaged files
            raise ValueError(
                f"Expected a complete image, received in {name} one that cannot be decoded ({error}); open it in a "
                "viewer and save it again as PNG."
            ) from error
    raise ValueError(f"Expected an image of at most {MAX_PIXELS:,} pixels, received {size} in {name}; reduce it first.")


class _Timed(io.BytesIO):
    """A file in memory with a time limit for reading, which interrupts a decoder that reads it block by block."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.end = time.monotonic() + MAX_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self.end:
            raise TimeoutError(f"decoding takes longer than {MAX_SECONDS:g} s")
        return super().read(size)


def _pixels(image: Image) -> Pixels:
    """Return the pixels of an open image, in one of the formats documented in `decode`."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        depth16 = mode.startswith("I;16")
        numbers = np.asarray(image.convert("I") if depth16 else image)
        return numbers.astype(np.uint16) if depth16 else _stretch(numbers)
    if "transparency" in image.info or mode in ("PA", "RGBa", "La"):
        image = image.convert("RGBA")
    elif mode == "1":
        image = image.convert("L")
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")  # a palette, CMYK, YCbCr, ...
    return np.asarray(image)


def _stretch(numbers: Pixels) -> npt.NDArray[np.float32]:
    """Scale measurements of any range, as in scientific TIFF files, to [0, 1]."""
    values = numbers.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it contains NaN or infinity")
    smallest, largest = float(values.min()), float(values.max())
    if numbers.dtype.kind == "f" and smallest >= 0 and largest <= 1:
        return values.astype(np.float32)
    return ((values - smallest) / max(largest - smallest, 1e-300)).astype(np.float32)


def _no_picture(content: bytes, name: str) -> str:
    """Return the error message for a file that is not an image, with its type if it is recognized."""
    start = content[:512].lstrip().lower()
    kinds = {
        ", which is empty": not content,
        ", which is a web page; give the URL of the image itself": start.startswith((b"<!doctype html", b"<html")),
        ", which is a vector graphic (SVG)": b"<svg" in start,
        ", which is of another type (HEIC or a video)": content[4:8] == b"ftyp",
    }
    kind = next((name for name, recognized in kinds.items() if recognized), "")
    return f"Expected an image (PNG, JPEG, GIF, BMP, TIFF or WebP), received {name}{kind}; save it as PNG or JPEG."


def fetch(url: str, timeout: float) -> bytes:
    """Download the content of a URL within a total time limit in seconds.

    The timeout of `requests` covers neither the resolution of the host name nor a server that sends single bytes. So
    the request runs in a daemon thread, and the calling thread waits for it. Raises a ValueError for another scheme, a
    web page or more than `MAX_BYTES`, a ConnectionError if the server does not send the image, and a TimeoutError.
    """
    check_scheme(url)
    outcome: Future[bytes] = Future()
    given_up = threading.Event()
    work = (url, timeout, outcome, given_up)
    threading.Thread(target=_receive, args=work, daemon=True, name="scratchcnn-picture").start()
    try:
        return outcome.result(timeout)
    except TimeoutError:
        raise TimeoutError(
            f"Expected an image from {url} within {timeout:g} s, received no complete one; try again, give a longer "
            "timeout, or save the image and give its path."
        ) from None
    finally:
        given_up.set()


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


def _receive(url: str, timeout: float, outcome: Future[bytes], given_up: threading.Event) -> None:
    """Set the content, or the exception that was raised, as the outcome; this is the part that may hang."""
    import requests
    from urllib3.exceptions import HTTPError  # not wrapped by requests while a response is read

    try:
        with requests.Session() as session:
            outcome.set_result(_get(session, url, timeout, given_up))
    except (requests.RequestException, HTTPError) as error:
        outcome.set_exception(
            ConnectionError(
                f"Expected an image from {url}, received no complete response ({type(error).__name__}); check the URL "
                "and the network, or save the image and give its path."
            )
        )
    except Exception as error:  # raised by the waiting thread
        outcome.set_exception(error)


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
            return _read(response, url, given_up)
    raise ConnectionError(f"Expected an image, received more than {MOST_REDIRECTS} redirects, the last to {url}.")


def _read(response: Any, url: str, given_up: threading.Event) -> bytes:
    """Read the content without decoding it; stop at the limit, or when the waiting thread has given up."""
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
