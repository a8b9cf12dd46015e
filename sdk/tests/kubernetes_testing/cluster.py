"""A cluster's API as far as it is read: real HTTP, and objects that the test writes."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

_LISTS: Final = {
    "/apis/apps/v1/namespaces/{}/deployments": "deployments",
    "/api/v1/namespaces/{}/pods": "pods",
    "/apis/autoscaling/v1/namespaces/{}/horizontalpodautoscalers": "autoscalers",
}


class SmallCluster:
    """An API server with one namespace.

    Attributes:
        objects: what is in the namespace, by ``deployments``, ``pods`` and ``autoscalers``.
        refusals: answers to lists of a kind instead: status and message.
        asked: method, path and label selector of every question.
    """

    def __init__(self, namespace: str = "headroom") -> None:
        self.objects: dict[str, list[Json]] = {kind: [] for kind in _LISTS.values()}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, str, str]] = []
        self._lists = {path.format(namespace): kind for path, kind in _LISTS.items()}
        self._namespace = f"/api/v1/namespaces/{namespace}"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def kubeconfig(self, folder: Path) -> Path:
        """Write a kubeconfig with the contexts here and there, here being the current one."""
        path = folder / "kubeconfig"
        server = f"http://127.0.0.1:{self._server.server_address[1]}"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "one", "cluster": {"server": server}}],
            "users": [{"name": "ann", "user": {"token": "very-secret"}}],
            "contexts": [
                {"name": name, "context": {"cluster": "one", "user": "ann"}} for name in ("here", "there")
            ],
            "current-context": "here",
        }
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, path: str) -> tuple[int, Json]:
        kind = self._lists.get(path, "")
        if kind in self.refusals or path in self.refusals:
            status, message = self.refusals[kind if kind in self.refusals else path]
            return status, {"kind": "Status", "message": message, "code": status}
        if kind:
            return 200, {"items": self.objects[kind]}
        if path == self._namespace:
            return 200, {"metadata": {"name": path.rpartition("/")[2]}}
        if path.startswith("/api/v1/namespaces/") and path.count("/") == self._namespace.count("/"):
            name = path.rpartition("/")[2]
            return 404, {"kind": "Status", "message": f'namespaces "{name}" not found', "code": 404}
        return 200, {"items": []}  # of a namespace that is not there, too

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                selector = parse_qs(parts.query).get("labelSelector", [""])[0]
                cluster.asked.append((self.command, parts.path, selector))
                status, document = cluster._answer(parts.path)
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
