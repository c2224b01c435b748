"""Decodes a picture file (PNG, JPEG, GIF, BMP, TIFF, WebP) to pixels, within limits of size, memory and time."""

from __future__ import annotations

import io
import os
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 1 << 26  # a telephone's 64 megapixels, 9248 x 6936, are the most that fit
# A picture for the eye needs far less; some well-formed files make a decoder work for an hour.
MAX_SECONDS = 20.0
# Pixels of the longer side that are worked on; a digit of a twentieth of it is still larger than MNIST's.
MAX_SIDE = 1000

Pixels = npt.NDArray[Any]


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Read a picture file whole.

    Raises
    ------
    OSError
        There is no such file (FileNotFoundError), it is a folder, or it cannot be read.
    ValueError
        It is larger than `MAX_BYTES`, or no regular file.
    """
    text = os.fspath(path)
    try:
        place = Path(os.path.expanduser(text))
        if place.exists() and not place.is_dir() and not place.is_file():
            raise ValueError("it is a device or a pipe, no file")
        with open(place, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise type(error)(
            f"Expected a picture file that can be read, received '{text}' ({error.strerror or error}); mend the path, "
            f"looked for from {Path.cwd()}."
        ) from error
    except ValueError as error:  # also a path with a null character
        raise ValueError(f"Expected the path of a picture file, received {text!r}: {error}.") from error
    if len(content) > MAX_BYTES:
        raise ValueError(
            f"Expected a picture of at most {MAX_BYTES:,} bytes, received more in '{text}'; make it smaller first."
        )
    return content


def decode(content: bytes, name: str) -> Pixels:
    """Decode the first picture in a file, turned as its EXIF entry says, no larger than it is needed.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        What to call it in an error.

    Returns
    -------
    ndarray
        uint8 (H, W), (H, W, 2), (H, W, 3) or (H, W, 4): grey, grey and alpha, RGB, RGBA; or uint16 (H, W), or float32
        (H, W) in [0, 1]. Where a side is longer than `MAX_SIDE`, squares of pixels are averaged.

    Raises
    ------
    ValueError
        It is not a picture of the six formats, is damaged, has more than `MAX_PIXELS`, or takes longer than
        `MAX_SECONDS`.

    Notes
    -----
    The header says how large the picture will be; it is refused by that, before anything is decoded. Of a moving GIF
    or a TIFF of many pages only the first is decoded.
    """
    # Not at the top: who only scales arrays need not wait for it.
    from PIL import Image, ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damage which is no error, and sizes which are refused below
        try:
            with Image.open(_Timed(content), formats=FORMATS) as image:
                width, height = image.size
                if width * height <= MAX_PIXELS:
                    ImageOps.exif_transpose(image, in_place=True)
                    return _pixels(image)
        except UnidentifiedImageError:
            raise ValueError(_no_picture(content, name)) from None
        except Image.DecompressionBombError:
            raise ValueError(
                f"Expected a picture of at most {MAX_PIXELS:,} pixels, received more in {name}; make it smaller first."
            ) from None
        except Exception as error:  # a decoder raises what it likes about a damaged file
            raise ValueError(
                f"Expected a whole picture, received in {name} one that cannot be decoded ({error}); open it in a "
                "viewer and save it anew as PNG."
            ) from error
    raise ValueError(
        f"Expected a picture of at most {MAX_PIXELS:,} pixels, received {width:,} x {height:,} in {name}; make it "
        "smaller first."
    )


class _Timed(io.BytesIO):
    """A file in memory that can be read for a limited time: a decoder asks for it block by block."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.end = time.monotonic() + MAX_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self.end:
            raise TimeoutError(f"it takes longer than {MAX_SECONDS:g} s")
        return super().read(size)


def _pixels(image: Image) -> Pixels:
    """The pixels of an opened picture, in one of the few kinds that `decode` promises."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        depth16 = mode.startswith("I;16")
        numbers = np.asarray(_reduce(image.convert("I") if depth16 else image))
        return numbers.astype(np.uint16) if depth16 else _stretch(numbers)
    if "transparency" in image.info or mode in ("PA", "RGBa", "La"):
        image = image.convert("RGBA")
    elif mode == "1":
        image = image.convert("L")
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")  # a palette, CMYK, YCbCr, ...
    return np.asarray(_reduce(image))


def _reduce(image: Image) -> Image:
    """Average squares of pixels, so that the longer side is at most MAX_SIDE."""
    factor = -(-max(image.size) // MAX_SIDE)
    return image.reduce(factor) if factor > 1 else image


def _stretch(numbers: Pixels) -> npt.NDArray[np.float32]:
    """Measurements of any range, as scientific TIFF files hold them, to [0, 1]."""
    values = numbers.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds NaN or infinity")
    smallest, largest = float(values.min()), float(values.max())
    if numbers.dtype.kind == "f" and smallest >= 0 and largest <= 1:
        return values.astype(np.float32)
    return ((values - smallest) / max(largest - smallest, 1e-300)).astype(np.float32)


def _no_picture(content: bytes, name: str) -> str:
    """Say what came instead of a picture, where that can be told."""
    start = content[:512].lstrip().lower()
    kind = ""
    if not content:
        kind = ", which is empty"
    elif start.startswith((b"<!doctype html", b"<html")):
        kind = ", which is a web page; give the picture itself"
    elif b"<svg" in start:
        kind = ", which is a drawing (SVG)"
    elif content[4:8] == b"ftyp":
        kind = ", which is of another kind (HEIC or a film)"
    return f"Expected a picture (PNG, JPEG, GIF, BMP, TIFF or WebP), received {name}{kind}; save it as PNG or JPEG."
