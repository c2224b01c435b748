"""read_npz: arrays from valid archives, and a ValueError for all others."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn.datasets.npz import read_npz


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npy_with_header(text: str, content: bytes = b"", version: bytes = b"\1\0") -> bytes:
    encoded = text.encode("latin1", "replace")
    return b"\x93NUMPY" + version + len(encoded).to_bytes(2, "little") + encoded + content


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, content in members.items():
            made.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def write(folder: Path, content: bytes) -> Path:
    path = folder / "file.npz"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, ">i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_archives_written_by_numpy(tmp_path: Path, method: int, dtype: object, order: str):
    a = np.asarray(np.arange(24).reshape(2, 3, 4), dtype, order)
    b = np.arange(5, dtype=np.uint8)
    path = write(tmp_path, archive({"b.npy": npy(b), "a.npy": npy(a), "note.txt": b"hello"}, method))
    got_a, got_b = read_npz(path, ("a", "b"))
    np.testing.assert_array_equal(got_a, a)
    assert got_a.dtype == a.dtype
    assert got_a.flags.c_contiguous
    assert got_a.flags.writeable
    np.testing.assert_array_equal(got_b, b)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a complete .npz archive"),
        (b"<html>", "expected a complete .npz archive"),
        (archive({"a.npy": npy(np.arange(3))})[:-30], "expected a complete .npz archive"),
        (archive({"b.npy": npy(np.arange(3))}), "received the members b.npy, so a is missing"),
        (archive({}), "received the members none, so a is missing"),
        (archive({"a.npy": npy(np.zeros(3))}), "array 'a': expected integers, received dtype float64"),
        (archive({"a.npy": npy(np.arange(3))[:-1]}), "array 'a': expected 24 bytes .* received only 23"),
        (archive({"a.npy": npy(np.arange(3)) + b"x"}), "array 'a': expected 24 bytes .* received more"),
        (archive({"a.npy": b"no numpy"}), "magic string is not correct"),
        (archive({"a.npy": npy(np.arange(3)).replace(b"(3,)", b"(-3,)")}), "expected"),
        (
            archive({"a.npy": npy_with_header("{'descr':'|u1','fortran_order':False,'shape':()}", version=b"\7\0")}),
            "versi",
        ),
        (archive({"a.npy": npy_with_header("(" * 5000)}), "expected a complete .npz archive"),
        (archive({"a.npy": npy_with_header("{[]: 1}")}), "expected a complete .npz archive"),
    ],
)
def test_message_contains_file_expected_and_received(tmp_path: Path, content: bytes, message: str):
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=message) as caught:
        read_npz(path, ("a",))
    assert str(path) in str(caught.value)


class Evil:
    """An object whose unpickling creates a file."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (open, ("unpickled", "w"))


def test_objects_are_not_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil()], dtype=object), allow_pickle=True)
    path = write(tmp_path, archive({"a.npy": buffer.getvalue()}))
    with pytest.raises(ValueError, match="received dtype object"):
        read_npz(path, ("a",))
    assert not (tmp_path / "unpickled").exists()


def test_flipped_bit_is_detected_by_the_crc(tmp_path: Path):
    content = bytearray(archive({"a.npy": npy(np.zeros(1000, np.uint8))}, zipfile.ZIP_STORED))
    content[600] ^= 1
    with pytest.raises(ValueError, match="CRC"):
        read_npz(write(tmp_path, bytes(content)), ("a",))


@pytest.mark.parametrize("shape", ["(4294967296, 28, 28)", "(1000000, 28, 28)", f"({10**30},)"])
def test_oversized_header_allocates_nothing(tmp_path: Path, shape: str):
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n"
    path = write(tmp_path, archive({"a.npy": npy_with_header(text, bytes(100))}))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="expected"):
            read_npz(path, ("a",))
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_missing_file_is_an_oserror(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz", ("a",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("npz")


whole = archive({"a.npy": npy(np.arange(40, dtype=np.uint8))})


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a valid archive with a few bytes changed, or truncated."""
    content = bytearray(whole)
    for place in draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        content[place] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.none() | st.integers(0, len(whole)))])


header_text = st.one_of(
    st.text(max_size=60),
    st.builds(
        "{{'descr': {}, 'fortran_order': {}, 'shape': {}}}".format,
        st.sampled_from(["'|u1'", "'<i8'", "'>u4'", "'O'", "'f4'", "'|V8'", "[('a','u1')]", "7", "[]", "'x'"]),
        st.sampled_from(["True", "False", "1", "None"]),
        st.sampled_from(["()", "(3,)", "(-1,)", "(0, 5)", "(2, 2)", "(3L,)", "[3]", "3", "('a',)", "(True,)"]),
    ),
)
hostile = st.builds(
    lambda text, rest: archive({"a.npy": npy_with_header(text, rest)}), header_text, st.binary(max_size=40)
)


@settings(max_examples=400, deadline=None)
@given(content=st.binary(max_size=200) | damaged() | hostile)
def test_arbitrary_bytes_return_integers_or_raise_value_error(folder: Path, content: bytes):
    path = write(folder, content)
    try:
        (array,) = read_npz(path, ("a",))
    except ValueError as error:
        message = str(error)
    else:
        message = str(path)
        assert array.dtype.kind in "iu"
    assert str(path) in message
