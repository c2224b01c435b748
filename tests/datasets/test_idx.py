"""read_idx: arrays from valid files, and a ValueError for all others."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn.datasets.idx import read_idx

IMAGES = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 2, 3) + bytes(range(12))
LABELS = bytes([0, 0, 8, 1]) + struct.pack(">I", 4) + bytes([7, 2, 1, 0])


def write(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_images_and_labels_of_a_known_file(tmp_path: Path, pack):
    images = read_idx(write(tmp_path, pack(IMAGES)), 3)
    assert images.dtype == np.uint8
    assert images.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    images[0, 0, 0] = 9  # writable, as the arrays of Keras
    assert read_idx(write(tmp_path, pack(LABELS)), 1).tolist() == [7, 2, 1, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "received an empty file"),
        (b"\0\0\x08", "received 00 00 08"),
        (LABELS, "begins with the bytes 00 00 08 03; received 00 00 08 01"),
        (b"\0\0\x0d\x03" + IMAGES[4:], "received 00 00 0d 03"),
        (b"\1\0\x08\x03" + IMAGES[4:], "received 01 00 08 03"),
        (b"<html>403</html>", "received 3c 68 74 6d"),
        (IMAGES[:9], "expected 3 size.*received 5 byte"),
        (IMAGES[:-1], "expected 12 bytes after the header, received only 11 .truncated"),
        (IMAGES + b"\0", "expected 12 bytes after the header, received more .trailing"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_message_contains_file_expected_and_received(tmp_path: Path, content: bytes, message: str, pack):
    path = write(tmp_path, pack(content))
    with pytest.raises(ValueError, match=message) as caught:
        read_idx(path, 3)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[:15],
        lambda packed: packed[:-8] + bytes(4) + packed[-4:],  # the CRC-32
        lambda packed: packed + b"tail",
        lambda packed: packed[:10] + b"\xff" * 8 + packed[18:],
    ],
    ids=["truncated", "truncated early", "crc", "tail", "deflate"],
)
def test_damaged_gzip_is_rejected(tmp_path: Path, damage):
    with pytest.raises(ValueError, match="file"):
        read_idx(write(tmp_path, damage(gzip.compress(IMAGES, mtime=0))), 3)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
@pytest.mark.parametrize("sizes", [(2**32 - 1, 28, 28), (2**32 - 1,) * 3, (1_000_000, 28, 28)])
def test_oversized_header_allocates_nothing(tmp_path: Path, sizes: tuple[int, ...], pack):
    path = write(tmp_path, pack(bytes([0, 0, 8, 3]) + struct.pack(">3I", *sizes) + bytes(100)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="expected"):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_missing_file_is_an_oserror(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none", 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx")


header = st.builds(
    lambda ndim, sizes: bytes([0, 0, 8, ndim]) + b"".join(struct.pack(">I", size) for size in sizes),
    st.integers(0, 4),
    st.lists(st.integers(0, 5) | st.integers(0, 2**32 - 1), max_size=4),
)
like_idx = st.one_of(st.binary(max_size=200), st.builds(bytes.__add__, header, st.binary(max_size=130)))
like_gzip = st.builds(
    lambda content, cut, place, byte: (lambda p: p[:place] + bytes([byte]) + p[place + 1 : cut])(
        gzip.compress(content)
    ),
    like_idx,
    st.none() | st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 255),
)


@settings(max_examples=300, deadline=None)
@given(
    content=like_idx | like_gzip | like_gzip.map(lambda rest: b"\x1f\x8b" + rest), dimensions=st.sampled_from([1, 3])
)
def test_arbitrary_bytes_return_an_array_or_raise_value_error(folder: Path, content: bytes, dimensions: int):
    path = write(folder, content)
    try:
        array = read_idx(path, dimensions)
    except ValueError as error:
        message = str(error)
    else:
        message = str(path)
        assert array.ndim == dimensions
        if content[:2] != b"\x1f\x8b":
            assert (
                content == bytes([0, 0, 8, dimensions]) + struct.pack(f">{dimensions}I", *array.shape) + array.tobytes()
            )
    assert str(path) in message
