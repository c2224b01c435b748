"""HDF5 files with links, external storage, compression or missing data raise StorageError."""

import h5py
import numpy as np
import pytest

from scratchcnn import Sequential
from scratchcnn.layers import Dense
from scratchcnn.storage import StorageError


@pytest.fixture
def model():
    return Sequential([Dense(3, input_shape=(4,), use_bias=False)], seed=0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.weights.h5"


def external_link(variables, secret):
    variables["0"] = h5py.ExternalLink(str(secret), "/kernel")


def soft_link(variables, secret):
    variables.file["elsewhere"] = np.zeros((4, 3), np.float32)
    variables["0"] = h5py.SoftLink("/elsewhere")


def external_storage(variables, secret):
    variables.create_dataset("0", (4, 3), np.float32, external=[(str(secret), 0, 48)])


def virtual(variables, secret):
    layout = h5py.VirtualLayout((4, 3), np.float32)
    layout[...] = h5py.VirtualSource(str(secret), "kernel", (4, 3))
    variables.create_virtual_dataset("0", layout)


def compressed(variables, secret):
    variables.create_dataset("0", (4, 3), np.float32, compression="gzip")


def never_written(variables, secret):
    variables.create_dataset("0", (4, 3), np.float32, fillvalue=1)


def text(variables, secret):
    variables["0"] = "kernel"


def group(variables, secret):
    variables.create_group("0")


def wrong_number(variables, secret):
    variables["1"] = np.zeros((4, 3), np.float32)


@pytest.mark.parametrize(
    "put",
    [external_link, soft_link, external_storage, virtual, compressed, never_written, text, group, wrong_number],
    ids=lambda put: put.__name__,
)
def test_variable_that_is_not_a_contiguous_dataset_raises_storage_error(model, path, tmp_path, put):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = np.ones((4, 3), np.float32)
    with h5py.File(path, "w") as file:
        put(file.create_group("layers/dense/vars"), tmp_path / "secret.h5")
    before = model.get_weights()
    with pytest.raises(StorageError, match="Expected"):
        model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights(), before)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_contiguous_arrays_of_any_float_dtype_are_loaded(model, path, dtype):
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.arange(12).reshape(4, 3).astype(dtype)
    model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], np.arange(12, dtype=np.float32).reshape(4, 3), strict=True)


def test_error_without_h5py_contains_the_installation_command(model, path, monkeypatch):
    model.save_weights(path)
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    for attempt in (model.save_weights, model.load_weights):
        with pytest.raises(ImportError, match=r"h5py to be installed .*python -m pip install 'scratchcnn\[keras\]'"):
            attempt(path)
