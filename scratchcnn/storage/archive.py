"""Reads a zip archive that may be damaged or hostile: no more memory than the file is long, and one kind of error."""

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

from scratchcnn.datasets.npz import read_npy_header
from scratchcnn.operands import Array, Shape
from scratchcnn.storage.atomic import FilePath
from scratchcnn.storage.errors import StorageError

MAX_JSON_BYTES = 4_000_000


class Archive:
    """The members of a zip archive, none of them compressed, as numpy.savez and Keras write them.

    So a member takes as much memory as it has bytes in the file, which is checked in the archive's directory before
    any is read; a zip bomb is refused. Each is read to its end, so that its CRC-32 is checked too.
    """

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self.size = size
        self._archive = archive
        self._members = {member.filename: member for member in archive.infolist()}
        if len(self._members) != len(archive.infolist()):
            raise StorageError("Expected one member of each name, received two of one name.")
        packed = [name for name, member in self._members.items() if member.compress_type != zipfile.ZIP_STORED]
        if packed:
            raise StorageError(f"Expected members that are not compressed, received {packed[0]!r}, which is.")
        if (claimed := sum(member.file_size for member in archive.infolist())) > size:
            raise StorageError(f"Expected members that fit into {size:,} bytes, received {claimed:,} claimed.")

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def content(self, name: str, limit: int | None = None) -> bytes:
        """All bytes of a member, at most `limit`."""
        member = self._member(name)
        if limit is not None and member.file_size > limit:
            raise StorageError(f"Expected at most {limit:,} bytes in {name!r}, received {member.file_size:,}.")
        with self._archive.open(member) as stream:
            return stream.read()

    def array(self, name: str, dtype: np.dtype[Any], shape: Shape | None = None, limit: int | None = None) -> Array:
        """The .npy member of a name, dtype and shape; for shape None one of one axis, of at most `limit` bytes.

        Raises
        ------
        StorageError
            The member is missing, too large, or holds something else.
        """
        stream = io.BytesIO(self.content(f"{name}.npy", limit))
        found, fortran_order, found_dtype = read_npy_header(stream)
        fits = len(found) == 1 if shape is None else found == tuple(shape)
        if found_dtype.newbyteorder("=") != dtype or not fits:
            wanted = "with one axis" if shape is None else tuple(shape)
            raise StorageError(f"Expected {name!r} as {dtype} {wanted}, received {found_dtype} {found}.")
        content = stream.read()
        if len(content) != math.prod(found) * dtype.itemsize:
            raise StorageError(f"Expected {math.prod(found)} numbers in {name!r}, received {len(content):,} bytes.")
        flat = np.frombuffer(content, found_dtype)
        return flat.reshape(found, order="F" if fortran_order else "C").astype(dtype)

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            found = ", ".join(list(self._members)[:10]) or "none"
            raise StorageError(f"Expected a member {name!r}, received {found}.")
        return self._members[name]


@contextmanager
def opened(path: FilePath, what: str) -> Iterator[Archive]:
    """The archive at `path`; whatever is wrong with it comes out as a StorageError that names the file.

    Parameters
    ----------
    path : path
    what : str
        What is expected, for the message: 'a model of scratchcnn'.

    Raises
    ------
    StorageError
        The file is damaged, truncated, foreign or hostile.
    OSError
        It cannot be opened or read.
    """
    with open(path, "rb") as file, reported(path, what), zipfile.ZipFile(file) as archive:
        yield Archive(archive, os.fstat(file.fileno()).st_size)


@contextmanager
def reported(path: FilePath, what: str) -> Iterator[None]:
    """Any error but that of the system itself becomes a StorageError that names the file.

    zipfile, NumPy's header parser, json and h5py answer damage with dozens of kinds of exception (BadZipFile,
    struct.error, NotImplementedError, RecursionError, KeyError, ...): all of them mean one thing here.
    """
    try:
        yield
    except StorageError as error:
        raise StorageError(f"{Path(path)}: {error}") from error
    except (ImportError, Warning):  # an optional package that is missing; a warning that the user made an error
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EIO:
            raise
        raise StorageError(
            f"{Path(path)}: Expected {what}, received a damaged or another file ({type(error).__name__}: {error})."
        ) from error
