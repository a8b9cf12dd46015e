"""A real browser without a window, all of whose requests end at a recorder in this process."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "report.test"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--proxy-bypass-list=<-loopback>",
)


@dataclass
class Web:
    """All the web that the browser can reach: pages by path of one host, and what was asked for."""

    pages: dict[str, str]
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def dump(self, path: str, *flags: str) -> str:
        """Open a page and return its document after its scripts have run.

        Raises:
            subprocess.TimeoutExpired: the browser did not end by itself; it is killed then.
        """
        program = shutil.which("chromium")
        assert program is not None, "install chromium (Debian's package) to run the tests marked browser"
        with TemporaryDirectory() as profile:
            command = [
                program,
                *_FLAGS,
                f"--user-data-dir={profile}",
                f"--proxy-server=127.0.0.1:{self.port}",
            ]
            command += [*flags, "--dump-dom", f"http://{HOST}{path}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)  # noqa: S603 - fixed
        return done.stdout

    @property
    def asked_by_pages(self) -> list[str]:
        """The addresses asked for, without the browser's own errands to its maker."""
        return [address for address in self.asked if "google" not in address]


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Recorder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append(self.path)
            page = web.pages.get(self.path.removeprefix(f"http://{HOST}")) if HOST in self.path else None
            body = (page or "").encode()
            self.send_response(200 if page is not None else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_CONNECT(self) -> None:
            web.asked.append(self.path)
            self.send_error(502)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is the library's
            """Keep the tests' output quiet."""

    return Recorder


@contextmanager
def web_of(pages: dict[str, str]) -> Iterator[Web]:
    """Serve pages by path, and record every request to any host, until the context ends."""
    web = Web(pages)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(web))
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
