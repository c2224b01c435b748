"""Reader of integer arrays from .npz archives, safe for damaged and malicious files."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.datasets.streams import read_exactly
from scratchcnn.npy import read_npy_header


def read_npz(path: Path, names: Sequence[str]) -> list[npt.NDArray[Any]]:
    """Read the arrays `names` from an .npz archive.

    `numpy.load` allocates the size that a header claims before it reads the data. Here memory is allocated as the data
    is read. Only arrays of integers are read, and nothing is unpickled.

    Parameters
    ----------
    path : Path
        The archive, compressed or not; other members are ignored.
    names : sequence of str
        Names of the arrays, as given to `numpy.savez`.

    Returns
    -------
    list of ndarray
        In the order of `names`; in C order, of any integer dtype and shape.

    Raises
    ------
    ValueError
        The file is not a complete .npz archive, or an array is missing or does not consist of integers.
    OSError
        The file cannot be opened.
    """
    with open(path, "rb") as file:
        # zipfile and NumPy's header parser raise a dozen types of exceptions for damaged files (BadZipFile, zlib.error,
        # struct.error, NotImplementedError, RuntimeError, TypeError, ...).
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
                f"{path}: expected a complete .npz archive, received a damaged or another file "
                f"({type(error).__name__}: {error}). Download it again."
            ) from error
    raise ValueError(
        f"{path}: expected the arrays {', '.join(names)}; received the members {found}, so {', '.join(missing)} "
        "is missing. Save it with numpy.savez and these names."
    )


class _DamagedArrayError(Exception):
    """An array is damaged; the message contains its name and the reason."""


def _read_member(archive: zipfile.ZipFile, name: str, source: str) -> npt.NDArray[Any]:
    """Read one .npy member to its end, so that its CRC-32 is verified."""
    with archive.open(f"{name}.npy") as stream:
        shape, fortran_order, dtype = read_npy_header(stream)
        if dtype.kind not in "iu":
            raise _DamagedArrayError(
                f"{source}: expected integers, received dtype {dtype}. Save it as uint8; pickles are never loaded."
            )
        size = dtype.itemsize
        for length in shape:  # Python integers, so that the product of malicious sizes does not overflow
            size *= length
        try:
            content = read_exactly(stream, size, source)
        except ValueError as error:
            raise _DamagedArrayError(str(error)) from error
    flat = np.frombuffer(content, dtype=dtype)
    return np.ascontiguousarray(flat.reshape(shape, order="F" if fortran_order else "C"))
