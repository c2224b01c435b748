"""load_data of Fashion-MNIST and CIFAR-10: paths, caches, mirrors, and the error without any of them."""

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from scratchcnn.datasets import catalog, cifar10, fashion_mnist, loading, mnist
from scratchcnn.datasets.data_set import DataSet
from scratchcnn.datasets.fetch import Mirror, RemoteFile


class Case(NamedTuple):
    """A module with `load_data`, the name of its entry in the catalog, and a small copy with its files at a mirror."""

    module: ModuleType
    entry: str
    small: object
    files: dict[str, bytes]
    folder: Path  # in a cache

    def use(self, monkeypatch: pytest.MonkeyPatch, *mirrors: Mirror) -> None:
        """Let the data set be one of six and four images at these mirrors."""
        changed: DataSet = getattr(catalog, self.entry)._replace(mirrors=mirrors, counts=(6, 4))
        monkeypatch.setattr(self.module, self.entry, changed)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def serve(self, server) -> Mirror:
        """Return a mirror at the server."""
        for name, content in self.files.items():
            server.answers[f"/data/{name}"] = server.body(content)
        sums = [(name, hashlib.md5(content).hexdigest()) for name, content in self.files.items()]
        return Mirror(server.url + "data/", tuple(RemoteFile(name, f"md5:{md5}") for name, md5 in sums))


@pytest.fixture(params=["fashion_mnist", "cifar10"])
def case(request, cache: Path, small, small_cifar, monkeypatch: pytest.MonkeyPatch) -> Case:
    cases = {
        "fashion_mnist": Case(fashion_mnist, "FASHION_MNIST", small, small.gzipped_idx(), Path("fashion-mnist")),
        "cifar10": Case(cifar10, "CIFAR10", small_cifar, {"cifar-10-binary.tar.gz": small_cifar.tar()}, Path()),
    }
    cases[request.param].use(monkeypatch)
    return cases[request.param]


def test_folder_with_the_files_of_the_mirrors(case: Case, tmp_path: Path):
    case.write(tmp_path / "mine")
    case.small.assert_equal(case.module.load_data(tmp_path / "mine"))
    case.small.assert_equal(case.module.load_data(str(tmp_path / "mine")))


def test_npz_file_or_its_folder(case: Case, tmp_path: Path):
    path = tmp_path / f"{case.module.__name__.rpartition('.')[2]}.npz"
    path.write_bytes(case.small.npz(y_test=case.small.y_test.astype(np.int64)))
    case.small.assert_equal(case.module.load_data(path))
    case.small.assert_equal(case.module.load_data(tmp_path))


@pytest.mark.parametrize("subfolder", ["", "cifar-10-batches-bin"])
def test_extracted_files_of_cifar10(tmp_path: Path, small_cifar, subfolder: str):
    (tmp_path / subfolder).mkdir(exist_ok=True)
    for name, content in small_cifar.bins().items():
        (tmp_path / subfolder / name).write_bytes(content)
    small_cifar.assert_equal(cifar10.load_data(tmp_path))


@pytest.mark.parametrize("name", ["cifar-10-binary.tar.gz", "renamed.tgz", "no suffix"])
def test_archive_of_cifar10(tmp_path: Path, small_cifar, name: str):
    (tmp_path / name).write_bytes(small_cifar.tar())
    small_cifar.assert_equal(cifar10.load_data(tmp_path / name))


def test_missing_files_of_a_folder_are_listed(tmp_path: Path, small_cifar):
    (tmp_path / "test_batch.bin").write_bytes(small_cifar.bins()["test_batch.bin"])
    with pytest.raises(FileNotFoundError) as caught:
        cifar10.load_data(tmp_path)
    text = str(caught.value)
    assert "either cifar-10-binary.tar.gz or its six extracted files or cifar10.npz, received one without" in text
    assert (
        "and without data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin and"
        in text
    )


def test_missing_path_is_rejected(case: Case, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"received '.*nowhere', which does not exist"):
        case.module.load_data(tmp_path / "nowhere")


def test_data_set_of_another_shape_is_rejected(tmp_path: Path, small, small_cifar):
    (tmp_path / "mnist.npz").write_bytes(small.npz())
    (tmp_path / "cifar10.npz").write_bytes(small_cifar.npz())
    with pytest.raises(ValueError, match=r"expected images uint8 \(n, 32, 32, 3\), received uint8 \(6, 28, 28\)"):
        cifar10.load_data(tmp_path / "mnist.npz")
    for module in (mnist, fashion_mnist):
        with pytest.raises(ValueError, match=r"expected images uint8 \(n, 28, 28\), received uint8 \(6, 32, 32, 3\)"):
            module.load_data(tmp_path / "cifar10.npz")


def test_cache_precedes_that_of_keras(case: Case, tmp_path: Path, cache: Path):
    case.write(tmp_path / "keras" / "datasets" / case.folder)
    case.small.assert_equal(case.module.load_data())
    case.small.x_test = case.small.x_test[::-1].copy()
    (cache / case.folder).mkdir(parents=True)
    name = f"{case.module.__name__.rpartition('.')[2]}.npz"
    (cache / case.folder / name).write_bytes(case.small.npz())
    case.small.assert_equal(case.module.load_data())


def test_fashion_mnist_and_mnist_have_separate_caches(cache: Path, small, monkeypatch: pytest.MonkeyPatch):
    """The names of their files are the same."""
    monkeypatch.setattr(mnist, "MNIST", catalog.MNIST._replace(mirrors=(), counts=(6, 4)))
    monkeypatch.setattr(fashion_mnist, "FASHION_MNIST", catalog.FASHION_MNIST._replace(mirrors=(), counts=(6, 4)))
    small.write_idx(cache, gzipped=True)
    with pytest.raises(OSError, match="Expected Fashion-MNIST"):
        fashion_mnist.load_data()
    digits = small.x_train
    small.x_train = 255 - digits
    small.write_idx(cache / "fashion-mnist", gzipped=True)
    small.assert_equal(fashion_mnist.load_data())
    np.testing.assert_array_equal(mnist.load_data()[0][0], digits)


def test_download_is_cached(case: Case, server, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    case.use(monkeypatch, case.serve(server))
    case.small.assert_equal(case.module.load_data())
    name = getattr(catalog, case.entry).name
    assert capsys.readouterr() == ("", f"scratchcnn: {name} was downloaded into {cache / case.folder}.\n")
    case.small.assert_equal(case.module.load_data())
    assert server.asked == [f"/data/{name}" for name in case.files]
    assert sorted(path.name for path in (cache / case.folder).iterdir()) == sorted(case.files)
    assert capsys.readouterr() == ("", "")


def truncate(content: bytes) -> bytes:
    return content[:-20]


def flip(content: bytes) -> bytes:
    return content[:-1000] + bytes([content[-1000] ^ 255]) + content[-999:]


@pytest.mark.parametrize("damage", [truncate, flip])
def test_damaged_cache_is_downloaded_again_with_a_warning(
    case: Case, server, cache: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
):
    case.use(monkeypatch, case.serve(server))
    case.write(cache / case.folder)
    name, content = next(iter(case.files.items()))
    (cache / case.folder / name).write_bytes(damage(content))
    with pytest.warns(UserWarning, match=f"the search for {getattr(catalog, case.entry).name} continues") as caught:
        case.small.assert_equal(case.module.load_data())
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        case.small.assert_equal(case.module.load_data())
    assert server.asked == [f"/data/{name}"]  # the other files in the cache have the right checksums


def test_file_with_a_wrong_checksum_is_not_used(case: Case, server, cache: Path, monkeypatch: pytest.MonkeyPatch):
    mirror = case.serve(server)
    last = list(case.files)[-1]
    server.answers[f"/data/{last}"] = server.body(case.files[last][:-1])
    case.use(monkeypatch, mirror)
    with pytest.raises(OSError, match="sent a file with a wrong checksum"):
        case.module.load_data()
    assert not (cache / case.folder / last).exists()


def test_without_a_mirror_the_error_names_reasons_and_remedy(
    case: Case, server, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setattr(loading, "SECONDS_WITHOUT_PROGRESS", 0.5)
    mirror = case.serve(server)
    for name in case.files:
        server.answers[f"/data/{name}"] = server.silence
    case.use(monkeypatch, mirror)
    with pytest.raises(OSError, match=r"timed out") as caught:
        case.module.load_data()
    text = str(caught.value)
    data_set = getattr(catalog, case.entry)
    assert text.startswith(f"Expected {data_set.name} in a cache folder or from a mirror, received no network")
    for part in ("load_data()", str(cache / case.folder), *(layout.description for layout in data_set.layouts)):
        assert part in text
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("module", [fashion_mnist, cifar10])
def test_class_names(module: ModuleType):
    assert len(set(module.CLASS_NAMES)) == 10
