"""The cache of compiled kernels, in files of the user's cache folder, so that only the first run compiles.

Numba keys its own cache by the file that contains the function. A kernel here also contains code from other files (such
as the micro-kernel), so the key is a hash over all of `kernels/`. Without a folder there is no cache; a folder that is
only readable, such as one that many users share, is read.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba.core import caching

from scratchcnn.kernels.runtime import pool
from scratchcnn.kernels.runtime.dry_run import compile_missing
from scratchcnn.kernels.runtime.processes import announce


@functools.cache
def _hash_of_kernels() -> bytes:
    """Hash of the source of every kernel: a change in one file may change the machine code of all."""
    sources = sorted(Path(__file__).parent.parent.rglob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).digest()


def folder() -> Path:
    """The folder of the compiled kernels: NUMBA_CACHE_DIR if that is set, else in the user's cache folder."""
    return Path(getattr(numba.config, "CACHE_DIR", "") or platformdirs.user_cache_dir("scratchcnn"))


class _Folder(caching.UserWideCacheLocator):
    """A folder for each source folder, below `folder`."""

    def __init__(self, function: Any, file: str) -> None:
        super().__init__(function, file)
        self._cache_path = str(folder() / self.get_suitable_cache_subpath(file))

    def ensure_cache_path(self) -> None:
        """Create the folder; raise OSError if that is impossible. An existing one may be only readable."""
        if not Path(self._cache_path).is_dir():
            super().ensure_cache_path()

    def get_source_stamp(self) -> bytes:
        return _hash_of_kernels()


class _Files(caching.CompileResultCacheImpl):
    _locator_classes = [_Folder]  # noqa: RUF012 - as in the base class


class Cache(caching.FunctionCache):
    """Numba's cache, except that a damaged file or a full disk causes a compilation instead of an error."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load the compiled kernel for these types; None if there is none."""
        pool.start()  # before a kernel is loaded or compiled, since its code refers to the pool
        found = self._load(sig, target_context)
        if found is None:
            announce()
            if os.access(self.cache_path, os.W_OK):
                compile_missing()
                found = self._load(sig, target_context)
        return found

    def contains(self, sig: Any, target_context: Any) -> bool:
        """Whether the kernel was compiled for these types."""
        with contextlib.suppress(Exception):  # as above
            return self._index_key(sig, target_context.codegen()) in self._cache_file._load_index()
        return False

    def _load(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # unpickling a damaged file may raise anything
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled kernel, if there is space and the folder is writable."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


class NoCache(caching.NullCache):
    """Every process compiles."""

    def contains(self, sig: Any, target_context: Any) -> bool:
        """Return False."""
        return False

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Return None: there is no compiled kernel."""
        pool.start()
