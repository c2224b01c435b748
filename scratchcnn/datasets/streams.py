"""Reads a promised number of bytes, taking no more memory than there really is content."""

from typing import IO

CHUNK_BYTES = 1 << 20
# The largest MNIST-like set, EMNIST ByClass, has 814,255 images of 784 bytes: 0.64 GB.
MAX_BYTES = 1_000_000 * 28 * 28


def read_exactly(stream: IO[bytes], expected: int, source: str) -> bytearray:
    """Read the rest of a stream, which must be exactly as long as its header said.

    A header is a claim: the buffer grows with what arrives, and is never allocated from the claim.

    Parameters
    ----------
    stream : binary file
        Placed behind the header; may be a decompressor.
    expected : int
        Number of bytes that the header promises.
    source : str
        Name of the file, for the message.

    Returns
    -------
    bytearray
        `expected` bytes; a writable buffer, so that an array over it is writable too.

    Raises
    ------
    ValueError
        If more than `MAX_BYTES` are promised, or the stream is shorter or longer than promised.
    """
    if expected > MAX_BYTES:
        raise ValueError(
            f"{source}: expected at most {MAX_BYTES:,} bytes of data (1,000,000 images of 28x28), received a header "
            f"that claims {expected:,}; the file is damaged or not a data set like MNIST."
        )
    content = bytearray()
    # One byte more than promised: it shows trailing data, and makes a decompressor check its own checksum at the end.
    while len(content) <= expected:
        chunk = stream.read(min(CHUNK_BYTES, expected + 1 - len(content)))
        if not chunk:
            break
        content += chunk
    if len(content) != expected:
        received = f"only {len(content):,} (truncated)" if len(content) < expected else "more (trailing data)"
        raise ValueError(
            f"{source}: expected {expected:,} bytes after the header, received {received}. Fetch the file again."
        )
    return content
