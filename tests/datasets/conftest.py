"""Small data sets in all formats, isolated caches, and a local web server that can misbehave."""

import gzip
import io
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

Answer = Callable[[BaseHTTPRequestHandler], None]


def pack_idx(array: np.ndarray) -> bytes:
    """Return a uint8 array in IDX format."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


class SmallSet:
    """Six training and four test images of one shape, and their labels."""

    def __init__(self, image_shape: tuple[int, ...], label_shape: tuple[int, ...]) -> None:
        rng = np.random.default_rng(7)
        self.x_train = rng.integers(0, 256, (6, *image_shape), dtype=np.uint8)
        self.y_train = rng.integers(0, 10, (6, *label_shape), dtype=np.uint8)
        self.x_test = rng.integers(0, 256, (4, *image_shape), dtype=np.uint8)
        self.y_test = rng.integers(0, 10, (4, *label_shape), dtype=np.uint8)

    def npz(self, **changes: object) -> bytes:
        buffer = io.BytesIO()
        arrays = {name: changes.get(name, array) for name, array in vars(self).items()}
        np.savez_compressed(buffer, **{name: array for name, array in arrays.items() if array is not None})
        return buffer.getvalue()

    def assert_equal(self, split: object) -> None:
        (x_train, y_train), (x_test, y_test) = split
        for got, expected in zip((x_train, y_train, x_test, y_test), vars(self).values(), strict=True):
            assert got.dtype == np.uint8
            assert got.flags.c_contiguous
            assert got.flags.writeable
            np.testing.assert_array_equal(got, expected)


class SmallIdx(SmallSet):
    """A small MNIST, and its IDX files."""

    def __init__(self) -> None:
        super().__init__((28, 28), ())

    def idx(self) -> dict[str, bytes]:
        return {
            "train-images-idx3-ubyte": pack_idx(self.x_train),
            "train-labels-idx1-ubyte": pack_idx(self.y_train),
            "t10k-images-idx3-ubyte": pack_idx(self.x_test),
            "t10k-labels-idx1-ubyte": pack_idx(self.y_test),
        }

    def write_idx(self, folder: Path, gzipped: bool, sign: str = "-") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.idx().items():
            name = name.replace("-idx", f"{sign}idx") + (".gz" if gzipped else "")
            (folder / name).write_bytes(gzip.compress(content, mtime=0) if gzipped else content)

    def gzipped_idx(self) -> dict[str, bytes]:
        return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in self.idx().items()}


class SmallCifar(SmallSet):
    """A small CIFAR-10, and the files of its binary version: two training images in the first batch, one in others."""

    def __init__(self) -> None:
        super().__init__((32, 32, 3), (1,))

    def bins(self) -> dict[str, bytes]:
        parts = [*zip(np.split(self.x_train, range(2, 6)), np.split(self.y_train, range(2, 6)), strict=True)]
        names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
        return dict(zip(names, map(pack_cifar, [*parts, (self.x_test, self.y_test)]), strict=True))

    def tar(self) -> bytes:
        """Return the archive with the members of the original, also those that are not read."""
        folder = "cifar-10-batches-bin"
        members = {"batches.meta.txt": b"airplane\n", "readme.html": b"<html>", **self.bins()}
        return pack_tar({folder: None, **{f"{folder}/{name}": content for name, content in members.items()}})


def pack_cifar(pair: tuple[np.ndarray, np.ndarray]) -> bytes:
    """Return records of a label and the red, green and blue values, written one after the other."""
    packed = bytearray()
    for image, label in zip(*pair, strict=True):
        packed += bytes([label[0]])
        for channel in range(3):
            packed += image[:, :, channel].tobytes()
    return bytes(packed)


def pack_tar(members: dict[str, bytes | None]) -> bytes:
    """Return a gzipped tar archive of files; a content of None stands for a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            member.size = len(content or b"")
            archive.addfile(member, io.BytesIO(content or b""))
    return buffer.getvalue()


@pytest.fixture
def small() -> SmallIdx:
    return SmallIdx()


@pytest.fixture
def small_cifar() -> SmallCifar:
    return SmallCifar()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Isolate the test from the caches of the user."""
    monkeypatch.setenv("SCRATCHCNN_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "cache"


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect, which is expected here."""


class Server:
    """Web server with a response for each path, given by the test, and a list of the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.answers.get(self.path, outer.status(404))(self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = _Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"

    def body(self, content: bytes, claimed: int | None = None, status: int = 200) -> Answer:
        """Respond with content, optionally with a wrong length in the header."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(content) if claimed is None else claimed))
            handler.end_headers()
            handler.wfile.write(content)

        return answer

    def status(self, code: int) -> Answer:
        return self.body(b"<html>no</html>", status=code)

    def silence(self, handler: BaseHTTPRequestHandler) -> None:
        """Accept the connection without a response."""
        self.released.wait(30)

    def drip(self, content: bytes) -> Answer:
        """Send single bytes slowly."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            for place in range(len(content)):
                handler.wfile.write(content[place : place + 1])
                handler.wfile.flush()
                if self.released.wait(0.02):
                    return

        return answer

    def stall_after(self, content: bytes, sent: int) -> Answer:
        """Send only the beginning."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            self.body(content[:sent], claimed=len(content))(handler)
            handler.wfile.flush()
            self.released.wait(30)

        return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.released.set()
    made.http.shutdown()
    made.http.server_close()
    thread.join(5)
