"""Binary streams: decompression, and reading of a given number of bytes with memory proportional to the content."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

CHUNK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
# The largest MNIST-like set, EMNIST ByClass, has 814,255 images of 784 bytes: 0.64 GB. CIFAR-10 has 0.18 GB.
MAX_BYTES = 1_000_000 * 28 * 28


@contextmanager
def open_uncompressed(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that may be gzipped, which is detected by its content, and yield the uncompressed stream.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        The gzip file is damaged; raised while the stream is read.
    OSError
        The file cannot be opened or read.
    """
    with open(path, "rb") as file:
        gzipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        if not gzipped:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast(IO[bytes], unpacked)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(
                f"{path}: expected a complete gzip file, received a damaged one ({error}). Download the file again."
            ) from error


def read_exactly(stream: IO[bytes], expected: int, source: str) -> bytearray:
    """Read the rest of a stream, which must have exactly the length given in its header.

    The buffer grows with the content, so that a wrong header cannot cause a large allocation.

    Parameters
    ----------
    stream : binary file
        Positioned after the header; may be a decompressor.
    expected : int
        Number of bytes according to the header.
    source : str
        Name of the file, for error messages.

    Returns
    -------
    bytearray
        A writable buffer, so that an array that shares its memory is writable as well.

    Raises
    ------
    ValueError
        `expected` is more than `MAX_BYTES`, or the stream is shorter or longer.
    """
    if expected > MAX_BYTES:
        raise ValueError(
            f"{source}: expected at most {MAX_BYTES:,} bytes of data (1,000,000 images of 28x28), received a header "
            f"that claims {expected:,}; the file is damaged or not a data set of this kind. Download it again."
        )
    content = bytearray()
    # One more byte detects trailing data, and makes a decompressor verify its checksum at the end.
    while len(content) <= expected:
        chunk = stream.read(min(CHUNK_BYTES, expected + 1 - len(content)))
        if not chunk:
            break
        content += chunk
    if len(content) != expected:
        received = f"only {len(content):,} (truncated)" if len(content) < expected else "more (trailing data)"
        raise ValueError(
            f"{source}: expected {expected:,} bytes after the header, received {received}. Download the file again."
        )
    return content
