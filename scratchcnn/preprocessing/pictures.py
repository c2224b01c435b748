"""Decoding of image files (PNG, JPEG, GIF, BMP, TIFF, WebP) with limits of size, memory and time."""

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
MAX_PIXELS = 1 << 26  # enough for a 64-megapixel phone camera, 9248 x 6936
MAX_SECONDS = 20.0  # photos need far less, but some well-formed files keep a decoder busy for an hour
MAX_SIDE = 1000  # pixels of the longer side; a digit of a twentieth of it is still larger than those of MNIST

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
    """Decode the first image in a file, rotated according to its EXIF orientation and reduced if it is large.

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
                width, height = image.size
                if width * height <= MAX_PIXELS:
                    ImageOps.exif_transpose(image, in_place=True)
                    return _pixels(image)
        except UnidentifiedImageError:
            raise ValueError(_no_picture(content, name)) from None
        except Image.DecompressionBombError:
            raise ValueError(
                f"Expected an image of at most {MAX_PIXELS:,} pixels, received more in {name}; reduce it first."
            ) from None
        except Exception as error:  # decoders raise exceptions of many types for damaged files
            raise ValueError(
                f"Expected a complete image, received in {name} one that cannot be decoded ({error}); open it in a "
                "viewer and save it again as PNG."
            ) from error
    raise ValueError(
        f"Expected an image of at most {MAX_PIXELS:,} pixels, received {width:,} x {height:,} in {name}; reduce it "
        "first."
    )


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
    """Average squares of pixels, so that no side is longer than MAX_SIDE."""
    factor = -(-max(image.size) // MAX_SIDE)
    return image.reduce(factor) if factor > 1 else image


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
