"""load_data: folders, caches, mirrors, and the sample as the last resort."""

import gzip
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchcnn.datasets import loading, mnist
from scratchcnn.datasets.catalog import MNIST
from scratchcnn.datasets.fetch import Mirror, RemoteFile


@pytest.fixture(autouse=True)
def isolated(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Isolate every test from the caches of the user and from the internet."""
    use_mirrors(monkeypatch)


def use_mirrors(monkeypatch: pytest.MonkeyPatch, *mirrors: Mirror, counts: tuple[int, int] = (6, 4)) -> None:
    """Let MNIST be a data set of six and four images at these mirrors."""
    monkeypatch.setattr(mnist, "MNIST", MNIST._replace(mirrors=mirrors, counts=counts))


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("sign", ["-", "."])
def test_folder_of_idx_files(tmp_path: Path, small, gzipped: bool, sign: str):
    small.write_idx(tmp_path / "idx", gzipped, sign)
    small.assert_equal(mnist.load_data(tmp_path / "idx"))
    small.assert_equal(mnist.load_data(str(tmp_path / "idx")))


def test_npz_file_or_its_folder(tmp_path: Path, small):
    (tmp_path / "mnist.npz").write_bytes(small.npz(y_test=small.y_test.astype(np.int64)))
    small.assert_equal(mnist.load_data(tmp_path / "mnist.npz"))
    small.assert_equal(mnist.load_data(tmp_path))


def test_tilde_is_expanded(tmp_path: Path, small, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "mine.npz").write_bytes(small.npz())
    small.assert_equal(mnist.load_data("~/mine.npz"))


def test_missing_path_is_rejected(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"received '.*nowhere', which does not exist"):
        mnist.load_data(tmp_path / "nowhere")


def test_missing_files_of_a_folder_are_listed(tmp_path: Path, small):
    small.write_idx(tmp_path, gzipped=True)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"without mnist.npz and without t10k-labels-idx1-ubyte\. Add"):
        mnist.load_data(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "y_test is missing"),
        ({"x_train": np.zeros((6, 28, 27), np.uint8)}, r"training part.*received uint8 \(6, 28, 27\)"),
        ({"x_test": np.zeros((3, 28, 28), np.uint8)}, "test part.*received 3 images and 4 labels"),
        ({"y_train": np.array([0, 1, 2, 3, 4, 11])}, "training part.*received 11 at index 5"),
        ({"x_train": np.zeros((6, 28, 28))}, "'x_train': expected integers, received dtype float64"),
    ],
)
def test_npz_of_another_format_is_rejected(tmp_path: Path, small, changes: dict[str, object], message: str):
    (tmp_path / "mnist.npz").write_bytes(small.npz(**changes))
    with pytest.raises(ValueError, match=message):
        mnist.load_data(tmp_path / "mnist.npz")


def test_exchanged_and_damaged_idx_files_are_rejected(tmp_path: Path, small):
    small.write_idx(tmp_path, gzipped=False)
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes((tmp_path / "t10k-labels-idx1-ubyte").read_bytes())
    with pytest.raises(ValueError, match="received 6 images and 4 labels"):
        mnist.load_data(tmp_path)
    labels.write_bytes((tmp_path / "train-images-idx3-ubyte").read_bytes())
    with pytest.raises(ValueError, match="Images and labels may be exchanged"):
        mnist.load_data(tmp_path)
    labels.write_bytes(gzip.compress(small.idx()["train-labels-idx1-ubyte"])[:-4])
    with pytest.raises(ValueError, match="expected a complete gzip file"):
        mnist.load_data(tmp_path)


def test_other_file_is_rejected(tmp_path: Path):
    (tmp_path / "digits.txt").write_text("7, 2, 1")
    with pytest.raises(ValueError, match=r"digits\.txt: expected a complete \.npz archive"):
        mnist.load_data(tmp_path / "digits.txt")


def test_cache_precedes_that_of_keras(tmp_path: Path, cache: Path, small, capsys):
    keras = tmp_path / "keras" / "datasets"
    keras.mkdir(parents=True)
    (keras / "mnist.npz").write_bytes(small.npz())
    small.assert_equal(mnist.load_data())
    small.x_train = small.x_train[::-1]
    small.write_idx(cache, gzipped=True)
    small.assert_equal(mnist.load_data())
    assert capsys.readouterr() == ("", "")


def test_without_variables_the_usual_folders_are_meant(tmp_path: Path, small, monkeypatch: pytest.MonkeyPatch):
    import pooch

    monkeypatch.delenv("SCRATCHCNN_DATA")
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "system" / project)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    keras = tmp_path / ".keras" / "datasets"
    keras.mkdir(parents=True)
    (keras / "mnist.npz").write_bytes(small.npz())
    small.assert_equal(mnist.load_data())
    small.y_test = small.y_test[::-1]
    small.write_idx(tmp_path / "system" / "scratchcnn", gzipped=True)
    small.assert_equal(mnist.load_data())


@pytest.mark.parametrize("damage", ["truncated", "other counts"])
def test_damaged_file_of_keras_is_ignored_with_a_warning(tmp_path: Path, small, damage: str, capsys):
    keras = tmp_path / "keras" / "datasets"
    keras.mkdir(parents=True)
    fewer = small.npz(x_test=small.x_test[:3], y_test=small.y_test[:3])
    (keras / "mnist.npz").write_bytes(small.npz()[:2000] if damage == "truncated" else fewer)
    message = "complete .npz archive" if damage == "truncated" else r"expected \(6, 4\) images, received \(6, 3\)"
    with pytest.warns(UserWarning, match=message) as caught:
        split = mnist.load_data()
    assert [warning.filename for warning in caught] == [__file__]
    assert split[0][0].shape == (4000, 28, 28)
    assert capsys.readouterr().err.count("\n") == 3


@pytest.fixture
def npz_mirror(server, small) -> Mirror:
    content = small.npz()
    server.answers["/npz/mnist.npz"] = server.body(content)
    checksum = "sha256:" + hashlib.sha256(content).hexdigest()
    return Mirror(server.url + "npz/", (RemoteFile("mnist.npz", checksum),))


def test_download_is_cached(server, npz_mirror, cache, small, monkeypatch, capsys):
    use_mirrors(monkeypatch, npz_mirror)
    small.assert_equal(mnist.load_data())
    assert capsys.readouterr() == ("", f"scratchcnn: MNIST was downloaded into {cache}.\n")
    small.assert_equal(mnist.load_data())
    assert server.asked == ["/npz/mnist.npz"]
    assert capsys.readouterr() == ("", "")


def test_damaged_cache_is_downloaded_again_with_a_warning(npz_mirror, cache, small, monkeypatch):
    use_mirrors(monkeypatch, npz_mirror)
    cache.mkdir()
    (cache / "mnist.npz").write_bytes(small.npz()[:-20])
    with pytest.warns(UserWarning, match="the search for MNIST continues"):
        small.assert_equal(mnist.load_data())
    small.assert_equal(mnist.load_data())


def test_idx_mirrors_follow_the_npz_mirror(server, cache, small, monkeypatch):
    files = []
    for name, content in small.gzipped_idx().items():
        server.answers[f"/idx/{name}"] = server.body(content)
        files.append(RemoteFile(name, "md5:" + hashlib.md5(content).hexdigest()))
    absent = Mirror(server.url + "absent/", (RemoteFile("mnist.npz", "sha256:00"),))
    use_mirrors(monkeypatch, absent, Mirror(server.url + "idx/", tuple(files)))
    small.assert_equal(mnist.load_data())
    small.assert_equal(mnist.load_data())
    assert len(server.asked) == 5


def test_without_a_mirror_the_sample_is_loaded_with_a_message(server, cache, monkeypatch, capsys):
    silent = Mirror(server.url + "silent/", (RemoteFile("mnist.npz", "sha256:00"),))
    server.answers["/silent/mnist.npz"] = server.silence
    use_mirrors(monkeypatch, silent, silent, silent, counts=MNIST.counts)
    monkeypatch.setattr(loading, "SECONDS_WITHOUT_PROGRESS", 0.5)
    split = mnist.load_data()
    for got, expected in zip(split, mnist.load_sample(), strict=True):
        np.testing.assert_array_equal(got[0], expected[0])
        np.testing.assert_array_equal(got[1], expected[1])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 3
    assert "\r" not in err
    for part in ("timed out", "4,000 + 1,000", "60,000 + 10,000", "sample", "load_data()", "IDX", str(cache)):
        assert part in err


def test_message_about_the_sample_quotes_the_error_of_a_script_for_60000_images(monkeypatch, capsys):
    use_mirrors(monkeypatch, counts=MNIST.counts)
    (x_train, _), _ = mnist.load_data()
    said = capsys.readouterr().err
    with pytest.raises(ValueError, match="cannot reshape") as caught:
        x_train.reshape((60000, 28, 28, 1))
    assert str(caught.value) in said
    (fix,) = re.findall(r"x_train\.reshape\(.*?\)", said)
    np.testing.assert_array_equal(eval(fix), x_train[..., None])


def test_time_limit_is_at_most_12_seconds():
    assert loading.SECONDS_WITHOUT_PROGRESS <= 12


def test_default_argument_of_keras_is_no_path(tmp_path: Path, cache: Path, small, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache.mkdir()
    (cache / "mnist.npz").write_bytes(small.npz())
    small.assert_equal(mnist.load_data("mnist.npz"))
    small.assert_equal(mnist.load_data(path="mnist.npz"))
    small.x_train = small.x_train[::-1]
    (tmp_path / "mnist.npz").write_bytes(small.npz())
    small.assert_equal(mnist.load_data("mnist.npz"))


def test_content_of_the_sample():
    (x_train, y_train), (x_test, y_test) = mnist.load_sample()
    assert (x_train.shape, x_test.shape) == ((4000, 28, 28), (1000, 28, 28))
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert np.bincount(y_train).tolist() == [400] * 10
    assert np.bincount(y_test).tolist() == [100] * 10
    images = np.concatenate([x_train, x_test]).reshape(5000, 784)
    assert len({image.tobytes() for image in images}) == 5000  # no duplicates
    assert images.min() == 0
    assert images.max() == 255
    # MNIST centres the mass of each digit, which detects wrong strides and transposed axes.
    mass = images.reshape(5000, 28, 28).astype(float)
    for axis in (1, 2):
        profile = mass.sum(axis=3 - axis)
        assert np.abs(profile @ np.arange(28) / profile.sum(axis=1) - 13.5).max() < 1.5
    for labels, batch in ((y_train, 100), (y_test, 100)):  # shuffled: all parts contain most of the digits
        assert all(len(set(part)) >= 9 for part in labels.reshape(-1, batch).tolist())
    pixels = hashlib.sha256(images.tobytes() + y_train.tobytes() + y_test.tobytes()).hexdigest()
    assert pixels == "28473db8cba399e65403fa3c92c95bd9af84ac33f8b7feb38f1522529801cf55"


def test_modifying_the_sample_does_not_affect_the_next_call():
    (x, _), _ = mnist.load_sample()
    x[:] = 0
    assert mnist.load_sample()[0][0].any()


def test_import_does_not_load_network_libraries():
    code = (
        "import sys; before = set(sys.modules); from scratchcnn.datasets import mnist; mnist.load_sample();"
        "print(sorted({'pooch', 'requests', 'tqdm', 'urllib3'} & (set(sys.modules) - before)))"
    )
    root = Path(mnist.__file__).parents[2]
    got = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert got.stdout.strip() == "[]"


WHOLE = Path(os.environ.get("MNIST_FOLDER", "no folder"))


@pytest.mark.skipif(not WHOLE.is_dir(), reason="MNIST_FOLDER is not a folder with all of MNIST")
def test_content_of_mnist():
    (x_train, y_train), (x_test, y_test) = mnist.load_data(WHOLE)
    assert (x_train.shape, x_test.shape) == ((60000, 28, 28), (10000, 28, 28))
    headers = {
        "6bbc9ace898e44ae57da46a324031adb": (x_train, "00000803 0000ea60 0000001c 0000001c"),
        "a25bea736e30d166cdddb491f175f624": (y_train, "00000801 0000ea60"),
        "2646ac647ad5339dbf082846283269ea": (x_test, "00000803 00002710 0000001c 0000001c"),
        "27ae3e4e09519cfbb04c329615203637": (y_test, "00000801 00002710"),
    }
    for digest, (array, header) in headers.items():
        assert hashlib.md5(bytes.fromhex(header) + array.tobytes()).hexdigest() == digest
    assert y_test[0] == 7
