"""Saves are atomic: if the process is killed, if the disk is full, and if two threads write at the same time."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from counted_events import kill_after_events
from networks import constant_model, small_model, values_in

from scratchcnn import Sequential, atomic, load_model
from scratchcnn.atomic import atomic_write
from scratchcnn.layers import Dense

KILLS = 18  # three saves of 6 events
posix = pytest.mark.skipif(os.name != "posix", reason="requires fork, kill and resource limits")


def leftovers(folder):
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


@pytest.fixture
def kept(tmp_path):
    """Path of a saved model, and a function that checks that it is intact and the only file in its folder."""
    path = tmp_path / "model.npz"
    constant_model(7).save(path)

    def is_intact():
        return values_in(load_model(path)) == {7.0} and os.listdir(tmp_path) == ["model.npz"]

    return path, is_intact


@posix
def test_process_killed_while_saving_leaves_a_complete_file(tmp_path):
    path = tmp_path / "model.npz"
    constant_model(0).save(path)
    support = [str(Path(__file__).parents[1] / "support"), *sys.path]
    child = Path(__file__).with_name("saving_child.py")
    code = f"import sys; sys.path[:0] = {support!r}; import runpy; runpy.run_path({str(child)!r}, run_name='__main__')"
    reached, interrupted = 0, 0
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        for event in range(1, KILLS + 1):
            for killed_by_test in (False, True):  # at the event itself, and at any time after it
                fatal = 0 if killed_by_test else event
                server.stdin.write(f"{reached} {fatal} {int(killed_by_test)}\n")
                server.stdin.flush()
                process = int(server.stdout.readline())
                if killed_by_test:
                    assert kill_after_events(server, process, event) == "dead"
                else:
                    assert server.stdout.readline() == "dead\n"
                (number,) = values_in(load_model(path))
                # Of the 6 events of a save, the 4th is the return of `replace`: from then on the new file is in place.
                saved = (event + 2) // 6
                assert number >= reached + saved if killed_by_test else number == reached + saved
                reached = int(number)
                assert len(leftovers(tmp_path)) <= 1
                interrupted += bool(leftovers(tmp_path))
        server.stdin.close()
    assert interrupted >= KILLS // 2  # killed at the first three events of a save
    constant_model(1).save(path)
    assert os.listdir(tmp_path) == ["model.npz"]


def test_only_temporary_files_of_the_same_path_are_removed(tmp_path):
    names = {".model.npz.0123abcd.tmp", ".other.npz.0123abcd.tmp", ".model.npz.tmp", "model.npz.0123abcd.tmp"}
    for name in names:
        (tmp_path / name).touch()
    constant_model().save(tmp_path / "model.npz")
    removed = {".model.npz.0123abcd.tmp"} if atomic.fcntl else set()
    assert set(os.listdir(tmp_path)) == names - removed | {"model.npz"}


class FullDisk:
    """A file that raises ENOSPC after a number of bytes."""

    def __init__(self, file, available):
        self.file, self.available = file, available

    def write(self, content):
        self.available -= len(content)
        if self.available < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(content)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("available", [0, 1, 100, 100_000, 500_000])
def test_full_disk_leaves_the_existing_file_unchanged(kept, monkeypatch, available):
    path, is_intact = kept

    def limited(file, mode):
        return FullDisk(open(file, mode), available) if mode == "xb" else open(file, mode)

    monkeypatch.setattr(atomic, "open", limited, raising=False)
    with pytest.raises(OSError, match=r"No space left on device .*existing file is unchanged.*model.npz") as caught:
        constant_model(8).save(path)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert is_intact()


@pytest.mark.parametrize(("function", "number"), [("fsync", errno.EIO), ("replace", errno.EACCES)])
def test_error_in_the_last_system_call_leaves_the_existing_file_unchanged(kept, monkeypatch, function, number):
    path, is_intact = kept

    def failing(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, function, failing)
    with pytest.raises(OSError, match="unchanged") as caught:
        constant_model(8).save(path)
    assert caught.value.errno == number
    monkeypatch.undo()
    assert is_intact()


@posix
def test_file_size_limit_leaves_the_existing_file_unchanged(kept):
    path, is_intact = kept
    code = (
        "import resource, sys; from scratchcnn import load_model; model = load_model(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: model.save(sys.argv[1])\n"
        "except OSError as error: print(error)"
    )
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}", str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "File too large (an existing file is unchanged)" in printed
    assert is_intact()


@pytest.mark.parametrize("name", ["save", "save_weights", "export"])
def test_error_for_a_missing_folder_names_it(tmp_path, name):
    suffix = "onnx" if name == "export" else "npz"
    with pytest.raises(FileNotFoundError, match=r"create the folder .*missing first"):
        getattr(small_model(), name)(tmp_path / "missing" / f"model.{suffix}")


def test_path_of_a_folder_raises_an_error(tmp_path):
    (tmp_path / "model.npz").mkdir()
    with pytest.raises(IsADirectoryError):
        small_model().save(tmp_path / "model.npz")
    assert os.listdir(tmp_path) == ["model.npz"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not apply to root")
def test_read_only_folder_leaves_the_existing_file_unchanged(kept):
    path, is_intact = kept
    path.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="unchanged"):
            constant_model(8).save(path)
    finally:
        path.parent.chmod(0o700)
    assert is_intact()


def test_read_only_disk_leaves_the_existing_file_unchanged(kept, monkeypatch):
    path, is_intact = kept

    def read_only(file, mode):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), file)

    monkeypatch.setattr(atomic, "open", read_only, raising=False)
    with pytest.raises(OSError, match=r"Read-only file system .*unchanged"):
        constant_model(8).save(path)
    monkeypatch.undo()
    assert is_intact()


def test_any_exception_while_writing_leaves_the_existing_file_unchanged(kept):
    path, is_intact = kept
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:  # noqa: PT012
        file.write(b"half")
        raise KeyboardInterrupt
    assert is_intact()


@posix
def test_symbolic_link_is_kept_and_permissions_are_the_default(tmp_path):
    (tmp_path / "ordinary").touch()
    (tmp_path / "link.npz").symlink_to(tmp_path / "model.npz")
    constant_model(3).save(tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink()
    assert values_in(load_model(tmp_path / "model.npz")) == {3.0}
    assert (tmp_path / "model.npz").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_saves_of_two_threads_to_one_path_are_never_mixed(tmp_path):
    path, models = tmp_path / "model.npz", [constant_model(number) for number in (1, 2)]
    threads = [threading.Thread(target=lambda model=model: [model.save(path) for _ in range(15)]) for model in models]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            assert values_in(load_model(path)) in ({1.0}, {2.0})
    for thread in threads:
        thread.join()
    assert os.listdir(tmp_path) == ["model.npz"]


def test_equal_models_are_saved_as_equal_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        Sequential([Dense(3, input_shape=(4,))], seed=5).save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert set(np.load(tmp_path / "a.npz").files) == {"header", "parameters/0", "parameters/1"}
