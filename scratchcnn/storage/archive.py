"""Read a zip archive that may be damaged or hostile, using no more memory than its size, with one type of error."""

from __future__ import annotations

import errno
import io
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from scratchcnn.atomic import FilePath
from scratchcnn.npy import read_npy_header
from scratchcnn.operands import Array, Shape
from scratchcnn.storage.errors import StorageError

MAX_JSON_BYTES = 4_000_000


class Archive:
    """The members of a zip archive without compression, as written by numpy.savez and Keras.

    A member therefore requires as much memory as it has bytes in the file. The sizes in the archive's directory are
    checked before any member is read, so a zip bomb is rejected. Each member is read to its end, so its CRC-32 is
    checked as well.

    Parameters
    ----------
    archive : zipfile.ZipFile
    size : int
        Size of the file in bytes.

    Raises
    ------
    StorageError
        A name occurs twice, a member is compressed, or the members claim to be larger than the file.
    """

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self.size = size
        self._archive = archive
        self._members = {member.filename: member for member in archive.infolist()}
        if len(self._members) != len(archive.infolist()):
            raise StorageError("Expected archive members with unique names, received two with the same name.")
        compressed = [name for name, member in self._members.items() if member.compress_type != zipfile.ZIP_STORED]
        if compressed:
            raise StorageError(
                f"Expected uncompressed archive members, received {compressed[0]!r}, which is compressed."
            )
        if (claimed := sum(member.file_size for member in archive.infolist())) > size:
            raise StorageError(
                f"Expected archive members of at most {size:,} bytes, the size of the file, received {claimed:,}."
            )

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def content(self, name: str, limit: int | None = None) -> bytes:
        """Return all bytes of a member; StorageError if there are more than `limit`."""
        member = self._member(name)
        if limit is not None and member.file_size > limit:
            raise StorageError(f"Expected at most {limit:,} bytes in {name!r}, received {member.file_size:,}.")
        with self._archive.open(member) as stream:
            return stream.read()

    def array(self, name: str, dtype: np.dtype[Any], shape: Shape | None = None, limit: int | None = None) -> Array:
        """Return the array in a .npy member.

        Parameters
        ----------
        name : str
            Name of the member, without .npy.
        dtype : dtype
        shape : tuple of int, optional
            Default: any shape with one axis.
        limit : int, optional
            Largest size of the member in bytes.

        Raises
        ------
        StorageError
            The member is missing, too large, or has another dtype or shape.
        """
        stream = io.BytesIO(self.content(f"{name}.npy", limit))
        found, fortran_order, found_dtype = read_npy_header(stream)
        fits = len(found) == 1 if shape is None else found == tuple(shape)
        if found_dtype.newbyteorder("=") != dtype or not fits:
            expected = "with one axis" if shape is None else tuple(shape)
            raise StorageError(f"Expected {name!r} as {dtype} {expected}, received {found_dtype} {found}.")
        content = stream.read()
        if len(content) != math.prod(found) * dtype.itemsize:
            raise StorageError(f"Expected {math.prod(found)} elements in {name!r}, received {len(content):,} bytes.")
        flat = np.frombuffer(content, found_dtype)
        return flat.reshape(found, order="F" if fortran_order else "C").astype(dtype)

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            found = ", ".join(list(self._members)[:10]) or "none"
            raise StorageError(f"Expected an archive member {name!r}, received {found}.")
        return self._members[name]


@contextmanager
def open_archive(path: FilePath, expected: str) -> Iterator[Archive]:
    """Open the archive at `path`; every defect is reported as a StorageError that names the file.

    Parameters
    ----------
    path : path
    expected : str
        Kind of file, for the error message: 'a .keras file'.

    Raises
    ------
    StorageError
        The file is damaged, truncated, hostile or of another kind.
    OSError
        The file cannot be opened or read.
    """
    with open(path, "rb") as file, storage_errors(path, expected), zipfile.ZipFile(file) as archive:
        yield Archive(archive, os.fstat(file.fileno()).st_size)


@contextmanager
def storage_errors(path: FilePath, expected: str) -> Iterator[None]:
    """Convert every exception except I/O errors of the system to a StorageError that names the file.

    zipfile, NumPy's header parser, json and h5py raise dozens of types of exceptions for damaged files (BadZipFile,
    struct.error, NotImplementedError, RecursionError, KeyError, ...). All of them have the same meaning here.
    """
    try:
        yield
    except StorageError as error:
        raise StorageError(f"{Path(path)}: {error}") from error
    except (ImportError, Warning):  # a missing optional package; a warning that a filter turned into an error
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EIO:
            raise
        raise StorageError(
            f"{Path(path)}: Expected {expected}, received a damaged file or one of another kind "
            f"({type(error).__name__}: {error})."
        ) from error
