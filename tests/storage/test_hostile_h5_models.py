"""Any .h5 file loads as a model or raises StorageError: links are not followed, and memory is bounded by its size."""

import json
import os
import re
import shutil
import subprocess
import sys
import tracemalloc
import warnings

import h5py
import numpy as np
import pytest
from hostile import UNEXPECTED, places, replaced
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import small_data, small_model

from scratchcnn import Sequential, load_model
from scratchcnn.storage import StorageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a valid model.h5, with compilation, optimizer state (as written by Keras) and a frozen layer."""
    folder = tmp_path_factory.mktemp("hostile_h5")
    model = small_model(seed=0)
    model.layers[4].trainable = False
    model.evaluate(*small_data(4), verbose=0)  # creates the optimizer state
    model.save(folder / "model.h5")
    arrays = [np.array(3, np.int32), np.array(0.01, np.float32)]
    arrays += [slot for slots in model.optimizer_state.slots for slot in slots]
    with h5py.File(folder / "model.h5", "r+") as file:
        group = file.create_group("optimizer_weights")
        names = [f"adam/variable_{number}" for number in range(len(arrays))]
        group.attrs["weight_names"] = names
        for name, array in zip(names, arrays, strict=True):
            group[name] = array
    assert load_model(folder / "model.h5").optimizer_state.iterations == 3
    return folder


@pytest.fixture
def changed(folder, tmp_path):
    """A function that changes a copy of the model and returns its path."""

    def change(function):
        path = tmp_path / "changed.h5"
        shutil.copy(folder / "model.h5", path)
        with h5py.File(path, "r+") as file:
            function(file)
        return path

    return change


def attempt(path):
    """Load a file and check that the result is a model or a StorageError that names the file."""
    other = small_model(seed=1)
    for load in (load_model, other.load_weights):
        before = other.get_weights()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the model is loaded uncompiled
                loaded = load(path)
        except StorageError as error:
            message = str(error)
            unchanged = [a.tobytes() == b.tobytes() for a, b in zip(before, other.get_weights(), strict=True)]
        else:
            message, unchanged = str(path), [loaded is None or isinstance(loaded, Sequential)]
        assert str(path) in message
        assert all(unchanged)


@pytest.mark.parametrize("attribute", ["model_config", "training_config"])
@settings(max_examples=150)
@given(data=st.data())
def test_configuration_with_unexpected_values(folder, attribute, data):
    path = folder / "unexpected.h5"
    shutil.copy(folder / "model.h5", path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs[attribute])
        for _ in range(data.draw(st.integers(1, 2))):
            at = data.draw(st.sampled_from(sorted(places(config), key=str)))
            config = replaced(config, at, data.draw(UNEXPECTED))
        file.attrs[attribute] = json.dumps(config)
    attempt(path)


@pytest.mark.parametrize("name", ["kernel", "node"])
@settings(max_examples=100)
@given(data=st.data())
def test_functional_configuration_with_unexpected_values(folder, name, data):
    path = folder / "functional.h5"
    shutil.copy(folder / "model.h5", path)
    with h5py.File(path, "r+") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
        names = [layer["config"]["name"] for layer in layers]
        for layer, before in zip(layers, [None, *names[:-1]], strict=True):
            new = [{"args": [{"class_name": "x", "config": {"keras_history": [before, 0, 0]}}], "kwargs": {}}]
            layer["inbound_nodes"] = [] if before is None else new if name == "node" else [[[before, 0, 0, {}]]]
        config = {"layers": layers, "input_layers": [[names[0], 0, 0]], "output_layers": [names[-1], 0, 0]}
        description = {"class_name": "Functional", "config": config}
        at = data.draw(st.sampled_from(sorted(places(description), key=str)))
        description = replaced(description, at, data.draw(UNEXPECTED))
        file.attrs["model_config"] = json.dumps(description)
    attempt(path)


@pytest.mark.parametrize("attribute", ["model_config", "training_config"])
@pytest.mark.parametrize(
    "text", ["[" * 60_000, "9" * 60_000, b"\xff", '{"a": 1', "null", "[]", '"x"', "", " " * 5_000_000]
)
def test_configuration_that_is_not_a_json_object(changed, attribute, text):
    path = changed(lambda file: file.attrs.__setitem__(attribute, text))
    with pytest.raises(StorageError, match="Expected") as caught:
        load_model(path)
    assert str(path) in str(caught.value)


ATTRIBUTES = {
    "number": 3, "numbers": np.arange(4), "floats": np.zeros((2, 2)), "text": "conv2d", "table": np.array([["a"]], "S"),
    "empty": h5py.Empty("S3"), "none": np.zeros(0), "unknown": np.array(["nothing"], "S"), "bytes": np.array([b"\xff"]),
    "parents": np.array([".."], "S"), "root": np.array(["/model_weights"], "S"), "no name": np.array([""], "S"),
    "deep": np.array(["a/" * 20 + "a"], "S"), "top": np.array(["."], "S"), "many": np.array(["a"] * 5000, "S"),
}  # fmt: skip


@pytest.mark.parametrize("value", ATTRIBUTES.values(), ids=ATTRIBUTES)
@pytest.mark.parametrize("at", ["layer_names", "weight_names", "backend", "optimizer"])
def test_attribute_with_unexpected_value_raises_storage_error(changed, at, value):
    def change(file):
        weights = file["model_weights"]
        if at == "optimizer":
            file["optimizer_weights"].attrs["weight_names"] = value
        else:
            name = "layer_names" if at == "weight_names" else at
            first = weights[weights.attrs["layer_names"][0]]
            (first if at == "weight_names" else weights).attrs[at if at == "weight_names" else name] = value

    path = changed(change)
    if at == "backend" and isinstance(value, str):
        load_model(path)  # any name of a backend
    elif at == "optimizer" and isinstance(value, np.ndarray) and value.shape == (0,):
        assert load_model(path).optimizer_state is None
    else:
        with pytest.raises(StorageError, match="Expected") as caught:
            load_model(path)
        assert str(path) in str(caught.value)


def external_link(group, name, secret):
    group[name] = h5py.ExternalLink(str(secret), "/kernel")


def soft_link(group, name, secret):
    group.file["elsewhere"] = np.ones((3, 3, 1, 4), np.float32)
    group[name] = h5py.SoftLink("/elsewhere")


def external_storage(group, name, secret):
    group.create_dataset(name, (3, 3, 1, 4), np.float32, external=[(str(secret), 0, 144)])


def virtual(group, name, secret):
    layout = h5py.VirtualLayout((3, 3, 1, 4), np.float32)
    layout[...] = h5py.VirtualSource(str(secret), "kernel", (3, 3, 1, 4))
    group.create_virtual_dataset(name, layout)


def compressed(group, name, secret):
    group.create_dataset(name, (3, 3, 1, 4), np.float32, compression="gzip")


def never_written(group, name, secret):
    group.create_dataset(name, (10**9, 10**3), np.float32)


def text(group, name, secret):
    group[name] = "kernel"


def subgroup(group, name, secret):
    group.create_group(name)


def missing(group, name, secret):
    pass


@pytest.mark.parametrize(
    "put",
    [external_link, soft_link, external_storage, virtual, compressed, never_written, text, subgroup, missing],
    ids=lambda put: put.__name__,
)
@pytest.mark.parametrize("optimizer", [False, True])
def test_weight_that_is_not_a_contiguous_dataset_raises_storage_error(changed, tmp_path, put, optimizer):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = np.ones((3, 3, 1, 4), np.float32)

    def change(file):
        group = file["optimizer_weights"] if optimizer else file["model_weights/conv2d"]
        name = str(group.attrs["weight_names"].astype(str)[2 if optimizer else 0])
        parent, _, last = name.rpartition("/")
        del group[name]
        put(group[parent], last, tmp_path / "secret.h5")

    path = changed(change)
    with pytest.raises(StorageError, match="Expected"):
        load_model(path)
    if not optimizer:
        other = small_model(seed=1)
        before = other.get_weights()
        with pytest.raises(StorageError, match="Expected"):
            other.load_weights(path)
        for a, b in zip(other.get_weights(), before, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["model_weights", "model_weights/conv2d"])
@pytest.mark.parametrize("external", [False, True])
def test_group_that_is_a_link_raises_storage_error(changed, folder, name, external):
    def change(file):
        file.move(name, "moved")
        file[name] = h5py.ExternalLink(str(folder / "model.h5"), name) if external else h5py.SoftLink("/moved")

    path = changed(change)
    for load in (load_model, small_model(seed=1).load_weights):
        with pytest.raises(StorageError, match="received a link to another place"):
            load(path)


@pytest.mark.parametrize("name", ["model_weights", "layers", "optimizer_weights", "_layer_checkpoint_dependencies"])
def test_external_link_is_not_opened(changed, tmp_path, name):
    """Opening a named pipe would wait for a writer."""
    os.mkfifo(tmp_path / "pipe")

    def change(file):
        if name in file:
            del file[name]
        if name != "optimizer_weights":  # nothing else from which parameters could be loaded
            del file["model_weights" if name != "model_weights" else "optimizer_weights"]
        file[name] = h5py.ExternalLink(str(tmp_path / "pipe"), "/x")

    code = "import sys; from scratchcnn import load_model; load_model(sys.argv[1])"
    code = "from networks import small_model; small_model().load_weights(sys.argv[1])" if "layer" in name else code
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{code}"
    path = changed(change)
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert "received a link to another place" in run.stderr


def test_group_that_contains_itself_is_read_once(changed):
    path = changed(lambda file: file["model_weights/conv2d"].__setitem__("again", file["model_weights"]))
    assert load_model(path).get_weights()[0].shape == (3, 3, 1, 4)


@pytest.mark.parametrize("units", [10**6, 10**12, 10**30])
def test_gigantic_layer_is_rejected_before_memory_is_allocated(changed, units):
    def change(file):
        config = json.loads(file.attrs["model_config"])
        next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Dense")["config"]["units"] = units
        file.attrs["model_config"] = json.dumps(config)

    path = changed(change)
    tracemalloc.start()
    try:
        with pytest.raises(StorageError, match=r"parameters of at most .* layer 'dense' \(Dense\)"):
            load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", ["h5", "hdf5"])
@pytest.mark.parametrize("content", [b"", b"\x89HDF", b"PK\3\4", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_content_other_than_hdf5(tmp_path, content, suffix):
    path = tmp_path / f"other.{suffix}"
    path.write_bytes(content)
    for load in (load_model, small_model().load_weights):
        with pytest.raises(StorageError, match=r"Expected an (HDF5|.h5) file of Keras, received") as caught:
            load(path)
        assert str(path) in str(caught.value)


# HDF5 is parsed by a C library, so damaged files are opened in a separate process.

DAMAGED = """
import random, sys, warnings
from networks import small_model
from scratchcnn import load_model
from scratchcnn.storage import StorageError
warnings.simplefilter("ignore")
valid, rng, rejected, path = open(sys.argv[1], "rb").read(), random.Random(1), 0, sys.argv[2]
for _ in range(1000):
    content = bytearray(valid)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        content[rng.randrange(len(content))] = rng.choice([0, 1, 128, 255, rng.randrange(256)])
    open(path, "wb").write(content[: rng.choice([None, None, None, rng.randrange(len(content))])])
    try:
        load_model(path)
    except StorageError as error:
        rejected += 1
        assert path in str(error)
print(rejected)
"""


def test_heap_with_an_object_of_size_zero_raises_storage_error(folder, tmp_path):
    """The HDF5 library would not return."""
    content = bytearray((folder / "model.h5").read_bytes())
    start, path = content.index(b"GCOL"), tmp_path / "endless.h5"
    place, end = start + 16, start + int.from_bytes(content[start + 8 : start + 16], "little")
    while content[place : place + 2] != bytes(2):
        place += 16 + -(-int.from_bytes(content[place + 8 : place + 16], "little") // 8) * 8
    assert place < end
    content[place + 8 : place + 16] = bytes(8)  # the size of the free space
    path.write_bytes(content)
    for load in (load_model, small_model(seed=1).load_weights):
        with pytest.raises(StorageError, match="Expected undamaged texts in the HDF5 file"):
            load(path)


@pytest.mark.parametrize(("count", "size"), [(1025, 10), (10, 2_000_001)])
def test_names_of_variable_length_are_limited(changed, count, size):
    def change(file):
        file["model_weights"].attrs["layer_names"] = np.array(["a" * size] * count, object)

    with pytest.raises(StorageError, match=r"Expected (at most 1,024 names|texts of at most 2,000,000 bytes)"):
        load_model(changed(change))


def first_reference(content, length):
    """The place of the only reference to a text of this length: length (4), address of the heap (8), index (4)."""
    heaps = [match.start() for match in re.finditer(b"GCOL", content)]
    found = [content.find(length.to_bytes(4, "little") + heap.to_bytes(8, "little")) for heap in heaps]
    (place,) = [place for place in found if place >= 0]
    return place


def assert_rejected_in_little_memory(path, match, megabytes):
    """Load a file in a process of its own, since the HDF5 library allocates memory that tracemalloc does not see."""
    code = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
import h5py
from networks import small_model
from scratchcnn import load_model
from scratchcnn.storage import StorageError
other = small_model()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for load in (load_model, other.load_weights):
    try:
        load(sys.argv[1])
    except StorageError as error:
        print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""
    command = [sys.executable, "-c", code, str(path)]
    *errors, used = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
    assert [match in error for error in errors] == [True, True]
    assert int(used) < megabytes


@pytest.mark.parametrize("count", [9, 1024])
def test_names_that_refer_to_the_same_text_require_no_memory_for_each(tmp_path, count):
    path = tmp_path / "shared.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{}"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array(["a" * 1_999_999] + ["b"] * (count - 1), object)
    content = bytearray(path.read_bytes())
    place = first_reference(content, 1_999_999)
    content[place : place + 16 * count] = content[place : place + 16] * count
    path.write_bytes(content)
    with h5py.File(path) as file:
        assert file["model_weights"].attrs.get_id("layer_names").shape == (count,)
    assert_rejected_in_little_memory(path, f"received references to {1_999_999 * count + 2:,}", megabytes=20)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("name", ["model_config", "training_config", "backend"])
def test_reference_with_a_false_length_requires_no_memory(tmp_path, name, libver):
    """The HDF5 library allocates the length in the reference before it compares it with that of the text.

    The latest format stores attributes in another version, whose checksum the library verifies afterwards.
    """
    path = tmp_path / "false.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file.attrs.update({"model_config": "{}"} | {name: "x" * 777})
        file.create_group("model_weights")
    content = bytearray(path.read_bytes())
    place = first_reference(content, 777)
    content[place : place + 4] = (3_000_000_000).to_bytes(4, "little")
    path.write_bytes(content)
    assert_rejected_in_little_memory(path, "received references to 3,000,000,", megabytes=20)


def test_attribute_with_a_shared_type_raises_storage_error(tmp_path):
    path = tmp_path / "shared_type.h5"
    with h5py.File(path, "w") as file:
        file["text"] = h5py.string_dtype()
        file.attrs.create("model_config", "{}", dtype=file["text"])
    for load in (load_model, small_model(seed=1).load_weights):
        with pytest.raises(StorageError, match="received one with a shared type"):
            load(path)


def test_damaged_files(folder, tmp_path):
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{DAMAGED}"
    command = [sys.executable, "-c", code, str(folder / "model.h5"), str(tmp_path / "damaged.h5")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert 100 < int(printed) < 1000
