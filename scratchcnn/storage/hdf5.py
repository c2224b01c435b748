"""Read HDF5 files that may be damaged or hostile: every object is checked before its values are read.

Only datasets that are stored contiguously in the file itself are accepted, without links to other files and without
compression, so an array requires as much memory as it has bytes in the file. However, the file is parsed by the HDF5
library, which is written in C and not designed for hostile files: open untrusted files in a separate process.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from scratchcnn.atomic import FilePath, atomic_write
from scratchcnn.configs import Config
from scratchcnn.operands import Array
from scratchcnn.storage.archive import MAX_JSON_BYTES
from scratchcnn.storage.errors import StorageError, optional_package, shortened

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAP = b"GCOL\1"  # signature and version of a global heap, in which HDF5 stores texts of variable length
VARIABLE_LENGTH = 9  # class of a type
MAX_HEAP_OBJECTS = 1_000_000
MAX_NAMES = 4096
MAX_VARIABLE_NAMES, MAX_VARIABLE_BYTES = 1024, 2_000_000
"""Limits for the number and the size of texts of variable length; `length_of_texts` limits their total size."""
TEXTS = ("model_config", "training_config", "backend", "layer_names", "weight_names", "name")
"""Beginnings of the names of all attributes with texts that are read."""
MAX_DEPTH = 64
MAX_ATTRIBUTE_BYTES = 64_512
"""Size of the largest attribute that fits in the header of an HDF5 object, as Keras defines it."""


def h5py() -> Any:
    """Return the package h5py; ImportError with the command that installs it if it is missing."""
    return optional_package("h5py", "keras")


@contextmanager
def written(path: FilePath) -> Iterator[Any]:
    """Yield a new HDF5 file, which is written when it is complete."""
    content = io.BytesIO()
    with h5py().File(content, "w") as file:
        yield file
    with atomic_write(path) as target:
        target.write(content.getvalue())


def opened(content: bytes, expected: str) -> Any:
    """Open the content of a file; StorageError if it is not an HDF5 file. `expected` is for the message."""
    if not content.startswith(SIGNATURE):
        raise StorageError(f"Expected {expected}, received a file without the signature of HDF5.")
    if (largest := largest_text(content)) > MAX_VARIABLE_BYTES:
        raise StorageError(f"Expected texts of at most {MAX_VARIABLE_BYTES:,} bytes, received {largest:,}.")
    if (total := length_of_texts(content)) > (limit := len(content) + MAX_VARIABLE_BYTES):
        raise StorageError(f"Expected texts of at most {limit:,} bytes in total, received references to {total:,}.")
    file = h5py().File(io.BytesIO(content), "r")
    if file.id.get_create_plist().get_sizes() != (8, 8):
        file.close()
        raise StorageError(f"Expected {expected} with offsets and lengths of 8 bytes, received others.")
    return file


def largest_text(content: bytes) -> int:
    """Return the size of the largest text of variable length in a file, after checking the heaps that contain them.

    The HDF5 library does not return from a heap with an object of size zero, which a single damaged byte can create.

    Raises
    ------
    StorageError
        A heap is damaged, or there are more than a million objects.
    """
    largest = objects = 0
    start = content.find(HEAP)
    while start >= 0:
        end = start + _integer(content, start + 8)
        place = start + 16  # a header of 16 bytes, then objects, each with a header of 16 bytes
        while place + 16 <= end <= len(content):
            is_used, size = content[place : place + 2] != bytes(2), _integer(content, place + 8)
            step = 16 + _padded(size, 8) if is_used else size  # free space includes its own header
            objects += 1
            if step < 16 or place + step > end or objects > MAX_HEAP_OBJECTS:
                raise StorageError("Expected undamaged texts in the HDF5 file, received a heap of another structure.")
            largest = max(largest, size if is_used else 0)
            place += step
        start = content.find(HEAP, start + 1)
    return largest


def length_of_texts(content: bytes) -> int:
    """Return the total length of the texts of variable length to which the attributes `TEXTS` of a file refer.

    The HDF5 library allocates a text for each reference, of the length in the reference, before it reads the heap.
    Several references to one text, or a wrong length, could therefore require much more memory than the file has bytes.

    Raises
    ------
    StorageError
        An attribute has a type that is stored elsewhere, as Keras never writes it.
    """
    total = 0
    for name in TEXTS:
        start = content.find(name.encode())
        while start >= 0:
            total += _length_of_texts_at(content, start)
            start = content.find(name.encode(), start + 1)
    return total


def _length_of_texts_at(content: bytes, start: int) -> int:
    """Return the total length of the texts of the attribute whose name begins at `start`; 0 if there is no such one.

    An attribute consists of a version, flags, the sizes of name, type and shape, in version 3 an encoding, and then
    the name, the type, the shape and the values, each padded to a multiple of 8 bytes in version 1.
    """
    total = 0
    for version, header, unit in ((1, 8, 8), (2, 8, 1), (3, 9, 1)):
        head = content[max(start - header, 0) : start]
        if len(head) < header or head[0] != version:
            continue
        name, kind, shape = (int.from_bytes(head[place : place + 2], "little") for place in (2, 4, 6))
        if name == 0 or content[start + name - 1 : start + name] != b"\0":
            continue
        at_kind = start + _padded(name, unit)
        at_shape = at_kind + _padded(kind, unit)
        values = at_shape + _padded(shape, unit)
        if version > 1 and head[1]:
            raise StorageError("Expected attributes that contain their types, received one with a shared type.")
        if values > len(content) or content[at_kind] % 16 != VARIABLE_LENGTH:
            continue
        # The shape: version, rank, flags, and 5 reserved bytes in version 1 or 1 byte in version 2; then the lengths.
        lengths = at_shape + (8 if content[at_shape] == 1 else 4)
        count = min(_integer(content, lengths), MAX_VARIABLE_NAMES) if content[at_shape + 1] else 1
        references = np.frombuffer(content[values : values + 16 * count].ljust(16 * count, b"\0"), "<u4")
        total += int(references[::4].sum(dtype=np.int64))  # each: length (4), address of the heap (8), index (4)
    return total


def _padded(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _integer(content: bytes, place: int) -> int:
    return int.from_bytes(content[place : place + 8], "little")


def group(parent: Any, path: str, required: bool = False) -> Any:
    """Return a group within another; an empty dict if there is none and it is not required."""
    found = member(parent, path)
    if found is None and not required:
        return {}
    if not isinstance(found, h5py().Group):
        received = "none" if found is None else "another object"
        raise StorageError(f"Expected a group {shortened(path)}, received {received}.")
    return found


def member(parent: Any, path: str) -> Any:
    """Return the object at a path in a group, or None if there is none; StorageError for a link to another place."""
    names = path.split("/")
    if len(names) > MAX_DEPTH or not all(name.strip(".") for name in names):
        raise StorageError(f"Expected a path of at most {MAX_DEPTH} names, received {shortened(path)}.")
    found = parent
    for name in names:
        if not isinstance(found, h5py().Group) or name not in found:
            return None
        if not isinstance(found.get(name, getlink=True), h5py().HardLink):
            raise StorageError(f"Expected {shortened(name)} as a part of the file, received a link to another place.")
        found = found[name]
    return found


def dataset(parent: Any, path: str, name: str) -> Any:
    """Return a dataset after checking that it is numeric and stored contiguously and completely in the file.

    Its values are not read yet. `name` is for the message.
    """
    data = member(parent, path)
    if (
        not isinstance(data, h5py().Dataset)
        or data.is_virtual
        or data.external
        or data.chunks
        or data.dtype.kind not in "fi"
    ):
        raise StorageError(f"Expected {shortened(name)} as a contiguous array of numbers, received {data!r}.")
    if data.id.get_storage_size() != data.size * data.dtype.itemsize:
        stored = data.id.get_storage_size()
        raise StorageError(f"Expected {shortened(name)} to be stored completely, received {stored:,} bytes of it.")
    return data


def values(data: Any) -> Array:
    """Return the values of a checked dataset."""
    array: Array = np.asarray(data[()])
    return array


def write_names(group: Any, name: str, names: list[str]) -> None:
    """Write a list of names as an attribute, divided as by Keras if it is too large for one."""
    encoded = np.array([each.encode() for each in names] or np.zeros(0))
    count = math.ceil(encoded.nbytes / MAX_ATTRIBUTE_BYTES)
    if count <= 1:
        group.attrs[name] = encoded
    else:
        rows = MAX_ATTRIBUTE_BYTES // encoded.itemsize
        for number, start in enumerate(range(0, len(encoded), rows)):
            group.attrs[f"{name}{number}"] = encoded[start : start + rows]


def read_names(group: Any, name: str) -> list[str]:
    """Return the list of names in an attribute; an empty list if there is none.

    Raises
    ------
    StorageError
        The attribute is not a list of texts, or there are too many.
    """
    if name in group.attrs:
        return _read_names(group, name)
    names: list[str] = []
    for number in range(MAX_NAMES):
        if f"{name}{number}" not in group.attrs:
            break
        names += _read_names(group, f"{name}{number}")
        _expect_few(len(names), MAX_NAMES, name)
    return names


def read_text(group: Any, name: str) -> str | None:
    """Return the text in an attribute, None if there is no such attribute."""
    if name not in group.attrs:
        return None
    attribute = group.attrs.get_id(name)
    if attribute.shape != () or not _is_text(attribute.dtype) or attribute.dtype.itemsize > MAX_JSON_BYTES:
        raise StorageError(f"Expected the attribute {name!r} as text, received {attribute.dtype} {attribute.shape}.")
    text = group.attrs[name]
    if len(text) > MAX_JSON_BYTES:
        raise StorageError(f"Expected at most {MAX_JSON_BYTES:,} bytes in {name!r}, received {len(text):,}.")
    return text.decode() if isinstance(text, bytes) else str(text)


def read_json(group: Any, name: str) -> Config | None:
    """Return the JSON object in an attribute, None if there is no such attribute."""
    text = read_text(group, name)
    if text is None:
        return None
    content: Any = json.loads(text)
    if not isinstance(content, dict):
        raise StorageError(f"Expected the attribute {name!r} as a JSON object, received {shortened(content)}.")
    return content


def _read_names(group: Any, name: str) -> list[str]:
    attribute = group.attrs.get_id(name)
    if attribute.shape == (0,):
        return []
    if len(attribute.shape) != 1 or not _is_text(attribute.dtype):
        raise StorageError(
            f"Expected the attribute {name!r} as a list of names, received {attribute.dtype} {attribute.shape}."
        )
    is_variable = h5py().check_string_dtype(attribute.dtype).length is None
    _expect_few(attribute.shape[0], MAX_VARIABLE_NAMES if is_variable else MAX_NAMES, name)
    if attribute.shape[0] * attribute.dtype.itemsize > MAX_JSON_BYTES:
        raise StorageError(f"Expected names of at most {MAX_JSON_BYTES:,} bytes in {name!r}, received larger ones.")
    return [each.decode() if isinstance(each, bytes) else str(each) for each in group.attrs[name]]


def _expect_few(count: int, limit: int, name: str) -> None:
    if count > limit:
        raise StorageError(f"Expected at most {limit:,} names in {name!r}, received {count:,}.")


def _is_text(dtype: Any) -> bool:
    return h5py().check_string_dtype(dtype) is not None
