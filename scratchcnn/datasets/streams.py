"""Reading of a given number of bytes, with memory proportional to the actual content."""

from typing import IO

CHUNK_BYTES = 1 << 20
# The largest MNIST-like set, EMNIST ByClass, has 814,255 images of 784 bytes: 0.64 GB.
MAX_BYTES = 1_000_000 * 28 * 28


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
            f"that claims {expected:,}; the file is damaged or not a data set like MNIST."
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
