"""Folders to which callbacks write: checked before training, so that an hour of it is not lost to a missing one."""

from __future__ import annotations

import errno
import os


def expect_writable(folder: str, what: str) -> None:
    """Raise OSError unless the folder exists and is writable; `what` is written there, for the message."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"Expected an existing folder for {what}: create it", folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, f"Expected a writable folder for {what}", folder)
