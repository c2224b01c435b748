"""Mirrors, good and bad, all on this machine: nothing here reaches the internet."""

import hashlib
import io
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import scratchcnn.datasets
from scratchcnn.datasets.download import Patience, download
from scratchcnn.datasets.fetch import NoMirrorError, fetch_first
from scratchcnn.datasets.mirrors import IDX, MIRRORS, NPZ, Mirror, RemoteFile

CONTENT = bytes(range(256)) * 1200  # 300 kB: several steps of progress
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


def mirror(server, path: str, checksum: str = DIGEST) -> Mirror:
    return Mirror(f"{server.url}{path}/", (RemoteFile("data.bin", checksum),))


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_good_file_arrives_whole_and_is_fetched_once(server, tmp_path: Path, capsys):
    server.answers["/good/data.bin"] = server.body(CONTENT)
    for _ in range(2):
        (path,) = fetch_first([mirror(server, "good")], tmp_path, 5)
        assert path == tmp_path / "data.bin"
        assert path.read_bytes() == CONTENT
    assert server.asked == ["/good/data.bin"]
    assert leftovers(tmp_path) == ["data.bin"]
    assert capsys.readouterr() == ("", "")  # no terminal: no bar, and no line for each attempt


def test_a_damaged_cache_is_replaced(server, tmp_path: Path):
    server.answers["/good/data.bin"] = server.body(CONTENT)
    (tmp_path / "data.bin").write_bytes(CONTENT[:-1])
    (path,) = fetch_first([mirror(server, "good")], tmp_path, 5)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("403", "answered 403"),
        ("404", "answered 404"),
        ("500", "answered 500"),
        ("silent", "did not answer in time"),
        ("drip", "did not answer in time"),
        ("stall", "did not answer in time"),
        ("truncated", "broke off"),
        ("wrong", "wrong checksum"),
        ("page", "wrong checksum"),
        ("badlength", "broke off|invalid literal"),
    ],
)
def test_the_next_mirror_is_tried_and_nothing_half_done_stays(server, tmp_path: Path, name: str, said: str):
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
    start = time.monotonic()
    with pytest.raises(NoMirrorError, match=said):
        fetch_first([mirror(server, name)], tmp_path, 0.5)
    assert leftovers(tmp_path) == []
    (path,) = fetch_first([mirror(server, name), mirror(server, "good")], tmp_path, 1.0)
    assert time.monotonic() - start < 5
    assert path.read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["data.bin"]


def test_all_mirrors_share_one_limit(server, tmp_path: Path):
    server.answers = {"/a/data.bin": server.silence, "/b/data.bin": server.drip(CONTENT), "/c/data.bin": server.silence}
    start = time.monotonic()
    with pytest.raises(NoMirrorError):
        fetch_first([mirror(server, name) for name in "abc"], tmp_path, 0.8)
    assert 0.7 < time.monotonic() - start < 2.5
    assert server.asked == ["/a/data.bin", "/b/data.bin", "/c/data.bin"]


def test_a_slow_download_with_progress_goes_on_beyond_the_limit(server, tmp_path: Path):
    def slow(handler) -> None:
        server.body(b"", claimed=len(CONTENT))(handler)
        for start in range(0, len(CONTENT), 70_000):
            handler.wfile.write(CONTENT[start : start + 70_000])
            handler.wfile.flush()
            time.sleep(0.3)

    server.answers["/slow/data.bin"] = slow
    start = time.monotonic()
    (path,) = fetch_first([mirror(server, "slow")], tmp_path, 1.0)
    assert time.monotonic() - start > 1.0
    assert path.read_bytes() == CONTENT


def test_a_name_that_is_never_resolved_does_not_hold_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    released = threading.Event()

    def hang(*args: object, **kwargs: object) -> None:
        released.wait(30)
        raise socket.gaierror("released")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    try:
        with pytest.raises(NoMirrorError, match=r"mirror\.invalid did not answer in time"):
            fetch_first([Mirror("http://mirror.invalid/", (RemoteFile("data.bin", DIGEST),))] * 3, tmp_path, 0.6)
    finally:
        released.set()
    assert time.monotonic() - start < 2.5
    assert leftovers(tmp_path) == []


def test_a_refused_connection_and_an_unknown_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
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


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path: Path):
    server.answers["/good/data.bin"] = server.body(CONTENT)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(NoMirrorError, match="the cache folder cannot be used"):
        fetch_first([mirror(server, "good")], tmp_path / "file", 5)


def test_files_of_one_mirror_serve_the_next(server, tmp_path: Path):
    files = (RemoteFile("one", DIGEST), RemoteFile("two", DIGEST))
    server.answers = {"/a/one": server.body(CONTENT), "/b/two": server.body(CONTENT)}
    paths = fetch_first([Mirror(server.url + "a/", files), Mirror(server.url + "b/", files)], tmp_path, 5)
    assert paths == [tmp_path / "one", tmp_path / "two"]
    assert server.asked == ["/a/one", "/a/two", "/b/two"]


def test_far_too_much_is_refused(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("scratchcnn.datasets.download.MAX_BYTES", 1000)
    server.answers["/good/data.bin"] = server.body(CONTENT)
    with pytest.raises(NoMirrorError, match="more than 1,000 bytes arrived"):
        fetch_first([mirror(server, "good")], tmp_path, 5)


def test_a_terminal_gets_a_bar(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    server.answers["/data.bin"] = server.body(CONTENT)
    monkeypatch.setattr(sys, "stderr", Terminal())
    patience = Patience(5)
    download(server.url + "data.bin", tmp_path / "data.bin", patience)
    assert "data.bin" in sys.stderr.getvalue()
    assert "B/s" in sys.stderr.getvalue()
    assert patience.seconds_left > 4


def test_processes_that_fetch_at_once_never_show_half_a_file(server, tmp_path: Path):
    meeting = threading.Barrier(3)

    def together(handler) -> None:
        server.body(CONTENT[:1000], claimed=len(CONTENT))(handler)
        handler.wfile.flush()
        meeting.wait(20)  # now all three have written a part
        handler.wfile.write(CONTENT[1000:])

    server.answers["/good/data.bin"] = together
    code = (
        "from pathlib import Path; from scratchcnn.datasets.fetch import *; from scratchcnn.datasets.mirrors import *\n"
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


def test_mirrors_are_complete_and_checked():
    assert [mirror.files for mirror in MIRRORS] == [NPZ, IDX, IDX]
    for each in MIRRORS:
        assert each.url.startswith("https://")
        assert each.url.endswith("/")
    for file in NPZ + IDX:
        kind, _, digest = file.checksum.partition(":")
        assert len(digest) == {"sha256": 64, "md5": 32}[kind]
        int(digest, 16)
