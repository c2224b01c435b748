"""The server of one page: what it answers, to whom, and what it ignores."""

import http.client
import socket
import struct
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from scratchcnn.callbacks.live_view.server import CONTENT, PAGE, LocalServer


@pytest.fixture
def server():
    server = LocalServer(0)
    server.texts = {PAGE: b"the page", CONTENT: b"its content"}
    yield server
    server.close()


def served(url, path=""):
    with urlopen(url + path, timeout=10) as answer:
        return answer.read()


def test_server_answers_only_for_its_page_and_to_pages_of_this_computer(server):
    assert [served(server.url), served(server.url, "content")] == [b"the page", b"its content"]
    with pytest.raises(HTTPError, match="404"):
        served(server.url, "../pyproject.toml")
    with pytest.raises(HTTPError, match="403"):
        urlopen(Request(server.url, headers={"Host": "example.com"}), timeout=10)
    tunnel = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    tunnel.request("GET", "/", headers={"Host": "localhost:9999"})
    assert tunnel.getresponse().status == 200
    tunnel.close()


def test_browser_that_disconnects_is_ignored(server, capfd):
    reset = struct.pack("ii", 1, 0)  # close at once, with RST
    for sent in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                client.sendall(sent)
    assert served(server.url) == b"the page"
    assert capfd.readouterr() == ("", "")
