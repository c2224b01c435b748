"""A server of one page on this computer: the standard library's, in a thread that ends with the process."""

from __future__ import annotations

import socketserver
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ADDRESS = "127.0.0.1"  # reachable from this computer only
HOSTS = {ADDRESS, "localhost"}
PAGE, CONTENT = "/", "/content"


class LocalServer(ThreadingHTTPServer):
    """Serves a page and the content that its script asks for again and again.

    Parameters
    ----------
    port : int
        0: any free port.

    Attributes
    ----------
    texts : dict of str to bytes
        The HTML at each path; assign to change it.

    Raises
    ------
    OSError
        The port is in use or reserved.
    """

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # on Windows, two servers would share the port

    def __init__(self, port: int) -> None:
        self.texts: dict[str, bytes] = {}
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise OSError(
                error.errno, f"Expected a free port, received {port} ({error.strerror}); pass 0 for any free port"
            ) from error
        self._thread = threading.Thread(target=self.serve_forever, name="LiveView", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def server_bind(self) -> None:
        """Bind to the port, without the search for the computer's name that HTTPServer adds and that may be slow."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that closes its connection or says nothing; print the traceback of any other error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop serving and free the port."""
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: LocalServer
    timeout = 10  # seconds until a silent connection is closed

    def do_GET(self) -> None:
        """Answer with one of the texts, but only to a page of this computer: other sites could point a name to it."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in HOSTS:
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.path not in self.server.texts:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            text = self.server.texts[self.path]
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: a line for each request would cover the progress of the training."""
