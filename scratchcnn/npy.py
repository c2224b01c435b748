"""Reader of the headers of .npy arrays, for files of models and of data sets that may be damaged or malicious."""

import warnings
from typing import IO, Any

import numpy as np


def read_npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Parse a .npy header with NumPy's parser: shape, whether in Fortran order, and dtype.

    Nothing is allocated for the data. An invalid header raises an exception of any type.
    """
    with warnings.catch_warnings():
        # About unusual headers (Python 2 integers, invalid escapes), which are checked here.
        warnings.simplefilter("ignore")
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read:
            raise ValueError(f"expected .npy version 1.0 or 2.0, received {version}")
        shape, fortran_order, dtype = read[version](stream)
    if any(length < 0 for length in shape):
        raise ValueError(f"expected sizes of zero or more, received the shape {shape}")
    return tuple(int(length) for length in shape), bool(fortran_order), dtype
