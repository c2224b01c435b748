"""Reader of the binary version of CIFAR-10: six files of records, in a folder or in a tar archive."""

import os
import posixpath
import tarfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from scratchcnn.datasets.streams import CHUNK_BYTES, MAX_BYTES, open_uncompressed, read_exactly

SIDE, CHANNELS = 32, 3
RECORD_BYTES = 1 + CHANNELS * SIDE * SIDE  # the label, then the pixels
TRAINING_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILE = "test_batch.bin"
FILES = (*TRAINING_FILES, TEST_FILE)
PYTHON_FILE = "data_batch_1"  # of the Python version
MAX_OTHERS = 100  # the original has three other members
REMEDY = "Download cifar-10-binary.tar.gz again."

Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]  # images (n, 32, 32, 3), labels (n, 1)


def read_files(paths: list[Path]) -> list[npt.NDArray[np.uint8]]:
    """Read the six files of the binary version of CIFAR-10.

    Parameters
    ----------
    paths : list of Path
        Five files of training images, in order, and that of the test images.

    Returns
    -------
    [x_train, y_train, x_test, y_test]
        Images uint8 (n, 32, 32, 3) and labels uint8 (n, 1), in C order.

    Raises
    ------
    ValueError
        A file does not consist of complete records.
    OSError
        A file cannot be opened or read.
    """
    batches = []
    for path in paths:
        with open(path, "rb") as file:
            content = read_exactly(file, os.fstat(file.fileno()).st_size, str(path))
        batches.append(parse_records(content, str(path)))
    return _join(batches)


def read_archive(paths: list[Path]) -> list[npt.NDArray[np.uint8]]:
    """Read the six files of the binary version of CIFAR-10 from a tar archive, without extracting it to disk.

    The archive is read once, from its beginning to its end, so that the checksum of a gzip file is verified. Members
    are recognized by the last part of their names; directories, links and other files are skipped. Memory is allocated
    as the data is read, independent of the sizes in headers, and no more than `MAX_BYTES` are decompressed.

    Parameters
    ----------
    paths : list of Path
        The archive alone; gzipped or not, which is detected by its content.

    Returns
    -------
    [x_train, y_train, x_test, y_test]
        As for `read_files`.

    Raises
    ------
    ValueError
        The file is not a complete tar archive, a member is missing, repeated or damaged, or the archive is too large.
    OSError
        The file cannot be opened or read.
    """
    (path,) = paths
    with open_uncompressed(path) as unlimited:
        stream = _LimitedStream(unlimited, MAX_BYTES)
        # tarfile raises many types of exceptions for damaged files (TarError, OverflowError, RecursionError, ...).
        # OSError, EOFError and zlib.error come from reading and decompression.
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
                batches, others = _read_members(archive, str(path))
            while stream.read(CHUNK_BYTES):
                pass
        except _DamagedMemberError as error:
            raise ValueError(str(error)) from error
        except (OSError, EOFError, zlib.error):
            raise
        except Exception as error:
            raise ValueError(
                f"{path}: expected a complete tar archive, received a damaged or another file "
                f"({type(error).__name__}: {error}). {REMEDY}"
            ) from error
    missing = [name for name in FILES if name not in batches]
    if missing:
        python = " This is the Python version of CIFAR-10, whose pickles are not read." if PYTHON_FILE in others else ""
        raise ValueError(
            f"{path}: expected the members {', '.join(FILES)}; received an archive without {', '.join(missing)}."
            f"{python} {REMEDY}"
        )
    return _join([batches[name] for name in FILES])


class _DamagedMemberError(Exception):
    """A member of the archive is invalid; the message names it and the reason."""


def _read_members(archive: tarfile.TarFile, source: str) -> tuple[dict[str, Batch], list[str]]:
    """Return the content of the six files, as far as they are in the archive, and the names of the other members."""
    batches: dict[str, Batch] = {}
    others: list[str] = []
    for member in archive:
        name, member_source = posixpath.basename(member.name), f"{source}, member '{member.name[:80]}'"
        wanted = name in FILES and member.isreg() and not member.issparse()
        if not wanted:
            others.append(name)
        # tarfile skips a member in small steps, and keeps the headers of all members.
        if archive.offset > MAX_BYTES or len(others) > MAX_OTHERS:
            raise _DamagedMemberError(
                f"{member_source}: expected an archive of at most {MAX_BYTES:,} bytes and {MAX_OTHERS} other members, "
                f"received headers of at least {archive.offset:,} bytes and {len(others)} other members. {REMEDY}"
            )
        if name in batches:
            raise _DamagedMemberError(f"{member_source}: expected it once, received it again. {REMEDY}")
        if wanted:
            batches[name] = _read_member(archive, member, member_source)
    return batches, others


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo, source: str) -> Batch:
    """Read one file of the archive."""
    content = archive.extractfile(member)
    assert content is not None, "the member is a regular file"
    try:
        return parse_records(read_exactly(content, member.size, source), source)
    except ValueError as error:
        raise _DamagedMemberError(str(error)) from error


def parse_records(content: bytearray, source: str) -> Batch:
    """Return the images and labels of one file.

    A record consists of one byte for the label and 3,072 bytes for the pixels: the red values of all pixels row by row,
    then the green values, then the blue values.

    Parameters
    ----------
    content : bytearray
        Complete records.
    source : str
        Name of the file, for error messages.

    Returns
    -------
    (images, labels)
        uint8 (n, 32, 32, 3) and uint8 (n, 1), in C order.

    Raises
    ------
    ValueError
        The length is zero or not a multiple of that of a record.

    References
    ----------
    A. Krizhevsky, V. Nair, G. Hinton, "The CIFAR-10 dataset", section on the binary version,
    https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    if len(content) == 0 or len(content) % RECORD_BYTES:
        raise ValueError(
            f"{source}: expected records of {RECORD_BYTES:,} bytes (a label and 32x32x3 pixels), received "
            f"{len(content):,} bytes. {REMEDY}"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
    planes = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE)  # (n, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, :1].copy()


def _join(batches: list[Batch]) -> list[npt.NDArray[np.uint8]]:
    """Return the arrays of the two parts; the last batch is the test part."""
    x_train, y_train = (np.concatenate(arrays) for arrays in zip(*batches[:-1], strict=True))
    return [x_train, y_train, *batches[-1]]


class _LimitedStream:
    """A stream that raises ValueError after a number of bytes, against archives that decompress without end."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self.stream, self.left, self.limit = stream, limit, limit

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; ValueError beyond the limit."""
        content = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise ValueError(f"more than {self.limit:,} bytes after decompression")
        return content
