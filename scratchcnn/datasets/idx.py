"""Reads one IDX file, the format in which MNIST was published."""

import gzip
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from scratchcnn.datasets.streams import read_exactly

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped or not.

    The format: two zero bytes, one byte for the type (8: unsigned byte), one for the number of dimensions, each size as
    a big-endian uint32, then the data in C order.

    Parameters
    ----------
    path : Path
        The file. Whether it is gzipped is seen from its content, not from its name.
    dimensions : int
        How many dimensions it must have: 3 for images, 1 for labels.

    Returns
    -------
    ndarray of uint8
        Shape as the file says, C order, writable.

    Raises
    ------
    ValueError
        If the content is not such an IDX file, is truncated, has trailing bytes, or is a damaged gzip.
    OSError
        If the file cannot be opened or read.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section on file formats.
    """
    with open(path, "rb") as file:
        gzipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        if not gzipped:
            return _read_stream(file, dimensions, str(path))
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read_stream(cast(IO[bytes], unpacked), dimensions, str(path))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(
                f"{path}: expected a whole gzip file, received a damaged one ({error}). Fetch the file again."
            ) from error


def _read_stream(stream: IO[bytes], dimensions: int, source: str) -> npt.NDArray[np.uint8]:
    """Read header and data from a stream of raw IDX."""
    shape = _read_header(stream, dimensions, source)
    size = 1
    for length in shape:  # Python's integers: a product of hostile sizes must not wrap
        size *= length
    return np.frombuffer(read_exactly(stream, size, source), dtype=np.uint8).reshape(shape)


def _read_header(stream: IO[bytes], dimensions: int, source: str) -> tuple[int, ...]:
    """Check the magic number and return the sizes."""
    magic = stream.read(4)
    expected = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if magic != expected:
        raise ValueError(
            f"{source}: expected an IDX file of unsigned bytes with {dimensions} dimension(s), which begins with "
            f"the bytes {expected.hex(' ')}; received {magic.hex(' ') or 'an empty file'}. "
            "Images and labels may be exchanged, or it is another file; fetch it again."
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) != 4 * dimensions:
        raise ValueError(
            f"{source}: expected {dimensions} size(s) of 4 bytes in the IDX header, received {len(sizes)} byte(s): "
            "the file is truncated. Fetch it again."
        )
    return struct.unpack(f">{dimensions}I", sizes)
