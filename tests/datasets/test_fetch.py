"""Downloads from mirrors, with local servers and fake clocks instead of the internet."""

import hashlib
import io
import queue
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import scratchcnn.datasets
from scratchcnn.datasets import catalog, fetch
from scratchcnn.datasets import download as download_module
from scratchcnn.datasets.data_set import DataSet
from scratchcnn.datasets.download import Patience, download
from scratchcnn.datasets.fetch import Mirror, NoMirrorError, RemoteFile, fetch_first

CONTENT = bytes(range(256)) * 1200  # 300 kB: progress in several steps
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


def mirror(server, path: str, checksum: str = DIGEST) -> Mirror:
    return Mirror(f"{server.url}{path}/", (RemoteFile("data.bin", checksum),))


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_file_is_downloaded_once(server, tmp_path: Path, capsys):
    server.answers["/good/data.bin"] = server.body(CONTENT)
    for _ in range(2):
        (path,) = fetch_first([mirror(server, "good")], tmp_path, 5)
        assert path == tmp_path / "data.bin"
        assert path.read_bytes() == CONTENT
    assert server.asked == ["/good/data.bin"]
    assert leftovers(tmp_path) == ["data.bin"]
    assert capsys.readouterr() == ("", "")  # no terminal, so no progress bar, and no message for each attempt


def test_damaged_file_in_the_cache_is_replaced(server, tmp_path: Path):
    server.answers["/good/data.bin"] = server.body(CONTENT)
    (tmp_path / "data.bin").write_bytes(CONTENT[:-1])
    (path,) = fetch_first([mirror(server, "good")], tmp_path, 5)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("403", "responded 403"),
        ("404", "responded 404"),
        ("500", "responded 500"),
        ("silent", "timed out"),
        ("drip", "timed out"),
        ("stall", "timed out"),
        ("truncated", "closed the connection early"),
        ("wrong", "wrong checksum"),
        ("page", "wrong checksum"),
        ("badlength", "closed the connection early|invalid literal"),
    ],
)
def test_next_mirror_is_tried_and_no_incomplete_file_remains(server, tmp_path: Path, name: str, message: str):
    server.answers = {
        "/403/data.bin": server.status(403),
        "/500/data.bin": server.status(500),
        "/silent/data.bin": server.silence,
        "/drip/data.bin": server.drip(CONTENT),
        "/stall/data.bin": server.stall_after(CONTENT, 100_000),
        "/truncated/data.bin": server.body(CONTENT[:-1000], claimed=len(CONTENT)),
        "/wrong/data.bin": server.body(CONTENT[::-1]),
        "/page/data.bin": server.body(b"<html>please log in</html>"),
        "/badlength/data.bin": lambda handler: handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: x\r\n\r\n"),
        "/good/data.bin": server.body(CONTENT),
    }
    with pytest.raises(NoMirrorError, match=message):
        fetch_first([mirror(server, name)], tmp_path, 0.5)
    assert leftovers(tmp_path) == []
    (path,) = fetch_first([mirror(server, name), mirror(server, "good")], tmp_path, 1.0)
    assert path.read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["data.bin"]


def test_mirrors_share_the_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    limits = []

    def hang(url: str, target: object, patience: Patience, max_bytes: int) -> None:
        limits.append((url, patience.seconds_left))
        patience.seconds_left = 0.0
        raise TimeoutError

    monkeypatch.setattr(fetch, "download", hang)
    mirrors = [Mirror(f"http://{name}/", (RemoteFile("data.bin", DIGEST),)) for name in "abc"]
    with pytest.raises(NoMirrorError, match="a timed out; b timed out; c timed out"):
        fetch_first(mirrors, tmp_path, 8.0)
    assert limits == [("http://a/data.bin", 4.0), ("http://b/data.bin", 2.0), ("http://c/data.bin", 2.0)]


class Arrivals:
    """Queue of messages that arrive after given delays of a fake clock."""

    def __init__(self, messages: list[tuple[float, object]], monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages, self.now = messages, 100.0
        monkeypatch.setattr(download_module.time, "monotonic", lambda: self.now)

    def get(self, timeout: float) -> object:
        delay, message = self.messages.pop(0)
        self.now += min(delay, timeout)
        if delay > timeout:
            raise queue.Empty
        return message


@pytest.mark.parametrize("chunks", [4, 40])
def test_slow_download_with_progress_does_not_time_out(chunks: int, monkeypatch: pytest.MonkeyPatch):
    chunk, patience = bytes(70_000), Patience(2.0)
    arrivals = Arrivals([(0.75, len(chunk)), *[(0.75, chunk)] * chunks, (0.125, None)], monkeypatch)
    assert len([*download_module.in_time(arrivals, patience)]) == chunks + 1
    assert arrivals.now > 102.0
    assert patience.seconds_left == 2.0


def test_single_bytes_are_not_progress(monkeypatch: pytest.MonkeyPatch):
    patience = Patience(2.0)
    arrivals = Arrivals([(0.25, b"x")] * 100, monkeypatch)
    with pytest.raises(TimeoutError):
        [*download_module.in_time(arrivals, patience)]
    assert arrivals.now == 102.0
    assert patience.seconds_left == 0.0


def test_hanging_name_resolution_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    released = threading.Event()

    def hang(*args: object, **kwargs: object) -> None:
        released.wait(30)
        raise socket.gaierror("released")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        with pytest.raises(NoMirrorError, match=r"mirror\.invalid timed out"):
            fetch_first([Mirror("http://mirror.invalid/", (RemoteFile("data.bin", DIGEST),))] * 3, tmp_path, 0.6)
    finally:
        released.set()
    assert leftovers(tmp_path) == []


def test_refused_connection_and_unknown_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refused = Mirror(f"http://127.0.0.1:{port}/", (RemoteFile("data.bin", DIGEST),))
    with pytest.raises(NoMirrorError, match=r"^127\.0\.0\.1 cannot be reached$"):
        fetch_first([refused, refused], tmp_path, 5)

    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NoMirrorError, match=r"mirror\.invalid cannot be reached"):
        fetch_first([Mirror("http://mirror.invalid/", (RemoteFile("data.bin", DIGEST),))], tmp_path, 5)


def test_unwritable_cache_is_reported(server, tmp_path: Path):
    server.answers["/good/data.bin"] = server.body(CONTENT)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(NoMirrorError, match="the cache folder cannot be used"):
        fetch_first([mirror(server, "good")], tmp_path / "file", 5)


def test_files_of_one_mirror_are_used_for_the_next(server, tmp_path: Path):
    files = (RemoteFile("one", DIGEST), RemoteFile("two", DIGEST))
    server.answers = {"/a/one": server.body(CONTENT), "/b/two": server.body(CONTENT)}
    paths = fetch_first([Mirror(server.url + "a/", files), Mirror(server.url + "b/", files)], tmp_path, 5)
    assert paths == [tmp_path / "one", tmp_path / "two"]
    assert server.asked == ["/a/one", "/a/two", "/b/two"]


def test_file_larger_than_its_limit_is_rejected(server, tmp_path: Path):
    server.answers["/good/data.bin"] = server.body(CONTENT)
    small, large = (
        Mirror(server.url + "good/", (RemoteFile("data.bin", DIGEST, limit),)) for limit in (299_999, len(CONTENT))
    )
    with pytest.raises(NoMirrorError, match="more than 299,999 bytes received"):
        fetch_first([small], tmp_path, 5)
    assert leftovers(tmp_path) == []
    fetch_first([large], tmp_path, 5)


def test_progress_bar_on_a_terminal(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    server.answers["/data.bin"] = server.body(CONTENT)
    monkeypatch.setattr(sys, "stderr", Terminal())
    patience = Patience(5)
    download(server.url + "data.bin", tmp_path / "data.bin", patience, len(CONTENT))
    assert "data.bin" in sys.stderr.getvalue()
    assert "B/s" in sys.stderr.getvalue()
    assert patience.seconds_left > 4


def test_concurrent_processes_never_see_an_incomplete_file(server, tmp_path: Path):
    meeting = threading.Barrier(3)

    def together(handler) -> None:
        server.body(CONTENT[:1000], claimed=len(CONTENT))(handler)
        handler.wfile.flush()
        meeting.wait(20)  # now all three have written the first part
        handler.wfile.write(CONTENT[1000:])

    server.answers["/good/data.bin"] = together
    code = (
        "from pathlib import Path; from scratchcnn.datasets.fetch import *\n"
        f"mirror = Mirror('{server.url}good/', (RemoteFile('data.bin', '{DIGEST}'),))\n"
        "print(fetch_first([mirror], Path('cache'), 20)[0])"
    )
    root = Path(scratchcnn.datasets.__file__).parents[2]
    environment = {"PYTHONPATH": str(root), "NO_PROXY": "*", "PATH": ""}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    target = tmp_path / "cache" / "data.bin"
    while any(process.poll() is None for process in running):
        assert not target.exists() or target.read_bytes() == CONTENT
        time.sleep(0.005)
    for process in running:
        out, err = process.communicate()
        assert (process.returncode, out.decode().strip(), err) == (0, str(target), b"")
    assert server.asked == ["/good/data.bin"] * 3
    assert leftovers(tmp_path / "cache") == ["data.bin"]


@pytest.mark.parametrize(
    "data_set", [catalog.MNIST, catalog.FASHION_MNIST, catalog.CIFAR10], ids=lambda each: each.name
)
def test_mirrors_have_urls_checksums_and_a_reader(data_set: DataSet):
    for each in data_set.mirrors:
        # Keras's copy of Fashion-MNIST precedes the site of its authors, which has no HTTPS.
        assert each.url.startswith("https://") or each is catalog.FASHION_MNIST.mirrors[-1]
        assert each.url.endswith("/")
        assert sum(layout.fits([Path(file.name) for file in each.files]) for layout in data_set.layouts) == 1
        for file in each.files:
            kind, _, digest = file.checksum.partition(":")
            assert len(digest) == {"sha256": 64, "md5": 32}[kind]
            int(digest, 16)


def test_limits_admit_the_largest_files():
    """The sizes of the originals in bytes, by the pages of the data sets and measured for MNIST."""
    largest = {catalog.MNIST: 11_490_434, catalog.FASHION_MNIST: 26_421_880, catalog.CIFAR10: 170_052_171}
    for data_set, size in largest.items():
        limits = [max(file.max_bytes for file in each.files) for each in data_set.mirrors]
        assert all(size < limit < 6 * size for limit in limits)
