"""Reader of IDX files, the original format of MNIST."""

import struct
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from scratchcnn.datasets.streams import open_uncompressed, read_exactly

UNSIGNED_BYTE = 0x08


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped or not.

    The format consists of two zero bytes, one byte for the type (8: unsigned byte), one byte for the number of
    dimensions, each size as a big-endian uint32, and the data in C order.

    Parameters
    ----------
    path : Path
        The file. Compression is detected by its content, not by its name.
    dimensions : int
        Expected number of dimensions: 3 for images, 1 for labels.

    Returns
    -------
    ndarray of uint8
        Of the shape in the header, in C order, writable.

    Raises
    ------
    ValueError
        The file is not an IDX file of that kind, is truncated, has trailing bytes, or is a damaged gzip file.
    OSError
        The file cannot be opened or read.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section on file formats.
    """
    with open_uncompressed(path) as stream:
        return _read_stream(stream, dimensions, str(path))


def _read_stream(stream: IO[bytes], dimensions: int, source: str) -> npt.NDArray[np.uint8]:
    """Read header and data from an uncompressed stream."""
    shape = _read_header(stream, dimensions, source)
    size = 1
    for length in shape:  # Python integers, so that the product of malicious sizes does not overflow
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
            "Images and labels may be exchanged, or it is another file; download it again."
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) != 4 * dimensions:
        raise ValueError(
            f"{source}: expected {dimensions} size(s) of 4 bytes in the IDX header, received {len(sizes)} byte(s): "
            "the file is truncated. Download it again."
        )
    return struct.unpack(f">{dimensions}I", sizes)
