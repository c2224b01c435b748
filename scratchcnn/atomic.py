"""Atomic writes: a reader of the file sees either its previous or its new content, never a part of it."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows has no such locks: there, temporary files of killed processes are not removed
    fcntl = None  # type: ignore[assignment]


FilePath = str | os.PathLike[str]


@contextmanager
def atomic_write(path: FilePath) -> Iterator[IO[bytes]]:
    """Open a file for writing that replaces `path` once it is complete and stored on disk.

    The content is written to a temporary file in the same folder, '.NAME.xxxxxxxx.tmp', which is flushed to disk
    (fsync) and renamed; then the folder is flushed as well. If the process is killed before that, `path` is unchanged,
    and the temporary file is removed by the next process that writes `path`.

    Raises
    ------
    OSError
        The subclass is that of the original error: the folder does not exist, permission is denied, no space is left,
        ... `path` is unchanged. Only if flushing the folder failed, the new file is in place, but may be lost in a
        power failure.
    """
    target = Path(os.path.realpath(path))  # a symbolic link is kept, and its target is replaced
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "Expected the path of a file, received a folder")
        _remove_leftovers(target)
        temporary, file = _open_temporary(target)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if not fcntl:  # Windows cannot rename an open file
                    file.close()
                os.replace(temporary, target)
        finally:
            with suppress(FileNotFoundError):  # it still exists only if an error occurred
                os.unlink(temporary)
    except OSError as error:
        reason = error.strerror or str(error)
        missing = isinstance(error, FileNotFoundError) and not os.path.isdir(target.parent)
        hint = f"; create the folder {target.parent} first" if missing else ""
        raise OSError(error.errno, f"{reason} (an existing file is unchanged){hint}", str(path)) from error
    _flush_folder(target.parent)


def _open_temporary(target: Path) -> tuple[Path, IO[bytes]]:
    """Create a temporary file in the folder of the target, locked while it is open, with default permissions."""
    while True:
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        file = open(temporary, "xb")  # noqa: SIM115 (returned to the caller)
        if _locked(file) and temporary.exists():  # otherwise another process has just removed it as a leftover
            return temporary, file
        file.close()


def _locked(file: IO[bytes]) -> bool:
    """Lock a file; False if another process holds the lock. True on file systems without locks."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _remove_leftovers(target: Path) -> None:
    """Remove the temporary files of killed processes: those on which no process holds a lock."""
    prefix = f".{target.name}."
    for name in os.listdir(target.parent) if fcntl else ():
        if not (name.startswith(prefix) and name.endswith(".tmp") and len(name) == len(prefix) + 8 + len(".tmp")):
            continue
        with suppress(OSError), open(target.with_name(name), "rb") as leftover:
            fcntl.flock(leftover, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(leftover.name)


def _flush_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows can neither open a folder nor needs to
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
