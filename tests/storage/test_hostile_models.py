"""Any bytes load as a model or raise StorageError: nothing is executed, and memory is bounded by the file size."""

import copy
import io
import json
import subprocess
import sys
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from hostile import UNEXPECTED, damage, places, replaced
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import small_data, small_model

from scratchcnn import History, Sequential, load_model
from scratchcnn.storage import StorageError

SUFFIXES = ["npz", "keras"]
HEADERS = {"npz": "header.npy", "keras": "config.json"}


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """A folder for files, and a valid file of each format as bytes, with all optional content and a frozen layer."""
    folder = tmp_path_factory.mktemp("hostile")
    model = small_model(seed=0)
    model.layers[4].trainable = False
    model.evaluate(*small_data(4), verbose=0)  # creates the optimizer state
    model.history = History()
    model.history.append(0, {"loss": 0.5})
    for suffix in (*SUFFIXES, "weights.h5"):
        (model.save_weights if suffix == "weights.h5" else model.save)(folder / f"model.{suffix}")
    return folder, {suffix: (folder / f"model.{suffix}").read_bytes() for suffix in (*SUFFIXES, "weights.h5")}


def attempt(path, content):
    """Load a file and check that the result is a model or a StorageError that names the file."""
    path.write_bytes(content)
    before = small_model(seed=1)
    for load in (load_model, before.load_weights):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the model is loaded uncompiled
                loaded = load(path)
        except StorageError as error:
            message = str(error)
        else:
            message = str(path)
            assert loaded is None or isinstance(loaded, Sequential)
        assert str(path) in message


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=60)
@given(content=st.binary(max_size=300))
def test_random_bytes(valid, suffix, content):
    attempt(valid[0] / f"any.{suffix}", content)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=120)
@given(damaged=damage())
def test_damaged_files(valid, suffix, damaged):
    attempt(valid[0] / f"damaged.{suffix}", damaged(valid[1][suffix]))


def with_header(content, suffix, header):
    """The archive with another description and correct checksums."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    if suffix == "npz":
        buffer = io.BytesIO()
        np.save(buffer, np.frombuffer(text, np.uint8))
        text = buffer.getvalue()
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, text if name == HEADERS[suffix] else source.read(name))
    return made.getvalue()


def header_of(content, suffix):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read(HEADERS[suffix])
    return json.loads(np.load(io.BytesIO(text)).tobytes() if suffix == "npz" else text)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=250)
@given(data=st.data())
def test_description_with_unexpected_values(valid, suffix, data):
    header = header_of(valid[1][suffix], suffix)
    for _ in range(data.draw(st.integers(1, 2))):
        header = replaced(header, data.draw(st.sampled_from(sorted(places(header), key=str))), data.draw(UNEXPECTED))
    attempt(valid[0] / f"unexpected.{suffix}", with_header(valid[1][suffix], suffix, header))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("text", [b"[" * 1_000_000, b"9" * 100_000, b"\xff", b'{"a": 1', b"null", b"[]", b'"x"'])
def test_description_that_is_not_a_json_object(valid, suffix, text):
    attempt(valid[0] / f"invalid.{suffix}", with_header(valid[1][suffix], suffix, text))


@pytest.mark.parametrize("trainable", [None, 0, 1, "false", [], {}])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_trainable_that_is_not_a_boolean_is_rejected(valid, suffix, trainable):
    header, path = header_of(valid[1][suffix], suffix), valid[0] / f"trainable.{suffix}"
    described = (header["model"] if suffix == "npz" else header["config"])["layers"][-1]
    (described if suffix == "npz" else described["config"])["trainable"] = trainable
    path.write_bytes(with_header(valid[1][suffix], suffix, header))
    with pytest.raises(StorageError, match=r"Expected trainable of layer 'dense_1'.* as true or false, received"):
        load_model(path)


def peak_memory_and_message(path):
    tracemalloc.start()
    try:
        with pytest.raises(StorageError) as caught:
            load_model(path)
        return tracemalloc.get_traced_memory()[1], str(caught.value)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("units", [10**6, 10**12, 10**30])
def test_gigantic_layer_is_rejected_before_memory_is_allocated(valid, suffix, units):
    header, path = header_of(valid[1][suffix], suffix), valid[0] / f"gigantic.{suffix}"
    layers = (header["model"] if suffix == "npz" else header["config"])["layers"]
    next(layer for layer in layers if layer["class_name"] == "Dense")["config"]["units"] = units
    path.write_bytes(with_header(valid[1][suffix], suffix, header))
    memory, message = peak_memory_and_message(path)
    assert "Expected parameters of at most" in message
    assert "layer 'dense' (Dense)" in message
    assert memory < 3_000_000


def test_array_header_that_claims_terabytes_is_rejected(valid):
    path, made = valid[0] / "claims.npz", io.BytesIO()
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % 10**12
    claim = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(io.BytesIO(valid[1]["npz"])) as source, zipfile.ZipFile(made, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, claim if name == "parameters/0.npy" else source.read(name))
    path.write_bytes(made.getvalue())
    memory, message = peak_memory_and_message(path)
    assert "'parameters/0' as float32 (3, 3, 1, 4), received float32 (1000000000000,)" in message
    assert memory < 3_000_000


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_zip_bomb_is_rejected(valid, suffix):
    path = valid[0] / f"bomb.{suffix}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(HEADERS[suffix], bytes(50_000_000))
    memory, message = peak_memory_and_message(path)
    assert "uncompressed" in message
    assert memory < 3_000_000


def test_overlapping_members_are_rejected(valid):
    """A zip bomb without compression: many directory entries for the same bytes."""
    path = valid[0] / "overlap.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.npy", bytes(100_000))
        (first,) = archive.infolist()
        for number in range(50):
            other = copy.copy(first)
            other.filename = f"header{number}.npy"
            archive.filelist.append(other)
    memory, message = peak_memory_and_message(path)
    assert "archive members of at most" in message
    assert memory < 3_000_000


class Evil:
    """An object whose unpickling creates a file."""

    def __reduce__(self):
        return (open, ("unpickled", "w"))


def test_pickled_objects_are_rejected(valid, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("header", "parameters/0"):
        buffer = io.BytesIO()
        np.save(buffer, np.array([Evil()], dtype=object), allow_pickle=True)
        made = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(valid[1]["npz"])) as source, zipfile.ZipFile(made, "w") as archive:
            for member in source.namelist():
                archive.writestr(member, buffer.getvalue() if member == f"{name}.npy" else source.read(member))
        path = valid[0] / "pickled.npz"
        path.write_bytes(made.getvalue())
        with pytest.raises(StorageError, match="received object"):
            load_model(path)
    assert not (tmp_path / "unpickled").exists()


# HDF5 is parsed by a C library, so damaged files are opened in a separate process.

DAMAGED_HDF5 = """
import random, sys
from networks import small_model
from scratchcnn.storage import StorageError
valid, rng, model = open(sys.argv[1], "rb").read(), random.Random(1), small_model(seed=0)
rejected = 0
for _ in range(1000):
    content = bytearray(valid)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        content[rng.randrange(len(content))] = rng.choice([0, 1, 128, 255, rng.randrange(256)])
    open(sys.argv[2], "wb").write(content[: rng.choice([None, None, None, rng.randrange(len(content))])])
    before = model.get_weights()
    try:
        model.load_weights(sys.argv[2])
    except StorageError as error:
        rejected += 1
        assert sys.argv[2] in str(error)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(before, model.get_weights(), strict=True))
print(rejected)
"""


def test_damaged_hdf5_files(valid, tmp_path):
    folder = valid[0]
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{DAMAGED_HDF5}"
    command = [sys.executable, "-c", code, str(folder / "model.weights.h5"), str(tmp_path / "damaged.weights.h5")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert 100 < int(printed) < 1000


@pytest.mark.parametrize("content", [b"", b"\x89HDF", b"PK\3\4", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_content_other_than_hdf5(tmp_path, content):
    path = tmp_path / "other.weights.h5"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"an HDF5 file of Keras, received"):
        small_model().load_weights(path)
