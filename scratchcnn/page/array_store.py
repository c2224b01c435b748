"""Arrays in the JSON data of a page, each in base64, which the script decodes at the first use."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import numpy as np

from scratchcnn.operands import Array

SPARSE = 0.3  # fraction of zeros from which the zeros of an array are left out


class ArrayStore:
    """The arrays of a page; equal arrays are stored once.

    `specs` has for each name 'dtype', 'size', and 'data', the elements in base64, little-endian. With 'present', one
    bit per element, 'data' contains the nonzero elements only.
    """

    def __init__(self) -> None:
        self.specs: dict[str, dict[str, Any]] = {}
        self._names: dict[bytes, str] = {}

    def add(self, array: Array) -> str:
        """Store an array, and return the name under which the script finds its elements in C order."""
        kinds = {"b": np.uint8, "i": np.int32, "u": np.int32}  # floats and bytes are kept
        kept = array.dtype == np.uint8
        dtype = np.dtype(array.dtype if kept else kinds.get(array.dtype.kind, array.dtype)).newbyteorder("<")
        flat = np.ascontiguousarray(array, dtype).reshape(-1)
        key = hashlib.sha256(flat.dtype.str.encode() + flat.tobytes()).digest()
        if key not in self._names:
            self._names[key] = f"a{len(self.specs)}"
            self.specs[self._names[key]] = _spec(flat)
        return self._names[key]


def _spec(flat: Array) -> dict[str, Any]:
    spec: dict[str, Any] = {"dtype": flat.dtype.name, "size": flat.size}
    present = flat != 0
    if flat.size and flat.dtype.kind == "f" and flat.itemsize > 2 and 1 - present.mean() > SPARSE:
        spec["present"] = _base64(np.packbits(present, bitorder="little"))
        flat = flat[present]
    return {**spec, "data": _base64(flat)}


def _base64(array: Array) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")
