"""Reads named integer arrays from an .npz archive that may be damaged or hostile."""

import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from scratchcnn.datasets.streams import read_exactly


def read_npz(path: Path, names: Sequence[str]) -> list[npt.NDArray[Any]]:
    """Read the arrays `names` from an .npz archive.

    `numpy.load` would allocate whatever size a header claims before it reads, so the header is read first, and the
    data grows as it arrives. Nothing is ever unpickled: only arrays of integers are taken.

    Parameters
    ----------
    path : Path
        The archive, compressed or not; members besides `names` are ignored.
    names : sequence of str
        Names of the arrays, as given to `numpy.savez`.

    Returns
    -------
    list of ndarray
        In the order of `names`; C order, any integer dtype, any shape.

    Raises
    ------
    ValueError
        If it is not a whole .npz archive, an array is missing, or one is not an array of integers.
    OSError
        If the file cannot be opened.
    """
    with open(path, "rb") as file:
        # zipfile and NumPy's header parser answer damage with a dozen kinds of exception (BadZipFile, zlib.error,
        # struct.error, NotImplementedError, RuntimeError, TypeError, ...): all of them mean one thing here.
        try:
            with zipfile.ZipFile(file) as archive:
                missing = [name for name in names if f"{name}.npy" not in archive.namelist()]
                if not missing:
                    return [_read_member(archive, name, f"{path}, array '{name}'") for name in names]
                found = ", ".join(archive.namelist()[:10]) or "none"
        except _DamagedArrayError as error:
            raise ValueError(str(error)) from error
        except Exception as error:
            raise ValueError(
                f"{path}: expected a whole .npz archive, received a damaged or another file "
                f"({type(error).__name__}: {error}). Fetch it again."
            ) from error
    raise ValueError(
        f"{path}: expected the arrays {', '.join(names)}; received the members {found}, so {', '.join(missing)} "
        "is missing. Save it with numpy.savez and these names."
    )


class _DamagedArrayError(Exception):
    """One array is wrong, and its message already says which and how."""


def _read_member(archive: zipfile.ZipFile, name: str, source: str) -> npt.NDArray[Any]:
    """Read one .npy member to its end, so that the zip's CRC-32 is checked too."""
    with archive.open(f"{name}.npy") as stream:
        shape, fortran_order, dtype = read_npy_header(stream)
        if dtype.kind not in "iu":
            raise _DamagedArrayError(
                f"{source}: expected integers, received dtype {dtype}. Save it as uint8; pickles are never loaded."
            )
        size = dtype.itemsize
        for length in shape:  # Python's integers: a product of hostile sizes must not wrap
            size *= length
        try:
            content = read_exactly(stream, size, source)
        except ValueError as error:
            raise _DamagedArrayError(str(error)) from error
    flat = np.frombuffer(content, dtype=dtype)
    return np.ascontiguousarray(flat.reshape(shape, order="F" if fortran_order else "C"))


def read_npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Parse the .npy header with NumPy's own parser: shape, whether in Fortran's order, dtype.

    Nothing is allocated. A stream that does not begin with such a header gives an exception of any kind.
    """
    with warnings.catch_warnings():
        # It warns about oddities of hostile headers (Python 2 integers, bad escapes); the checks here decide instead.
        warnings.simplefilter("ignore")
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read:
            raise ValueError(f"expected .npy version 1.0 or 2.0, received {version}")
        shape, fortran_order, dtype = read[version](stream)
    if any(length < 0 for length in shape):
        raise ValueError(f"expected sizes of zero or more, received the shape {shape}")
    return tuple(int(length) for length in shape), bool(fortran_order), dtype
