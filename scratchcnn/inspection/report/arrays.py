"""Arrays for the page's script: each once, without what is zero, as base64."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import numpy as np

from scratchcnn.operands import Array

SPARSE = 0.3  # share of zeros from which the zeros are left out
Spec = dict[str, Any]


class ArrayStore:
    """The arrays that a page carries; equal ones are carried once.

    Attributes
    ----------
    specs : dict of str to dict
        What the script reads: 'dtype', 'size', and 'data', the numbers in base64, little-endian. With 'present', one
        bit for each number, 'data' has only those that are not zero. Or 'relu': the name of the array of which it is
        the larger of each number and 0.
    """

    def __init__(self) -> None:
        self.specs: dict[str, Spec] = {}
        self._names: dict[bytes, str] = {}

    def add(self, array: Array, relu_of: Array | None = None) -> str:
        """The name under which the script finds the numbers of `array`, in C order.

        Parameters
        ----------
        array : floats, integers or bool
            float32 and float64 stay; integers become int32, which must hold them; bool becomes uint8.
        relu_of : array, optional
            If `array` is max(relu_of, 0), to the bit, the page makes it from that one.
        """
        flat = _plain(array)
        key = _key(flat)
        if key not in self._names:
            if relu_of is not None and _is_relu(flat, _plain(relu_of)):
                self._keep(key, {"relu": self.add(relu_of), "size": flat.size})
            else:
                self._keep(key, _spec(flat))
        return self._names[key]

    def _keep(self, key: bytes, spec: Spec) -> None:
        self._names[key] = f"a{len(self.specs)}"
        self.specs[self._names[key]] = spec


def _plain(array: Array) -> Array:
    """One row of a dtype that the script has."""
    kinds = {"b": np.uint8, "i": np.int32, "u": np.int32}
    dtype = np.dtype(kinds.get(array.dtype.kind, array.dtype)).newbyteorder("<")
    return np.ascontiguousarray(array, dtype).reshape(-1)


def _key(flat: Array) -> bytes:
    return hashlib.sha256(flat.dtype.str.encode() + flat.tobytes()).digest()


def _is_relu(flat: Array, of: Array) -> bool:
    return flat.shape == of.shape and flat.tobytes() == np.where(of > 0, of, of.dtype.type(0)).tobytes()


def _spec(flat: Array) -> Spec:
    spec: Spec = {"dtype": flat.dtype.name, "size": flat.size}
    present = flat != 0
    if flat.size and flat.dtype.kind == "f" and 1 - present.mean() > SPARSE:
        spec["present"] = _base64(np.packbits(present, bitorder="little"))
        flat = flat[present]
    return {**spec, "data": _base64(flat)}


def _base64(array: Array) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")
