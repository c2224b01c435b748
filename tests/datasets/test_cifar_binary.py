"""read_archive and read_files: arrays from valid files of CIFAR-10, and a ValueError for all others."""

import gzip
import tarfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn.datasets import cifar_binary
from scratchcnn.datasets.cifar_binary import FILES, RECORD_BYTES, parse_records, read_archive, read_files

RECORD = bytes([7]) + bytes(3072)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "archive"
    path.write_bytes(content)
    return path


def pack(members: list[tuple[tarfile.TarInfo, bytes]], tar_format: int = tarfile.GNU_FORMAT) -> bytes:
    """Return an uncompressed archive of members whose headers may be wrong."""
    blocks = [
        member.tobuf(tar_format) + content + bytes(-len(content) % tarfile.BLOCKSIZE) for member, content in members
    ]
    return b"".join(blocks) + bytes(2 * tarfile.BLOCKSIZE)


def entry(name: str, content: bytes = RECORD, **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for attribute, value in changes.items():
        setattr(member, attribute, value)
    return member, content


def whole(*replaced: tuple[tarfile.TarInfo, bytes]) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return the six members with one record each, where some are replaced."""
    others = {member.name: (member, content) for member, content in replaced}
    return [others.get(name) or entry(name) for name in FILES]


def test_record_is_a_label_and_three_planes_of_rows():
    red = np.arange(1024) % 251
    content = bytes([3]) + bytes(red.tolist()) + bytes(1024) + b"\xff" * 1024
    images, labels = parse_records(bytearray(RECORD + content), "here")
    assert labels.tolist() == [[7], [3]]
    assert not images[0].any()
    assert images.shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(images[1, :, :, 0], red.reshape(32, 32))
    assert images[1, 0, 5].tolist() == [5, 0, 255]  # red, green, blue of the sixth pixel in the first row
    assert images[1, 1, 0].tolist() == [32, 0, 255]


@pytest.mark.parametrize("repack", [bytes, gzip.decompress], ids=["gzip", "tar"])
def test_archive_with_the_members_of_the_original(tmp_path: Path, small_cifar, repack):
    x_train, y_train, x_test, y_test = read_archive([write(tmp_path, repack(small_cifar.tar()))])
    small_cifar.assert_equal(((x_train, y_train), (x_test, y_test)))
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]  # nothing is extracted


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_in_any_order_and_folder(tmp_path: Path, tar_format: int):
    members = [entry("./any/" + name, bytes([place]) + bytes(3072)) for place, name in enumerate(FILES)][::-1]
    _, y_train, _, y_test = read_archive([write(tmp_path, pack(members, tar_format))])
    assert (y_train.ravel().tolist(), y_test.tolist()) == ([0, 1, 2, 3, 4], [[5]])


def test_files(tmp_path: Path, small_cifar):
    for name, content in small_cifar.bins().items():
        (tmp_path / name).write_bytes(content)
    x_train, y_train, x_test, y_test = read_files([tmp_path / name for name in FILES])
    small_cifar.assert_equal(((x_train, y_train), (x_test, y_test)))


@pytest.mark.parametrize("content", [b"", RECORD[:-1], RECORD + b"\0"])
def test_file_of_incomplete_records_is_rejected(tmp_path: Path, content: bytes):
    paths = [tmp_path / name for name in FILES]
    for path in paths:
        path.write_bytes(RECORD)
    paths[3].write_bytes(content)
    with pytest.raises(ValueError, match=f"data_batch_4.bin: expected records of 3,073 bytes .* {len(content):,} byte"):
        read_files(paths)


HUGE = 2**33
INVALID = {
    "empty file": (b"", "expected a complete tar archive"),
    "page": (b"<html>403</html>" * 100, "expected a complete tar archive"),
    "no members": (pack([]), "without data_batch_1.bin, data_batch_2.bin"),
    "member missing": (pack(whole()[:-1]), r"received an archive without test_batch\.bin\. Download"),
    "Python version": (
        pack([entry("cifar-10-batches-py/data_batch_1", b"\x80\x02}")]),
        "Python version of CIFAR-10, whose pickles are not read. Download cifar-10-binary",
    ),
    "member twice": (pack([*whole(), entry("other/data_batch_2.bin")]), "'other/data_batch_2.bin': expected it once"),
    "incomplete record": (pack(whole(entry("test_batch.bin", RECORD[:-1]))), "'test_batch.bin': expected records of"),
    "empty member": (pack(whole(entry("test_batch.bin", b""))), "expected records .* received 0 bytes"),
    "truncated in a member": (pack(whole())[: 3 * 4096 + 1000], "expected a complete tar archive"),
    "truncated in a header": (pack(whole())[: 3 * 4096 + 100], "without data_batch_4.bin, data_batch_5.bin"),
    "symbolic link": (
        pack(whole(entry("test_batch.bin", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"))),
        "without test_batch.bin",
    ),
    "hard link": (
        pack(whole(entry("test_batch.bin", b"", type=tarfile.LNKTYPE, linkname="data_batch_1.bin"))),
        "without test_batch.bin",
    ),
    "device": (pack(whole(entry("test_batch.bin", b"", type=tarfile.CHRTYPE))), "without test_batch.bin"),
    "size of a member": (
        pack([entry("data_batch_1.bin", RECORD, size=HUGE)]),
        r"at most 784,000,000 bytes .* headers of at least 8,589,93\d,\d\d\d bytes",
    ),
    "negative size": (pack([entry("data_batch_1.bin", RECORD, size=-4096)]), "expected"),
    "negative size of another file": (pack([entry("readme", RECORD, size=-4096), *whole()]), "expected"),
    "size of another file": (pack([entry("readme", RECORD, size=HUGE)]), "'readme': expected an archive of at most"),
    "size of a sparse file": (
        pack([entry("readme", RECORD, size=HUGE, type=tarfile.GNUTYPE_SPARSE)]),
        "'readme': expected an archive of at most",
    ),
    "size of a long name": (
        pack([entry("././@LongLink", b"x" * 512, type=tarfile.GNUTYPE_LONGNAME, size=HUGE)]),
        "expected a complete tar archive",
    ),
    "long names of long names": (
        pack([entry("././@LongLink", b"x" * 512, type=tarfile.GNUTYPE_LONGNAME)] * 5000),
        "expected a complete tar archive",
    ),
}


@pytest.mark.parametrize("repack", [bytes, lambda content: gzip.compress(content, 1)], ids=["tar", "gzip"])
@pytest.mark.parametrize("name", INVALID)
def test_invalid_archive_is_rejected_in_little_memory_and_time(tmp_path: Path, name: str, repack):
    content, message = INVALID[name]
    path = write(tmp_path, repack(content))
    started = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as caught:
            read_archive([path])
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < 5
    assert str(caught.value).startswith(f"{path}")
    assert [each.name for each in tmp_path.iterdir()] == ["archive"]


def test_sparse_member_is_not_expanded(tmp_path: Path):
    """A GNU sparse file of 8 TiB: its map in the header contains no data, and its real size follows at byte 483."""
    header = bytearray(entry("data_batch_1.bin", b"", type=tarfile.GNUTYPE_SPARSE)[0].tobuf(tarfile.GNU_FORMAT))
    header[483:495] = tarfile.itn(2**43, 12, tarfile.GNU_FORMAT)
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * ord(" ") + sum(header[156:]))
    path = write(tmp_path, bytes(header) + pack(whole()[1:]))
    with tarfile.open(path) as archive:
        assert archive.next().size == 2**43  # tarfile accepts the header
    with pytest.raises(ValueError, match=r"an archive without data_batch_1\.bin\."):
        read_archive([path])


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:-8] + bytes(4) + packed[-4:],  # the CRC-32
        lambda packed: packed + b"tail",
    ],
    ids=["truncated", "truncated early", "crc", "tail"],
)
def test_damaged_gzip_file_is_rejected(tmp_path: Path, small_cifar, damage):
    with pytest.raises(ValueError, match=r"expected a complete gzip file|expected a complete tar archive"):
        read_archive([write(tmp_path, damage(small_cifar.tar()))])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            pack([entry("readme", bytes(4_000_000)), *whole()]),
            "'readme': expected an archive of at most 1,000,000 bytes",
        ),
        (pack(whole()) + bytes(4_000_000), "more than 1,000,000 bytes after decompression"),
    ],
    ids=["skipped member", "after the end"],
)
def test_decompression_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str):
    path = write(tmp_path, gzip.compress(content, 1))
    read_archive([path])
    monkeypatch.setattr(cifar_binary, "MAX_BYTES", 1_000_000)
    with pytest.raises(ValueError, match=message):
        read_archive([path])


def test_number_of_members_is_limited(tmp_path: Path):
    read_archive([write(tmp_path, pack([*[entry("empty", b"")] * 100, *whole()]))])
    with pytest.raises(ValueError, match="at most 784,000,000 bytes and 100 other members"):
        read_archive([write(tmp_path, pack([*[entry("empty", b"")] * 101, *whole()]))])


def test_unreadable_archive_is_an_oserror(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_archive([tmp_path / "none"])
    with pytest.raises(IsADirectoryError):
        read_archive([tmp_path])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cifar")


VALID = pack(whole())
HEADERS = range(0, 6 * 8 * 512, 8 * 512)  # a member has a header of one block and a record in seven


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return the archive with a few bytes of headers or records changed, or truncated; its checksums may be right."""
    content = bytearray(VALID)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.sampled_from(HEADERS))
        content[start + draw(st.integers(0, 511))] = draw(st.integers(0, 255))
        if draw(st.booleans()):
            rest = sum(content[start : start + 148]) + 8 * ord(" ") + sum(content[start + 156 : start + 512])
            content[start + 148 : start + 156] = b"%06o\0 " % rest
    return bytes(content[: draw(st.none() | st.integers(0, len(VALID)))])


@settings(max_examples=400, deadline=None)
@given(content=st.binary(max_size=1500) | damaged() | damaged().map(lambda tar: gzip.compress(tar, 1)))
def test_arbitrary_bytes_return_arrays_or_raise_value_error(folder: Path, content: bytes):
    path = write(folder, content)
    started = time.monotonic()
    try:
        x_train, y_train, x_test, y_test = read_archive([path])
    except ValueError as error:
        message = str(error)
    else:
        message = str(path)
        assert x_train.shape == (len(y_train), 32, 32, 3)
        assert x_test.shape == (len(y_test), 32, 32, 3)
        assert (len(y_train) + len(y_test)) * RECORD_BYTES <= len(VALID)
    assert str(path) in message
    assert time.monotonic() - started < 10
