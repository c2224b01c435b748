"""Writes a file whole or not at all: who reads it sees what was there before, or what is there now."""

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
except ImportError:  # Windows has no such locks: there, what a killed process left behind stays
    fcntl = None  # type: ignore[assignment]


FilePath = str | os.PathLike[str]


@contextmanager
def written_whole(path: FilePath) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `path` once it is whole and on the disk.

    What is written goes to a file beside it, '.NAME.xxxxxxxx.tmp'; that is brought to the disk (fsync) and renamed, and
    then the folder is brought to the disk too. A process that is killed on the way leaves `path` as it was, and the
    file beside it, which the next one to write `path` removes.

    Raises
    ------
    OSError
        Of the kind that the system gave: no such folder, no permission, no space left, ... `path` is as it was, as the
        message says; unless the folder alone could not be brought to the disk: then the new file is there, but may not
        outlive a power cut.
    """
    target = Path(os.path.realpath(path))  # a link stays a link, and what it leads to is replaced
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "Expected the name of a file, received a folder")
        _remove_leftovers(target)
        temporary, file = _open_beside(target)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if not fcntl:  # Windows renames no file that is open
                    file.close()
                os.replace(temporary, target)
        finally:
            with suppress(FileNotFoundError):  # it is there only if something failed
                os.unlink(temporary)
    except OSError as error:
        said = error.strerror or str(error)
        missing = isinstance(error, FileNotFoundError) and not os.path.isdir(target.parent)
        hint = f"; there is no folder {target.parent}: make it first" if missing else ""
        raise OSError(error.errno, f"{said} (a file that was there before is unchanged){hint}", str(path)) from error
    _bring_folder_to_disk(target.parent)


def _open_beside(target: Path) -> tuple[Path, IO[bytes]]:
    """A new file beside the target, locked as long as it is open, with the permissions of any new file."""
    while True:
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        file = open(temporary, "xb")  # noqa: SIM115 (handed to the caller)
        if _locked(file) and temporary.exists():  # else another process took it for a leftover just now
            return temporary, file
        file.close()


def _locked(file: IO[bytes]) -> bool:
    """Lock a file; False if another process has it. Where a file system has no locks, all are taken for locked."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _remove_leftovers(target: Path) -> None:
    """Remove what killed processes left beside the target. A file on which no process has a lock is nobody's."""
    prefix = f".{target.name}."
    for name in os.listdir(target.parent) if fcntl else ():
        if not (name.startswith(prefix) and name.endswith(".tmp") and len(name) == len(prefix) + 8 + len(".tmp")):
            continue
        with suppress(OSError), open(target.with_name(name), "rb") as leftover:
            fcntl.flock(leftover, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(leftover.name)


def _bring_folder_to_disk(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder, and needs not
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
